#include "recorder/db/db_session.h"

#include <glib.h>
#include <string.h>

static const char *const states[] = { "created", "active", "ended" };

const char *ap_session_state_text(enum ap_session_state s)
{
	return states[s];
}

static enum ap_session_state state_of(const char *text)
{
	for (int i = 0; text && i < (int)G_N_ELEMENTS(states); i++)
		if (strcmp(text, states[i]) == 0)
			return (enum ap_session_state)i;
	return AP_SESSION_ENDED;
}

void ap_session_clear(struct ap_session *s)
{
	g_free(s->reference);
	g_free(s->policy);
	g_free(s->e2ee);
	g_free(s->video_codec);
	*s = (struct ap_session){ 0 };
}

void ap_party_clear(struct ap_party *p)
{
	g_free(p->pii_principal);
	g_free(p->name);
	g_free(p->locale);
	*p = (struct ap_party){ 0 };
}

struct ap_result ap_db_session_put(struct ap_db *db, const struct ap_session *s, const char *idempotency_key,
				   const uint8_t request_sha256[32])
{
	return ap_db_run(db,
			 "INSERT INTO session (id, tenant, reference, policy, policy_version, sensitivity, e2ee, video_codec,"
			 " state, created_ms, idempotency_key, request_sha256)"
			 " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'created', ?9, ?10, ?11)",
			 AP_VALUES(AP_V_UUID(&s->id), AP_V_INT(s->tenant), AP_V_TEXT(s->reference), AP_V_TEXT(s->policy),
				   AP_V_INT(s->policy_version), AP_V_TEXT(ap_sensitivity_text(s->sensitivity)),
				   AP_V_TEXT(s->e2ee), AP_V_TEXT(s->video_codec), AP_V_INT(s->created_ms),
				   AP_V_TEXT(idempotency_key && *idempotency_key ? idempotency_key : NULL),
				   AP_V_HASH(request_sha256)));
}

struct ap_result ap_db_party_put(struct ap_db *db, const struct ap_party *p)
{
	return ap_db_run(db,
			 "INSERT INTO party (session, role, pii_principal, name, locale, minor, given_key, token_number,"
			 " token_hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
			 AP_VALUES(AP_V_UUID(&p->session), AP_V_INT(p->role), AP_V_TEXT(p->pii_principal), AP_V_TEXT(p->name),
				   AP_V_TEXT(p->locale), AP_V_INT(p->minor),
				   AP_V_BLOB(p->has_given_key ? p->given_key : NULL, 32), AP_V_INT(p->token_number),
				   AP_V_HASH(p->token_hash)));
}

struct ap_result ap_db_session_by_key(struct ap_db *db, int64_t tenant, const char *idempotency_key,
				      struct ap_uuid *ret_id, uint8_t ret_request_sha256[32])
{
	struct ap_rows *rows = ap_db_query(db,
					   "SELECT id, request_sha256 FROM session WHERE tenant = ?1 AND idempotency_key = ?2",
					   AP_VALUES(AP_V_INT(tenant), AP_V_TEXT(idempotency_key)));
	bool found = ap_rows_next(rows);
	if (found) {
		*ret_id = ap_row_uuid(rows, 0);
		ap_row_bytes(rows, 1, ret_request_sha256, 32);
	}
	return ap_rows_end_found(rows, found);
}

static void read_session(struct ap_rows *rows, struct ap_session *s)
{
	s->id = ap_row_uuid(rows, 0);
	s->tenant = ap_row_int(rows, 1);
	s->reference = ap_row_text_dup(rows, 2);
	s->policy = ap_row_text_dup(rows, 3);
	s->policy_version = ap_row_int(rows, 4);
	if (!ap_sensitivity_parse(ap_row_text(rows, 5), &s->sensitivity))
		s->sensitivity = AP_UNRECORDED;
	s->e2ee = ap_row_text_dup(rows, 6);
	s->video_codec = ap_row_text_dup(rows, 7);
	s->state = state_of(ap_row_text(rows, 8));
	s->paused = (unsigned)ap_row_int(rows, 9);
	s->created_ms = ap_row_int(rows, 10);
	s->ended_ms = ap_row_int(rows, 11);
}

struct ap_result ap_session_load(struct ap_db *db, const struct ap_uuid *id, struct ap_session *ret_session)
{
	struct ap_session s = { 0 };
	struct ap_rows *rows = ap_db_query(db,
					   "SELECT id, tenant, reference, policy, policy_version, sensitivity, e2ee, video_codec,"
					   " state, paused, created_ms, ended_ms FROM session WHERE id = ?1",
					   AP_VALUES(AP_V_UUID(id)));
	bool found = ap_rows_next(rows);
	if (found)
		read_session(rows, &s);
	struct ap_result r = ap_rows_end_found(rows, found);
	if (ap_ok(r))
		*ret_session = s;
	else
		ap_session_clear(&s);
	return r;
}

struct ap_result ap_db_session_set_state(struct ap_db *db, const struct ap_uuid *id, enum ap_session_state state,
					 int64_t now_ms)
{
	if (state == AP_SESSION_ENDED)
		return ap_db_run(db, "UPDATE session SET state = 'ended', ended_ms = coalesce(ended_ms, ?2) WHERE id = ?1",
				 AP_VALUES(AP_V_UUID(id), AP_V_INT(now_ms)));
	return ap_db_run(db, "UPDATE session SET state = ?2 WHERE id = ?1 AND state <> 'ended'",
			 AP_VALUES(AP_V_UUID(id), AP_V_TEXT(states[state])));
}

struct ap_result ap_db_session_begin(struct ap_db *db, const struct ap_uuid *id, int64_t now_ms)
{
	return ap_db_run(db, "UPDATE session SET begun_ms = ?2 WHERE id = ?1 AND begun_ms IS NULL",
			 AP_VALUES(AP_V_UUID(id), AP_V_INT(now_ms)));
}

struct ap_result ap_db_session_begun(struct ap_db *db, const struct ap_uuid *id, int64_t *ret_ms)
{
	return ap_db_count(db, "SELECT coalesce(begun_ms, 0) FROM session WHERE id = ?1", AP_VALUES(AP_V_UUID(id)), ret_ms);
}

struct ap_result ap_db_session_set_paused(struct ap_db *db, const struct ap_uuid *id, unsigned bits)
{
	return ap_db_run(db, "UPDATE session SET paused = ?2 WHERE id = ?1", AP_VALUES(AP_V_UUID(id), AP_V_INT(bits)));
}

struct ap_result ap_db_session_tenant(struct ap_db *db, const struct ap_uuid *id, int64_t *ret_tenant)
{
	return ap_db_count(db, "SELECT tenant FROM session WHERE id = ?1", AP_VALUES(AP_V_UUID(id)), ret_tenant);
}

struct ap_result ap_db_session_gate_told(struct ap_db *db, const struct ap_uuid *id, bool *ret_told)
{
	int64_t told;
	AP_TRY(ap_db_count(db, "SELECT gate_told FROM session WHERE id = ?1", AP_VALUES(AP_V_UUID(id)), &told));
	*ret_told = told != 0;
	return AP_SUCCESS;
}

struct ap_result ap_db_session_set_gate_told(struct ap_db *db, const struct ap_uuid *id, bool told)
{
	return ap_db_run(db, "UPDATE session SET gate_told = ?2 WHERE id = ?1", AP_VALUES(AP_V_UUID(id), AP_V_INT(told)));
}

struct ap_result ap_db_session_gates_told(struct ap_db *db, GArray **ret_ids)
{
	return ap_rows_end_ids(ap_db_query(db, "SELECT id FROM session WHERE gate_told = 1", AP_NO_VALUES), ret_ids);
}

struct ap_result ap_db_session_restricted(struct ap_db *db, const struct ap_uuid *id, bool *ret_restricted)
{
	int64_t n = 0;
	AP_TRY(ap_db_count(db,
			   "SELECT (SELECT count(*) FROM request WHERE session = ?1 AND type = 'restriction'"
			   " AND state NOT IN ('refused', 'lifted')) + (SELECT count(*) FROM frozen_session WHERE session = ?1)",
			   AP_VALUES(AP_V_UUID(id)), &n));
	*ret_restricted = n > 0;
	return AP_SUCCESS;
}

struct ap_result ap_db_session_active(struct ap_db *db, GArray **ret_ids)
{
	return ap_rows_end_ids(ap_db_query(db, "SELECT id FROM session WHERE state = 'active'", AP_NO_VALUES), ret_ids);
}

#define PARTY_COLUMNS "session, role, pii_principal, name, locale, minor, given_key, token_number, token_hash, token_expires_ms"

static struct ap_result one_party(struct ap_rows *rows, struct ap_party *ret_party)
{
	struct ap_party p = { 0 };
	bool found = ap_rows_next(rows);
	if (found) {
		p.session = ap_row_uuid(rows, 0);
		p.role = (enum ap_role)ap_row_int(rows, 1);
		p.pii_principal = ap_row_text_dup(rows, 2);
		p.name = ap_row_text_dup(rows, 3);
		p.locale = ap_row_text_dup(rows, 4);
		p.minor = ap_row_int(rows, 5) != 0;
		p.has_given_key = ap_row_bytes(rows, 6, p.given_key, sizeof p.given_key);
		p.token_number = ap_row_int(rows, 7);
		ap_row_bytes(rows, 8, p.token_hash, sizeof p.token_hash);
		p.token_expires_ms = ap_row_int(rows, 9);
	}
	struct ap_result r = ap_rows_end_found(rows, found);
	if (ap_ok(r))
		*ret_party = p;
	else
		ap_party_clear(&p);
	return r;
}

struct ap_result ap_party_load(struct ap_db *db, const struct ap_uuid *session, enum ap_role role, struct ap_party *ret_party)
{
	return one_party(ap_db_query(db, "SELECT " PARTY_COLUMNS " FROM party WHERE session = ?1 AND role = ?2",
				     AP_VALUES(AP_V_UUID(session), AP_V_INT(role))),
			 ret_party);
}

struct ap_result ap_db_party_by_hash(struct ap_db *db, const uint8_t hash[32], struct ap_party *ret_party)
{
	return one_party(ap_db_query(db, "SELECT " PARTY_COLUMNS " FROM party WHERE token_hash = ?1",
				     AP_VALUES(AP_V_HASH(hash))),
			 ret_party);
}

struct ap_result ap_db_party_set_token(struct ap_db *db, const struct ap_party *old, int64_t number,
				       const uint8_t hash[32], int64_t now_ms)
{
	AP_TRY(ap_db_run(db, "INSERT INTO revoked_token (hash, revoked_ms) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
			 AP_VALUES(AP_V_HASH(old->token_hash), AP_V_INT(now_ms))));
	return ap_db_run(db, "UPDATE party SET token_number = ?3, token_hash = ?4 WHERE session = ?1 AND role = ?2",
			 AP_VALUES(AP_V_UUID(&old->session), AP_V_INT(old->role), AP_V_INT(number), AP_V_HASH(hash)));
}

struct ap_result ap_db_party_expire(struct ap_db *db, const struct ap_uuid *session, int64_t expires_ms)
{
	return ap_db_run(db, "UPDATE party SET token_expires_ms = ?2 WHERE session = ?1 AND token_expires_ms IS NULL",
			 AP_VALUES(AP_V_UUID(session), AP_V_INT(expires_ms)));
}

struct ap_result ap_db_device_current(struct ap_db *db, const struct ap_uuid *session, enum ap_role role,
				      uint8_t ret_key[32], bool *ret_found)
{
	struct ap_rows *rows = ap_db_query(db,
					   "SELECT key FROM device WHERE session = ?1 AND role = ?2 AND replaced_ms IS NULL"
					   " ORDER BY enrolled_ms DESC LIMIT 1",
					   AP_VALUES(AP_V_UUID(session), AP_V_INT(role)));
	bool found = ap_rows_next(rows) && ap_row_bytes(rows, 0, ret_key, 32);
	AP_TRY(ap_rows_end(rows));
	*ret_found = found;
	return AP_SUCCESS;
}

struct ap_result ap_db_device_enrol(struct ap_db *db, const struct ap_uuid *session, enum ap_role role,
				    const uint8_t key[32], int64_t now_ms)
{
	AP_TRY(ap_db_run(db,
			 "UPDATE device SET replaced_ms = ?4 WHERE session = ?1 AND role = ?2 AND key <> ?3"
			 " AND replaced_ms IS NULL",
			 AP_VALUES(AP_V_UUID(session), AP_V_INT(role), AP_V_HASH(key), AP_V_INT(now_ms))));
	return ap_db_run(db,
			 "INSERT INTO device (session, role, key, enrolled_ms) VALUES (?1, ?2, ?3, ?4)"
			 " ON CONFLICT DO UPDATE SET replaced_ms = NULL, enrolled_ms = ?4",
			 AP_VALUES(AP_V_UUID(session), AP_V_INT(role), AP_V_HASH(key), AP_V_INT(now_ms)));
}
