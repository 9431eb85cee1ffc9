#include "recorder/consent/consent_private.h"

#include "recorder/db/db_consent.h"
#include "recorder/db/db_policy.h"
#include "recorder/db/db_recording.h"
#include "recorder/recording/recording.h"
#include "recorder/vault_port.h"

#include <aparte/buf.h>
#include <aparte/jcs.h>
#include <aparte/log.h>
#include <string.h>

/* One withdrawal or refusal on its way: what is known of it, good or bad. */
struct withdrawal {
	struct ap_consents *c;	   /* borrowed */
	struct ap_gatekeeper *k;   /* borrowed; while it is being closed, or takes_recording */
	struct ap_party party;	   /* owned */
	unsigned slot;		   /* in the file of what is owed */
	enum ap_decision event;
	ap_purposes purposes, before;
	char *text; /* owned: the statement as sent, or the body */
	struct ap_hash sha256;
	bool is_signed, has_record, has_notice;
	struct ap_uuid record_id;
	struct ap_hash notice;
	uint8_t key[32], signature[64];
	int64_t event_ms, received_ms;
	ap_consent_done done; /* NULL once answered */
	void *data;
};

void ap_withdrawal_free(void *withdrawal)
{
	struct withdrawal *w = withdrawal;
	ap_party_clear(&w->party);
	g_free(w->text);
	g_free(w);
}

static bool takes_recording(const struct withdrawal *w)
{
	return (w->purposes & AP_PURPOSE_BIT(AP_PURPOSE_RECORDING)) != 0;
}

/* ---- committing ---- */

/* A recording under way is stopped first: it can only be erased then. One that is held is kept, sealed. */
static struct ap_result order_erasure(struct ap_vault *v, struct ap_db *db, const struct ap_recording *r)
{
	const struct ap_rights *rights = ap_vault_rights(v);
	if (strcmp(r->state, "erased") == 0)
		return AP_SUCCESS;
	if (!rights)
		return ap_fail(AP_ERR_IO, "vault-unavailable", "the vault is starting");
	if (strcmp(r->state, "recording") == 0)
		AP_TRY(ap_db_recording_stop(db, &r->id, ap_wall_ms(ap_vault_clock(v))));
	struct ap_result ordered = rights->erasure_order(v, db, &r->id, "withdrawal");
	return strcmp(ordered.name, "held") == 0 ? AP_SUCCESS : ordered;
}

static struct ap_result order_all(struct ap_vault *v, struct ap_db *db, const struct ap_uuid *session)
{
	g_autoptr(GArray) list = NULL;
	AP_TRY(ap_db_recording_list(db, session, &list));
	for (guint i = 0; i < list->len; i++)
		AP_TRY(order_erasure(v, db, &g_array_index(list, struct ap_recording, i)));
	return AP_SUCCESS;
}

/* The same record may have been accepted since this one came in: sent twice, it is a replay the second time. */
static struct ap_result drop_replayed_record(struct withdrawal *w, struct ap_db *db)
{
	bool known = false;
	if (w->has_record)
		AP_TRY(ap_db_consent_known(db, &w->record_id, &known));
	w->has_record = w->has_record && !known;
	w->is_signed = w->is_signed && !known;
	return AP_SUCCESS;
}

/* Last, and without a word in the matter: nobody's withdrawal waits for what a platform is to hear of it. */
static void tell_platform(struct withdrawal *w, struct ap_db *db, ap_purposes both)
{
	struct ap_result r = ap_consent_tell_platform(w->c->v, db, &w->party.session, both);
	if (!ap_ok(r))
		ap_log(AP_LOG_WARN, "webhook_not_queued", "reason=%s", r.name);
}

static struct ap_result commit_part(struct withdrawal *w, struct ap_db *db, uint64_t *ret_leaf)
{
	struct ap_vault *v = w->c->v;
	ap_purposes both = 0;
	AP_IGNORE(ap_db_consent_both(db, &w->party.session, &both)); /* unreadable: then nothing is told */
	AP_TRY(drop_replayed_record(w, db));
	JsonObject *body = ap_consent_leaf_body(&w->party, w->event, w->purposes, &w->sha256, w->is_signed);
	if (w->has_record) {
		char record[AP_UUID_TEXT];
		ap_uuid_text(&w->record_id, record);
		json_object_set_string_member(body, "record_id", record);
	}
	AP_TRY(ap_ledger_append(ap_vault_ledger(v), db, AP_LEAF_CONSENT, body, ret_leaf));
	struct ap_consent_row row = { .session = w->party.session,
				      .role = w->party.role,
				      .record_id = w->has_record ? &w->record_id : NULL,
				      .event = w->event,
				      .purposes = w->purposes,
				      .event_ms = w->event_ms,
				      .received_ms = w->received_ms,
				      .is_signed = w->is_signed,
				      .notice = w->has_notice ? w->notice.b : NULL,
				      .text = w->text,
				      .key = w->is_signed ? w->key : NULL,
				      .signature = w->is_signed ? w->signature : NULL,
				      .leaf = *ret_leaf };
	AP_TRY(ap_db_consent_put(db, &row));
	if (takes_recording(w))
		AP_TRY(order_all(v, db, &w->party.session));
	tell_platform(w, db, both);
	return AP_SUCCESS;
}

static struct ap_result commit(struct withdrawal *w, uint64_t *ret_leaf)
{
	struct ap_db *db = ap_vault_db(w->c->v);
	AP_TRY(ap_db_begin(db));
	return ap_db_finish(db, commit_part(w, db, ret_leaf));
}

/* The recording was dropped without a seal, and a hold kept it: what lies on disk is sealed now. */
static void seal_if_kept(struct withdrawal *w, const struct ap_uuid *recording)
{
	struct ap_vault *v = w->c->v;
	struct ap_db *db = ap_vault_db(v);
	bool ordered = false;
	if (ap_ok(ap_db_recording_ordered(db, recording, &ordered)) && !ordered)
		ap_gatekeeper_seal_dropped(w->k, recording);
}

/* ---- answering ---- */

static char *with_evidence(char *receipt)
{
	g_autoptr(JsonNode) node = NULL;
	g_autofree char *old = receipt;
	char *text = NULL;
	if (!old || !ap_ok(ap_json_parse(old, strlen(old), 65536, &node)))
		return g_strdup("{\"evidence\":\"unsigned\"}");
	json_object_set_string_member(json_node_get_object(node), "evidence", "unsigned");
	return ap_ok(ap_jcs_from_node(node, &text)) ? text : g_strdup("{\"evidence\":\"unsigned\"}");
}

/* Answers 201 in every case; without a leaf the answer only says that it was taken. */
static void answer(struct withdrawal *w, bool committed, uint64_t leaf)
{
	char *receipt = NULL;
	struct ap_vault *v = w->c->v;
	if (!w->done)
		return;
	struct ap_result r = committed ? ap_ledger_receipt(ap_vault_ledger(v), ap_vault_db(v), leaf, &receipt) :
					 ap_fail(AP_ERR_IO, "ledger", "");
	if (!ap_ok(r) || !w->is_signed)
		receipt = with_evidence(receipt);
	ap_consent_done done = g_steal_pointer(&w->done);
	done(w->data, AP_SUCCESS, receipt);
}

static void settle(struct withdrawal *w)
{
	ap_owed_settle(ap_vault_owed(w->c->v), w->slot);
	if (takes_recording(w)) {
		ap_gatekeeper_block(w->k, w->party.role, false);
		AP_IGNORE(ap_consent_destroy_unused(w->c->v, ap_vault_db(w->c->v), &w->party.session,
						    (int)w->party.role)); /* once more at the session's end */
	}
	ap_consent_changed(w->c, &w->party, w->before);
}

/* Before it is answered: in the file, so that not even a crash undoes it. */
static void owe(struct withdrawal *w)
{
	struct ap_owed_entry entry = { .session = w->party.session,
				       .role = w->party.role,
				       .event = w->event,
				       .purposes = w->purposes,
				       .received_ms = w->received_ms,
				       .statement = w->sha256 };
	struct ap_result r = ap_owed_put(ap_vault_owed(w->c->v), &entry);
	if (!ap_ok(r))
		ap_log(AP_LOG_ERROR, "withdrawal_not_durable", "reason=%s", r.name);
	w->slot = entry.slot;
	g_ptr_array_add(w->c->owed, w);
}

static void on_closed(void *data)
{
	struct withdrawal *w = data;
	struct ap_uuid recording;
	bool dropped = false;
	uint64_t leaf = 0;
	if (takes_recording(w))
		ap_gatekeeper_drop_recording(w->k, &recording, &dropped);
	struct ap_result r = commit(w, &leaf);
	if (ap_ok(r) && dropped)
		seal_if_kept(w, &recording);
	ap_log(AP_LOG_INFO, "consent_withdrawn", "role=%s evidence=%s logged=%s", ap_role_text(w->party.role),
	       w->is_signed ? "signed" : "unsigned", ap_ok(r) ? "yes" : r.name);
	if (!ap_ok(r))
		owe(w);
	answer(w, ap_ok(r), leaf);
	if (!ap_ok(r))
		return;
	settle(w);
	ap_withdrawal_free(w);
}

/* ---- what is owed ---- */

/* In their order. One that vault.db does not take (its person is gone) does not hold up the others. */
void ap_withdrawals_retry(struct ap_consents *c)
{
	struct ap_db *db = ap_vault_db(c->v);
	uint64_t leaf = 0;
	for (guint i = 0; i < c->owed->len;) {
		struct withdrawal *w = c->owed->pdata[i];
		if (!ap_ok(ap_db_begin(db)))
			return; /* nothing can be written now */
		if (!ap_ok(ap_db_finish(db, commit_part(w, db, &leaf)))) {
			i++;
			continue;
		}
		g_ptr_array_steal_index(c->owed, i);
		settle(w);
		ap_withdrawal_free(w);
	}
}

static void resume_one(struct ap_consents *c, const struct ap_owed_entry *e)
{
	struct ap_db *db = ap_vault_db(c->v);
	bool taken = false;
	struct ap_party party = { .session = e->session, .role = e->role };
	if (ap_ok(ap_db_consent_taken(db, &e->session, e->role, e->event, e->received_ms, &taken)) && taken) {
		ap_owed_settle(ap_vault_owed(c->v), e->slot);
		return;
	}
	AP_IGNORE(ap_party_load(db, &e->session, e->role, &party)); /* session and role are all that is needed */
	struct withdrawal *w = g_new0(struct withdrawal, 1);
	*w = (struct withdrawal){ .c = c,
				  .k = ap_gatekeeper_get(c->keepers, &e->session),
				  .party = party,
				  .slot = e->slot,
				  .event = e->event,
				  .purposes = e->purposes,
				  .before = ap_consent_shown(db, &party),
				  .sha256 = e->statement,
				  .event_ms = e->received_ms,
				  .received_ms = e->received_ms };
	if (takes_recording(w))
		ap_gatekeeper_block(w->k, e->role, true);
	g_ptr_array_add(c->owed, w);
}

void ap_withdrawals_resume(struct ap_consents *c)
{
	g_autoptr(GArray) list = ap_owed_list(ap_vault_owed(c->v));
	for (guint i = 0; i < list->len; i++)
		resume_one(c, &g_array_index(list, struct ap_owed_entry, i));
	if (list->len > 0)
		ap_log(AP_LOG_WARN, "withdrawals_owed", "count=%u", list->len);
}

static bool is_of(const struct withdrawal *w, const struct ap_uuid *session, enum ap_role role)
{
	return w->party.role == role && ap_uuid_equal(&w->party.session, session);
}

void ap_withdrawals_fold(const struct ap_consents *c, const struct ap_uuid *session, enum ap_role role,
			 struct ap_consent_state *state)
{
	for (guint i = 0; i < c->owed->len; i++) {
		const struct withdrawal *w = c->owed->pdata[i];
		if (is_of(w, session, role))
			ap_consent_fold_one(state, (struct ap_decided){ .decision = w->event, .purposes = w->purposes });
	}
}

bool ap_withdrawals_owe(const struct ap_consents *c, const struct ap_uuid *session, enum ap_role role)
{
	for (guint i = 0; i < c->owed->len; i++) {
		if (is_of(c->owed->pdata[i], session, role))
			return true;
	}
	return false;
}

/* ---- taking in ---- */

static bool within_skew(int64_t a, int64_t b)
{
	return a - b <= AP_STATEMENT_SKEW_MS && b - a <= AP_STATEMENT_SKEW_MS;
}

/* What is good about it, without which it is taken all the same. */
static void assess(struct withdrawal *w, struct ap_db *db, const struct ap_statement *s, const struct ap_evidence *evidence)
{
	struct ap_give_facts facts;
	g_autofree char *document = NULL;
	AP_IGNORE(ap_db_consent_last_ms(db, &w->party.session, w->party.role, &w->event_ms)); /* 0 will do */
	if (!s || !ap_ok(ap_consent_facts_of_person(w->c->v, db, &w->party, s, &facts)))
		return;
	w->has_notice = ap_ok(ap_db_notice_get(db, s->notice_sha256.b, &document));
	w->is_signed = w->has_notice && ap_consent_evidence_good(s, evidence, &facts) &&
		       ap_base64url_exact(evidence->key, w->key, sizeof w->key) &&
		       ap_base64url_exact(evidence->signature, w->signature, sizeof w->signature);
	w->has_record = !facts.record_known;
	w->record_id = s->record_id;
	w->notice = s->notice_sha256;
	if (within_skew(s->event_ms, w->received_ms)) /* a wild clock must not make later statements stale */
		w->event_ms = MAX(w->event_ms, s->event_ms);
}

void ap_consent_withdraw(struct ap_consents *c, const struct ap_party *party, const struct ap_statement *statement,
			 struct ap_salvage salvage, const char *body, const struct ap_evidence *evidence, ap_consent_done done,
			 void *data)
{
	struct withdrawal *w = g_new0(struct withdrawal, 1);
	struct ap_db *db = ap_vault_db(c->v);
	w->c = c;
	w->slot = AP_OWED_NONE;
	w->k = ap_gatekeeper_get(c->keepers, &party->session);
	w->party = *party;
	w->party.pii_principal = g_strdup(party->pii_principal);
	w->party.name = g_strdup(party->name);
	w->party.locale = g_strdup(party->locale);
	w->event = salvage.event;
	w->purposes = salvage.purposes ? salvage.purposes : AP_PURPOSE_BIT(AP_PURPOSE_RECORDING);
	w->text = g_utf8_make_valid(body, -1);
	w->sha256 = ap_sha256(body, strlen(body));
	w->received_ms = ap_wall_ms(ap_vault_clock(c->v));
	w->done = done;
	w->data = data;
	if (takes_recording(w))
		ap_gatekeeper_block(w->k, party->role, true);
	w->before = ap_consent_shown(db, party);
	assess(w, db, statement, evidence);
	ap_gatekeeper_close(w->k, AP_GATE_REASON(CONSENT_MISSING), takes_recording(w), on_closed, w);
}
