#include <recorder/keys/secret_file.h>

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEXT ".next"
#define OLD ".old"
#define NEW ".new"

static struct ap_result failure(const char *detail)
{
	return ap_fail(AP_ERR_IO, "secret-file", detail);
}

static bool sync_directory_of(const char *path)
{
	g_autofree char *directory = g_path_get_dirname(path);
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = fd >= 0 && fsync(fd) == 0;
	if (fd >= 0)
		close(fd);
	return good;
}

bool ap_secret_file_exists(const char *path, const char *ending)
{
	struct stat st;
	g_autofree char *name = g_strconcat(path, ending, NULL);
	return lstat(name, &st) == 0;
}

static bool write_all(int fd, const uint8_t *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);
		if (n <= 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

static bool overwrite(int fd)
{
	struct stat st;
	uint8_t noise[512];
	if (fstat(fd, &st) != 0)
		return false;
	for (off_t left = st.st_size; left > 0; left -= (off_t)sizeof noise) {
		randombytes_buf(noise, sizeof noise);
		if (!write_all(fd, noise, (size_t)MIN(left, (off_t)sizeof noise)))
			return false;
	}
	return fsync(fd) == 0;
}

/* Its owner may have set 0400: the mode goes by the file that was opened, not by its name. */
static int open_to_write(const char *name)
{
	int fd = open(name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0 || errno != EACCES)
		return fd;
	int reading = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (reading >= 0 && fchmod(reading, 0600) == 0)
		fd = open(name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (reading >= 0)
		close(reading);
	return fd;
}

/* One name; the caller syncs the directory. What cannot be overwritten loses its name all the same, and that is told. */
static bool destroy_one(const char *path, const char *ending)
{
	struct stat st;
	g_autofree char *name = g_strconcat(path, ending, NULL);
	if (lstat(name, &st) != 0)
		return errno == ENOENT;
	int fd = open_to_write(name);
	bool good = fd >= 0 && overwrite(fd);
	if (fd >= 0)
		close(fd);
	return unlink(name) == 0 && good;
}

static bool write_new(const char *name, const struct ap_secret *secret)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return false;
	bool good = write_all(fd, ap_secret_bytes(secret), ap_secret_len(secret)) && fsync(fd) == 0;
	return close(fd) == 0 && good;
}

static bool move(const char *path, const char *from, const char *to)
{
	g_autofree char *a = g_strconcat(path, from, NULL), *b = g_strconcat(path, to, NULL);
	return rename(a, b) == 0;
}

struct ap_result ap_secret_file_write_next(const char *path, const struct ap_secret *secret)
{
	g_autofree char *fresh = g_strconcat(path, NEW, NULL);
	bool good = destroy_one(path, NEW) && destroy_one(path, NEXT) && write_new(fresh, secret) && move(path, NEW, NEXT) &&
		    sync_directory_of(path);
	return good ? AP_SUCCESS : failure("a key file cannot be written beside the present one: see to the disk of vault/");
}

struct ap_result ap_secret_file_settle(const char *path)
{
	bool good = destroy_one(path, NEW);
	if (ap_secret_file_exists(path, OLD)) {
		if (!ap_secret_file_exists(path, "") && ap_secret_file_exists(path, NEXT))
			good = good && move(path, NEXT, "") && sync_directory_of(path);
		/* never the only one there is */
		good = good && ap_secret_file_exists(path, "") && destroy_one(path, OLD);
	}
	good = good && sync_directory_of(path);
	return good ? AP_SUCCESS : failure("what is left of an old key file cannot be destroyed: see to the disk of vault/");
}

struct ap_result ap_secret_file_turn(const char *path)
{
	bool begin = ap_secret_file_exists(path, NEXT) && !ap_secret_file_exists(path, OLD);
	if (begin && ap_secret_file_exists(path, "") && (!move(path, "", OLD) || !sync_directory_of(path)))
		return failure("a key file cannot be renamed: see to the disk of vault/");
	if (begin && !ap_secret_file_exists(path, OLD) && (!move(path, NEXT, "") || !sync_directory_of(path)))
		return failure("a key file cannot be renamed: see to the disk of vault/");
	return ap_secret_file_settle(path);
}

struct ap_result ap_secret_file_destroy(const char *path)
{
	static const char *const endings[] = { "", NEXT, OLD, NEW };
	bool good = true;
	for (size_t i = 0; i < G_N_ELEMENTS(endings); i++)
		good = destroy_one(path, endings[i]) && good;
	good = sync_directory_of(path) && good;
	return good ? AP_SUCCESS : failure("a key file cannot be destroyed: see to the disk of vault/, then try again");
}

static struct ap_result read_fd(int fd, size_t max, struct ap_secret **ret_secret)
{
	struct stat st;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < 1 || (size_t)st.st_size > max)
		return failure("a key file has the wrong size");
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return failure("others may read a key file: set its mode to 0600");
	struct ap_secret *secret = ap_secret_new((size_t)st.st_size);
	if (read(fd, ap_secret_bytes_rw(secret), (size_t)st.st_size) != st.st_size) {
		ap_secret_free(secret);
		return failure("a key file cannot be read");
	}
	*ret_secret = secret;
	return AP_SUCCESS;
}

struct ap_result ap_secret_file_read(const char *path, size_t max, struct ap_secret **ret_secret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? ap_fail(AP_ERR_DENIED, "not-found", "there is no such key file") :
					 failure("a key file cannot be opened");
	struct ap_result r = read_fd(fd, max, ret_secret);
	close(fd);
	return r;
}
