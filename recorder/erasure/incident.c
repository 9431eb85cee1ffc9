#include "recorder/erasure/incident.h"

#include "recorder/access/access.h"
#include "recorder/api/answer.h"
#include "recorder/api/body.h"
#include "recorder/db/db_incident.h"
#include "recorder/vault.h"

#include <aparte/log.h>
#include <string.h>

#define WINDOW_MS (30LL * 86400 * 1000)
#define TEXT_MAX 4000

static int64_t now(struct ap_vault *v)
{
	return ap_wall_ms(ap_vault_clock(v));
}

static struct ap_result take_text(JsonObject *body, const char *name, const char **ret_text)
{
	const char *text = ap_body_text_or_empty(body, name);
	if (!text[strspn(text, " \t\r\n")] || strlen(text) > TEXT_MAX)
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "say it in 1 to 4000 bytes");
	*ret_text = text;
	return AP_SUCCESS;
}

/* Absent: `absent`. In the future: refused. */
static struct ap_result take_time(struct ap_vault *v, JsonObject *body, const char *name, int64_t absent, int64_t *ret_ms)
{
	const char *text = ap_body_text(body, name);
	int64_t ms = absent;
	if (text && (!ap_time_parse(text, &ms) || ms > now(v)))
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "a time in UTC that has been");
	*ret_ms = ms;
	return AP_SUCCESS;
}

/* ---- opening ---- */

static struct ap_result write_opened(struct ap_vault *v, struct ap_incident *i)
{
	JsonObject *body = json_object_new();
	ap_answer_text(body, "event", "incident_opened");
	ap_answer_id(body, "incident", &i->id);
	ap_answer_time(body, "aware", i->aware_ms);
	ap_answer_time(body, "due", i->due_ms);
	json_object_set_boolean_member(body, "lockdown", i->lockdown);
	AP_TRY(ap_ledger_append_or_owe(ap_vault_ledger(v), ap_vault_db(v), AP_LEAF_OTHER, body, &i->leaf));
	return ap_db_incident_insert(ap_vault_db(v), i);
}

static struct ap_result open_one(struct ap_vault *v, const struct ap_actor *by, struct ap_incident *i)
{
	g_autofree char *who = ap_actor_text(by);
	char id[AP_UUID_TEXT];
	i->id = ap_uuid_random();
	i->opened_by = who;
	i->opened_ms = now(v);
	i->due_ms = i->aware_ms + AP_INCIDENT_MS;
	AP_TRY(ap_db_begin(ap_vault_db(v)));
	AP_TRY(ap_db_finish(ap_vault_db(v), write_opened(v, i)));
	ap_uuid_text(&i->id, id);
	ap_log(AP_LOG_WARN, "incident_opened", "incident=%s", id);
	return AP_SUCCESS;
}

struct ap_result ap_incident_open(struct ap_vault *v, const struct ap_actor *by, JsonObject *body, JsonNode **ret_answer)
{
	struct ap_incident i = {.tenant = by->tenant};
	AP_TRY(take_text(body, "summary", &i.summary));
	AP_TRY(take_time(v, body, "aware", now(v), &i.aware_ms));
	AP_TRY(open_one(v, by, &i));
	return ap_incident_show(v, by, &i.id, ret_answer);
}

struct ap_result ap_incident_of_lockdown(struct ap_vault *v, const struct ap_actor *by, const char *reason)
{
	struct ap_incident i = {.summary = reason, .aware_ms = now(v), .lockdown = true};
	int64_t running;
	AP_TRY(ap_db_incident_running(ap_vault_db(v), &running));
	return running ? AP_SUCCESS : open_one(v, by, &i);
}

/* ---- notes, closing ---- */

struct ap_result ap_incident_note(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *id, JsonObject *body,
				  JsonNode **ret_answer)
{
	const char *text;
	g_autofree char *who = ap_actor_text(by);
	AP_TRY(take_text(body, "text", &text));
	AP_TRY(ap_db_incident_check_open(ap_vault_db(v), by->tenant, id));
	AP_TRY(ap_db_incident_note(ap_vault_db(v), id, who, text, now(v)));
	return ap_incident_show(v, by, id, ret_answer);
}

struct closing {
	const char *outcome, *reason;
	int64_t notified_ms;
};

static struct ap_result take_closing(struct ap_vault *v, JsonObject *body, struct closing *ret_closing)
{
	static const char *const outcomes[] = {"notified", "no-risk", "false-alarm"};
	struct closing c = {.outcome = ap_body_text_or_empty(body, "outcome")};
	bool known = false;
	for (size_t i = 0; i < G_N_ELEMENTS(outcomes); i++)
		known |= strcmp(c.outcome, outcomes[i]) == 0;
	if (!known)
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "the outcome is notified, no-risk or false-alarm");
	AP_TRY(take_text(body, "reason", &c.reason)); /* art. 33(5): also why nobody was told */
	AP_TRY(take_time(v, body, "notified", strcmp(c.outcome, "notified") == 0 ? now(v) : 0, &c.notified_ms));
	*ret_closing = c;
	return AP_SUCCESS;
}

static struct ap_result write_closed(struct ap_vault *v, const struct ap_uuid *id, const struct closing *c, const char *who)
{
	uint64_t leaf;
	JsonObject *body = json_object_new();
	ap_answer_text(body, "event", "incident_closed");
	ap_answer_id(body, "incident", id);
	ap_answer_text(body, "outcome", c->outcome);
	ap_answer_time(body, "notified", c->notified_ms);
	AP_TRY(ap_ledger_append_or_owe(ap_vault_ledger(v), ap_vault_db(v), AP_LEAF_OTHER, body, &leaf));
	AP_TRY(ap_db_incident_note(ap_vault_db(v), id, who, c->reason, now(v)));
	return ap_db_incident_close(ap_vault_db(v), id, c->outcome, who, c->notified_ms, now(v), leaf);
}

struct ap_result ap_incident_close(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *id, JsonObject *body,
				   JsonNode **ret_answer)
{
	struct closing c;
	g_autofree char *who = ap_actor_text(by);
	AP_TRY(take_closing(v, body, &c));
	AP_TRY(ap_db_incident_check_open(ap_vault_db(v), by->tenant, id));
	AP_TRY(ap_db_begin(ap_vault_db(v)));
	AP_TRY(ap_db_finish(ap_vault_db(v), write_closed(v, id, &c, who)));
	return ap_incident_show(v, by, id, ret_answer);
}

/* ---- showing ---- */

struct ap_result ap_incident_list(struct ap_vault *v, const struct ap_actor *by, JsonNode **ret_answer)
{
	JsonArray *list;
	AP_TRY(ap_db_incident_list(ap_vault_db(v), by->tenant, now(v), &list));
	*ret_answer = ap_answer_list("incidents", list);
	return AP_SUCCESS;
}

struct ap_result ap_incident_show(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *id, JsonNode **ret_answer)
{
	JsonObject *o;
	AP_TRY(ap_db_incident_show(ap_vault_db(v), by->tenant, id, now(v), &o));
	*ret_answer = ap_answer_object(o);
	return AP_SUCCESS;
}

/* ---- the report ---- */

static void add_person(GHashTable *persons, JsonObject *recording, const char *role)
{
	const char *person = json_object_get_string_member_with_default(recording, role, NULL);
	JsonArray *list = person ? g_hash_table_lookup(persons, person) : NULL;
	if (!person)
		return;
	if (!list) {
		list = json_array_new();
		g_hash_table_insert(persons, g_strdup(person), list);
	}
	json_array_add_string_element(list, json_object_get_string_member(recording, "recording"));
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Each person once, with the recordings that they are in. */
static JsonArray *persons_in(JsonArray *recordings)
{
	JsonArray *list = json_array_new();
	guint count = 0;
	g_autoptr(GHashTable) persons = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)json_array_unref);
	for (guint i = 0; i < json_array_get_length(recordings); i++) {
		add_person(persons, json_array_get_object_element(recordings, i), "coach");
		add_person(persons, json_array_get_object_element(recordings, i), "coachee");
	}
	g_autofree const char **names = (const char **)g_hash_table_get_keys_as_array(persons, &count);
	qsort(names, count, sizeof names[0], by_name);
	for (guint i = 0; i < count; i++) {
		JsonObject *o = json_object_new();
		json_object_set_string_member(o, "person", names[i]);
		json_object_set_array_member(o, "recordings", json_array_ref(g_hash_table_lookup(persons, names[i])));
		json_array_add_object_element(list, o);
	}
	return list;
}

static int64_t count_accesses(JsonArray *recordings)
{
	int64_t n = 0;
	for (guint i = 0; i < json_array_get_length(recordings); i++)
		n += json_array_get_length(json_object_get_array_member(json_array_get_object_element(recordings, i), "accesses"));
	return n;
}

struct ap_result ap_incident_report(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *id,
				    const struct ap_incident_wish *wish, JsonNode **ret_answer)
{
	JsonObject *incident;
	JsonArray *recordings;
	int64_t aware_ms;
	struct ap_incident_window w = {.from_ms = wish->from_ms, .to_ms = wish->to_ms, .tenant = by->tenant, .user = wish->user};
	AP_TRY(ap_db_incident_aware(ap_vault_db(v), by->tenant, id, &aware_ms));
	w.from_ms = w.from_ms ? w.from_ms : aware_ms - WINDOW_MS;
	w.to_ms = w.to_ms ? w.to_ms : now(v);
	AP_TRY(ap_db_incident_affected(ap_vault_db(v), &w, &recordings));
	struct ap_result r = ap_db_incident_show(ap_vault_db(v), by->tenant, id, now(v), &incident);
	if (!ap_ok(r)) {
		json_array_unref(recordings);
		return r;
	}
	JsonObject *o = json_object_new();
	json_object_set_object_member(o, "incident", incident);
	ap_answer_time(o, "from", w.from_ms);
	ap_answer_time(o, "to", w.to_ms);
	ap_answer_text(o, "user", w.user);
	ap_answer_time(o, "generated", now(v));
	json_object_set_int_member(o, "accesses", count_accesses(recordings));
	json_object_set_array_member(o, "persons", persons_in(recordings));
	json_object_set_array_member(o, "recordings", recordings);
	*ret_answer = ap_answer_object(o);
	return AP_SUCCESS;
}
