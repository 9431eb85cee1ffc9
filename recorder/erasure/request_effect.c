/* What a request does, at once or when it can be done, and the reminders that go with its clock. */
#include "recorder/erasure/request_private.h"

#include "recorder/api/answer.h"
#include "recorder/api/body.h"
#include "recorder/db/db_consent.h"
#include "recorder/db/db_staff_access.h"
#include "recorder/db/db_staff_erasure.h"
#include "recorder/erasure/erasure.h"
#include "recorder/erasure/passage.h"
#include "recorder/portability/archive.h"
#include "recorder/erasure/request_clock.h"
#include "recorder/vault.h"
#include "recorder/webhook/webhook.h"

#include <aparte/log.h>
#include <string.h>

enum told { TOLD_SOON = 1, TOLD_OVERDUE = 2 };

static int64_t now(struct ap_vault *v)
{
	return ap_wall_ms(ap_vault_clock(v));
}

static bool is_type(const struct ap_request_row *row, const char *type)
{
	return strcmp(row->type, type) == 0;
}

/* ---- by type ---- */

/* R39: erasure by one erases the whole. What was held or still being made follows when it can. */
static struct ap_result erase_session(struct ap_vault *v, const struct ap_request_row *row, bool *ret_done)
{
	g_autoptr(GArray) ids = NULL;
	int64_t living, running;
	struct ap_db *db = ap_vault_db(v);
	AP_TRY(ap_db_erasure_find(db, &row->session, NULL, 0, ap_vault_believed_ms(v), &ids));
	for (guint i = 0; i < ids->len; i++) {
		AP_TRY(ap_db_begin(db));
		struct ap_result r = ap_db_finish(
			db, ap_erasure_order(v, db, &g_array_index(ids, struct ap_uuid, i), AP_ERASE_REQUEST));
		if (!ap_ok(r) && strcmp(r.name, "held") != 0)
			return r;
	}
	AP_TRY(ap_erasure_run(v));
	AP_TRY(ap_db_request_living(db, &row->session, &living, &running));
	*ret_done = living == 0;
	return AP_SUCCESS;
}

static struct ap_result sweep_accesses(struct ap_vault *v, const struct ap_uuid *session, const char *state)
{
	g_autoptr(GArray) ids = NULL;
	AP_TRY(ap_db_access_of_session(ap_vault_db(v), session, &ids));
	for (guint i = 0; i < ids->len; i++) {
		AP_TRY(ap_access_sweep(v, &g_array_index(ids, struct ap_uuid, i)));
		ap_vault_recording_changed(v, session, &g_array_index(ids, struct ap_uuid, i), state);
	}
	return AP_SUCCESS;
}

static struct ap_result freeze_session(struct ap_vault *v, const struct ap_request_row *row)
{
	AP_TRY(ap_db_request_freeze(ap_vault_db(v), &row->session, true));
	return sweep_accesses(v, &row->session, "restricted");
}

static struct ap_result wish_of(struct ap_vault *v, const struct ap_request_row *row, JsonNode **ret_node,
				JsonObject **ret_wish)
{
	g_autofree char *text = NULL;
	AP_TRY(ap_db_request_wish(ap_vault_db(v), &row->id, &text));
	if (!text)
		return ap_fail(AP_ERR_PROTOCOL, "invalid",
			       is_type(row, "objection") ? "name the purposes the person objects to" :
							   "name what is to change: name, locale");
	return ap_body_parse(text, ret_node, ret_wish);
}

static ap_purposes purposes_in(JsonObject *wish)
{
	ap_purposes purposes = 0;
	enum ap_purpose purpose;
	JsonArray *list = json_object_get_array_member(wish, "purposes");
	for (guint i = 0; i < json_array_get_length(list); i++)
		if (ap_purpose_parse(json_array_get_string_element(list, i), &purpose))
			purposes |= AP_PURPOSE_BIT(purpose);
	return purposes;
}

/* Consent is the basis of every purpose here, so to object is to withdraw (art. 7(3) rather than 21): the gate thread
 * takes it as a withdrawal, with all that follows. Done once the person's state says so. */
static struct ap_result object(struct ap_vault *v, const struct ap_request_row *row, bool *ret_done)
{
	struct ap_consent_state state = {0};
	g_autoptr(JsonNode) node = NULL;
	JsonObject *wish;
	AP_TRY(wish_of(v, row, &node, &wish));
	AP_TRY(ap_db_consent_state(ap_vault_db(v), &row->session, row->role, &state));
	*ret_done = (ap_consent_given(&state) & purposes_in(wish)) == 0;
	if (*ret_done)
		return AP_SUCCESS;
	JsonObject *body = json_object_new();
	ap_answer_text(body, "event", "ConsentWithdrawn");
	ap_answer_id(body, "request", &row->id);
	json_object_set_array_member(body, "purposes", json_array_ref(json_object_get_array_member(wish, "purposes")));
	g_autofree char *text = ap_answer_take_text(ap_answer_object(body));
	ap_vault_withdraw(v, &row->session, row->role, text);
	return AP_SUCCESS;
}

static struct ap_result rectify(struct ap_vault *v, const struct ap_request_row *row)
{
	g_autoptr(JsonNode) node = NULL;
	JsonObject *wish;
	AP_TRY(wish_of(v, row, &node, &wish));
	JsonObject *changes = ap_body_object(wish, "changes");
	return ap_db_request_rectify(ap_vault_db(v), row, ap_body_text(changes, "name"),
				     ap_body_text(changes, "locale"));
}

struct ap_result ap_request_carry_out(struct ap_vault *v, const struct ap_request_row *row, bool *ret_done)
{
	*ret_done = true;
	if (is_type(row, "erasure"))
		return erase_session(v, row, ret_done);
	if (is_type(row, "restriction"))
		return freeze_session(v, row);
	if (is_type(row, "objection"))
		return object(v, row, ret_done);
	if (is_type(row, "rectification"))
		return rectify(v, row);
	return is_type(row, "portability") ? ap_archive_is_ready(v, &row->id, ret_done) : AP_SUCCESS;
}

/* ---- answering ---- */

static struct ap_result write_answer(struct ap_vault *v, const struct ap_request_row *row,
				     const struct ap_request_answer *answer, const char *by)
{
	uint64_t leaf;
	g_autofree char *event = g_strconcat("request_", answer->state, NULL);
	AP_TRY(ap_request_log(v, event, row, by, &leaf));
	AP_TRY(ap_db_request_answer(ap_vault_db(v), &row->id, answer));
	return ap_request_tell(v, row, strcmp(answer->state, "done") == 0 ? "request.done" : "request.refused", 0);
}

struct ap_result ap_request_settle(struct ap_vault *v, const struct ap_request_row *row,
				   const struct ap_request_answer *answer, const char *by)
{
	AP_TRY(ap_db_begin(ap_vault_db(v)));
	return ap_db_finish(ap_vault_db(v), write_answer(v, row, answer, by));
}

/* ---- every second ---- */

static struct ap_result finish_open(struct ap_vault *v, const char *type, const char *words)
{
	g_autoptr(GArray) rows = NULL;
	AP_TRY(ap_db_request_open(ap_vault_db(v), type, &rows));
	for (guint i = 0; i < rows->len; i++) {
		const struct ap_request_row *row = &g_array_index(rows, struct ap_request_row, i);
		const struct ap_request_answer answer = {"done", words, NULL, now(v)};
		bool done = false;
		struct ap_result r = ap_request_carry_out(v, row, &done);
		if (!ap_ok(r) && strcmp(r.name, "invalid") != 0) /* that one waits for an admin */
			return r;
		if (done && ap_ok(r))
			AP_TRY(ap_request_settle(v, row, &answer, "vault"));
	}
	return AP_SUCCESS;
}

/* Art. 18(3): the person was told when; now it ends, unless another restriction stands. */
static struct ap_result lift_one(struct ap_vault *v, const struct ap_request_row *row)
{
	uint64_t leaf;
	int64_t others;
	AP_TRY(ap_request_log(v, "restriction_lifted", row, "vault", &leaf));
	AP_TRY(ap_db_run(ap_vault_db(v), "UPDATE request SET state = 'lifted' WHERE id = ?1",
			 AP_VALUES(AP_V_UUID(&row->id))));
	AP_TRY(ap_request_tell(v, row, "request.lifted", 0));
	AP_TRY(ap_db_request_frozen_by_others(ap_vault_db(v), &row->session, &row->id, &others));
	return others ? AP_SUCCESS : ap_db_request_freeze(ap_vault_db(v), &row->session, false);
}

static struct ap_result catch_up(struct ap_vault *v, const struct ap_uuid *session)
{
	g_autoptr(GArray) ids = NULL;
	AP_TRY(ap_db_access_of_session(ap_vault_db(v), session, &ids));
	for (guint i = 0; i < ids->len; i++)
		AP_TRY(ap_erasure_catch_up(v, &g_array_index(ids, struct ap_uuid, i)));
	return AP_SUCCESS;
}

static struct ap_result lift_due(struct ap_vault *v)
{
	g_autoptr(GArray) rows = NULL;
	AP_TRY(ap_db_request_lifting(ap_vault_db(v), ap_vault_believed_ms(v), &rows));
	for (guint i = 0; i < rows->len; i++) {
		const struct ap_request_row *row = &g_array_index(rows, struct ap_request_row, i);
		AP_TRY(ap_db_begin(ap_vault_db(v)));
		AP_TRY(ap_db_finish(ap_vault_db(v), lift_one(v, row)));
		AP_TRY(catch_up(v, &row->session));
		ap_vault_look_again(v);
	}
	return AP_SUCCESS;
}

/* To whoever listens to the tenant's webhooks, so without session or role: nobody can tell whose it is. */
static struct ap_result write_reminder(struct ap_vault *v, const struct ap_request_row *row, unsigned told)
{
	JsonObject *data = json_object_new();
	ap_answer_id(data, "request", &row->id);
	ap_answer_time(data, "due", row->due_ms);
	json_object_set_boolean_member(data, "overdue", (told & TOLD_OVERDUE) != 0);
	g_autofree char *text = ap_answer_take_text(ap_answer_object(data));
	AP_TRY(ap_db_request_told(ap_vault_db(v), &row->id, told));
	return ap_webhook_queue(v, ap_vault_db(v), row->tenant, "request.due", text);
}

static struct ap_result remind_one(struct ap_vault *v, const struct ap_request_row *row)
{
	enum ap_request_urgency urgency = ap_request_urgency(row->due_ms, ap_vault_believed_ms(v));
	unsigned told = urgency == AP_REQUEST_OVERDUE ? TOLD_SOON | TOLD_OVERDUE :
			urgency == AP_REQUEST_SOON    ? TOLD_SOON : 0;
	if ((told & ~row->told) == 0)
		return AP_SUCCESS;
	char id[AP_UUID_TEXT];
	ap_uuid_text(&row->id, id);
	ap_log(AP_LOG_WARN, told & TOLD_OVERDUE ? "request_overdue" : "request_due", "request=%s", id);
	AP_TRY(ap_db_begin(ap_vault_db(v)));
	return ap_db_finish(ap_vault_db(v), write_reminder(v, row, row->told | told));
}

static struct ap_result remind(struct ap_vault *v)
{
	g_autoptr(GArray) waiting = NULL, unticked = NULL;
	AP_TRY(ap_db_request_open(ap_vault_db(v), NULL, &waiting));
	AP_TRY(ap_db_request_unticked(ap_vault_db(v), &unticked));
	for (guint i = 0; i < waiting->len; i++)
		AP_TRY(remind_one(v, &g_array_index(waiting, struct ap_request_row, i)));
	for (guint i = 0; i < unticked->len; i++)
		AP_TRY(remind_one(v, &g_array_index(unticked, struct ap_request_row, i)));
	return AP_SUCCESS;
}

static void note_first(struct ap_result *first, struct ap_result r)
{
	if (ap_ok(*first))
		*first = r;
}

/* Each part on its own: none that fails keeps another from what is due. */
struct ap_result ap_request_work(struct ap_vault *v)
{
	struct ap_result first = ap_db_request_freeze_new(ap_vault_db(v));
	note_first(&first, finish_open(v, "erasure", "erased"));
	note_first(&first, finish_open(v, "objection", "ended"));
	note_first(&first, lift_due(v));
	note_first(&first, ap_archive_work(v));
	note_first(&first, ap_passage_work(v));
	note_first(&first, remind(v));
	return first;
}
