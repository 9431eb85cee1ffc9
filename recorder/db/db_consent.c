#include "recorder/db/db_consent.h"

#include <json-glib/json-glib.h>
#include <string.h>

static char *purposes_text(ap_purposes purposes)
{
	g_autoptr(GString) text = g_string_new("[");
	for (int p = 0; p < AP_PURPOSE_COUNT; p++)
		if (purposes & AP_PURPOSE_BIT(p))
			g_string_append_printf(text, "%s\"%s\"", text->len > 1 ? "," : "", ap_purpose_text((enum ap_purpose)p));
	return g_strconcat(text->str, "]", NULL);
}

static ap_purposes purposes_of(const char *text)
{
	ap_purposes purposes = 0;
	g_autoptr(JsonNode) node = json_from_string(text ? text : "[]", NULL);
	JsonArray *list = node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
	for (guint i = 0; list && i < json_array_get_length(list); i++) {
		enum ap_purpose p;
		if (ap_purpose_parse(json_array_get_string_element(list, i), &p))
			purposes |= AP_PURPOSE_BIT(p);
	}
	return purposes;
}

static enum ap_decision decision_of(const char *text)
{
	for (int d = AP_GIVEN; text && d <= AP_WITHDRAWN; d++)
		if (strcmp(text, ap_decision_text((enum ap_decision)d)) == 0)
			return (enum ap_decision)d;
	return AP_WITHDRAWN; /* in doubt, not given */
}

struct ap_result ap_db_consent_state(struct ap_db *db, const struct ap_uuid *session, enum ap_role role,
				     struct ap_consent_state *ret_state)
{
	struct ap_consent_state state = { 0 };
	struct ap_rows *rows = ap_db_query(db, "SELECT event, purposes FROM consent WHERE session = ?1 AND role = ?2 ORDER BY seq",
					   AP_VALUES(AP_V_UUID(session), AP_V_INT(role)));
	while (ap_rows_next(rows))
		ap_consent_fold_one(&state, (struct ap_decided){ .decision = decision_of(ap_row_text(rows, 0)),
								 .purposes = purposes_of(ap_row_text(rows, 1)) });
	AP_TRY(ap_rows_end(rows));
	*ret_state = state;
	return AP_SUCCESS;
}

struct ap_result ap_db_consent_both(struct ap_db *db, const struct ap_uuid *session, ap_purposes *ret_purposes)
{
	struct ap_consent_state coach, coachee;
	AP_TRY(ap_db_consent_state(db, session, AP_COACH, &coach));
	AP_TRY(ap_db_consent_state(db, session, AP_COACHEE, &coachee));
	*ret_purposes = ap_consent_given(&coach) & ap_consent_given(&coachee);
	return AP_SUCCESS;
}

struct ap_result ap_db_consent_both_of(struct ap_db *db, const struct ap_uuid *recording, const struct ap_uuid *session,
				       ap_purposes *ret_purposes)
{
	int64_t withdrawn = 0;
	AP_TRY(ap_db_count(db,
			   "SELECT count(*) FROM recording r JOIN consent c ON c.session = r.session JOIN consent g ON"
			   " g.record_id = CASE c.role WHEN 1 THEN r.coach_record ELSE r.coachee_record END WHERE r.id = ?1"
			   " AND c.event <> 'ConsentGiven' AND c.purposes LIKE '%\"recording\"%' AND c.seq > g.seq",
			   AP_VALUES(AP_V_UUID(recording)), &withdrawn));
	AP_TRY(ap_db_consent_both(db, session, ret_purposes));
	if (withdrawn > 0)
		*ret_purposes = 0;
	return AP_SUCCESS;
}

struct ap_result ap_consent_gives(struct ap_db *db, const struct ap_uuid *session, enum ap_role role,
				  enum ap_purpose purpose, bool *ret_given)
{
	struct ap_consent_state state;
	AP_TRY(ap_db_consent_state(db, session, role, &state));
	*ret_given = (ap_consent_given(&state) & AP_PURPOSE_BIT(purpose)) != 0;
	return AP_SUCCESS;
}

struct ap_result ap_db_consent_put(struct ap_db *db, const struct ap_consent_row *row)
{
	g_autofree char *purposes = purposes_text(row->purposes);
	return ap_db_run(db,
			 "INSERT INTO consent (record_id, session, role, event, purposes, event_ms, received_ms, evidence,"
			 " presence, notice, text, key, signature, leaf)"
			 " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
			 AP_VALUES(row->record_id ? AP_V_UUID(row->record_id) : AP_V_NULL, AP_V_UUID(&row->session),
				   AP_V_INT(row->role), AP_V_TEXT(ap_decision_text(row->event)), AP_V_TEXT(purposes),
				   AP_V_INT(row->event_ms), AP_V_INT(row->received_ms),
				   AP_V_TEXT(row->is_signed ? "signed" : "unsigned"), AP_V_INT(row->presence),
				   AP_V_BLOB(row->notice, 32), AP_V_TEXT(row->text), AP_V_BLOB(row->key, 32),
				   AP_V_BLOB(row->signature, 64), AP_V_INT(row->leaf)));
}

struct ap_result ap_db_consent_known(struct ap_db *db, const struct ap_uuid *record_id, bool *ret_known)
{
	int64_t n = 0;
	AP_TRY(ap_db_count(db, "SELECT count(*) FROM consent WHERE record_id = ?1", AP_VALUES(AP_V_UUID(record_id)), &n));
	*ret_known = n > 0;
	return AP_SUCCESS;
}

struct ap_result ap_db_consent_taken(struct ap_db *db, const struct ap_uuid *session, enum ap_role role,
				     enum ap_decision event, int64_t received_ms, bool *ret_taken)
{
	int64_t n = 0;
	AP_TRY(ap_db_count(db,
			   "SELECT count(*) FROM consent WHERE session = ?1 AND role = ?2 AND event = ?3 AND received_ms = ?4",
			   AP_VALUES(AP_V_UUID(session), AP_V_INT(role), AP_V_TEXT(ap_decision_text(event)), AP_V_INT(received_ms)),
			   &n));
	*ret_taken = n > 0;
	return AP_SUCCESS;
}

struct ap_result ap_db_consent_last_ms(struct ap_db *db, const struct ap_uuid *session, enum ap_role role, int64_t *ret_ms)
{
	return ap_db_count(db, "SELECT max(event_ms) FROM consent WHERE session = ?1 AND role = ?2",
			   AP_VALUES(AP_V_UUID(session), AP_V_INT(role)), ret_ms);
}

void ap_give_clear(struct ap_give *give)
{
	g_free(give->text);
	*give = (struct ap_give){ 0 };
}

#define GIVE_COLUMNS "record_id, leaf, key, presence, session, text"

static bool read_give(struct ap_rows *rows, struct ap_give *give)
{
	give->record_id = ap_row_uuid(rows, 0);
	give->leaf = (uint64_t)ap_row_int(rows, 1);
	give->presence = (unsigned)ap_row_int(rows, 3);
	give->session = ap_row_uuid(rows, 4);
	give->text = ap_row_text_dup(rows, 5);
	return ap_row_bytes(rows, 2, give->key, sizeof give->key) && give->text;
}

struct ap_result ap_db_consent_give(struct ap_db *db, const struct ap_uuid *session, enum ap_role role, bool *ret_found,
				    struct ap_give *ret_give)
{
	struct ap_give give = { 0 };
	bool given = false, found = false;
	AP_TRY(ap_consent_gives(db, session, role, AP_PURPOSE_RECORDING, &given));
	*ret_found = false;
	if (!given)
		return AP_SUCCESS;
	struct ap_rows *rows = ap_db_query(db,
					   "SELECT " GIVE_COLUMNS " FROM consent WHERE session = ?1 AND role = ?2"
					   " AND event = 'ConsentGiven' AND purposes LIKE '%\"recording\"%' AND evidence = 'signed'"
					   " ORDER BY seq DESC LIMIT 1",
					   AP_VALUES(AP_V_UUID(session), AP_V_INT(role)));
	if (ap_rows_next(rows))
		found = read_give(rows, &give);
	struct ap_result r = ap_rows_end(rows);
	if (!ap_ok(r) || !found) {
		ap_give_clear(&give);
		return r;
	}
	*ret_found = true;
	*ret_give = give;
	return AP_SUCCESS;
}

struct ap_result ap_db_consent_by_record(struct ap_db *db, const struct ap_uuid *record_id, struct ap_give *ret_give)
{
	struct ap_give give = { 0 };
	struct ap_rows *rows = ap_db_query(db, "SELECT " GIVE_COLUMNS " FROM consent WHERE record_id = ?1",
					   AP_VALUES(AP_V_UUID(record_id)));
	bool found = ap_rows_next(rows) && read_give(rows, &give);
	struct ap_result r = ap_rows_end_found(rows, found);
	if (ap_ok(r))
		*ret_give = give;
	else
		ap_give_clear(&give);
	return r;
}

struct ap_result ap_db_consent_leaves(struct ap_db *db, const struct ap_uuid *session, enum ap_role role,
				      GArray **ret_leaves)
{
	g_autoptr(GArray) leaves = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	struct ap_rows *rows = ap_db_query(db,
					   "SELECT leaf FROM consent WHERE session = ?1 AND role = ?2 AND leaf IS NOT NULL"
					   " ORDER BY seq",
					   AP_VALUES(AP_V_UUID(session), AP_V_INT(role)));
	while (ap_rows_next(rows)) {
		uint64_t leaf = (uint64_t)ap_row_int(rows, 0);
		g_array_append_val(leaves, leaf);
	}
	AP_TRY(ap_rows_end(rows));
	*ret_leaves = g_steal_pointer(&leaves);
	return AP_SUCCESS;
}
