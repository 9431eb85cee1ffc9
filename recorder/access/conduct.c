#include "recorder/access/conduct.h"

#include "recorder/api/answer.h"
#include "recorder/api/body.h"
#include "recorder/access/conduct_document.h"
#include "recorder/db/db_policy.h"
#include "recorder/db/db_staff_conduct.h"
#include "recorder/db/db_staff_user.h"
#include "recorder/vault.h"

#include <aparte/jcs.h>
#include <string.h>

#define LANGUAGES 2
static const char *const languages[LANGUAGES] = {"fr", "en"};

/* One version in both languages. */
struct edition {
	struct ap_conduct_document *in[LANGUAGES]; /* owned */
};

static void edition_clear(struct edition *e)
{
	for (int i = 0; i < LANGUAGES; i++)
		g_clear_pointer(&e->in[i], ap_conduct_document_free);
}

static struct ap_result put_edition(struct ap_vault *v, const struct edition *e, int64_t version)
{
	for (int i = 0; i < LANGUAGES; i++) {
		struct ap_hash hash = ap_conduct_document_hash(e->in[i]);
		AP_TRY(ap_db_conduct_put(ap_vault_db(v), version, languages[i], ap_conduct_document_text(e->in[i]),
					 hash.b, ap_wall_ms(ap_vault_clock(v))));
	}
	return AP_SUCCESS;
}

static struct ap_result seed(struct ap_vault *v)
{
	struct edition e = {0};
	struct ap_db *db = ap_vault_db(v);
	if (!ap_ok(ap_conduct_document_parse(ap_text_conduct_fr, &e.in[0])) ||
	    !ap_ok(ap_conduct_document_parse(ap_text_conduct_en, &e.in[1])))
		g_error("config/conduct is broken");
	struct ap_result r = ap_db_begin(db);
	if (ap_ok(r))
		r = ap_db_finish(db, put_edition(v, &e, 1));
	edition_clear(&e);
	return r;
}

static struct ap_result in_force(struct ap_vault *v, int64_t *ret_version)
{
	int64_t version;
	AP_TRY(ap_db_conduct_version(ap_vault_db(v), &version));
	if (version == 0) {
		AP_TRY(seed(v));
		version = 1;
	}
	*ret_version = version;
	return AP_SUCCESS;
}

struct ap_result ap_conduct_versions(struct ap_vault *v, const struct ap_actor *actor, int64_t *ret_current,
				     int64_t *ret_acknowledged)
{
	int64_t current, acknowledged = 0;
	AP_TRY(in_force(v, &current));
	if (actor->user)
		AP_TRY(ap_db_conduct_of(ap_vault_db(v), actor->user, &acknowledged));
	*ret_current = current;
	*ret_acknowledged = acknowledged;
	return AP_SUCCESS;
}

struct ap_result ap_conduct_check(struct ap_vault *v, const struct ap_actor *actor)
{
	int64_t current, acknowledged;
	AP_TRY(ap_conduct_versions(v, actor, &current, &acknowledged));
	if (acknowledged < current)
		return ap_fail(AP_ERR_DENIED, "role",
			       "acknowledge the code of conduct in force first: on the staff page, or POST "
			       "/v1/conduct/acknowledgements");
	return AP_SUCCESS;
}

/* ---- the pass mark ---- */

/* A policy that cannot be read asks for all that can be asked. */
static int64_t pass_of(struct ap_vault *v, const char *name)
{
	struct ap_policy *policy;
	int64_t version;
	if (!ap_ok(ap_vault_policy(v, name, &policy, &version)))
		return 100;
	int64_t percent = ap_policy_conduct_pass(policy);
	ap_policy_free(policy);
	return percent;
}

static struct ap_result pass_percent(struct ap_vault *v, const struct ap_actor *actor, int64_t *ret_percent)
{
	g_autoptr(GPtrArray) names = NULL;
	AP_TRY(ap_db_conduct_policies(ap_vault_db(v), actor->tenant, &names));
	int64_t percent = names->len == 0 ? pass_of(v, "default") : 0;
	for (guint i = 0; i < names->len; i++)
		percent = MAX(percent, pass_of(v, g_ptr_array_index(names, i)));
	*ret_percent = percent;
	return AP_SUCCESS;
}

/* ---- showing and acknowledging ---- */

static struct ap_result load(struct ap_vault *v, int64_t version, const char *lang, struct ap_conduct_document **ret_d)
{
	g_autofree char *document = NULL;
	AP_TRY(ap_db_conduct_get(ap_vault_db(v), version, lang, &document));
	return ap_conduct_document_parse(document, ret_d);
}

struct ap_result ap_conduct_show(struct ap_vault *v, const struct ap_actor *actor, const char *lang,
				 JsonNode **ret_answer)
{
	int64_t current, acknowledged, percent;
	struct ap_conduct_document *d;
	AP_TRY(ap_conduct_versions(v, actor, &current, &acknowledged));
	AP_TRY(pass_percent(v, actor, &percent));
	AP_TRY(load(v, current, g_strcmp0(lang, "fr") == 0 ? "fr" : "en", &d));
	struct ap_hash hash = ap_conduct_document_hash(d);
	g_autofree char *hex = ap_hash_hex(&hash);
	JsonObject *o = ap_conduct_document_shown(d);
	ap_conduct_document_free(d);
	if (percent == 0)
		json_object_set_array_member(o, "questions", json_array_new());
	json_object_set_int_member(o, "version", current);
	json_object_set_int_member(o, "acknowledged", acknowledged);
	json_object_set_int_member(o, "pass_percent", percent);
	ap_answer_text(o, "sha256", hex);
	*ret_answer = ap_answer_object(o);
	return AP_SUCCESS;
}

/* The language whose text has this hash, in the version in force. */
static struct ap_result find_shown(struct ap_vault *v, JsonObject *body, struct ap_conduct_document **ret_d,
				   int64_t *ret_version)
{
	int64_t current, version = 0;
	const char *sha256 = ap_body_text_or_empty(body, "sha256");
	AP_TRY(in_force(v, &current));
	if (!ap_body_int(body, "version", &version))
		return ap_fail(AP_ERR_PROTOCOL, "malformed", "version, sha256 and answers are needed");
	for (int i = 0; version == current && i < LANGUAGES; i++) {
		struct ap_conduct_document *d;
		AP_TRY(load(v, current, languages[i], &d));
		struct ap_hash hash = ap_conduct_document_hash(d);
		g_autofree char *hex = ap_hash_hex(&hash);
		if (strcmp(hex, sha256) == 0) {
			*ret_d = d;
			*ret_version = current;
			return AP_SUCCESS;
		}
		ap_conduct_document_free(d);
	}
	return ap_fail(AP_ERR_DENIED, "conflict", "this is not the text in force; read the newest one");
}

static struct ap_result check_answers(const struct ap_conduct_document *d, JsonObject *body, int64_t percent)
{
	JsonNode *node = json_object_get_member(body, "answers");
	JsonArray *answers = node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
	unsigned asked = ap_conduct_document_questions(d);
	if (percent > 0 && ap_conduct_document_right(d, answers) * 100 < asked * (unsigned)percent)
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "too few answers are right: read the code again, then try anew");
	return AP_SUCCESS;
}

static struct ap_result write_acknowledged(struct ap_vault *v, const char *user, int64_t id, JsonObject *body,
					   int64_t version)
{
	uint64_t leaf;
	ap_answer_text(body, "event", "conduct_acknowledged");
	ap_answer_text(body, "user", user);
	json_object_set_int_member(body, "version", version);
	AP_TRY(ap_ledger_append(ap_vault_ledger(v), ap_vault_db(v), AP_LEAF_OTHER, body, &leaf));
	return ap_db_conduct_acknowledged(ap_vault_db(v), id, version, ap_wall_ms(ap_vault_clock(v)));
}

static struct ap_result keep(struct ap_vault *v, const struct ap_actor *user, JsonObject *body, int64_t version)
{
	struct ap_result r = ap_db_begin(ap_vault_db(v));
	if (!ap_ok(r)) {
		json_object_unref(body);
		return r;
	}
	return ap_db_finish(ap_vault_db(v), write_acknowledged(v, user->name, user->user, body, version));
}

struct ap_result ap_conduct_acknowledge(struct ap_vault *v, const struct ap_actor *actor, JsonObject *body,
					JsonNode **ret_answer)
{
	int64_t version, percent;
	struct ap_conduct_document *d;
	if (!actor->user)
		return ap_fail(AP_ERR_DENIED, "role", "an acknowledgement is a named user's own act");
	AP_TRY(find_shown(v, body, &d, &version));
	struct ap_result r = pass_percent(v, actor, &percent);
	if (ap_ok(r))
		r = check_answers(d, body, percent);
	ap_conduct_document_free(d);
	AP_TRY(r);
	JsonObject *leaf = json_object_new();
	ap_answer_text(leaf, "how", "self");
	ap_answer_text(leaf, "sha256", ap_body_text_or_empty(body, "sha256"));
	json_object_set_int_member(leaf, "pass_percent", percent);
	AP_TRY(keep(v, actor, leaf, version));
	JsonObject *o = json_object_new();
	json_object_set_int_member(o, "version", version);
	ap_answer_time(o, "acknowledged", ap_wall_ms(ap_vault_clock(v)));
	*ret_answer = ap_answer_object(o);
	return AP_SUCCESS;
}

struct ap_result ap_conduct_record(struct ap_vault *v, const struct ap_actor *by, const char *user)
{
	struct ap_actor whose;
	int64_t version, percent;
	g_autofree char *who = ap_actor_text(by);
	AP_TRY(ap_db_user_actor(ap_vault_db(v), user, &whose));
	if (by->tenant && by->tenant != whose.tenant)
		return ap_fail(AP_ERR_DENIED, "not-found", "there is no such user");
	AP_TRY(in_force(v, &version));
	AP_TRY(pass_percent(v, &whose, &percent));
	if (percent > 0)
		return ap_fail(AP_ERR_DENIED, "role", "the policy sets a quiz: each takes it on their own staff page");
	JsonObject *leaf = json_object_new();
	ap_answer_text(leaf, "how", "recorded");
	ap_answer_text(leaf, "by", who);
	return keep(v, &whose, leaf, version);
}

/* ---- a new version ---- */

static struct ap_result take(JsonNode *node, struct edition *e)
{
	g_autofree char *text = json_to_string(node, FALSE);
	struct ap_conduct_document *d;
	AP_TRY(ap_conduct_document_parse(text, &d));
	int i = strcmp(ap_conduct_document_lang(d), languages[0]) == 0 ? 0 : 1;
	if (e->in[i])
		ap_conduct_document_free(e->in[i]);
	e->in[i] = d;
	return AP_SUCCESS;
}

static struct ap_result read_edition(JsonObject *body, struct edition *e)
{
	JsonNode *node = json_object_get_member(body, "documents");
	if (!node || !JSON_NODE_HOLDS_ARRAY(node) || json_array_get_length(json_node_get_array(node)) != LANGUAGES)
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "documents: one in French and one in English");
	for (guint i = 0; i < LANGUAGES; i++)
		AP_TRY(take(json_array_get_element(json_node_get_array(node), i), e));
	if (!e->in[0] || !e->in[1])
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "documents: one in French and one in English");
	if (ap_conduct_document_questions(e->in[0]) != ap_conduct_document_questions(e->in[1]))
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "both languages ask as many questions");
	return AP_SUCCESS;
}

static struct ap_result write_version(struct ap_vault *v, const char *who, const struct edition *e, int64_t version)
{
	uint64_t leaf;
	JsonObject *body = json_object_new();
	ap_answer_text(body, "event", "conduct_set");
	ap_answer_text(body, "by", who);
	json_object_set_int_member(body, "version", version);
	for (int i = 0; i < LANGUAGES; i++) {
		struct ap_hash hash = ap_conduct_document_hash(e->in[i]);
		g_autofree char *hex = ap_hash_hex(&hash);
		ap_answer_text(body, languages[i], hex);
	}
	AP_TRY(ap_ledger_append(ap_vault_ledger(v), ap_vault_db(v), AP_LEAF_OTHER, body, &leaf));
	return put_edition(v, e, version);
}

static struct ap_result set_version(struct ap_vault *v, const struct ap_actor *by, const struct edition *e,
				    int64_t *ret_version)
{
	int64_t current;
	g_autofree char *who = ap_actor_text(by);
	if (by->tenant)
		return ap_fail(AP_ERR_DENIED, "role", "one code binds all tenants: an admin of all sets it");
	AP_TRY(in_force(v, &current));
	AP_TRY(ap_db_begin(ap_vault_db(v)));
	AP_TRY(ap_db_finish(ap_vault_db(v), write_version(v, who, e, current + 1)));
	*ret_version = current + 1;
	return AP_SUCCESS;
}

struct ap_result ap_conduct_set(struct ap_vault *v, const struct ap_actor *by, JsonObject *body, JsonNode **ret_answer)
{
	struct edition e = {0};
	int64_t version;
	struct ap_result r = read_edition(body, &e);
	if (ap_ok(r))
		r = set_version(v, by, &e, &version);
	edition_clear(&e);
	AP_TRY(r);
	JsonObject *o = json_object_new();
	json_object_set_int_member(o, "version", version);
	*ret_answer = ap_answer_object(o);
	return AP_SUCCESS;
}

struct ap_result ap_conduct_status(struct ap_vault *v, const struct ap_actor *actor, JsonNode **ret_answer)
{
	int64_t current;
	JsonArray *users;
	AP_TRY(in_force(v, &current));
	AP_TRY(ap_db_conduct_users(ap_vault_db(v), actor->tenant, &users));
	JsonObject *o = json_object_new();
	json_object_set_int_member(o, "version", current);
	json_object_set_array_member(o, "users", users);
	*ret_answer = ap_answer_object(o);
	return AP_SUCCESS;
}
