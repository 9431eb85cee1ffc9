/* What goes when a proof's time is over: everything in vault.db that says whom a session was about. */
#include "recorder/proof/db_proof.h"

#include <string.h>

/* As the index leaf_about has it. */
#define ABOUT                                                                                                          \
	"CASE WHEN instr(body, '\"session\":\"') THEN substr(body, instr(body, '\"session\":\"') + 11, 36)"               \
	" WHEN instr(body, '\"recording\":\"') THEN substr(body, instr(body, '\"recording\":\"') + 13, 36)"               \
	" WHEN instr(body, '\"grant\":\"') THEN substr(body, instr(body, '\"grant\":\"') + 9, 36) END"

/* Openings, and texts of others that name this id. */
static struct ap_result forget_id(struct ap_db *db, const struct ap_uuid *id)
{
	static const char *const steps[] = {
		"UPDATE leaf SET salt = NULL, body = NULL WHERE body IS NOT NULL AND (" ABOUT ") = ?1",
		"DELETE FROM webhook_delivery WHERE instr(body, ?1) > 0",
		"DELETE FROM proposal WHERE instr(body, ?1) > 0",
	};
	char text[AP_UUID_TEXT];
	ap_uuid_text(id, text);
	for (size_t i = 0; i < G_N_ELEMENTS(steps); i++)
		AP_TRY(ap_db_run(db, steps[i], AP_VALUES(AP_V_TEXT(text))));
	return AP_SUCCESS;
}

static struct ap_result forget_ids(struct ap_db *db, const char *sql, const struct ap_uuid *session)
{
	g_autoptr(GArray) ids = NULL;
	AP_TRY(ap_rows_end_ids(ap_db_query(db, sql, AP_VALUES(AP_V_UUID(session))), &ids));
	for (guint i = 0; i < ids->len; i++)
		AP_TRY(forget_id(db, &g_array_index(ids, struct ap_uuid, i)));
	return AP_SUCCESS;
}

#define ITS_RECORDINGS " IN (SELECT id FROM recording WHERE session = ?1)"
#define ITS_REQUESTS " IN (SELECT id FROM request WHERE session = ?1)"

/* Children before what they refer to. */
static struct ap_result delete_rows(struct ap_db *db, const struct ap_uuid *session)
{
	static const char *const steps[] = {
		"DELETE FROM request_item WHERE request" ITS_REQUESTS,
		"DELETE FROM archive WHERE request" ITS_REQUESTS,
		"DELETE FROM request WHERE session = ?1",
		"DELETE FROM passage WHERE recording" ITS_RECORDINGS,
		"DELETE FROM segment WHERE recording" ITS_RECORDINGS,
		"DELETE FROM term WHERE recording" ITS_RECORDINGS,
		"DELETE FROM decision WHERE recording" ITS_RECORDINGS,
		"DELETE FROM note WHERE recording" ITS_RECORDINGS,
		"DELETE FROM approval WHERE recording" ITS_RECORDINGS,
		"DELETE FROM access WHERE recording" ITS_RECORDINGS,
		"DELETE FROM grant_ WHERE recording" ITS_RECORDINGS,
		"DELETE FROM hold WHERE recording" ITS_RECORDINGS,
		"DELETE FROM erasure WHERE recording" ITS_RECORDINGS,
		"DELETE FROM frozen WHERE recording" ITS_RECORDINGS,
		"DELETE FROM epoch WHERE session = ?1",
		"DELETE FROM recording WHERE session = ?1",
		"DELETE FROM consent WHERE session = ?1",
		"DELETE FROM device WHERE session = ?1",
		"DELETE FROM party WHERE session = ?1",
		"DELETE FROM session_rule WHERE session = ?1",
		"DELETE FROM frozen_session WHERE session = ?1",
		"DELETE FROM proof WHERE session = ?1",
		"DELETE FROM session WHERE id = ?1",
	};
	for (size_t i = 0; i < G_N_ELEMENTS(steps); i++)
		AP_TRY(ap_db_run(db, steps[i], AP_VALUES(AP_V_UUID(session))));
	return AP_SUCCESS;
}

struct ap_result ap_db_proof_forget(struct ap_db *db, const struct ap_uuid *session)
{
	AP_TRY(forget_ids(db, "SELECT g.id FROM grant_ g JOIN recording r ON r.id = g.recording WHERE r.session = ?1", session));
	AP_TRY(forget_ids(db, "SELECT id FROM recording WHERE session = ?1", session));
	AP_TRY(forget_id(db, session));
	return delete_rows(db, session);
}

/* ---- remnants ---- */

struct ap_result ap_db_proof_owe_purge(struct ap_db *db)
{
	return ap_db_run(db, "INSERT INTO setting (name, value) VALUES ('proof_purge', '1') ON CONFLICT (name) DO NOTHING",
			 AP_NO_VALUES);
}

struct ap_result ap_db_proof_purge_state(struct ap_db *db, struct ap_proof_purge *ret_state)
{
	int64_t owed = 0, begun = 0, busy = 0, pages = 0, size = 0;
	AP_TRY(ap_db_count(db, "SELECT count(*) FROM setting WHERE name = 'proof_purge'", AP_NO_VALUES, &owed));
	AP_TRY(ap_db_count(db, "SELECT count(*) FROM setting WHERE name = 'proof_purge' AND value = 'begun'", AP_NO_VALUES, &begun));
	AP_TRY(ap_db_count(db, "SELECT EXISTS (SELECT 1 FROM session WHERE state = 'active')", AP_NO_VALUES, &busy));
	AP_TRY(ap_db_count(db, "PRAGMA page_count", AP_NO_VALUES, &pages));
	AP_TRY(ap_db_count(db, "PRAGMA page_size", AP_NO_VALUES, &size));
	*ret_state = (struct ap_proof_purge){owed != 0, begun != 0, busy != 0, pages * size};
	return AP_SUCCESS;
}

struct ap_result ap_db_proof_purge_begun(struct ap_db *db, bool begun)
{
	return ap_db_run(db, "UPDATE setting SET value = ?1 WHERE name = 'proof_purge'", AP_VALUES(AP_V_TEXT(begun ? "begun" : "1")));
}

/* It is owed until it is done, whatever comes between. */
struct ap_result ap_db_proof_purge(struct ap_db *db, const char *directory)
{
	AP_TRY(ap_db_rewrite(db, directory));
	return ap_db_run(db, "DELETE FROM setting WHERE name = 'proof_purge'", AP_NO_VALUES);
}
