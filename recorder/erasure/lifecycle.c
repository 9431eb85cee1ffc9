#include "recorder/erasure/lifecycle.h"

#include "recorder/access/access.h"
#include "recorder/api/answer.h"
#include "recorder/db/db_lifecycle.h"
#include "recorder/access/grant.h"
#include "recorder/policy/rule_book.h"
#include "recorder/policy/terms.h"
#include "recorder/vault_port.h"

static int64_t now_of(struct ap_vault *v)
{
	return ap_wall_ms(ap_vault_clock(v));
}

/* ---- the archive phase ---- */

static struct ap_result write_archived(struct ap_vault *v, const struct ap_lifecycle_recording *r)
{
	uint64_t leaf;
	char id[AP_UUID_TEXT];
	struct ap_db *db = ap_vault_db(v);
	JsonObject *body = json_object_new();
	ap_answer_text(body, "event", "recording_archived");
	ap_answer_id(body, "recording", &r->id);
	AP_TRY(ap_ledger_append(ap_vault_ledger(v), db, AP_LEAF_OTHER, body, &leaf));
	AP_TRY(ap_db_lifecycle_archive(db, &r->id));
	ap_uuid_text(&r->id, id);
	g_autofree char *data = g_strdup_printf("{\"recording\":\"%s\"}", id);
	return ap_vault_webhook(v, db, r->tenant, "recording.archived", data);
}

static struct ap_result write_all(struct ap_vault *v, const GArray *due)
{
	for (guint i = 0; i < due->len; i++)
		AP_TRY(write_archived(v, &g_array_index(due, struct ap_lifecycle_recording, i)));
	return AP_SUCCESS;
}

/* From here on a viewing needs an admin's word: what is under way without one ends. */
static struct ap_result archive_due(struct ap_vault *v)
{
	g_autoptr(GArray) due = NULL;
	struct ap_db *db = ap_vault_db(v);
	AP_TRY(ap_db_lifecycle_due(db, now_of(v), &due));
	if (due->len == 0)
		return AP_SUCCESS;
	AP_TRY(ap_db_begin(db));
	AP_TRY(ap_db_finish(db, write_all(v, due)));
	for (guint i = 0; i < due->len; i++) {
		const struct ap_lifecycle_recording *r = &g_array_index(due, struct ap_lifecycle_recording, i);
		ap_vault_recording_changed(v, &r->session, &r->id, "archived");
		AP_TRY(ap_access_sweep(v, &r->id));
	}
	return AP_SUCCESS;
}

/* ---- a purpose's own end ---- */

static struct ap_result end_purposes(struct ap_vault *v)
{
	g_autoptr(GArray) grants = NULL, accesses = NULL;
	struct ap_db *db = ap_vault_db(v);
	AP_TRY(ap_db_lifecycle_grants(db, now_of(v), &grants));
	for (guint i = 0; i < grants->len; i++)
		AP_TRY(ap_grant_end(v, &g_array_index(grants, struct ap_uuid, i), "term"));
	AP_TRY(ap_db_lifecycle_accesses(db, now_of(v), &accesses));
	for (guint i = 0; i < accesses->len; i++)
		AP_TRY(ap_access_end(v, &g_array_index(accesses, struct ap_uuid, i)));
	return AP_SUCCESS;
}

/* ---- the access log ---- */

/* What of one erased recording's accesses is older than its policies keep them. */
static struct ap_result forget_one(struct ap_db *db, struct ap_rule_book *book, const struct ap_lifecycle_log *log, int64_t now_ms)
{
	struct ap_rules rules = {0};
	const struct ap_rule_subject subject = {log->session, log->tenant, log->policy, log->policy_version};
	AP_TRY(ap_rule_book_of(book, &subject, &rules));
	bool due = ap_rules_access_log_ends(&rules, log->begun_ms) <= now_ms;
	ap_rules_clear(&rules);
	if (!due)
		return AP_SUCCESS;
	AP_TRY(ap_db_begin(db));
	return ap_db_finish(db, ap_db_lifecycle_forget(db, &log->access));
}

/* Rows that a long policy keeps must not stand before those that are due: the next scan goes on behind them. */
static void go_on_after(struct ap_lifecycle *l, const GArray *logs, int64_t now_ms)
{
	if (logs->len < AP_LIFECYCLE_LOGS) {
		l->log_after_ms = 0;
		l->log_after = (struct ap_uuid){0};
		l->log_next_ms = now_ms + AP_LIFECYCLE_LOG_MS;
		return;
	}
	const struct ap_lifecycle_log *last = &g_array_index(logs, struct ap_lifecycle_log, logs->len - 1);
	l->log_after_ms = last->begun_ms;
	l->log_after = last->access;
}

static struct ap_result forget_accesses(struct ap_vault *v, struct ap_lifecycle *l)
{
	g_autoptr(GArray) logs = NULL;
	struct ap_db *db = ap_vault_db(v);
	int64_t now = now_of(v);
	if (now < l->log_next_ms)
		return AP_SUCCESS;
	AP_TRY(ap_db_lifecycle_logs(db, l->log_after_ms, &l->log_after, &logs));
	struct ap_rule_book *book = ap_rule_book_new(db);
	struct ap_result r = AP_SUCCESS;
	for (guint i = 0; ap_ok(r) && i < logs->len; i++)
		r = forget_one(db, book, &g_array_index(logs, struct ap_lifecycle_log, i), now);
	ap_rule_book_free(book);
	if (ap_ok(r))
		go_on_after(l, logs, now);
	return r;
}

/* ---- what nobody needs any more ---- */

static struct ap_result tidy(struct ap_vault *v, struct ap_lifecycle *l)
{
	int64_t now = now_of(v);
	if (now < l->tidy_next_ms)
		return AP_SUCCESS;
	AP_TRY(ap_db_lifecycle_tidy(ap_vault_db(v), now - AP_LIFECYCLE_KEYS_MS, now - AP_LIFECYCLE_PROPOSALS_MS));
	l->tidy_next_ms = now + AP_LIFECYCLE_LOG_MS;
	return AP_SUCCESS;
}

struct ap_result ap_lifecycle_scan(struct ap_vault *v, struct ap_lifecycle *l)
{
	struct ap_result parts[] = {
		ap_terms_catch_up(v, false),
		archive_due(v),
		end_purposes(v),
		forget_accesses(v, l),
		tidy(v, l),
		ap_proof_scan(v, &l->proofs),
	};
	for (size_t i = 0; i < G_N_ELEMENTS(parts); i++)
		AP_TRY(parts[i]);
	return AP_SUCCESS;
}
