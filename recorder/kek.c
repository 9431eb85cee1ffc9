#include <recorder/kek.h>

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <recorder/keys.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct ap_result bad_kek(const char *detail)
{
	return ap_fail(AP_ERR_IO, "kek", detail);
}

struct ap_result ap_kek_source_parse(const char *text, enum ap_kek_source *ret_source)
{
	if (strcmp(text, "file") == 0)
		*ret_source = AP_KEK_FILE;
	else if (strcmp(text, "credential") == 0)
		*ret_source = AP_KEK_CREDENTIAL;
	else
		return ap_fail(AP_ERR_INTERNAL, "kek-source", "kek.source is file or credential");
	return AP_SUCCESS;
}

bool ap_kek_source_is_demo(enum ap_kek_source source)
{
	return source == AP_KEK_FILE;
}

/* Exactly 32 bytes from an open regular file. */
static struct ap_result read_kek(int fd, struct ap_secret **ret_kek)
{
	struct stat st;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size != AP_KEK)
		return bad_kek("the key-encryption key must be a file of 32 bytes");
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return bad_kek("others may read the key-encryption key: set its mode to 0600 or 0400");
	struct ap_secret *kek = ap_secret_new(AP_KEK);
	if (read(fd, ap_secret_bytes_rw(kek), AP_KEK) != AP_KEK) {
		ap_secret_free(kek);
		return bad_kek("the key-encryption key could not be read");
	}
	*ret_kek = kek;
	return AP_SUCCESS;
}

static struct ap_result load_path(const char *path, struct ap_secret **ret_kek)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return bad_kek("there is no key-encryption key where the configuration says");
	struct ap_result result = read_kek(fd, ret_kek);
	close(fd);
	return result;
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

/* A fresh key in a file of its own beside the final place. */
static bool write_fresh(const char *path)
{
	unlink(path); /* of an attempt that broke off */
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	struct ap_secret *kek = ap_secret_random(AP_KEK);
	bool good = write(fd, ap_secret_bytes(kek), AP_KEK) == AP_KEK && fsync(fd) == 0;
	ap_secret_free(kek);
	return close(fd) == 0 && good;
}

/* Complete or not there: a link gives it its name, and never replaces a key that exists. */
static struct ap_result create_file(const char *path)
{
	g_autofree char *fresh = g_strdup_printf("%s.new", path);
	bool written = write_fresh(fresh);
	bool named = written && (link(fresh, path) == 0 || errno == EEXIST);
	bool tidy = unlink(fresh) == 0;
	if (!named || !tidy || !sync_directory_of(path))
		return bad_kek("the key-encryption key could not be made");
	return AP_SUCCESS;
}

static struct ap_result load_credential(const char *name, struct ap_secret **ret_kek)
{
	const char *directory = g_getenv("CREDENTIALS_DIRECTORY");
	if (!directory || !*name || strchr(name, '/'))
		return bad_kek("no systemd credential: set LoadCredential= in the unit and kek.credential to its name");
	g_autofree char *path = g_build_filename(directory, name, NULL);
	return load_path(path, ret_kek);
}

struct ap_result ap_kek_load(enum ap_kek_source source, const char *where, bool create, struct ap_secret **ret_kek)
{
	if (source == AP_KEK_CREDENTIAL)
		return load_credential(where, ret_kek);
	if (create && access(where, F_OK) != 0)
		AP_TRY(create_file(where));
	return load_path(where, ret_kek);
}
