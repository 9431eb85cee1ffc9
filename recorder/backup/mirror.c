#include "recorder/backup/mirror.h"

#include <aparte/uuid.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STEP (1 << 18)

static const char *const roles[] = { "coach", "coachee" };

struct mirror {
	const atomic_bool *stop;
	struct ap_mirror_counts counts;
	uint8_t *step; /* owned: STEP bytes */
};

static struct ap_result disk(void)
{
	return ap_fail(AP_ERR_IO, "backup", "ciphertext cannot be copied to backup.directory: see to its disk, mount and owner");
}

static bool make_directory(const char *path)
{
	return mkdir(path, 0700) == 0 || errno == EEXIST;
}

static bool copy_bytes(struct mirror *m, int from, int to)
{
	for (ssize_t n; (n = read(from, m->step, STEP)) != 0;) {
		if (n < 0 || write(to, m->step, (size_t)n) != n)
			return false;
		m->counts.bytes += (uint64_t)n;
	}
	return true;
}

/* Whole under its name or not there; the times are kept, which is how it is known again. */
static bool copy_file(struct mirror *m, int from, const struct stat *st, const char *path)
{
	g_autofree char *fresh = g_strconcat(path, ".tmp", NULL);
	const struct timespec times[2] = { st->st_mtim, st->st_mtim };
	int to = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (to < 0)
		return false;
	bool good = copy_bytes(m, from, to) && futimens(to, times) == 0;
	good = close(to) == 0 && good && rename(fresh, path) == 0;
	m->counts.copied += good;
	return good;
}

static bool is_same(const struct stat *st, const char *path)
{
	struct stat there;
	return lstat(path, &there) == 0 && S_ISREG(there.st_mode) && there.st_size == st->st_size &&
	       there.st_mtim.tv_sec == st->st_mtim.tv_sec && there.st_mtim.tv_nsec == st->st_mtim.tv_nsec;
}

/* What vanished meanwhile was erased, which is no failure. */
static struct ap_result mirror_file(struct mirror *m, const char *from, const char *to)
{
	struct stat st;
	int fd = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? AP_SUCCESS : disk();
	bool good = fstat(fd, &st) == 0;
	if (good && is_same(&st, to))
		m->counts.kept++;
	else if (good)
		good = copy_file(m, fd, &st, to);
	close(fd);
	return good ? AP_SUCCESS : disk();
}

static struct ap_result mirror_track(struct mirror *m, const char *from, const char *to)
{
	g_autoptr(GDir) dir = g_dir_open(from, 0, NULL);
	if (!dir)
		return AP_SUCCESS;
	if (!make_directory(to))
		return disk();
	for (const char *name; (name = g_dir_read_name(dir));) {
		g_autofree char *a = g_build_filename(from, name, NULL), *b = g_build_filename(to, name, NULL);
		if (m->stop && atomic_load(m->stop))
			return ap_fail(AP_ERR_IO, "backup", "the backup was broken off, since the vault ends");
		if (g_str_has_suffix(name, ".age"))
			AP_TRY(mirror_file(m, a, b));
	}
	return AP_SUCCESS;
}

static struct ap_result mirror_recording(struct mirror *m, const char *from, const char *to)
{
	if (!g_file_test(from, G_FILE_TEST_IS_DIR))
		return AP_SUCCESS;
	if (!make_directory(to))
		return disk();
	for (size_t i = 0; i < G_N_ELEMENTS(roles); i++) {
		g_autofree char *a = g_build_filename(from, roles[i], NULL), *b = g_build_filename(to, roles[i], NULL);
		AP_TRY(mirror_track(m, a, b));
	}
	return AP_SUCCESS;
}

static bool remove_track(const char *path)
{
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	bool gone = true;
	for (const char *name; dir && (name = g_dir_read_name(dir));) {
		g_autofree char *file = g_build_filename(path, name, NULL);
		gone = unlink(file) == 0 && gone;
	}
	return gone && (rmdir(path) == 0 || errno == ENOENT);
}

static bool remove_recording(const char *path)
{
	bool gone = true;
	for (size_t i = 0; i < G_N_ELEMENTS(roles); i++) {
		g_autofree char *track = g_build_filename(path, roles[i], NULL);
		gone = remove_track(track) && gone;
	}
	return gone && rmdir(path) == 0;
}

/* Only what bears a recording's id is ours to remove. */
static struct ap_result remove_gone(struct mirror *m, const char *to, GHashTable *living)
{
	g_autoptr(GDir) dir = g_dir_open(to, 0, NULL);
	struct ap_uuid id;
	for (const char *name; dir && (name = g_dir_read_name(dir));) {
		g_autofree char *path = g_build_filename(to, name, NULL);
		if (!ap_uuid_parse(name, &id) || g_hash_table_contains(living, name))
			continue;
		if (!remove_recording(path))
			return ap_fail(AP_ERR_IO, "backup", "what was erased cannot be removed from backup.directory: see to its owner");
		m->counts.removed++;
	}
	return dir ? AP_SUCCESS : disk();
}

static struct ap_result mirror_all(struct mirror *m, const char *from, const char *to, GHashTable *living)
{
	GHashTableIter iter;
	void *id;
	if (!make_directory(to))
		return disk();
	AP_TRY(remove_gone(m, to, living));
	g_hash_table_iter_init(&iter, living);
	while (g_hash_table_iter_next(&iter, &id, NULL)) {
		g_autofree char *a = g_build_filename(from, id, NULL), *b = g_build_filename(to, id, NULL);
		AP_TRY(mirror_recording(m, a, b));
	}
	return AP_SUCCESS;
}

/* One call for the whole file system: a sync of each small file would take minutes where this takes seconds. */
static struct ap_result sync_all(const char *directory)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = fd >= 0 && syncfs(fd) == 0;
	if (fd >= 0)
		close(fd);
	return good ? AP_SUCCESS : disk();
}

struct ap_result ap_mirror_copy(const char *recordings, const char *directory, GHashTable *living, const atomic_bool *stop,
				struct ap_mirror_counts *ret_counts)
{
	struct mirror m = { .stop = stop, .step = g_malloc(STEP) };
	g_autofree char *to = g_build_filename(directory, "recordings", NULL);
	struct ap_result r = mirror_all(&m, recordings, to, living);
	g_free(m.step);
	if (ap_ok(r))
		r = sync_all(directory);
	if (ap_ok(r))
		*ret_counts = m.counts;
	return r;
}
