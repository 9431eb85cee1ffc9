#include "recorder/backup/journal_file.h"

#include <aparte/jcs.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LABEL "aparte/journal/v1"
#define END_LABEL "aparte/journal-end/v1"
#define TAIL 65536 /* read from the end to find the last line */
#define FILE_MAX (UINT64_C(1) << 31)

static struct ap_result unwritable(void)
{
	return ap_fail(AP_ERR_IO, "journal", "the journal cannot be written: see to the disk and owner of backup.journal; erasures are certified once it can");
}

static struct ap_result altered(const char *detail)
{
	return ap_fail(AP_ERR_CRYPTO, "journal", detail);
}

/* ---- lines ---- */

/* What is signed, and what the next line names: the label, a zero byte, the JSON. */
static GByteArray *labelled(const char *label, const char *json, size_t len)
{
	GByteArray *bytes = g_byte_array_new();
	g_byte_array_append(bytes, (const guint8 *)label, (guint)strlen(label) + 1); /* with its zero */
	g_byte_array_append(bytes, (const guint8 *)json, (guint)len);
	return bytes;
}

static struct ap_hash line_hash(const char *json, size_t len)
{
	struct ap_hasher h = ap_hash_begin(LABEL);
	ap_hash_add(&h, json, len);
	return ap_hash_end(&h);
}

static struct ap_secret *signing_key(const struct ap_secret *seed, uint8_t ret_public[32])
{
	struct ap_secret *key = ap_secret_new(crypto_sign_SECRETKEYBYTES);
	crypto_sign_seed_keypair(ret_public, ap_secret_bytes_rw(key), ap_secret_bytes(seed));
	return key;
}

void ap_journal_public(const struct ap_secret *seed, uint8_t ret_public[32])
{
	ap_secret_free(signing_key(seed, ret_public));
}

/* A line without its end, taken apart: the JSON's length; false when it is no line of this key. */
static bool verify_labelled(const char *label, const char *line, size_t len, const uint8_t public[32], size_t *ret_json)
{
	uint8_t signature[crypto_sign_BYTES];
	const char *tab = memchr(line, '\t', len);
	if (!tab || len > AP_JOURNAL_LINE || memchr(line, '\0', len))
		return false;
	g_autofree char *text = g_strndup(tab + 1, len - (size_t)(tab + 1 - line));
	if (!ap_base64url_exact(text, signature, sizeof signature))
		return false;
	*ret_json = (size_t)(tab - line);
	g_autoptr(GByteArray) bytes = labelled(label, line, *ret_json);
	return crypto_sign_verify_detached(signature, bytes->data, bytes->len, public) == 0;
}

static bool verify_line(const char *line, size_t len, const uint8_t public[32], size_t *ret_json)
{
	return verify_labelled(LABEL, line, len, public, ret_json);
}

/* The line with its end; g_free. */
static char *signed_line(const char *label, const char *json, const struct ap_secret *key)
{
	uint8_t signature[crypto_sign_BYTES];
	g_autoptr(GByteArray) bytes = labelled(label, json, strlen(json));
	crypto_sign_detached(signature, NULL, bytes->data, bytes->len, ap_secret_bytes(key));
	g_autofree char *text = ap_base64url(signature, sizeof signature);
	return g_strdup_printf("%s\t%s\n", json, text);
}

static struct ap_result parse_line(const char *json, size_t len, JsonNode **ret_node)
{
	g_autoptr(JsonNode) node = NULL;
	if (!ap_ok(ap_jcs_parse(json, len, AP_JOURNAL_LINE, &node)) || !JSON_NODE_HOLDS_OBJECT(node))
		return altered("a line of the journal is no object");
	*ret_node = g_steal_pointer(&node);
	return AP_SUCCESS;
}

/* ---- where it goes on ---- */

struct chain {
	uint64_t next;	     /* number of the next line */
	struct ap_hash prev; /* of the last one */
	off_t end;	     /* of the last whole line */
};

static struct ap_result read_last(const char *line, size_t len, const uint8_t public[32], struct chain *c)
{
	g_autoptr(JsonNode) node = NULL;
	size_t json;
	if (!verify_line(line, len, public, &json))
		return altered("the journal is another instance's, or was altered: name an empty directory in backup.journal");
	AP_TRY(parse_line(line, json, &node));
	c->next = (uint64_t)json_object_get_int_member_with_default(json_node_get_object(node), "n", 0) + 1;
	c->prev = line_hash(line, json);
	return AP_SUCCESS;
}

static struct ap_result lost(void)
{
	return ap_fail(AP_ERR_IO, "journal",
		       "the journal lost lines that were in it, or is another one: put the right one back, or name an empty directory in "
		       "backup.journal and make a backup");
}

/* The last whole line of an open file; zeroes for an empty one. Bytes without any line's end were a journal once: a new
 * one gets its name with its first lines whole. */
static struct ap_result find_end(int fd, const uint8_t public[32], struct chain *ret_chain)
{
	g_autofree char *tail = g_malloc(TAIL);
	struct chain c = { 0 };
	struct stat st;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return unwritable();
	off_t from = st.st_size > TAIL ? st.st_size - TAIL : 0;
	ssize_t n = pread(fd, tail, TAIL, from);
	if (n < 0)
		return unwritable();
	const char *end = memrchr(tail, '\n', (size_t)n);
	if (end) {
		const char *before = memrchr(tail, '\n', (size_t)(end - tail));
		const char *line = before ? before + 1 : tail;
		AP_TRY(read_last(line, (size_t)(end - line), public, &c));
		c.end = from + (end - tail) + 1;
	} else if (st.st_size > 0) {
		return altered("the journal's end cannot be read: keep a copy of it and cut off by hand what follows its last line, or name an "
			       "empty directory in backup.journal and make a backup");
	}
	*ret_chain = c;
	return AP_SUCCESS;
}

/* ---- what is known of it ---- */

static bool ends_there(const struct chain *c, const struct ap_journal_end *known)
{
	return c->next == known->lines && ap_hash_equal(&c->prev, &known->last);
}

bool ap_journal_lines_pass(const GPtrArray *lines, const struct ap_journal_end *end)
{
	g_autofree char *json = NULL;
	if (lines->len < end->lines)
		return false;
	if (end->lines == 0)
		return true;
	g_autoptr(JsonObject) last = json_node_dup_object(lines->pdata[end->lines - 1]);
	if (!ap_ok(ap_jcs_from_object(last, &json)))
		return false;
	struct ap_hash hash = line_hash(json, strlen(json));
	return ap_hash_equal(&hash, &end->last);
}

/* Longer than known is well, when it went by there: a crash came before that was remembered. An empty one is well only
 * where nothing is known (what begins anew is no file yet). */
static struct ap_result check_known(const char *directory, const struct chain *c, const uint8_t public[32],
				    const struct ap_journal_end *known)
{
	g_autoptr(GPtrArray) lines = NULL;
	if (!known || ends_there(c, known))
		return AP_SUCCESS;
	if (c->next > known->lines) {
		AP_TRY(ap_journal_file_read(directory, public, &lines));
		if (ap_journal_lines_pass(lines, known))
			return AP_SUCCESS;
	}
	return lost();
}

/* ---- appending ---- */

struct writing {
	const char *directory;
	GString *text; /* owned: the lines to come */
	struct ap_secret *key;
	const struct ap_journal_begin *begin;
	struct chain chain;
};

static struct ap_result add_line(struct writing *w, JsonObject *body)
{
	g_autofree char *prev = ap_hash_base64url(&w->chain.prev), *json = NULL;
	json_object_set_int_member(body, "n", (gint64)w->chain.next);
	json_object_set_string_member(body, "prev", prev);
	json_object_set_string_member(body, "time", w->begin->time);
	AP_TRY(ap_jcs_from_object(body, &json));
	g_autofree char *line = signed_line(LABEL, json, w->key);
	g_string_append(w->text, line);
	w->chain.prev = line_hash(json, strlen(json));
	w->chain.next++;
	return AP_SUCCESS;
}

static struct ap_result add_first(struct writing *w, const uint8_t public[32])
{
	g_autoptr(JsonObject) first = json_object_new();
	g_autofree char *key = ap_base64url(public, 32);
	json_object_set_string_member(first, "event", "journal");
	json_object_set_string_member(first, "key", key);
	json_object_set_string_member(first, "origin", w->begin->origin);
	json_object_set_int_member(first, "log_size", (gint64)w->begin->log_size);
	return add_line(w, first);
}

static bool write_all(int fd, const char *text, size_t len, off_t at)
{
	while (len > 0) {
		ssize_t n = pwrite(fd, text, len, at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		text += n;
		len -= (size_t)n;
		at += n;
	}
	return true;
}

static struct ap_result write_lines(int fd, struct writing *w, const uint8_t public[32], const GPtrArray *bodies)
{
	if (w->chain.end == 0)
		AP_TRY(add_first(w, public));
	for (guint i = 0; i < bodies->len; i++)
		AP_TRY(add_line(w, bodies->pdata[i]));
	if (ftruncate(fd, w->chain.end) != 0 || !write_all(fd, w->text->str, w->text->len, w->chain.end) || fsync(fd) != 0)
		return unwritable();
	return AP_SUCCESS;
}

static struct ap_result append_to(int fd, struct writing *w, const uint8_t public[32], const GPtrArray *bodies)
{
	AP_TRY(find_end(fd, public, &w->chain));
	AP_TRY(check_known(w->directory, &w->chain, public, w->begin->known));
	return write_lines(fd, w, public, bodies);
}

static struct ap_result open_directory(const char *directory, int *ret_fd)
{
	if (mkdir(directory, 0700) != 0 && errno != EEXIST)
		return unwritable();
	*ret_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret_fd >= 0 ? AP_SUCCESS : unwritable();
}

/* It is there whole or not at all: one that is empty or torn later on is not one that began so. */
static struct ap_result begin_in(int directory, struct writing *w, const uint8_t public[32], const GPtrArray *bodies)
{
	int fd = openat(directory, "journal.tmp", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return unwritable();
	struct ap_result r = write_lines(fd, w, public, bodies);
	close(fd);
	AP_TRY(r);
	return renameat(directory, "journal.tmp", directory, "journal") == 0 && fsync(directory) == 0 ? AP_SUCCESS : unwritable();
}

static struct ap_result append_in(int directory, struct writing *w, const uint8_t public[32], const GPtrArray *bodies)
{
	int fd = openat(directory, "journal", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? begin_in(directory, w, public, bodies) : unwritable();
	struct ap_result r = append_to(fd, w, public, bodies);
	close(fd);
	return r;
}

struct ap_result ap_journal_file_append(const char *directory, const struct ap_secret *seed,
					const struct ap_journal_begin *begin, const GPtrArray *bodies,
					struct ap_journal_end *ret_end)
{
	int fd = -1;
	uint8_t public[32];
	AP_TRY(open_directory(directory, &fd));
	struct writing w = {
		.directory = directory, .text = g_string_new(NULL), .key = signing_key(seed, public), .begin = begin
	};
	struct ap_result r = append_in(fd, &w, public, bodies);
	if (ap_ok(r))
		*ret_end = (struct ap_journal_end){ w.chain.next, w.chain.prev };
	g_string_free(w.text, TRUE);
	ap_secret_free(w.key);
	close(fd);
	return r;
}

static struct ap_result end_in(const char *directory, int fd, const uint8_t public[32], const struct ap_journal_end *known,
			       struct ap_journal_end *ret_end)
{
	struct chain c;
	AP_TRY(find_end(fd, public, &c));
	AP_TRY(check_known(directory, &c, public, known));
	*ret_end = (struct ap_journal_end){ c.next, c.prev };
	return AP_SUCCESS;
}

struct ap_result ap_journal_file_end(const char *directory, const struct ap_secret *seed, const struct ap_journal_end *known,
				     struct ap_journal_end *ret_end)
{
	uint8_t public[32];
	g_autofree char *path = g_build_filename(directory, "journal", NULL);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return unwritable();
	ap_journal_public(seed, public);
	struct ap_result r = end_in(directory, fd, public, known, ret_end);
	close(fd);
	return r;
}

/* ---- reading ---- */

static bool continues(JsonObject *o, const struct chain *c)
{
	g_autofree char *prev = ap_hash_base64url(&c->prev);
	return (uint64_t)json_object_get_int_member_with_default(o, "n", -1) == c->next &&
	       g_strcmp0(json_object_get_string_member_with_default(o, "prev", ""), prev) == 0;
}

static struct ap_result read_one(const char *line, size_t len, const uint8_t public[32], struct chain *c, GPtrArray *lines)
{
	g_autoptr(JsonNode) node = NULL;
	size_t json;
	if (!verify_line(line, len, public, &json))
		return altered("a line of the journal was altered, or is another instance's");
	AP_TRY(parse_line(line, json, &node));
	if (!continues(json_node_get_object(node), c))
		return altered("a line of the journal is missing");
	c->prev = line_hash(line, json);
	c->next++;
	g_ptr_array_add(lines, g_steal_pointer(&node));
	return AP_SUCCESS;
}

static void free_node(void *node)
{
	json_node_unref(node);
}

struct ap_result ap_journal_file_read(const char *directory, const uint8_t public[32], GPtrArray **ret_lines)
{
	g_autofree char *path = g_build_filename(directory, "journal", NULL), *text = NULL;
	g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(free_node);
	gsize len = 0;
	struct chain c = { 0 };
	if (!g_file_test(path, G_FILE_TEST_IS_REGULAR))
		return ap_fail(AP_ERR_DENIED, "not-found", "there is no journal in that directory");
	if (!g_file_get_contents(path, &text, &len, NULL) || len > FILE_MAX)
		return ap_fail(AP_ERR_IO, "journal", "the journal cannot be read: see to its disk and owner");
	for (const char *at = text, *end; (end = memchr(at, '\n', len - (size_t)(at - text))); at = end + 1)
		AP_TRY(read_one(at, (size_t)(end - at), public, &c, lines));
	*ret_lines = g_steal_pointer(&lines);
	return AP_SUCCESS;
}

/* ---- the checkpoint ---- */

static bool put_file(int directory, const char *text)
{
	int fd = openat(directory, "checkpoint.tmp", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return false;
	bool good = write_all(fd, text, strlen(text), 0) && fsync(fd) == 0;
	good = close(fd) == 0 && good;
	return good && renameat(directory, "checkpoint.tmp", directory, "checkpoint") == 0 && fsync(directory) == 0;
}

/* {"last","lines","note"}, signed under a label of its own. */
static struct ap_result end_line(const struct ap_secret *seed, const char *note, const struct ap_journal_end *end, char **ret_line)
{
	uint8_t public[32];
	g_autoptr(JsonObject) o = json_object_new();
	struct ap_hash hash = ap_sha256(note, strlen(note));
	g_autofree char *last = ap_hash_base64url(&end->last), *of = ap_hash_base64url(&hash), *json = NULL;
	json_object_set_int_member(o, "lines", (gint64)end->lines);
	json_object_set_string_member(o, "last", last);
	json_object_set_string_member(o, "note", of);
	AP_TRY(ap_jcs_from_object(o, &json));
	struct ap_secret *key = signing_key(seed, public);
	*ret_line = signed_line(END_LABEL, json, key);
	ap_secret_free(key);
	return AP_SUCCESS;
}

struct ap_result ap_journal_file_checkpoint(const char *directory, const struct ap_secret *seed, const char *note,
					    const struct ap_journal_end *end)
{
	int fd = -1;
	g_autofree char *line = NULL;
	AP_TRY(end_line(seed, note, end, &line));
	g_autofree char *text = g_strconcat(note, line, NULL);
	AP_TRY(open_directory(directory, &fd));
	bool good = put_file(fd, text);
	close(fd);
	return good ? AP_SUCCESS : unwritable();
}

struct ap_result ap_journal_file_kept(const char *directory, struct ap_journal_kept *ret_kept)
{
	g_autofree char *path = g_build_filename(directory, "checkpoint", NULL), *text = NULL;
	if (!g_file_test(path, G_FILE_TEST_EXISTS))
		return ap_fail(AP_ERR_DENIED, "not-found", "the journal keeps no checkpoint yet");
	if (!g_file_get_contents(path, &text, NULL, NULL))
		return ap_fail(AP_ERR_IO, "journal", "the journal's checkpoint cannot be read: see to its disk and owner");
	/* No line of a signed note begins so: its first three are followed by an empty one and the signatures. */
	const char *brace = strstr(text, "\n{");
	ret_kept->note = brace ? g_strndup(text, (size_t)(brace + 1 - text)) : g_strdup(text);
	ret_kept->end = brace ? g_strdup(brace + 1) : NULL;
	return AP_SUCCESS;
}

void ap_journal_kept_clear(struct ap_journal_kept *kept)
{
	g_clear_pointer(&kept->note, g_free);
	g_clear_pointer(&kept->end, g_free);
}

bool ap_journal_kept_end(const struct ap_journal_kept *kept, const uint8_t public[32], struct ap_journal_end *ret_end)
{
	size_t json;
	struct ap_hash of, note = ap_sha256(kept->note, strlen(kept->note));
	g_autoptr(JsonNode) node = NULL;
	if (!kept->end || !g_str_has_suffix(kept->end, "\n") ||
	    !verify_labelled(END_LABEL, kept->end, strlen(kept->end) - 1, public, &json) ||
	    !ap_ok(parse_line(kept->end, json, &node)))
		return false;
	JsonObject *o = json_node_get_object(node);
	struct ap_journal_end end = { .lines = (uint64_t)json_object_get_int_member_with_default(o, "lines", 0) };
	if (!ap_base64url_exact(json_object_get_string_member_with_default(o, "last", ""), end.last.b, AP_HASH) ||
	    !ap_base64url_exact(json_object_get_string_member_with_default(o, "note", ""), of.b, AP_HASH) ||
	    !ap_hash_equal(&of, &note))
		return false;
	*ret_end = end;
	return true;
}
