#include "recorder/keys/lockdown_private.h"

#include "recorder/api/answer.h"
#include "recorder/db/db_lockdown.h"
#include "recorder/db/db_staff_user.h"
#include "recorder/db/db_turnover.h"
#include "recorder/erasure/incident.h"
#include "recorder/erasure/passage.h"
#include "recorder/keys/kek.h"
#include "recorder/keys/secret_file.h"
#include "recorder/offboard/hand_over.h"
#include "recorder/portability/archive.h"

#include <aparte/log.h>
#include <string.h>

#define ESCROW_MAX 65536

static char *escrow_path(struct ap_vault *v)
{
	return g_build_filename(ap_vault_home(v), "vault", "escrow", NULL);
}

struct ap_result ap_lockdown_load(struct ap_vault *v, struct ap_escrow **ret_escrow)
{
	g_autofree char *path = escrow_path(v);
	struct ap_secret *text = NULL;
	AP_TRY(ap_secret_file_settle(path));
	struct ap_result r = ap_secret_file_read(path, ESCROW_MAX, &text);
	if (r.err == AP_ERR_DENIED) {
		*ret_escrow = ap_escrow_new();
		return AP_SUCCESS;
	}
	AP_TRY(r);
	r = ap_escrow_parse((const char *)ap_secret_bytes(text), ap_secret_len(text), ret_escrow);
	ap_secret_free(text);
	return r;
}

/* Older halves are destroyed with the file they stand in. */
static struct ap_result store(struct ap_vault *v, const struct ap_escrow *e)
{
	g_autofree char *path = escrow_path(v), *json = ap_escrow_to_json(e);
	struct ap_secret *text = ap_secret_from(json, strlen(json));
	struct ap_result r = ap_secret_file_write_next(path, text);
	ap_secret_free(text);
	AP_TRY(r);
	return ap_secret_file_turn(path);
}

static char *key_text(const struct ap_kek_id *id)
{
	return ap_hex(id->b, sizeof id->b);
}

/* ---- set-up ---- */

/* A database that cannot be read is no reason to forget an admin: that could uncover the key. */
static struct ap_result is_admin(struct ap_vault *v, const char *name, bool *ret_is)
{
	struct ap_actor actor = {0};
	struct ap_result r = ap_db_user_actor(ap_vault_db(v), name, &actor);
	if (!ap_ok(r) && strcmp(r.name, "not-found") != 0)
		return r;
	*ret_is = ap_ok(r) && actor.staff == AP_STAFF_ADMIN;
	return AP_SUCCESS;
}

static struct ap_result drop_others(struct ap_vault *v, struct ap_escrow *e)
{
	for (guint i = e->admins->len; i > 0; i--) {
		bool stays = false;
		AP_TRY(is_admin(v, g_array_index(e->admins, struct ap_escrow_admin, i - 1).name, &stays));
		if (!stays)
			g_array_remove_index(e->admins, i - 1);
	}
	return AP_SUCCESS;
}

static struct ap_result split(struct ap_vault *v, struct ap_escrow *e)
{
	struct ap_kek_id now, old;
	struct ap_secret *keks = NULL;
	AP_TRY(ap_db_keys_kek_id(ap_vault_keys(v), &now));
	g_autofree char *first = key_text(&now), *second = NULL;
	if (ap_ok(ap_db_keys_old_kek_id(ap_vault_keys(v), &old)))
		second = key_text(&old);
	AP_TRY(ap_db_keys_copy_keks(ap_vault_keys(v), &keks));
	struct ap_result r = ap_escrow_split(e, keks, (const char *const[]){first, second, NULL});
	ap_secret_free(keks);
	return r;
}

static struct ap_result split_and_store(struct ap_vault *v, struct ap_escrow *e)
{
	AP_TRY(drop_others(v, e));
	AP_TRY(split(v, e));
	return store(v, e);
}

struct ap_result ap_lockdown_refresh(struct ap_vault *v)
{
	struct ap_escrow *e = NULL;
	AP_TRY(ap_lockdown_load(v, &e));
	struct ap_result r = e->admins->len > 0 ? split_and_store(v, e) : AP_SUCCESS;
	ap_escrow_free(e);
	return r;
}

/* `user`: who enrolled or was dismissed, 0 for one that is gone; `by`: whose doing it was. */
static struct ap_result log_change(struct ap_vault *v, const char *event, int64_t user, int64_t by)
{
	uint64_t leaf;
	JsonObject *body = json_object_new();
	ap_answer_text(body, "event", event);
	if (user)
		json_object_set_int_member(body, "user", user);
	json_object_set_int_member(body, "by", by);
	AP_TRY(ap_db_begin(ap_vault_db(v)));
	return ap_db_finish(ap_vault_db(v),
			    ap_ledger_append(ap_vault_ledger(v), ap_vault_db(v), AP_LEAF_LOCKDOWN, body, &leaf));
}

struct ap_result ap_lockdown_enrol(struct ap_vault *v, const struct ap_actor *by, const struct ap_escrow_admin *admin)
{
	struct ap_escrow *e = NULL;
	struct ap_escrow_admin own = *admin;
	if (by->user == 0 || by->staff != AP_STAFF_ADMIN)
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "name the admin you are (--admin)");
	g_strlcpy(own.name, by->name, sizeof own.name); /* nobody enrols for another */
	AP_TRY(ap_lockdown_load(v, &e));
	ap_escrow_put(e, &own);
	struct ap_result r = split_and_store(v, e);
	ap_escrow_free(e);
	AP_TRY(r);
	return log_change(v, "lockdown_enrolled", by->user, by->user);
}

struct ap_result ap_lockdown_dismiss(struct ap_vault *v, const struct ap_actor *by, const char *name)
{
	struct ap_escrow *e = NULL;
	struct ap_user_row row = {0};
	AP_TRY(ap_lockdown_load(v, &e));
	bool known = ap_escrow_find(e, name) != NULL;
	ap_escrow_remove(e, name);
	struct ap_result r = known ? split_and_store(v, e) : ap_fail(AP_ERR_DENIED, "not-found", "nobody of that name has enrolled");
	ap_escrow_free(e);
	AP_TRY(r);
	AP_IGNORE(ap_db_user_load(ap_vault_db(v), name, true, &row)); /* a user that is gone has no number */
	return log_change(v, "lockdown_dismissed", row.actor.user, by->user);
}

/* ---- what is covered ---- */

static bool holds_key(const struct ap_escrow *e, const struct ap_kek_id *id)
{
	g_autofree char *text = key_text(id);
	for (guint i = 0; i < e->keys->len; i++)
		if (strcmp(e->keys->pdata[i], text) == 0)
			return true;
	return false;
}

bool ap_lockdown_covered(struct ap_vault *v, const struct ap_escrow *e)
{
	struct ap_kek_id now, old;
	if (e->halves->len < 2)
		return false;
	if (!ap_ok(ap_db_keys_kek_id(ap_vault_keys(v), &now)))
		return ap_ok(ap_db_kek_id_get(ap_vault_db(v), &now)) && holds_key(e, &now);
	return holds_key(e, &now) && (!ap_ok(ap_db_keys_old_kek_id(ap_vault_keys(v), &old)) || holds_key(e, &old));
}

bool ap_lockdown_is_covered(struct ap_vault *v)
{
	struct ap_escrow *e = NULL;
	if (!ap_ok(ap_lockdown_load(v, &e)))
		return false;
	bool covered = ap_lockdown_covered(v, e);
	ap_escrow_free(e);
	return covered;
}

/* ---- shutting ---- */

static void note_first(struct ap_result *first, struct ap_result r, const char *what)
{
	if (ap_ok(r))
		return;
	ap_log(AP_LOG_ERROR, "lockdown_step_failed", "step=%s reason=%s", what, r.name);
	if (ap_ok(*first))
		*first = r;
}

static struct ap_result end_accesses(struct ap_vault *v)
{
	g_autoptr(GArray) ids = NULL;
	AP_TRY(ap_db_lockdown_accesses(ap_vault_db(v), &ids));
	for (guint i = 0; i < ids->len; i++)
		AP_TRY(ap_access_end(v, &g_array_index(ids, struct ap_uuid, i)));
	return AP_SUCCESS;
}

struct ap_result ap_lockdown_destroy_file(struct ap_vault *v, bool covered)
{
	const struct ap_kek_place *place = ap_vault_kek_place(v);
	if (!covered || !ap_kek_replaceable(place))
		return AP_SUCCESS;
	return ap_kek_destroy(place);
}

struct ap_result ap_lockdown_begin(struct ap_vault *v, const struct ap_actor *by, const char *reason)
{
	struct ap_result first = AP_SUCCESS;
	bool again = ap_vault_locked_down(v), covered = ap_lockdown_is_covered(v);
	if (!again)
		note_first(&first, ap_vault_set_lockdown(v, true), "gates");
	ap_db_keys_lock(ap_vault_keys(v));
	ap_archive_stop();
	ap_hand_over_stop();
	note_first(&first, ap_passage_halt(v), "passage");
	note_first(&first, ap_db_keys_recall(ap_vault_keys(v)), "copies");
	note_first(&first, ap_lockdown_destroy_file(v, covered), "key");
	note_first(&first, ap_db_lockdown_logins(ap_vault_db(v)), "logins");
	note_first(&first, end_accesses(v), "viewings");
	if (!again)
		note_first(&first, ap_db_lockdown_note(ap_vault_db(v), ap_wall_ms(ap_vault_clock(v))), "time");
	note_first(&first, ap_incident_of_lockdown(v, by, reason), "incident"); /* also the one that failed before */
	ap_log(AP_LOG_WARN, "lockdown", "sealed=%s", covered ? "yes" : "no");
	return first;
}

struct ap_result ap_lockdown_resume(struct ap_vault *v)
{
	if (!ap_vault_locked_down(v))
		return AP_SUCCESS;
	bool covered = ap_lockdown_is_covered(v);
	ap_db_keys_lock(ap_vault_keys(v));
	ap_log(AP_LOG_WARN, "lockdown", "sealed=%s advice=aparte lockdown lift", covered ? "yes" : "no");
	return ap_lockdown_destroy_file(v, covered);
}
