/* The admin's side of requests: lists with clocks, opening on behalf, deciding, ticking. */
#include "recorder/erasure/request_private.h"

#include "recorder/api/answer.h"
#include "recorder/api/body.h"
#include "recorder/erasure/request_clock.h"
#include "recorder/consent/session.h"
#include "recorder/vault.h"

#include <aparte/http.h>
#include <string.h>

#define DAY_MS 86400000LL
#define REASON_MAX 4000

static int64_t now(struct ap_vault *v)
{
	return ap_wall_ms(ap_vault_clock(v));
}

/* ---- lists ---- */

/* Whole days until it is due; negative once overdue. */
static void add_days(struct ap_vault *v, JsonArray *list)
{
	for (guint i = 0; i < json_array_get_length(list); i++) {
		JsonObject *o = json_array_get_object_element(list, i);
		int64_t due;
		if (!ap_time_parse(json_object_get_string_member(o, "due"), &due))
			continue;
		int64_t left = due - now(v);
		json_object_set_int_member(o, "days_left", left >= 0 ? left / DAY_MS : -((-left + DAY_MS - 1) / DAY_MS));
	}
}

struct ap_result ap_request_list(struct ap_vault *v, const struct ap_actor *by, bool due, const struct ap_uuid *after, int64_t limit,
				 JsonArray **ret_list)
{
	g_autoptr(JsonArray) list = NULL;
	const struct ap_request_filter filter = {.tenant = by->tenant,
						 .due_before_ms = due ? now(v) + AP_REQUEST_SOON_MS : 0,
						 .after = after,
						 .limit = limit,
						 .named = true};
	AP_TRY(ap_db_request_list(ap_vault_db(v), &filter, &list));
	AP_TRY(ap_request_complete(v, list));
	add_days(v, list);
	*ret_list = g_steal_pointer(&list);
	return AP_SUCCESS;
}

static struct ap_result load(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *id,
			     struct ap_request_row *ret_row)
{
	AP_TRY(ap_db_request_load(ap_vault_db(v), id, ret_row));
	if (by->tenant && by->tenant != ret_row->tenant)
		return ap_fail(AP_ERR_DENIED, "not-found", "there is no such request");
	return AP_SUCCESS;
}

struct ap_result ap_request_within(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *id)
{
	struct ap_request_row row;
	return load(v, by, id, &row);
}

struct ap_result ap_request_show(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *id,
				 JsonNode **ret_answer)
{
	AP_TRY(ap_request_within(v, by, id));
	return ap_request_answer_one(v, id, ret_answer);
}

/* ---- opening on behalf ---- */

struct ap_result ap_request_open_for(struct ap_vault *v, const struct ap_actor *by, JsonObject *body,
				     JsonNode **ret_answer)
{
	struct ap_request_row row = {0};
	struct ap_session session;
	const char *id, *role;
	g_autofree char *who = ap_actor_text(by);
	AP_TRY(ap_http_json_text(body, "session", &id));
	AP_TRY(ap_http_json_text(body, "party", &role));
	if (!ap_uuid_parse(id, &row.session) || !ap_role_parse(role, &row.role))
		return ap_fail(AP_ERR_PROTOCOL, "malformed", "session is an id and party is coach or coachee");
	AP_TRY(ap_session_load(ap_vault_db(v), &row.session, &session));
	bool theirs = !by->tenant || by->tenant == session.tenant;
	ap_session_clear(&session);
	if (!theirs)
		return ap_fail(AP_ERR_DENIED, "not-found", "there is no such session");
	g_strlcpy(row.opened_by, who, sizeof row.opened_by);
	AP_TRY(ap_request_open(v, &row, body, who));
	return ap_request_answer_one(v, &row.id, ret_answer);
}

/* ---- deciding ---- */

/* One decision on its way. */
struct decision {
	struct ap_request_row row;
	const char *reason, *article, *by; /* borrowed */
	JsonObject *body;		   /* borrowed */
};

static struct ap_result write_extension(struct ap_vault *v, const struct decision *d)
{
	uint64_t leaf;
	int64_t due_ms = ap_request_extended_due(d->row.created_ms);
	AP_TRY(ap_request_log(v, "request_extended", &d->row, d->by, &leaf));
	AP_TRY(ap_db_request_extend(ap_vault_db(v), &d->row.id, d->reason, due_ms, now(v)));
	return ap_request_tell(v, &d->row, "request.extended", due_ms);
}

/* Art. 12(3): once, within the first month. */
static struct ap_result extend(struct ap_vault *v, const struct decision *d)
{
	if (strcmp(d->row.state, "open") != 0)
		return ap_fail(AP_ERR_DENIED, "conflict", "a request is extended once, before it is answered");
	if (d->row.due_ms <= now(v))
		return ap_fail(AP_ERR_DENIED, "conflict", "its month is over: it can only be answered now");
	AP_TRY(ap_db_begin(ap_vault_db(v)));
	return ap_db_finish(ap_vault_db(v), write_extension(v, d));
}

/* A refusal rests on an article: named apart, or within the reason. */
static struct ap_result refuse(struct ap_vault *v, const struct decision *d)
{
	g_autofree char *lower = g_utf8_strdown(d->reason, -1);
	if (!d->article[0] && !strstr(lower, "art"))
		return ap_fail(AP_ERR_PROTOCOL, "invalid",
			       "name the article the refusal rests on, for instance art. 17(3)(e) GDPR");
	const struct ap_request_answer answer = {"refused", d->reason, d->article[0] ? d->article : NULL, now(v)};
	return ap_request_settle(v, &d->row, &answer, d->by);
}

/* What the person left open, the admin fills in. */
static struct ap_result take_wish(struct ap_vault *v, const struct decision *d)
{
	g_autofree char *wish = NULL;
	AP_TRY(ap_request_parse_wish(d->row.type, d->body, &wish));
	return wish ? ap_db_request_set_wish(ap_vault_db(v), &d->row.id, wish) : AP_SUCCESS;
}

static struct ap_result not_yet(const struct ap_request_row *row)
{
	if (strcmp(row->type, "portability") == 0)
		return ap_fail(AP_ERR_DENIED, "conflict",
			       "the archive is made when the person says how it is to be locked");
	if (strcmp(row->type, "objection") == 0)
		return AP_SUCCESS; /* under way: the next look settles it */
	return ap_fail(AP_ERR_DENIED, "held", "a hold, a restriction or a running session keeps a recording");
}

static struct ap_result execute(struct ap_vault *v, const struct decision *d)
{
	bool done;
	AP_TRY(take_wish(v, d));
	AP_TRY(ap_request_carry_out(v, &d->row, &done));
	if (!done)
		return not_yet(&d->row);
	const struct ap_request_answer answer = {"done", d->reason, NULL, now(v)};
	return ap_request_settle(v, &d->row, &answer, d->by);
}

static struct ap_result write_announcement(struct ap_vault *v, const struct decision *d, int64_t lifts_ms)
{
	uint64_t leaf;
	AP_TRY(ap_request_log(v, "restriction_lifting", &d->row, d->by, &leaf));
	return ap_db_request_announce(ap_vault_db(v), &d->row.id, d->reason, lifts_ms);
}

/* Art. 18(3): the person is told before, with the reason and the day; ap_request_work lifts it then. */
static struct ap_result lift(struct ap_vault *v, const struct decision *d)
{
	int64_t notice_ms = ap_config_int(ap_vault_config(v), "requests.lift_notice_hours") * 3600 * 1000;
	if (strcmp(d->row.type, "restriction") != 0 || strcmp(d->row.state, "done") != 0 || d->row.lifts_ms)
		return ap_fail(AP_ERR_DENIED, "conflict", "only a restriction in force is lifted, once");
	AP_TRY(ap_db_begin(ap_vault_db(v)));
	AP_TRY(ap_db_finish(ap_vault_db(v), write_announcement(v, d, ap_vault_believed_ms(v) + notice_ms)));
	return ap_request_work(v);
}

static struct ap_result decide(struct ap_vault *v, const struct decision *d, const char *action)
{
	bool waits = strcmp(d->row.state, "open") == 0 || strcmp(d->row.state, "extended") == 0;
	if (strlen(d->reason) > REASON_MAX || strlen(d->article) > 200)
		return ap_fail(AP_ERR_LIMIT, "invalid", "a reason has at most 4000 bytes, an article 200");
	if (!d->reason[0] && strcmp(action, "execute") != 0)
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "tell the person the reason");
	if (strcmp(action, "lift") == 0)
		return lift(v, d);
	if (!waits)
		return ap_fail(AP_ERR_DENIED, "conflict", "this request was answered");
	if (strcmp(action, "extend") == 0)
		return extend(v, d);
	return strcmp(action, "refuse") == 0 ? refuse(v, d) : execute(v, d);
}

struct ap_result ap_request_decide(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *id,
				   const char *action, JsonObject *body, JsonNode **ret_answer)
{
	g_autofree char *who = ap_actor_text(by);
	struct decision d = {.reason = ap_body_text_or_empty(body, "reason"),
			     .article = ap_body_text_or_empty(body, "article"),
			     .by = who,
			     .body = body};
	AP_TRY(load(v, by, id, &d.row));
	AP_TRY(decide(v, &d, action));
	ap_vault_look_again(v); /* a restriction that was refused holds no gate closed */
	return ap_request_answer_one(v, id, ret_answer);
}

/* ---- the checklist ---- */

static struct ap_result write_tick(struct ap_vault *v, const struct ap_request_row *row, int64_t number, const char *by,
				   const char *note)
{
	uint64_t leaf;
	AP_TRY(ap_db_item_tick(ap_vault_db(v), &row->id, number, by, note, now(v)));
	return ap_request_log(v, "request_item_ticked", row, by, &leaf);
}

struct ap_result ap_request_tick(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *id, int64_t number,
				 JsonObject *body, JsonNode **ret_answer)
{
	struct ap_request_row row;
	g_autofree char *who = ap_actor_text(by);
	const char *note = ap_body_text_or_empty(body, "note");
	if (by->user == 0)
		return ap_fail(AP_ERR_DENIED, "role", "an item is ticked by a named person");
	if (strlen(note) > REASON_MAX)
		return ap_fail(AP_ERR_LIMIT, "invalid", "a note has at most 4000 bytes");
	AP_TRY(load(v, by, id, &row));
	AP_TRY(ap_db_begin(ap_vault_db(v)));
	AP_TRY(ap_db_finish(ap_vault_db(v), write_tick(v, &row, number, who, note)));
	return ap_request_answer_one(v, id, ret_answer);
}
