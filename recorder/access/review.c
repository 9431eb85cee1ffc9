#include "recorder/access/review.h"

#include "recorder/api/answer.h"
#include "recorder/db/db_staff_review.h"
#include "recorder/access/grant.h"
#include "recorder/access/user.h"
#include "recorder/vault.h"

#include <aparte/log.h>
#include <string.h>

#define ITEMS_MAX 1000 /* each is sought among all that is due */

#define DAY_MS INT64_C(86400000)

static int64_t days(struct ap_vault *v, const char *key)
{
	return ap_config_int(ap_vault_config(v), key) * DAY_MS;
}

static int64_t period(struct ap_vault *v)
{
	return days(v, "access.review_days");
}

static int64_t grace(struct ap_vault *v)
{
	return days(v, "access.review_grace_days");
}

/* What one names it by; g_free. */
static char *item_of(const struct ap_review_row *row)
{
	char id[AP_UUID_TEXT];
	if (row->kind == AP_REVIEW_USER)
		return g_strconcat("user:", row->user, NULL);
	ap_uuid_text(&row->grant, id);
	return g_strconcat("grant:", id, NULL);
}

static JsonObject *describe(struct ap_vault *v, const struct ap_review_row *row, int64_t now)
{
	JsonObject *o = json_object_new();
	g_autofree char *item = item_of(row);
	int64_t due = row->since_ms + period(v), expires = due + grace(v);
	ap_answer_text(o, "item", item);
	ap_answer_text(o, "kind", row->kind == AP_REVIEW_USER ? "user" : "grant");
	ap_answer_text(o, "who", row->user);
	ap_answer_text(o, "role", row->role);
	if (row->kind == AP_REVIEW_GRANT) {
		ap_answer_text(o, "purpose", row->purpose);
		ap_answer_id(o, "recording", &row->recording);
	}
	ap_answer_time(o, "since", row->since_ms);
	ap_answer_time(o, "due", due);
	ap_answer_time(o, "expires", expires);
	ap_answer_text(o, "state", expires <= now ? "overdue" : "due");
	return o;
}

static struct ap_result due_rows(struct ap_vault *v, int64_t tenant, GArray **ret_rows)
{
	int64_t now = ap_vault_believed_ms(v);
	return ap_db_review_list(ap_vault_db(v), tenant, now - period(v), now, ret_rows);
}

struct ap_result ap_review_list(struct ap_vault *v, const struct ap_actor *actor, JsonNode **ret_answer)
{
	g_autoptr(GArray) rows = NULL;
	JsonArray *items = json_array_new();
	JsonObject *o = json_object_new();
	struct ap_result r = due_rows(v, actor->tenant, &rows);
	for (guint i = 0; ap_ok(r) && i < rows->len; i++)
		json_array_add_object_element(items, describe(v, &g_array_index(rows, struct ap_review_row, i),
							      ap_vault_believed_ms(v)));
	json_object_set_int_member(o, "review_days", period(v) / DAY_MS);
	json_object_set_int_member(o, "grace_days", grace(v) / DAY_MS);
	json_object_set_array_member(o, "items", items);
	*ret_answer = ap_answer_object(o);
	if (!ap_ok(r))
		g_clear_pointer(ret_answer, json_node_unref);
	return r;
}

/* ---- confirming and ending ---- */

static struct ap_result find(GArray *rows, JsonNode *wanted, const struct ap_review_row **ret_row)
{
	const char *text = JSON_NODE_HOLDS_VALUE(wanted) ? json_node_get_string(wanted) : NULL;
	for (guint i = 0; text && i < rows->len; i++) {
		const struct ap_review_row *row = &g_array_index(rows, struct ap_review_row, i);
		g_autofree char *item = item_of(row);
		if (strcmp(item, text) == 0) {
			*ret_row = row;
			return AP_SUCCESS;
		}
	}
	return ap_fail(AP_ERR_DENIED, "not-found", "an item is grant:<id> or user:<name>, of what is in force");
}

static bool is_self(const struct ap_actor *actor, const struct ap_review_row *row)
{
	return row->kind == AP_REVIEW_USER && strcmp(row->user, actor->name) == 0;
}

static struct ap_result write_confirmed(struct ap_vault *v, const struct ap_actor *actor, const struct ap_review_row *row)
{
	uint64_t leaf;
	g_autofree char *who = ap_actor_text(actor), *item = item_of(row);
	JsonObject *body = json_object_new();
	ap_answer_text(body, "event", "review_confirmed");
	ap_answer_text(body, "item", item);
	ap_answer_text(body, "by", who);
	AP_TRY(ap_ledger_append(ap_vault_ledger(v), ap_vault_db(v), AP_LEAF_OTHER, body, &leaf));
	return ap_db_review_confirm(ap_vault_db(v), row, ap_vault_believed_ms(v));
}

static struct ap_result confirm_row(struct ap_vault *v, const struct ap_actor *actor, const struct ap_review_row *row)
{
	if (is_self(actor, row))
		return ap_fail(AP_ERR_DENIED, "role", "another admin confirms your own account");
	AP_TRY(ap_db_begin(ap_vault_db(v)));
	return ap_db_finish(ap_vault_db(v), write_confirmed(v, actor, row));
}

static bool is_admin_of_all(const struct ap_review_row *row)
{
	return row->kind == AP_REVIEW_USER && row->tenant == 0 && strcmp(row->role, "admin") == 0;
}

static struct ap_result end_row(struct ap_vault *v, const struct ap_actor *actor, const struct ap_review_row *row)
{
	int64_t admins = 0;
	g_autofree char *who = ap_actor_text(actor);
	if (row->kind == AP_REVIEW_GRANT)
		return ap_grant_end(v, &row->grant, who);
	AP_TRY(ap_db_review_admins(ap_vault_db(v), &admins));
	if (is_admin_of_all(row) && admins <= 1)
		return ap_fail(AP_ERR_DENIED, "conflict", "the last admin stays: add another one first");
	return ap_user_disable(v, actor, row->user, true);
}

typedef struct ap_result (*act)(struct ap_vault *v, const struct ap_actor *actor, const struct ap_review_row *row);

static struct ap_result each(struct ap_vault *v, const struct ap_actor *actor, JsonArray *items, act do_it)
{
	g_autoptr(GArray) rows = NULL;
	int64_t now = ap_vault_believed_ms(v);
	if (json_array_get_length(items) > ITEMS_MAX)
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "at most 1000 items at once");
	AP_TRY(ap_db_review_list(ap_vault_db(v), actor->tenant, now, now, &rows));
	for (guint i = 0; i < json_array_get_length(items); i++) {
		const struct ap_review_row *row;
		AP_TRY(find(rows, json_array_get_element(items, i), &row));
		AP_TRY(do_it(v, actor, row));
	}
	return AP_SUCCESS;
}

struct ap_result ap_review_confirm(struct ap_vault *v, const struct ap_actor *actor, JsonArray *items)
{
	return each(v, actor, items, confirm_row);
}

struct ap_result ap_review_expire(struct ap_vault *v, const struct ap_actor *actor, JsonArray *items)
{
	return each(v, actor, items, end_row);
}

static bool is_overdue(struct ap_vault *v, const struct ap_review_row *row)
{
	return row->since_ms + period(v) + grace(v) <= ap_vault_believed_ms(v);
}

struct ap_result ap_review_run(struct ap_vault *v)
{
	g_autoptr(GArray) rows = NULL;
	const struct ap_actor self = {.kind = AP_ACTOR_VAULT, .name = "review"};
	struct ap_result first = AP_SUCCESS;
	unsigned ended = 0;
	AP_TRY(due_rows(v, 0, &rows));
	for (guint i = 0; i < rows->len; i++) {
		const struct ap_review_row *row = &g_array_index(rows, struct ap_review_row, i);
		if (!is_overdue(v, row))
			continue;
		struct ap_result r = end_row(v, &self, row);
		ended += ap_ok(r);
		if (ap_ok(first) && !ap_ok(r) && strcmp(r.name, "conflict") != 0) /* the last admin: doctor tells */
			first = r;
	}
	if (ended > 0)
		ap_log(AP_LOG_INFO, "review_ended", "count=%u", ended);
	return first;
}

struct ap_result ap_review_counts(struct ap_vault *v, int64_t *ret_due, int64_t *ret_overdue)
{
	g_autoptr(GArray) rows = NULL;
	int64_t overdue = 0;
	AP_TRY(due_rows(v, 0, &rows));
	for (guint i = 0; i < rows->len; i++)
		overdue += is_overdue(v, &g_array_index(rows, struct ap_review_row, i));
	*ret_due = rows->len;
	*ret_overdue = overdue;
	return AP_SUCCESS;
}
