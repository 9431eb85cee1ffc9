#include "recorder/api/doctor.h"

#include "recorder/api/answer.h"
#include "recorder/backup/backup.h"
#include "recorder/backup/key_part.h"
#include "recorder/api/body.h"
#include "recorder/db/db_incident.h"
#include "recorder/db/db_staff_metrics.h"
#include "recorder/db/db_turnover.h"
#include "recorder/keys/kek.h"
#include "recorder/keys/lockdown.h"
#include "recorder/ledger/witness_list.h"
#include "recorder/access/review.h"
#include "recorder/proof/db_proof.h"
#include "recorder/proof/proof.h"
#include "recorder/vault_port.h"
#include "recorder/webhook/db_webhook.h"

#include <string.h>
#include <sys/stat.h>

#define BACKUP_OLD_MS (7 * 86400LL * 1000)

enum verdict { GOOD, WARN, BAD };

struct report {
	JsonArray *checks;
	bool bad;
};

static void note(struct report *r, const char *check, enum verdict verdict, const char *detail)
{
	static const char *const words[] = {"good", "warn", "bad"};
	JsonObject *o = json_object_new();
	ap_answer_text(o, "check", check);
	ap_answer_text(o, "state", words[verdict]);
	ap_answer_text(o, "detail", detail);
	json_array_add_object_element(r->checks, o);
	r->bad |= verdict == BAD;
}

static void check_kek(struct report *r, struct ap_vault *v)
{
	enum ap_kek_source source;
	bool demo = !ap_ok(ap_kek_source_parse(ap_config_text(ap_vault_config(v), "kek.source"), &source)) ||
		    ap_kek_source_is_demo(source);
	note(r, "kek", demo ? WARN : GOOD,
	     demo ? "the key-encryption key is a plain file: for demonstration only; use a credential"
		  : "not a plain file");
}

static void check_log(struct report *r, struct ap_vault *v)
{
	struct ap_ledger *ledger = ap_vault_ledger(v);
	if (ap_ledger_stopped(ledger))
		note(r, "log", BAD,
		     "the log is behind or different from a checkpoint known elsewhere (keys.db, the journal or a witness): "
		     "aparte restore brings the newest backup into a new home");
	else
		note(r, "log", ap_ledger_healthy(ledger) ? GOOD : BAD,
		     ap_ledger_healthy(ledger) ? "agrees with the highest checkpoint known"
					       : "the log cannot be written: see to the disk of vault/");
}

#define WITNESS_FRESH_MS (2 * 3600LL * 1000)

/* Twice the time in which each is shown the log again. */
static void check_witnesses(struct report *r, struct ap_vault *v)
{
	struct ap_witness_state s;
	if (!ap_ok(ap_witness_state(ap_vault_config(v), ap_vault_ledger(v), ap_vault_db(v), ap_wall_ms(ap_vault_clock(v)),
				    WITNESS_FRESH_MS, &s))) {
		note(r, "witnesses", BAD, "what they signed cannot be read");
		return;
	}
	g_autofree char *detail = g_strdup_printf("%u of %u cosigned lately, %u are asked for%s%s", s.fresh, s.configured, s.quorum,
						  s.trouble[0] ? "; one that did not: " : "", s.trouble);
	if (s.configured == 0)
		note(r, "witnesses", GOOD, "none configured (witness.list): nobody outside sees whether the log is shown to all alike");
	else if (s.doubting > 0)
		note(r, "witnesses", BAD,
		     "one knows more of the log than is here, or another one: nothing is recorded. If this is an older copy, put the "
		     "newest back (aparte restore); if the witness is wrong, have it mended or take it out of witness.list");
	else
		note(r, "witnesses", s.fresh < s.quorum ? BAD : s.fresh < s.configured && s.quorum == 0 ? WARN : GOOD, detail);
}

static void check_space(struct report *r, struct ap_vault *v)
{
	uint64_t bytes = 0, floor = (uint64_t)ap_config_int(ap_vault_config(v), "storage.floor_mib") << 20;
	bool known = ap_ok(ap_blob_free_bytes(ap_vault_blob(v), &bytes)), enough = known && bytes >= floor;
	g_autofree char *detail = g_strdup_printf("%llu MiB free, floor %llu MiB%s", (unsigned long long)bytes >> 20,
						  (unsigned long long)floor >> 20,
						  enough ? "" : ": nothing is recorded until you free some space");
	note(r, "storage", enough ? (bytes > 2 * floor ? GOOD : WARN) : BAD, detail);
}

/* As the gate saw it last; looking here could hang where the disk does. */
static void check_disk(struct report *r, struct ap_vault *v)
{
	static const struct {
		const char *trouble, *advice;
	} known[] = {
		{"write", "recordings/ or vault/ cannot be written: see to its disk and mount; recording then goes on by itself"},
		{"slow", "the disk takes seconds to keep a file: see what else uses it; recording then goes on by itself"},
	};
	const char *trouble = ap_vault_disk_trouble(v);
	for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
		if (strcmp(trouble, known[i].trouble) == 0) {
			note(r, "disk", BAD, known[i].advice);
			return;
		}
	note(r, "disk", GOOD, "keeps what is written");
}

/* Directories 0700 and files 0600, as docs/FORMAT.md says. */
static bool is_private(struct ap_vault *v, const char *name)
{
	struct stat st;
	g_autofree char *path = g_build_filename(ap_vault_home(v), name, NULL);
	return stat(path, &st) != 0 || (st.st_mode & 077) == 0;
}

static void check_permissions(struct report *r, struct ap_vault *v)
{
	static const char *const names[] = {"vault", "vault/vault.db", "vault/keys.db", "vault/kek", "recordings"};
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (!is_private(v, names[i])) {
			g_autofree char *detail = g_strconcat(names[i], " can be read by others: chmod go= it", NULL);
			note(r, "permissions", BAD, detail);
			return;
		}
	note(r, "permissions", GOOD, "only the vault reads its files");
}

static void check_counts(struct report *r, struct ap_vault *v)
{
	struct ap_staff_counts n;
	if (!ap_ok(ap_db_staff_counts(ap_vault_db(v), ap_wall_ms(ap_vault_clock(v)), &n))) {
		note(r, "database", BAD, "vault.db cannot be read");
		return;
	}
	note(r, "erasures", n.erasures_open ? WARN : GOOD,
	     n.erasures_open ? "erasures are under way; look again, and at the log if they stay"
			     : "none is left half done");
	note(r, "requests", n.requests_overdue ? BAD : n.requests_soon || n.checklists_open ? WARN : GOOD,
	     n.requests_overdue	 ? "a person's request is past its date: aparte request list --due" :
	     n.requests_soon	 ? "a person's request is due within a week: aparte request list --due" :
	     n.checklists_open ? "an erasure has things outside the system that nobody ticked: aparte request list --due" :
				   "none is due within a week");
	note(r, "admins", n.admins >= 2 ? GOOD : WARN,
	     n.admins >= 2 ? "two or more" : "holds and bulk erasures need two admins: add one");
}

/* Only where it waits for somebody. */
static void check_remnants(struct report *r, struct ap_vault *v)
{
	struct ap_proof_purge state;
	if (!ap_ok(ap_db_proof_purge_state(ap_vault_db(v), &state)) || !state.owed || state.size <= AP_PROOF_PURGE_SERVING)
		return;
	note(r, "remnants", WARN,
	     state.size <= AP_PROOF_PURGE_START ? "vault.db is to be rewritten, so that nothing is left of what was deleted in it: restart the "
						  "service, with room for twice its size above storage.floor_mib" :
						  "vault.db is to be rewritten and is too large to do so at a start: docs/OPERATIONS.md, "
						  "When a platform leaves, says how");
}

static void check_webhooks(struct report *r, struct ap_vault *v)
{
	int64_t waiting = 0, dead = 0, disabled = 0;
	bool known = ap_ok(ap_db_delivery_counts(ap_vault_db(v), &waiting, &dead)) &&
		     ap_ok(ap_db_webhook_disabled(ap_vault_db(v), &disabled));
	note(r, "webhooks", !known ? BAD : dead || disabled ? WARN : GOOD,
	     !known   ? "webhooks cannot be read" :
	     dead     ? "deliveries were given up: aparte webhook dead, then retry or drop" :
	     disabled ? "a receiver answered that it wants no more (410): aparte webhook list" :
			"every delivery was taken or is being tried");
}

/* ---- the key, lockdown, incidents ---- */

#define HOUR_MS (3600LL * 1000)

/* Old copies open what was erased until then: somebody is to know, and to decide. */
static void note_turnover_held_up(struct report *r, struct ap_vault *v, int64_t count)
{
	bool behind = ap_ledger_behind(ap_vault_ledger(v));
	g_autofree char *detail = g_strdup_printf("%lld erasures wait for a turnover that %s", (long long)count,
						  behind ? "a log that is not what was signed holds up: see the check log"
							 : "a witness's doubt holds up: once you know that the witness is wrong, aparte "
							   "rotate makes it all the same");
	note(r, "turnover", BAD, detail);
}

static void check_turnover(struct report *r, struct ap_vault *v)
{
	struct ap_turnover open;
	int64_t count = 0, since_ms = 0, now_ms = ap_wall_ms(ap_vault_clock(v));
	bool known = ap_ok(ap_db_turnover_waiting(ap_vault_db(v), &count, &since_ms));
	bool under_way = ap_ok(ap_db_turnover_open(ap_vault_db(v), &open));
	if (known && !under_way && count > 0 && ap_ledger_stopped(ap_vault_ledger(v))) {
		note_turnover_held_up(r, v, count);
		return;
	}
	g_autofree char *detail = g_strdup_printf("%lld erasures wait for it; it comes by itself within a day, or by aparte rotate",
						  (long long)count);
	if (!known || (count > 0 && now_ms - since_ms > 24 * HOUR_MS))
		note(r, "turnover", BAD, "erasures have waited for more than a day: aparte rotate says what stands in the way");
	else if (under_way && now_ms - open.begun_ms > HOUR_MS)
		note(r, "turnover", BAD, "one has been under way for more than an hour: the log says why (turnover_stopped)");
	else
		note(r, "turnover", GOOD, count > 0 ? detail : under_way ? "under way" : "no erasure waits for one");
}

static void check_lockdown(struct report *r, struct ap_vault *v)
{
	if (ap_vault_locked_down(v))
		note(r, "lockdown", BAD, "locked down: aparte lockdown status");
	else if (!ap_lockdown_is_covered(v))
		note(r, "lockdown", WARN, "off; it could not destroy the key's file: two admins enrol by aparte lockdown enrol");
	else
		note(r, "lockdown", GOOD, "off; two of the enrolled admins could lift one");
}

static void check_incidents(struct report *r, struct ap_vault *v)
{
	int64_t open = 0, overdue = 0;
	bool known = ap_ok(ap_db_incident_counts(ap_vault_db(v), ap_wall_ms(ap_vault_clock(v)), &open, &overdue));
	note(r, "incidents", !known || overdue ? BAD : open ? WARN : GOOD,
	     !known ? "incidents cannot be read" : overdue ? "one is past its 72 hours: aparte incident list" :
	     open ? "one is open: aparte incident list" : "none is open");
}

/* R35: off loopback nothing is recorded before all four are set. */
static void check_operator(struct report *r, struct ap_vault *v)
{
	struct ap_policy_facts facts = ap_vault_policy_facts(v);
	bool set = facts.controller && facts.dpo && facts.complaint && facts.impact_assessment;
	note(r, "operator", set || !facts.off_loopback ? GOOD : BAD,
	     set ? "controller, officer, complaint route and impact assessment are set"
	     : facts.off_loopback ? "nothing is recorded before controller_name, controller_contact, dpo, complaint and impact_assessment are set"
				  : "not all set under [operator]: to be done before recording off loopback");
}

static void check_review(struct report *r, struct ap_vault *v)
{
	int64_t due = 0, overdue = 0;
	if (!ap_ok(ap_review_counts(v, &due, &overdue))) {
		note(r, "review", BAD, "users and grants cannot be read");
		return;
	}
	g_autofree char *detail = g_strdup_printf("%d users and grants are due for review: aparte review", (int)due);
	note(r, "review", overdue ? BAD : due ? WARN : GOOD,
	     overdue ? "past its grace and still there (the last admin?): aparte review"
		     : due ? detail : "every user and grant was confirmed in time");
}

/* ---- backups ---- */

static const char *first_problem(JsonObject *proof)
{
	JsonNode *node = json_object_get_member(proof, "problems");
	JsonArray *list = node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
	return list && json_array_get_length(list) > 0 ? json_array_get_string_element(list, 0) :
							 ap_body_text_or_empty(proof, "problem");
}

static bool is_old(struct ap_vault *v, JsonObject *run)
{
	int64_t at = 0, now = ap_wall_ms(ap_vault_clock(v));
	return !ap_time_parse(ap_body_text_or_empty(run, "at"), &at) || now - at > BACKUP_OLD_MS;
}

static void check_proof(struct report *r, struct ap_vault *v, JsonObject *last, JsonObject *proof)
{
	int64_t living = 0;
	g_autofree char *detail = NULL;
	if (!ap_body_bool(proof, "ok")) {
		detail = g_strconcat("the last backup does not restore: ", first_problem(proof), NULL);
		note(r, "backup", BAD, detail);
		return;
	}
	(void)ap_body_int(proof, "living", &living);
	detail = g_strdup_printf("restored to a scratch place at %s: %lld recordings open%s", ap_body_text_or_empty(proof, "at"),
				 (long long)living, is_old(v, last) ? "; but it is more than a week old: aparte backup" : "");
	note(r, "backup", is_old(v, last) ? WARN : GOOD, detail);
}

static void check_backup(struct report *r, struct ap_vault *v, JsonObject *backup)
{
	JsonObject *last = ap_body_object(backup, "last"), *proof = ap_body_object(backup, "proof");
	if (!ap_body_bool(backup, "configured"))
		note(r, "backup", WARN, "none are made: set backup.directory, backup.recipient and backup.journal");
	else if (!last)
		note(r, "backup", WARN, "none was made yet: aparte backup");
	else if (!ap_body_bool(last, "ok"))
		note(r, "backup", BAD, ap_body_text_or_empty(last, "problem"));
	else if (!proof)
		note(r, "backup", WARN, "the last backup is not proved yet: aparte doctor, once more");
	else
		check_proof(r, v, last, proof);
}

static void check_journal(struct report *r, JsonObject *backup)
{
	JsonObject *journal = ap_body_object(backup, "journal");
	if (!ap_body_bool(journal, "ok"))
		note(r, "journal", BAD,
		     "cannot be written, or lost lines that were in it (the vault's log says which): see to the disk of backup.journal, or "
		     "name an empty directory there and make a backup; until then no erasure is certified (it is done all the same)");
	else if (ap_body_bool(journal, "inside"))
		note(r, "journal", WARN, "lies in the instance or its backups: set backup.journal to another disk, or what loses them loses it too");
	else
		note(r, "journal", GOOD, "withdrawals, erasures and revocations are kept outside the backups");
}

static void check_restored(struct report *r, JsonObject *backup)
{
	int64_t frozen = 0;
	(void)ap_body_int(backup, "frozen", &frozen);
	if (frozen > 0)
		note(r, "restore", BAD,
		     "restored without a journal that reaches: everything of before is frozen until an admin releases it: aparte restore release");
}

static struct ap_result check_backups(struct report *r, struct ap_vault *v, struct ap_backups *backups, JsonObject *answer)
{
	g_autoptr(JsonNode) node = NULL;
	int64_t overdue = 0;
	AP_TRY(ap_backups_show(backups, &node));
	AP_TRY(ap_key_part_overdue(v, &overdue));
	if (overdue > 0)
		note(r, "key_parts", BAD,
		     "a key part of a backup could not be destroyed in its time, so that no erasure is dated: mount backup.directory");
	JsonObject *backup = json_node_get_object(node);
	check_backup(r, v, backup);
	check_journal(r, backup);
	check_restored(r, backup);
	json_object_set_object_member(answer, "backup", json_object_ref(backup));
	return AP_SUCCESS;
}

struct ap_result ap_doctor_examine(struct ap_vault *v, struct ap_backups *backups, bool clock_frozen, JsonNode **ret_answer)
{
	struct report r = {.checks = json_array_new()};
	check_kek(&r, v);
	check_log(&r, v);
	check_witnesses(&r, v);
	check_space(&r, v);
	check_disk(&r, v);
	check_permissions(&r, v);
	check_counts(&r, v);
	check_review(&r, v);
	check_operator(&r, v);
	note(&r, "clock", clock_frozen ? BAD : GOOD,
	     clock_frozen ? "the wall clock jumped; nothing is erased until: aparte clock confirm" : "steady");
	note(&r, "link", ap_vault_ready(v) ? GOOD : BAD,
	     ap_vault_ready(v) ? "gateway and capture are there"
			       : "gateway or capture (sandbox) is missing: no recording now");
	check_remnants(&r, v);
	check_webhooks(&r, v);
	check_turnover(&r, v);
	check_lockdown(&r, v);
	check_incidents(&r, v);
	JsonObject *o = json_object_new();
	if (!ap_ok(check_backups(&r, v, backups, o)))
		note(&r, "backup", BAD, "vault.db cannot be read");
	json_object_set_boolean_member(o, "ok", !r.bad);
	json_object_set_array_member(o, "checks", r.checks);
	*ret_answer = ap_answer_object(o);
	return AP_SUCCESS;
}
