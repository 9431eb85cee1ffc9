#include "recorder/backup/db_journal.h"

#include "recorder/api/answer.h"
#include "recorder/backup/journal_file.h"

#include <aparte/clock.h>
#include <string.h>

/* What the columns of one event are called in its line; NULL: not there. */
struct words {
	const char *event, *id, *number, *word, *other, *more;
};

static const struct words events[] = {
	{ "withdrawn", "session", NULL, "purposes", NULL, NULL },
	{ "refused", "session", NULL, "purposes", NULL, NULL },
	{ "erasure", "recording", NULL, "cause", NULL, NULL },
	{ "grant_revoked", "grant", NULL, NULL, NULL, NULL },
	{ "api_key_revoked", "hash", NULL, NULL, NULL, NULL },
	{ "user_disabled", NULL, "user", NULL, NULL, NULL },
	{ "user_enabled", NULL, "user", NULL, NULL, NULL },
	{ "token_renewed", "session", "number", NULL, NULL, NULL },
	{ "restricted", "recording", NULL, NULL, NULL, NULL },
	{ "unrestricted", "recording", NULL, NULL, NULL, NULL },
	{ "tenant_left", "offboarding", "tenant", NULL, NULL, NULL },
	{ "hold", "hold", "ends", "ground", "recording", NULL },
	{ "hold_lifted", "hold", NULL, NULL, NULL, NULL },
	{ "policy", NULL, "version", "policy", NULL, "document" },
	{ "conduct", NULL, "version", "lang", NULL, "document" },
	{ "tenant_rules", NULL, "tenant", "policy", NULL, "region" },
	{ "user_reset", NULL, "user", "number", NULL, NULL },
	{ "approval_ended", "approval", NULL, NULL, NULL, NULL },
};

static const struct words *words_of(const char *event)
{
	for (size_t i = 0; i < G_N_ELEMENTS(events); i++)
		if (g_strcmp0(events[i].event, event) == 0)
			return &events[i];
	return NULL;
}

/* Ids as UUIDs, hashes as base64url. */
static void add_id(JsonObject *o, const char *name, struct ap_rows *rows, int column)
{
	size_t len;
	const uint8_t *bytes = ap_row_blob(rows, column, &len);
	g_autofree char *text = bytes && len == AP_HASH ? ap_base64url(bytes, len) : NULL;
	if (text)
		ap_answer_text(o, name, text);
	else
		ap_answer_row_id(o, name, rows, column);
}

static void add_more(JsonObject *o, const struct words *w, struct ap_rows *rows, int first)
{
	if (w->other)
		add_id(o, w->other, rows, first);
	if (w->more && strcmp(w->more, "document") == 0)
		ap_answer_json(o, w->more, ap_row_text(rows, first + 1));
	else if (w->more)
		ap_answer_text(o, w->more, ap_row_text(rows, first + 1));
}

/* Columns: event, id, role, number, word, at_ms, other, more. */
static JsonObject *body_of(struct ap_rows *rows, int first)
{
	JsonObject *o = json_object_new();
	const struct words *w = words_of(ap_row_text(rows, first));
	ap_answer_text(o, "event", ap_row_text(rows, first));
	if (!w)
		return o;
	if (w->id)
		add_id(o, w->id, rows, first + 1);
	if (!ap_row_null(rows, first + 2))
		ap_answer_text(o, "role", ap_role_text((enum ap_role)ap_row_int(rows, first + 2)));
	if (w->number)
		json_object_set_int_member(o, w->number, ap_row_int(rows, first + 3));
	if (w->word && strcmp(w->word, "purposes") == 0)
		ap_answer_json(o, w->word, ap_row_text(rows, first + 4));
	else if (w->word)
		ap_answer_text(o, w->word, ap_row_text(rows, first + 4));
	ap_answer_time(o, "at", ap_row_int(rows, first + 5));
	add_more(o, w, rows, first + 6);
	return o;
}

static void unref_object(void *object)
{
	json_object_unref(object);
}

struct ap_result ap_db_journal_due(struct ap_db *db, GPtrArray **ret_bodies, int64_t *ret_last)
{
	g_autoptr(GPtrArray) bodies = g_ptr_array_new_with_free_func(unref_object);
	int64_t last = 0;
	struct ap_rows *rows = ap_db_query(
		db, "SELECT seq, event, id, role, number, word, at_ms, other, more FROM journal_due ORDER BY seq LIMIT ?1",
		AP_VALUES(AP_V_INT(AP_JOURNAL_BATCH)));
	while (ap_rows_next(rows)) {
		last = ap_row_int(rows, 0);
		g_ptr_array_add(bodies, body_of(rows, 1));
	}
	AP_TRY(ap_rows_end(rows));
	*ret_bodies = g_steal_pointer(&bodies);
	*ret_last = last;
	return AP_SUCCESS;
}

static struct ap_result done(struct ap_db *db, int64_t last, const struct ap_journal_end *end)
{
	AP_TRY(ap_db_run(db, "DELETE FROM journal_due WHERE seq <= ?1", AP_VALUES(AP_V_INT(last))));
	return ap_db_journal_ends(db, end);
}

struct ap_result ap_db_journal_done(struct ap_db *db, int64_t last, const struct ap_journal_end *end)
{
	AP_TRY(ap_db_begin(db));
	return ap_db_finish(db, done(db, last, end));
}

struct ap_result ap_db_journal_ends(struct ap_db *db, const struct ap_journal_end *end)
{
	g_autofree char *last = ap_hash_base64url(&end->last);
	g_autofree char *value = g_strdup_printf("%" G_GUINT64_FORMAT " %s", end->lines, last);
	return ap_db_run(db, "INSERT INTO setting (name, value) VALUES ('journal_end', ?1) ON CONFLICT (name) DO UPDATE SET value = ?1",
			 AP_VALUES(AP_V_TEXT(value)));
}

struct ap_result ap_db_journal_end(struct ap_db *db, struct ap_journal_end *ret_end, bool *ret_known)
{
	struct ap_journal_end end = { 0 };
	struct ap_rows *rows = ap_db_query(db, "SELECT value FROM setting WHERE name = 'journal_end'", AP_NO_VALUES);
	g_autofree char *value = ap_rows_next(rows) ? ap_row_text_dup(rows, 0) : NULL;
	AP_TRY(ap_rows_end(rows));
	g_auto(GStrv) parts = value ? g_strsplit(value, " ", 2) : NULL;
	guint64 n = 0;
	bool known = parts && g_strv_length(parts) == 2 && g_ascii_string_to_unsigned(parts[0], 10, 0, INT64_MAX, &n, NULL) &&
		     ap_base64url_exact(parts[1], end.last.b, AP_HASH);
	end.lines = n;
	*ret_end = end;
	*ret_known = known;
	return AP_SUCCESS;
}

struct ap_result ap_db_journal_end_forget(struct ap_db *db)
{
	return ap_db_run(db, "DELETE FROM setting WHERE name = 'journal_end'", AP_NO_VALUES);
}

struct ap_result ap_db_journal_waiting(struct ap_db *db, int64_t *ret_count)
{
	return ap_db_count(db, "SELECT count(*) FROM journal_due", AP_NO_VALUES, ret_count);
}

struct ap_result ap_db_log_origin(struct ap_db *db, char **ret_origin)
{
	struct ap_rows *rows =
		ap_db_query(db, "SELECT origin FROM log_continued ORDER BY number DESC LIMIT 1", AP_NO_VALUES);
	g_autofree char *origin = ap_rows_next(rows) ? ap_row_text_dup(rows, 0) : NULL;
	AP_TRY(ap_rows_end(rows));
	*ret_origin = g_steal_pointer(&origin);
	return AP_SUCCESS;
}

struct ap_result ap_db_log_was(struct ap_db *db, const char *origin, bool *ret_was)
{
	int64_t n = 0;
	AP_TRY(ap_db_count(db, "SELECT count(*) FROM log_continued WHERE old_origin = ?1", AP_VALUES(AP_V_TEXT(origin)), &n));
	*ret_was = n > 0;
	return AP_SUCCESS;
}

struct ap_result ap_db_log_continue(struct ap_db *db, const struct ap_log_continued *c, int64_t now_ms)
{
	return ap_db_run(db,
			 "INSERT INTO log_continued (origin, old_origin, old_size, old_root, kept, continued_ms)"
			 " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
			 AP_VALUES(AP_V_TEXT(c->origin), AP_V_TEXT(c->old_origin), AP_V_INT(c->old_size),
				   AP_V_BLOB(c->old_root, 32), AP_V_INT(c->kept), AP_V_INT(now_ms)));
}
