#include "recorder/keys/turnover.h"

#include "recorder/api/answer.h"
#include "recorder/backup/key_part.h"
#include "recorder/db/db_turnover.h"
#include "recorder/keys/kek.h"
#include "recorder/keys/lockdown.h"
#include "recorder/vault.h"
#include "recorder/webhook/webhook.h"

#include <aparte/log.h>
#include <string.h>

#define HOUR_MS (3600LL * 1000)

static int64_t now(struct ap_vault *v)
{
	return ap_wall_ms(ap_vault_clock(v));
}

static bool is(struct ap_result r, const char *name)
{
	return strcmp(r.name, name) == 0;
}

/* ---- begin ---- */

static struct ap_result write_begun(struct ap_vault *v, const struct ap_turnover *t, const char *actor, const char *reason)
{
	struct ap_db *db = ap_vault_db(v);
	AP_TRY(ap_db_turnover_insert(db, t, actor, reason));
	return ap_db_kek_id_set(db, &t->new_kek);
}

/* The row of one that the keys already know: begun just now, or by a vault that died before it wrote it. */
static struct ap_result note_begun(struct ap_vault *v, const struct ap_kek_id *old, const char *cause, const char *actor,
				   const char *reason, struct ap_uuid *ret_id)
{
	struct ap_db *db = ap_vault_db(v);
	struct ap_turnover t = { .id = ap_uuid_random(), .old_kek = *old, .begun_ms = now(v) };
	g_strlcpy(t.cause, cause, sizeof t.cause);
	AP_TRY(ap_db_keys_kek_id(ap_vault_keys(v), &t.new_kek));
	AP_TRY(ap_db_begin(db));
	AP_TRY(ap_db_finish(db, write_begun(v, &t, actor, reason)));
	ap_log(AP_LOG_INFO, "turnover_begun", "cause=%s", cause);
	*ret_id = t.id;
	return AP_SUCCESS;
}

struct ap_result ap_turnover_begin(struct ap_vault *v, const char *cause, const char *actor, const char *reason,
				   struct ap_uuid *ret_id)
{
	struct ap_turnover open;
	struct ap_kek_id old;
	struct ap_secret *next = NULL;
	struct ap_result found = ap_db_turnover_open(ap_vault_db(v), &open);
	if (ap_ok(found)) {
		*ret_id = open.id;
		return AP_SUCCESS;
	}
	if (!is(found, "not-found"))
		return found;
	if (ap_ledger_behind(ap_vault_ledger(v)))
		return ap_fail(AP_ERR_IO, "vault-unavailable", "the log is not what was signed; see aparte doctor");
	/* One whose row could not be written: its fresh key is in use, and another must not take the place of its file. */
	if (ap_ok(ap_db_keys_old_kek_id(ap_vault_keys(v), &old)))
		return note_begun(v, &old, cause, actor, reason, ret_id);
	AP_TRY(ap_db_keys_kek_id(ap_vault_keys(v), &old));
	AP_TRY(ap_kek_make_next(ap_vault_kek_place(v), &next));
	struct ap_result r = ap_db_keys_turn_begin(ap_vault_keys(v), next);
	ap_secret_free(next);
	AP_TRY(r);
	r = ap_lockdown_refresh(v); /* for both keys; where it fails, a lockdown in the midst of this destroys none */
	if (!ap_ok(r))
		ap_log(AP_LOG_WARN, "escrow_not_refreshed", "reason=%s", r.name);
	return note_begun(v, &old, cause, actor, reason, ret_id);
}

/* ---- the steps ---- */

static JsonObject *leaf_body(const struct ap_turnover *t, int64_t erasures)
{
	JsonObject *body = json_object_new();
	g_autofree char *old = ap_hex(t->old_kek.b, AP_KEK_ID), *new = ap_hex(t->new_kek.b, AP_KEK_ID);
	ap_answer_text(body, "event", "key_turnover");
	ap_answer_id(body, "turnover", &t->id);
	ap_answer_text(body, "kek_id", old);
	ap_answer_text(body, "new_kek_id", new);
	ap_answer_text(body, "cause", t->cause);
	ap_answer_time(body, "begun_at", t->begun_ms);
	ap_answer_time(body, "destroyed_at", t->destroyed_ms);
	ap_answer_time(body, "unrecoverable_at", t->unrecoverable_ms);
	json_object_set_int_member(body, "erasures", erasures);
	return body;
}

static struct ap_result write_done(struct ap_vault *v, struct ap_turnover *t)
{
	struct ap_db *db = ap_vault_db(v);
	int64_t erasures, part_ms;
	AP_TRY(ap_db_turnover_key_part(db, &t->old_kek, &part_ms));
	AP_TRY(ap_db_turnover_waiting_for(db, &t->old_kek, &erasures));
	t->destroyed_ms = now(v);
	t->unrecoverable_ms = MAX(t->destroyed_ms, part_ms);
	AP_TRY(ap_ledger_append(ap_vault_ledger(v), db, AP_LEAF_KEY_TURNOVER, leaf_body(t, erasures), &t->leaf));
	AP_TRY(ap_db_turnover_finish(db, t));
	return ap_webhook_tell_unrecoverable(v, db, t->leaf, t->unrecoverable_ms);
}

/* The old key is gone from where it was kept. What the log says of when is never too early. */
static struct ap_result finish(struct ap_vault *v, struct ap_turnover *t, bool *ret_more)
{
	struct ap_kek_id id;
	*ret_more = false;
	AP_TRY(ap_db_keys_kek_id(ap_vault_keys(v), &id));
	if (!ap_kek_id_equal(&id, &t->new_kek))
		return ap_fail(AP_ERR_CRYPTO, "kek", "the key-encryption key is not the one that the last turnover made");
	AP_TRY(ap_key_part_follow(v, &t->old_kek));
	AP_TRY(ap_db_begin(ap_vault_db(v)));
	AP_TRY(ap_db_finish(ap_vault_db(v), write_done(v, t)));
	ap_log(AP_LOG_INFO, "turnover_done", "wrapped=%lld", (long long)t->wrapped);
	return AP_SUCCESS;
}

/* The old file goes only for one that holds the key everything is under; with none beside it, it went before. */
static struct ap_result check_next(struct ap_vault *v)
{
	struct ap_secret *next = NULL;
	struct ap_kek_id used, kept;
	AP_TRY(ap_db_keys_kek_id(ap_vault_keys(v), &used));
	struct ap_result r = ap_kek_load_next(ap_vault_kek_place(v), &next);
	if (is(r, "not-found"))
		return AP_SUCCESS;
	AP_TRY(r);
	kept = ap_kek_id(next);
	ap_secret_free(next);
	if (!ap_kek_id_equal(&used, &kept))
		return ap_fail(AP_ERR_CRYPTO, "kek", "the next key-encryption key on the disk is not the one in use: do not restart");
	return AP_SUCCESS;
}

/* Everything is under the fresh key: the old one goes, from the place where it is kept too. */
static struct ap_result turn(struct ap_vault *v, bool *ret_more)
{
	AP_TRY(check_next(v));
	AP_TRY(ap_lockdown_refresh(v)); /* what two passphrases open holds the old one no more */
	AP_TRY(ap_kek_turn(ap_vault_kek_place(v)));
	*ret_more = true;
	return AP_SUCCESS;
}

static struct ap_result wrap_some(struct ap_vault *v, const struct ap_turnover *t, bool *ret_more)
{
	size_t seen = 0, wrapped = 0;
	struct ap_db *db = ap_vault_db(v);
	AP_TRY(ap_db_keys_turn_batch(ap_vault_keys(v), ap_db_turnover_place, db, &seen, &wrapped));
	if (wrapped > 0)
		AP_TRY(ap_db_turnover_wrapped(db, &t->id, (int64_t)wrapped));
	*ret_more = true;
	if (seen > 0)
		return AP_SUCCESS;
	AP_TRY(ap_db_keys_recall(ap_vault_keys(v))); /* a copy that a proof still has would outlive what the leaf dates */
	struct ap_result r = ap_db_keys_turn_end(ap_vault_keys(v));
	*ret_more = ap_ok(r);
	return is(r, "conflict") ? ap_fail(AP_ERR_DENIED, "conflict", "shares that vault.db does not know (yet) hold the turnover up") : r;
}

/* The keys are turning and no row says so: the vault died in between. */
static struct ap_result adopt(struct ap_vault *v)
{
	struct ap_uuid id;
	struct ap_kek_id old;
	AP_TRY(ap_db_keys_old_kek_id(ap_vault_keys(v), &old));
	return note_begun(v, &old, "resumed", NULL, NULL, &id);
}

struct ap_result ap_turnover_work(struct ap_vault *v, bool *ret_more)
{
	struct ap_turnover t;
	bool turning = ap_db_keys_turning(ap_vault_keys(v));
	struct ap_result open = ap_db_turnover_open(ap_vault_db(v), &t);
	*ret_more = false;
	if (is(open, "not-found") && !turning)
		return AP_SUCCESS;
	if (is(open, "not-found")) {
		*ret_more = true;
		return adopt(v);
	}
	AP_TRY(open);
	if (ap_vault_locked_down(v))
		return AP_SUCCESS;
	if (turning)
		return wrap_some(v, &t, ret_more);
	return ap_kek_turned(ap_vault_kek_place(v)) ? finish(v, &t, ret_more) : turn(v, ret_more);
}

struct ap_result ap_turnover_run(struct ap_vault *v, const char *cause)
{
	struct ap_uuid id;
	bool more = true;
	AP_TRY(ap_turnover_begin(v, cause, NULL, NULL, &id));
	while (more)
		AP_TRY(ap_turnover_work(v, &more));
	return AP_SUCCESS;
}

/* ---- when ---- */

static int64_t wait_ms(struct ap_vault *v)
{
	return ap_config_int(ap_vault_config(v), "kek.turnover_hours") * HOUR_MS;
}

struct ap_result ap_turnover_check(struct ap_vault *v)
{
	struct ap_uuid id;
	int64_t count, since_ms;
	/* Should a witness be right, a newer keys.db may still turn up that needs this key: then people decide, not the timer. */
	if (ap_vault_locked_down(v) || !ap_kek_replaceable(ap_vault_kek_place(v)) || ap_ledger_stopped(ap_vault_ledger(v)))
		return AP_SUCCESS;
	AP_TRY(ap_db_turnover_waiting(ap_vault_db(v), &count, &since_ms));
	bool early = now(v) >= since_ms && now(v) < since_ms + wait_ms(v); /* a clock that was set back does not put it off */
	if (count == 0 || early)
		return AP_SUCCESS;
	return ap_turnover_begin(v, AP_TURN_SCHEDULE, NULL, NULL, &id);
}

/* ---- for whoever asks ---- */

static JsonObject *describe_kek(struct ap_vault *v)
{
	struct ap_kek_id id;
	JsonObject *o = json_object_new();
	const struct ap_kek_place *place = ap_vault_kek_place(v);
	if (ap_ok(ap_db_keys_kek_id(ap_vault_keys(v), &id)) || ap_ok(ap_db_kek_id_get(ap_vault_db(v), &id))) {
		g_autofree char *hex = ap_hex(id.b, sizeof id.b);
		ap_answer_text(o, "id", hex);
	}
	ap_answer_text(o, "source", place->source == AP_KEK_FILE ? "file" : "credential");
	json_object_set_boolean_member(o, "replaceable", ap_kek_replaceable(place));
	return o;
}

struct ap_result ap_turnover_list(struct ap_vault *v, JsonNode **ret_answer)
{
	JsonArray *list;
	int64_t count, since_ms;
	AP_TRY(ap_db_turnover_waiting(ap_vault_db(v), &count, &since_ms));
	AP_TRY(ap_db_turnover_list(ap_vault_db(v), &list));
	JsonObject *o = json_object_new(), *waiting = json_object_new();
	json_object_set_int_member(waiting, "erasures", count);
	ap_answer_time(waiting, "since", since_ms);
	ap_answer_time(waiting, "due", count ? since_ms + wait_ms(v) : 0);
	json_object_set_array_member(o, "turnovers", list);
	json_object_set_object_member(o, "kek", describe_kek(v));
	json_object_set_object_member(o, "waiting", waiting);
	*ret_answer = ap_answer_object(o);
	return AP_SUCCESS;
}

struct ap_result ap_turnover_show(struct ap_vault *v, const struct ap_uuid *id, JsonNode **ret_answer)
{
	struct ap_turnover t;
	int64_t total = 0;
	AP_TRY(ap_db_turnover_load(ap_vault_db(v), id, &t));
	if (!t.destroyed_ms)
		AP_TRY(ap_db_keys_count(ap_vault_keys(v), &total));
	JsonObject *o = json_object_new();
	ap_answer_id(o, "id", &t.id);
	ap_answer_text(o, "state", t.destroyed_ms ? "done" : ap_db_keys_turning(ap_vault_keys(v)) ? "wrapping" : "turning");
	ap_answer_text(o, "cause", t.cause);
	ap_answer_time(o, "begun", t.begun_ms);
	json_object_set_int_member(o, "wrapped", t.wrapped);
	json_object_set_int_member(o, "total", t.destroyed_ms ? t.wrapped : MAX(total, t.wrapped));
	ap_answer_time(o, "destroyed", t.destroyed_ms);
	ap_answer_time(o, "unrecoverable_at", t.unrecoverable_ms);
	if (t.destroyed_ms)
		json_object_set_int_member(o, "leaf", (gint64)t.leaf);
	*ret_answer = ap_answer_object(o);
	return AP_SUCCESS;
}
