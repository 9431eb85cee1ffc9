#include "blob.h"

#include <aparte/buf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define DIRECTORY_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

#define PROBE ".probe"

struct ap_blob {
	int root; /* owned */
	GMutex lock; /* of `gone`, and of making what it names */
	GHashTable *gone; /* owned: ids as text, erased since we were opened */
};

/* Where one segment lies. */
struct place {
	int dir; /* owned: the role's directory */
	char name[24], temporary[24];
};

static struct ap_result io(const char *detail)
{
	return ap_fail(AP_ERR_IO, "storage", detail);
}

static struct ap_result missing_or(const char *detail)
{
	return errno == ENOENT ? ap_fail(AP_ERR_IO, "not-found", "no such segment") : io(detail);
}

struct ap_result ap_blob_open(const char *directory, struct ap_blob **ret_blob)
{
	if (mkdir(directory, 0700) != 0 && errno != EEXIST)
		return io("the recordings directory cannot be made");
	int root = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return io("the recordings directory cannot be opened");
	*ret_blob = g_new0(struct ap_blob, 1);
	(*ret_blob)->root = root;
	(*ret_blob)->gone = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_mutex_init(&(*ret_blob)->lock);
	return AP_SUCCESS;
}

void ap_blob_free(struct ap_blob *b)
{
	if (!b)
		return;
	close(b->root);
	g_hash_table_destroy(b->gone);
	g_mutex_clear(&b->lock);
	g_free(b);
}

/* Opens a directory below another; made, and its parent fsynced, when `make`. */
static struct ap_result open_below(int parent, const char *name, bool make, int *ret_fd)
{
	if (make && mkdirat(parent, name, 0700) == 0) {
		if (fsync(parent) != 0)
			return io("a new directory was not kept");
	} else if (make && errno != EEXIST) {
		return io("a directory cannot be made");
	}
	int fd = openat(parent, name, DIRECTORY_FLAGS);
	if (fd < 0)
		return missing_or("a directory cannot be opened");
	*ret_fd = fd;
	return AP_SUCCESS;
}

static struct ap_result place_of(struct ap_blob *b, const struct ap_uuid *recording, enum ap_role role, uint32_t n,
				 bool make, struct place *ret_place)
{
	char id[AP_UUID_TEXT];
	int parent = -1;
	ap_uuid_text(recording, id);
	AP_TRY(open_below(b->root, id, make, &parent));
	struct ap_result result = open_below(parent, ap_role_text(role), make, &ret_place->dir);
	close(parent);
	g_snprintf(ret_place->name, sizeof ret_place->name, "%u.age", n);
	g_snprintf(ret_place->temporary, sizeof ret_place->temporary, "%u.age.tmp", n);
	return result;
}

/* With its directories, unless it was erased. */
static struct ap_result make_place(struct ap_blob *b, const struct ap_uuid *recording, enum ap_role role, uint32_t n,
				   struct place *ret_place)
{
	char id[AP_UUID_TEXT];
	ap_uuid_text(recording, id);
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&b->lock);
	if (g_hash_table_contains(b->gone, id))
		return ap_fail(AP_ERR_DENIED, "erased", "this recording was erased");
	return place_of(b, recording, role, n, true, ret_place);
}

struct ap_result ap_blob_create(struct ap_blob *b, const struct ap_uuid *recording, enum ap_role role, uint32_t n, int *ret_fd)
{
	struct place p;
	AP_TRY(make_place(b, recording, role, n, &p));
	unlinkat(p.dir, p.temporary, 0);
	int fd = openat(p.dir, p.temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	close(p.dir);
	if (fd < 0)
		return io("a segment file cannot be made");
	*ret_fd = fd;
	return AP_SUCCESS;
}

static struct ap_result open_to_read(struct ap_blob *b, const struct ap_uuid *recording, enum ap_role role, uint32_t n,
				     bool unfinished, int *ret_fd)
{
	struct place p;
	AP_TRY(place_of(b, recording, role, n, false, &p));
	int fd = openat(p.dir, unfinished ? p.temporary : p.name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct ap_result result = fd < 0 ? missing_or("a segment cannot be opened") : AP_SUCCESS;
	close(p.dir);
	AP_TRY(result);
	*ret_fd = fd;
	return AP_SUCCESS;
}

struct ap_result ap_blob_open_unfinished(struct ap_blob *b, const struct ap_uuid *recording, enum ap_role role, uint32_t n,
					 int *ret_fd)
{
	return open_to_read(b, recording, role, n, true, ret_fd);
}

struct ap_result ap_blob_commit(struct ap_blob *b, const struct ap_uuid *recording, enum ap_role role, uint32_t n)
{
	struct place p;
	AP_TRY(place_of(b, recording, role, n, false, &p));
	bool kept = renameat(p.dir, p.temporary, p.dir, p.name) == 0 && fsync(p.dir) == 0;
	struct ap_result result = kept ? AP_SUCCESS : missing_or("a segment could not be put in its place");
	close(p.dir);
	return result;
}

struct ap_result ap_blob_discard(struct ap_blob *b, const struct ap_uuid *recording, enum ap_role role, uint32_t n)
{
	struct place p;
	struct ap_result found = place_of(b, recording, role, n, false, &p);
	if (!ap_ok(found))
		return strcmp(found.name, "not-found") == 0 ? AP_SUCCESS : found;
	bool gone = unlinkat(p.dir, p.temporary, 0) == 0 || errno == ENOENT;
	close(p.dir);
	return gone ? AP_SUCCESS : io("an unfinished segment could not be removed");
}

/* "<n>.age" as this file writes it. */
static bool segment_number(const char *name, uint32_t *ret_n)
{
	char again[24];
	guint64 n = g_ascii_strtoull(name, NULL, 10);
	g_snprintf(again, sizeof again, "%u.age", (uint32_t)n);
	*ret_n = (uint32_t)n;
	return strcmp(again, name) == 0;
}

/* Takes fd. */
static struct ap_result sweep_files(int fd, ap_blob_keep keep, void *ctx)
{
	DIR *dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return io("a directory cannot be read");
	}
	bool gone = true;
	uint32_t n;
	for (const struct dirent *e; (e = readdir(dir));)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 && !(segment_number(e->d_name, &n) && keep(ctx, n)))
			gone = unlinkat(dirfd(dir), e->d_name, 0) == 0 && gone;
	gone = fsync(dirfd(dir)) == 0 && gone;
	closedir(dir);
	return gone ? AP_SUCCESS : io("a file that belongs to nothing could not be removed");
}

struct ap_result ap_blob_sweep(struct ap_blob *b, const struct ap_uuid *recording, enum ap_role role, ap_blob_keep keep,
			       void *ctx)
{
	struct place p;
	struct ap_result found = place_of(b, recording, role, 0, false, &p);
	if (!ap_ok(found))
		return strcmp(found.name, "not-found") == 0 ? AP_SUCCESS : found;
	return sweep_files(p.dir, keep, ctx);
}

static struct ap_result read_all(int fd, size_t max, uint8_t **ret_bytes, size_t *ret_len)
{
	struct stat st;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return io("a segment cannot be read");
	if ((uint64_t)st.st_size > max)
		return ap_fail(AP_ERR_LIMIT, "segment-altered", "a segment is larger than it was written");
	size_t len = (size_t)st.st_size, got = 0;
	g_autofree uint8_t *bytes = g_malloc(len + 1);
	while (got < len) {
		ssize_t n = read(fd, bytes + got, len - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return io("a segment cannot be read");
		got += (size_t)n;
	}
	*ret_bytes = g_steal_pointer(&bytes);
	*ret_len = len;
	return AP_SUCCESS;
}

struct ap_result ap_blob_read(struct ap_blob *b, const struct ap_uuid *recording, enum ap_role role, uint32_t n,
			      size_t max, uint8_t **ret_bytes, size_t *ret_len)
{
	int fd = -1;
	AP_TRY(open_to_read(b, recording, role, n, false, &fd));
	struct ap_result result = read_all(fd, max, ret_bytes, ret_len);
	close(fd);
	return result;
}

/* Removes every file in a directory that is no directory itself. Takes fd. */
static struct ap_result remove_files(int fd)
{
	DIR *dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return io("a directory cannot be read");
	}
	bool gone = true;
	for (const struct dirent *e; (e = readdir(dir));)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			gone = unlinkat(dirfd(dir), e->d_name, 0) == 0 && gone;
	closedir(dir);
	return gone ? AP_SUCCESS : io("a segment could not be removed");
}

static struct ap_result erase_role(int parent, enum ap_role role)
{
	int fd = -1;
	struct ap_result found = open_below(parent, ap_role_text(role), false, &fd);
	if (!ap_ok(found))
		return strcmp(found.name, "not-found") == 0 ? AP_SUCCESS : found;
	AP_TRY(remove_files(fd));
	return unlinkat(parent, ap_role_text(role), AT_REMOVEDIR) == 0 ? AP_SUCCESS : io("a directory is not empty");
}

/* Kept only once the parent is synced. */
static struct ap_result erase_one(struct ap_blob *b, const struct ap_uuid *recording)
{
	char id[AP_UUID_TEXT];
	int parent = -1;
	ap_uuid_text(recording, id);
	g_mutex_lock(&b->lock);
	g_hash_table_add(b->gone, g_strdup(id));
	g_mutex_unlock(&b->lock);
	struct ap_result found = open_below(b->root, id, false, &parent);
	if (!ap_ok(found))
		return strcmp(found.name, "not-found") == 0 ? AP_SUCCESS : found;
	struct ap_result r = erase_role(parent, AP_COACH);
	if (ap_ok(r))
		r = erase_role(parent, AP_COACHEE);
	close(parent);
	AP_TRY(r);
	return unlinkat(b->root, id, AT_REMOVEDIR) == 0 ? AP_SUCCESS : io("a recording's directory could not be removed");
}

struct ap_result ap_blob_erase_many(struct ap_blob *b, const struct ap_uuid *recordings, size_t count, bool *ret_done)
{
	struct ap_result first = AP_SUCCESS;
	for (size_t i = 0; i < count; i++) {
		struct ap_result r = erase_one(b, &recordings[i]);
		ret_done[i] = ap_ok(r);
		if (ap_ok(first))
			first = r;
	}
	if (fsync(b->root) == 0)
		return first;
	for (size_t i = 0; i < count; i++)
		ret_done[i] = false;
	return io("removals were not kept");
}

struct ap_result ap_blob_erase(struct ap_blob *b, const struct ap_uuid *recording)
{
	bool done;
	return ap_blob_erase_many(b, recording, 1, &done);
}

struct ap_result ap_blob_free_bytes(struct ap_blob *b, uint64_t *ret_bytes)
{
	struct statvfs st;
	if (fstatvfs(b->root, &st) != 0)
		return io("the file system does not answer");
	*ret_bytes = (uint64_t)st.f_bavail * st.f_frsize;
	return AP_SUCCESS;
}

struct ap_result ap_blob_probe(struct ap_blob *b)
{
	static const char bytes[512];
	int fd = openat(b->root, PROBE, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return io("nothing can be made in the recordings directory");
	bool kept = write(fd, bytes, sizeof bytes) == (ssize_t)sizeof bytes && fsync(fd) == 0;
	close(fd);
	return unlinkat(b->root, PROBE, 0) == 0 && kept ? AP_SUCCESS : io("the disk does not keep what is written");
}
