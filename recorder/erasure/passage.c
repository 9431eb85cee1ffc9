#include "recorder/erasure/passage.h"

#include "recorder/access/access.h"
#include "recorder/api/answer.h"
#include "recorder/api/body.h"
#include "recorder/db/db_consent.h"
#include "recorder/db/db_passage.h"
#include "recorder/db/db_staff_erasure.h"
#include "recorder/erasure/erasure.h"
#include "recorder/erasure/passage_job.h"
#include "recorder/vault.h"

#include <aparte/log.h>
#include <string.h>

static int64_t now(struct ap_vault *v)
{
	return ap_wall_ms(ap_vault_clock(v));
}

static struct ap_result check_state(const struct ap_erasure_subject *s)
{
	if (s->ordered || strcmp(s->state, "erased") == 0)
		return ap_fail(AP_ERR_DENIED, "erased", "this recording was erased");
	if (s->held)
		return ap_fail(AP_ERR_DENIED, "held", "a legal hold keeps this recording as it is (art. 17(3))");
	if (strcmp(s->state, "restricted") == 0)
		return ap_fail(AP_ERR_DENIED, "restricted", "this recording is frozen");
	if (strcmp(s->state, "recording") == 0)
		return ap_fail(AP_ERR_DENIED, "conflict", "this recording is still being made");
	return AP_SUCCESS;
}

static struct ap_result parse_span(const char *json, const struct ap_erasure_subject *s, struct ap_passage_row *row)
{
	g_autoptr(JsonNode) node = NULL;
	JsonObject *body;
	AP_TRY(ap_body_parse(json, &node, &body));
	if (!ap_body_int(body, "from_ms", &row->from_ms) || !ap_body_int(body, "to_ms", &row->to_ms))
		return ap_fail(AP_ERR_PROTOCOL, "malformed", "from_ms and to_ms are whole numbers");
	if (row->from_ms < 0 || row->to_ms <= row->from_ms || row->from_ms >= s->duration_ms)
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "a passage lies within the recording and has a length");
	if (row->from_ms == 0 && row->to_ms >= s->duration_ms)
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "that is all of it: ask for its erasure");
	return AP_SUCCESS;
}

/* Theirs, and both still give `recording`: else it is being erased anyway. */
static struct ap_result check_person(struct ap_vault *v, const struct ap_actor *party, const struct ap_uuid *recording,
				     struct ap_erasure_subject *s)
{
	ap_purposes both;
	struct ap_result r = ap_db_erasure_subject(ap_vault_db(v), recording, ap_vault_believed_ms(v), s);
	if (!ap_ok(r) || !ap_uuid_equal(&s->session, &party->session))
		return ap_fail(AP_ERR_DENIED, "not-found", "there is no such recording of yours");
	AP_TRY(check_state(s));
	AP_TRY(ap_db_consent_both_of(ap_vault_db(v), recording, &s->session, &both));
	if (!(both & AP_PURPOSE_BIT(AP_PURPOSE_RECORDING)))
		return ap_fail(AP_ERR_DENIED, "erased", "one of you withdrew this recording");
	return AP_SUCCESS;
}

static struct ap_result write_order(struct ap_vault *v, const struct ap_passage_row *row)
{
	uint64_t leaf;
	JsonObject *body = json_object_new();
	ap_answer_text(body, "event", "passage_ordered");
	ap_answer_id(body, "passage", &row->id);
	ap_answer_id(body, "recording", &row->recording);
	json_object_set_int_member(body, "from_ms", row->from_ms);
	json_object_set_int_member(body, "to_ms", row->to_ms);
	ap_answer_text(body, "by", ap_role_text(row->role));
	AP_TRY(ap_ledger_append(ap_vault_ledger(v), ap_vault_db(v), AP_LEAF_REQUEST, body, &leaf));
	return ap_db_passage_insert(ap_vault_db(v), row, now(v), leaf);
}

static char *answer(const struct ap_passage_row *row)
{
	JsonObject *o = json_object_new();
	ap_answer_id(o, "recording", &row->recording);
	json_object_set_int_member(o, "from_ms", row->from_ms);
	json_object_set_int_member(o, "to_ms", row->to_ms);
	ap_answer_text(o, "state", "ordered");
	return ap_answer_take_text(ap_answer_object(o));
}

struct ap_result ap_passage_order(struct ap_vault *v, const struct ap_actor *party, const char *recording, const char *json,
				  char **ret_json)
{
	struct ap_passage_row row = {.id = ap_uuid_random(), .role = party->role};
	struct ap_erasure_subject s;
	bool waits;
	if (!ap_uuid_parse(recording, &row.recording))
		return ap_fail(AP_ERR_DENIED, "not-found", "there is no such recording of yours");
	AP_TRY(check_person(v, party, &row.recording, &s));
	AP_TRY(parse_span(json, &s, &row));
	AP_TRY(ap_db_passage_waits(ap_vault_db(v), &row.recording, &waits));
	if (waits)
		return ap_fail(AP_ERR_DENIED, "conflict", "a passage of this recording is being erased; ask again after it");
	AP_TRY(ap_db_begin(ap_vault_db(v)));
	AP_TRY(ap_db_finish(ap_vault_db(v), write_order(v, &row)));
	*ret_json = answer(&row);
	AP_IGNORE(ap_passage_work(v)); /* the timer tries again */
	return AP_SUCCESS;
}

struct ap_result ap_passage_describe(struct ap_vault *v, const struct ap_uuid *recording, JsonObject *o)
{
	JsonArray *list;
	AP_TRY(ap_db_passage_list(ap_vault_db(v), recording, &list));
	json_object_set_array_member(o, "passages", list);
	return AP_SUCCESS;
}

/* ---- doing it ---- */

struct ap_result ap_passage_drop(struct ap_vault *v, const struct ap_uuid *remainder)
{
	struct ap_db *db = ap_vault_db(v);
	AP_TRY(ap_db_run(db, "UPDATE recording SET state = 'sealed' WHERE id = ?1 AND state = 'recording'",
			 AP_VALUES(AP_V_UUID(remainder))));
	AP_TRY(ap_db_begin(db));
	AP_TRY(ap_db_finish(db, ap_erasure_order(v, db, remainder, AP_ERASE_PASSAGE)));
	return ap_erasure_run(v);
}

/* The row knows its remainder until that is gone: a crash in between leaves none that nobody knows. */
struct ap_result ap_passage_recover(struct ap_vault *v)
{
	g_autoptr(GArray) remainders = NULL;
	AP_TRY(ap_db_passage_making(ap_vault_db(v), &remainders));
	for (guint i = 0; i < remainders->len; i++) {
		const struct ap_uuid *remainder = &g_array_index(remainders, struct ap_uuid, i);
		AP_TRY(ap_passage_drop(v, remainder));
		AP_TRY(ap_db_passage_reset(ap_vault_db(v), remainder));
	}
	return AP_SUCCESS;
}

struct ap_result ap_passage_halt(struct ap_vault *v)
{
	ap_passage_stop();
	return ap_passage_recover(v);
}

struct ap_result ap_passage_work(struct ap_vault *v)
{
	struct ap_passage_row row;
	struct ap_erasure_subject s;
	if (ap_passage_job_running() || ap_vault_locked_down(v))
		return AP_SUCCESS;
	AP_TRY(ap_passage_recover(v));
	struct ap_result r = ap_db_passage_next(ap_vault_db(v), &row);
	if (!ap_ok(r))
		return strcmp(r.name, "not-found") == 0 ? AP_SUCCESS : r;
	AP_TRY(ap_db_erasure_subject(ap_vault_db(v), &row.recording, ap_vault_believed_ms(v), &s));
	r = check_state(&s);
	if (strcmp(r.name, "erased") == 0)
		return ap_db_passage_failed(ap_vault_db(v), &row.id, r.name);
	return ap_ok(r) ? ap_passage_job_start(v, &row) : AP_SUCCESS; /* held or frozen since: it waits */
}
