#include "recorder/backup/part.h"

#include "recorder/keys/secret_file.h"

#include <aparte/buf.h>
#include <aparte/clock.h>
#include <aparte/encode.h>
#include <aparte/jcs.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FORMAT "aparte/backup-part/v1"
#define PROOF_LABEL "aparte/backup-proof/v1"
#define STEP 65536

static const char *const kind_names[] = { "vault", "keys" };

static struct ap_result disk(void)
{
	return ap_fail(AP_ERR_IO, "backup", "backup.directory cannot be read or written: see to its disk, mount and owner");
}

static struct ap_result altered(const char *detail)
{
	return ap_fail(AP_ERR_CRYPTO, "backup", detail);
}

static void name_part(struct ap_part *p)
{
	char id[AP_UUID_TEXT];
	ap_uuid_text(&p->id, id);
	g_snprintf(p->name, sizeof p->name, "%s/%013" G_GINT64_FORMAT "-%s", kind_names[p->kind], p->made_ms, id);
}

void ap_part_new(enum ap_part_kind kind, int64_t made_ms, const struct ap_kek_id *kek, struct ap_part *ret_part)
{
	*ret_part = (struct ap_part){ .kind = kind, .id = ap_uuid_random(), .made_ms = made_ms, .kek = *kek };
	name_part(ret_part);
}

struct ap_secret *ap_part_proof_identity(const struct ap_secret *kek, const struct ap_uuid *part)
{
	uint8_t info[sizeof PROOF_LABEL + sizeof part->b];
	struct ap_writer w = ap_writer_over(info, sizeof info);
	ap_write_bytes(&w, PROOF_LABEL, sizeof PROOF_LABEL); /* with its zero */
	ap_write_bytes(&w, part->b, sizeof part->b);
	return ap_hkdf(kek, PROOF_LABEL, strlen(PROOF_LABEL), info, sizeof info, AP_AGE_KEY);
}

static char *file_of(const char *directory, const struct ap_part *p, const char *ending)
{
	return g_strconcat(directory, "/", p->name, ending, NULL);
}

static bool sync_directory(const char *directory, enum ap_part_kind kind)
{
	g_autofree char *path = g_build_filename(directory, kind_names[kind], NULL);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = fd >= 0 && fsync(fd) == 0;
	if (fd >= 0)
		close(fd);
	return good;
}

/* ---- the description ---- */

static struct ap_result describe(const struct ap_part *p, char **ret_text)
{
	char id[AP_UUID_TEXT], made[AP_TIME_TEXT];
	g_autofree char *kek = ap_hex(p->kek.b, AP_KEK_ID), *sha256 = ap_hash_base64url(&p->sha256);
	g_autoptr(JsonObject) o = json_object_new();
	ap_uuid_text(&p->id, id);
	ap_time_text(p->made_ms, made);
	json_object_set_string_member(o, "format", FORMAT);
	json_object_set_string_member(o, "part", id);
	json_object_set_string_member(o, "kind", kind_names[p->kind]);
	json_object_set_string_member(o, "made_at", made);
	json_object_set_string_member(o, "kek_id", kek);
	json_object_set_int_member(o, "size", (gint64)p->size);
	json_object_set_string_member(o, "sha256", sha256);
	if (p->kind == AP_PART_VAULT) {
		json_object_set_int_member(o, "log_size", (gint64)p->log_size);
		json_object_set_string_member(o, "origin", p->origin);
		json_object_set_int_member(o, "recordings", p->recordings);
	}
	return ap_jcs_from_object(o, ret_text);
}

static const char *text_of(JsonObject *o, const char *name)
{
	JsonNode *node = json_object_get_member(o, name);
	return node && json_node_get_value_type(node) == G_TYPE_STRING ? json_node_get_string(node) : "";
}

static int64_t number_of(JsonObject *o, const char *name)
{
	JsonNode *node = json_object_get_member(o, name);
	return node && json_node_get_value_type(node) == G_TYPE_INT64 ? json_node_get_int(node) : -1;
}

static bool read_members(JsonObject *o, struct ap_part *p)
{
	p->size = (uint64_t)number_of(o, "size");
	p->log_size = p->kind == AP_PART_VAULT ? (uint64_t)number_of(o, "log_size") : 0;
	p->recordings = p->kind == AP_PART_VAULT ? number_of(o, "recordings") : 0;
	g_strlcpy(p->origin, text_of(o, "origin"), sizeof p->origin);
	return strcmp(text_of(o, "format"), FORMAT) == 0 && strcmp(text_of(o, "kind"), kind_names[p->kind]) == 0 &&
	       ap_uuid_parse(text_of(o, "part"), &p->id) && ap_time_parse(text_of(o, "made_at"), &p->made_ms) &&
	       ap_hex_exact(text_of(o, "kek_id"), p->kek.b, AP_KEK_ID) && number_of(o, "size") >= 0 &&
	       ap_base64url_exact(text_of(o, "sha256"), p->sha256.b, AP_HASH) && p->recordings >= 0;
}

/* False when it is no description, or not that of the file it is named after. */
static bool read_description(const char *directory, enum ap_part_kind kind, const char *name, struct ap_part *ret_part)
{
	g_autofree char *path = g_build_filename(directory, kind_names[kind], name, NULL), *text = NULL;
	g_autofree char *expected = NULL;
	g_autoptr(JsonNode) node = NULL;
	gsize len = 0;
	struct ap_part p = { .kind = kind };
	if (!g_file_get_contents(path, &text, &len, NULL) || !ap_ok(ap_jcs_parse(text, len, 4096, &node)) ||
	    !JSON_NODE_HOLDS_OBJECT(node) || !read_members(json_node_get_object(node), &p))
		return false;
	name_part(&p);
	expected = g_strconcat(kind_names[kind], "/", name, NULL);
	if (strncmp(expected, p.name, strlen(p.name)) != 0)
		return false;
	*ret_part = p;
	return true;
}

static int newest_first(const void *a, const void *b)
{
	const struct ap_part *x = a, *y = b;
	return x->made_ms == y->made_ms ? strcmp(y->name, x->name) : x->made_ms < y->made_ms ? 1 : -1;
}

struct ap_result ap_part_list(const char *directory, enum ap_part_kind kind, GArray **ret_parts)
{
	g_autoptr(GArray) parts = g_array_new(FALSE, FALSE, sizeof(struct ap_part));
	g_autofree char *path = g_build_filename(directory, kind_names[kind], NULL);
	struct ap_part p;
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	if (!dir && g_file_test(path, G_FILE_TEST_EXISTS))
		return disk();
	for (const char *name; dir && (name = g_dir_read_name(dir));)
		if (g_str_has_suffix(name, ".json") && read_description(directory, kind, name, &p))
			g_array_append_val(parts, p);
	g_array_sort(parts, newest_first);
	*ret_parts = g_steal_pointer(&parts);
	return AP_SUCCESS;
}

struct ap_result ap_part_newest(const char *directory, enum ap_part_kind kind, struct ap_part *ret_part)
{
	g_autoptr(GArray) parts = NULL;
	AP_TRY(ap_part_list(directory, kind, &parts));
	if (parts->len == 0)
		return ap_fail(AP_ERR_DENIED, "not-found",
			       kind == AP_PART_KEYS ? "there is no complete key part in that directory"
						    : "there is no complete copy of vault.db in that directory");
	*ret_part = g_array_index(parts, struct ap_part, 0);
	return AP_SUCCESS;
}

/* ---- writing ---- */

struct ap_part_writer {
	/* borrowed */
	struct ap_part *part;
	/* owned */
	char *directory;
	struct ap_age_writer *age;
	int fd; /* -1 once ended */
	/* state */
	struct ap_hasher hasher;
	uint64_t size;
};

static struct ap_result to_file(void *ctx, const void *bytes, size_t len)
{
	struct ap_part_writer *w = ctx;
	ap_hash_add(&w->hasher, bytes, len);
	w->size += len;
	for (const char *at = bytes; len > 0;) {
		ssize_t n = write(w->fd, at, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return disk();
		at += n;
		len -= (size_t)n;
	}
	return AP_SUCCESS;
}

static bool make_directory(const char *path)
{
	return mkdir(path, 0700) == 0 || errno == EEXIST;
}

static struct ap_result begin(struct ap_part_writer *w, const struct ap_age_recipient recipients[2])
{
	g_autofree char *kind = g_build_filename(w->directory, kind_names[w->part->kind], NULL);
	g_autofree char *path = file_of(w->directory, w->part, ".age");
	if (!make_directory(kind))
		return disk();
	w->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (w->fd < 0)
		return disk();
	return ap_age_writer_new_for(recipients, 2, to_file, w, &w->age);
}

struct ap_result ap_part_writer_new(const char *directory, struct ap_part *part, const struct ap_age_recipient recipients[2],
				    struct ap_part_writer **ret_writer)
{
	struct ap_part_writer *w = g_new0(struct ap_part_writer, 1);
	w->part = part;
	w->directory = g_strdup(directory);
	w->fd = -1;
	w->hasher = ap_hash_begin(NULL);
	struct ap_result r = begin(w, recipients);
	if (!ap_ok(r)) {
		ap_part_writer_free(w);
		return r;
	}
	*ret_writer = w;
	return AP_SUCCESS;
}

struct ap_result ap_part_write(struct ap_part_writer *w, const void *bytes, size_t len)
{
	return ap_age_writer_write(w->age, bytes, len);
}

struct ap_result ap_part_end(struct ap_part_writer *w)
{
	AP_TRY(ap_age_writer_finish(w->age));
	if (fsync(w->fd) != 0 || close(g_steal_fd(&w->fd)) != 0)
		return disk();
	w->part->size = w->size;
	w->part->sha256 = ap_hash_end(&w->hasher);
	return AP_SUCCESS;
}

void ap_part_writer_free(struct ap_part_writer *w)
{
	if (!w)
		return;
	if (w->fd >= 0) {
		g_autofree char *path = file_of(w->directory, w->part, ".age");
		close(w->fd);
		unlink(path);
	}
	ap_age_writer_free(w->age);
	g_free(w->directory);
	g_free(w);
}

static bool put_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return false;
	bool good = write(fd, text, strlen(text)) == (ssize_t)strlen(text) && fsync(fd) == 0;
	return close(fd) == 0 && good;
}

struct ap_result ap_part_complete(const char *directory, const struct ap_part *part)
{
	g_autofree char *text = NULL, *path = file_of(directory, part, ".json");
	g_autofree char *fresh = g_strconcat(path, ".tmp", NULL);
	AP_TRY(describe(part, &text));
	return put_file(fresh, text) && rename(fresh, path) == 0 && sync_directory(directory, part->kind) ? AP_SUCCESS : disk();
}

/* ---- reading ---- */

static struct ap_result give_all(struct ap_age_file *file, ap_age_sink sink, void *ctx)
{
	struct ap_result r = AP_SUCCESS;
	g_autofree uint8_t *step = g_malloc(STEP);
	uint64_t size = ap_age_file_size(file);
	for (uint64_t at = 0; ap_ok(r) && at < size; at += STEP) {
		size_t n = (size_t)MIN(size - at, STEP);
		r = ap_age_file_read(file, at, step, n);
		if (ap_ok(r))
			r = sink(ctx, step, n);
	}
	ap_wipe(step, STEP);
	return r;
}

struct ap_result ap_part_read(const char *directory, const struct ap_part *part, const struct ap_secret *identity,
			      ap_age_sink sink, void *ctx)
{
	g_autofree char *path = file_of(directory, part, ".age");
	g_autoptr(GMappedFile) map = g_mapped_file_new(path, FALSE, NULL);
	struct ap_age_file *file = NULL;
	if (!map)
		return ap_fail(AP_ERR_IO, "backup", "a part of the backup is missing or cannot be read");
	const char *bytes = g_mapped_file_get_contents(map);
	size_t len = g_mapped_file_get_length(map);
	struct ap_hash hash = ap_sha256(bytes, len);
	if (len != part->size || !ap_hash_equal(&hash, &part->sha256))
		return altered("a part of the backup is not what was written: take another backup or another copy");
	struct ap_result r = ap_age_file_open(bytes, len, identity, &file);
	if (!ap_ok(r))
		return strcmp(r.name, "age-no-match") == 0 ? altered("a part of the backup is not for this identity") : r;
	r = give_all(file, sink, ctx);
	ap_age_file_free(file);
	return r;
}

/* ---- destroying ---- */

bool ap_part_exists(const char *directory, enum ap_part_kind kind, int64_t made_ms, const struct ap_uuid *id)
{
	struct ap_part p = { .kind = kind, .id = *id, .made_ms = made_ms };
	name_part(&p);
	g_autofree char *path = file_of(directory, &p, ".age");
	return g_file_test(path, G_FILE_TEST_EXISTS);
}

struct ap_result ap_part_destroy(const char *directory, const struct ap_part *part)
{
	g_autofree char *age = file_of(directory, part, ".age"), *json = file_of(directory, part, ".json");
	if (!ap_ok(ap_secret_file_destroy(age)) || (unlink(json) != 0 && errno != ENOENT) || !sync_directory(directory, part->kind))
		return disk();
	return AP_SUCCESS;
}

static void tidy_kind(const char *directory, enum ap_part_kind kind)
{
	g_autofree char *path = g_build_filename(directory, kind_names[kind], NULL);
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	for (const char *name; dir && (name = g_dir_read_name(dir));) {
		g_autofree char *file = g_build_filename(path, name, NULL);
		g_autofree char *stem = g_str_has_suffix(name, ".age") ? g_strndup(file, strlen(file) - 4) : NULL;
		g_autofree char *json = stem ? g_strconcat(stem, ".json", NULL) : NULL;
		if (g_str_has_suffix(name, ".tmp") || (json && !g_file_test(json, G_FILE_TEST_EXISTS)))
			unlink(file);
	}
}

void ap_part_tidy(const char *directory)
{
	tidy_kind(directory, AP_PART_VAULT);
	tidy_kind(directory, AP_PART_KEYS);
}
