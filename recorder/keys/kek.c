#include <recorder/keys/kek.h>

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <recorder/keys/keys.h>
#include <recorder/keys/secret_file.h>
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

/* ---- turnover and lockdown ---- */

bool ap_kek_replaceable(const struct ap_kek_place *place)
{
	return place->source == AP_KEK_FILE;
}

struct ap_result ap_kek_settle(const struct ap_kek_place *place)
{
	return ap_kek_replaceable(place) ? ap_secret_file_settle(place->where) : AP_SUCCESS;
}

static struct ap_result load_file_next(const char *where, struct ap_secret **ret_next)
{
	struct ap_secret *next = NULL;
	g_autofree char *path = g_strconcat(where, ".next", NULL);
	AP_TRY(ap_secret_file_read(path, AP_KEK, &next));
	if (ap_secret_len(next) != AP_KEK) {
		ap_secret_free(next);
		return bad_kek("the next key-encryption key must be a file of 32 bytes");
	}
	*ret_next = next;
	return AP_SUCCESS;
}

struct ap_result ap_kek_load_next(const struct ap_kek_place *place, struct ap_secret **ret_next)
{
	if (ap_kek_replaceable(place))
		return load_file_next(place->where, ret_next);
	g_autofree char *name = g_strconcat(place->where, "-next", NULL);
	if (!ap_ok(load_credential(name, ret_next)))
		return ap_fail(AP_ERR_DENIED, "not-found", "there is no next credential");
	return AP_SUCCESS;
}

static struct ap_result operators_turn(void)
{
	return ap_fail(AP_ERR_DENIED, "conflict",
		       "a credential is yours to replace: encrypt 32 new random bytes, add them to the unit as"
		       " LoadCredential=<kek.credential>-next:…, restart; once every share is under it (aparte rotate --status) destroy"
		       " the old credential, let the new one take its name, restart");
}

struct ap_result ap_kek_make_next(const struct ap_kek_place *place, struct ap_secret **ret_next)
{
	if (!ap_kek_replaceable(place))
		return operators_turn();
	struct ap_secret *next = ap_secret_random(AP_KEK);
	struct ap_result r = ap_secret_file_write_next(place->where, next);
	if (ap_ok(r))
		*ret_next = next;
	else
		ap_secret_free(next);
	return r;
}

struct ap_result ap_kek_turn(const struct ap_kek_place *place)
{
	if (ap_kek_replaceable(place))
		return ap_secret_file_turn(place->where);
	return ap_fail(AP_ERR_DENIED, "conflict",
		       "every share is under the new credential: destroy the old one, let the new one take its name in the unit, restart");
}

bool ap_kek_turned(const struct ap_kek_place *place)
{
	if (!ap_kek_replaceable(place))
		return !place->next;
	return !ap_secret_file_exists(place->where, ".next") && !ap_secret_file_exists(place->where, ".old");
}

struct ap_result ap_kek_destroy(const struct ap_kek_place *place)
{
	if (ap_kek_replaceable(place))
		return ap_secret_file_destroy(place->where);
	return ap_fail(AP_ERR_DENIED, "conflict", "a credential is yours to remove: take LoadCredential= out of the unit");
}

struct ap_result ap_kek_keep(const struct ap_kek_place *place, const struct ap_secret *kek)
{
	if (!ap_kek_replaceable(place))
		return AP_SUCCESS;
	AP_TRY(ap_secret_file_write_next(place->where, kek));
	return ap_secret_file_turn(place->where);
}

struct ap_result ap_kek_keep_next(const struct ap_kek_place *place, const struct ap_secret *next)
{
	return ap_kek_replaceable(place) ? ap_secret_file_write_next(place->where, next) : AP_SUCCESS;
}
