#include "recorder/consent/consent_private.h"

#include "recorder/api/body.h"
#include "recorder/db/db_consent.h"
#include "recorder/db/db_recording.h"

#include <aparte/log.h>
#include <string.h>

#define MAX_SEALED 256 /* bytes of a sealed share: 32 and its tag, with room */

static struct ap_result share_error(const char *detail)
{
	return ap_fail(AP_ERR_DENIED, "statement-share", detail);
}

/* The seal key that the statement names, by its hash, must be the one this person was shown. */
static struct ap_result seal_private(struct ap_vault *v, const struct ap_party *party, const struct ap_statement *s,
				     struct ap_secret **ret_private)
{
	uint8_t public[32];
	AP_TRY(ap_db_keys_seal(ap_vault_keys(v), &party->session, party->role, public));
	struct ap_hash hash = ap_sha256(public, sizeof public);
	if (!ap_hash_equal(&hash, &s->seal))
		return share_error("seal must be the SHA-256 of the notice answer's present seal key");
	return ap_db_keys_seal_open(ap_vault_keys(v), &party->session, party->role, public, ret_private);
}

/* What the page sealed, opened, and fitting the commitment that it signed. */
static struct ap_result open_share(struct ap_vault *v, const struct ap_party *party, const struct ap_statement *s,
				   JsonObject *body, struct ap_secret **ret_share)
{
	JsonObject *sealed = ap_body_object(body, "share");
	const char *ct_text = sealed ? ap_body_text(sealed, "ct") : NULL;
	uint8_t enc[32], ct[MAX_SEALED];
	size_t ct_len = 0;
	struct ap_secret *private = NULL, *share = NULL;
	if (!ct_text || !ap_base64url_exact(ap_body_text(sealed, "enc"), enc, sizeof enc) ||
	    !ap_base64url_read(ct_text, strlen(ct_text), ct, sizeof ct, &ct_len))
		return share_error("share has enc and ct in base64url");
	AP_TRY(seal_private(v, party, s, &private));
	struct ap_result r = ap_share_open(private, &party->session, party->role, &s->sha256, enc, ct, ct_len, &share);
	ap_secret_free(private);
	if (!ap_ok(r))
		return share_error("the share does not open with the notice answer's seal key");
	struct ap_hash commitment = ap_share_commitment(&party->session, party->role, share);
	if (!ap_hash_equal(&commitment, &s->share_commitment)) {
		ap_secret_free(share);
		return share_error("the share is not the one committed to");
	}
	*ret_share = share;
	return AP_SUCCESS;
}

static enum ap_slot slot_of(enum ap_role role)
{
	return role == AP_COACH ? AP_SLOT_COACH : AP_SLOT_COACHEE;
}

/* Bound to the leaf's hash, which exists only inside the transaction. */
static struct ap_result put_share(struct ap_vault *v, struct ap_db *db, const struct ap_party *party,
				  const struct ap_statement *s, uint64_t leaf, const struct ap_secret *share)
{
	struct ap_wrap_place place = { .slot = slot_of(party->role), .session = party->session, .record_id = s->record_id };
	AP_TRY(ap_ledger_leaf_hash(ap_vault_ledger(v), db, leaf, place.own_leafhash.b));
	return ap_db_keys_put(ap_vault_keys(v), &place, share);
}

static struct ap_result put_consent(struct ap_db *db, const struct ap_party *party, const struct ap_statement *s,
				    JsonObject *body, int64_t now_ms, uint64_t leaf)
{
	uint8_t key[32], signature[64];
	struct ap_consent_row row = { .session = party->session,
				      .role = party->role,
				      .record_id = &s->record_id,
				      .event = s->event,
				      .purposes = s->purposes,
				      .event_ms = s->event_ms,
				      .received_ms = now_ms,
				      .is_signed = true,
				      .presence = s->presence,
				      .notice = s->notice_sha256.b,
				      .text = s->text,
				      .key = key,
				      .signature = signature,
				      .leaf = leaf };
	if (!ap_base64url_exact(ap_body_text(body, "key"), key, sizeof key) ||
	    !ap_base64url_exact(ap_body_text(body, "signature"), signature, sizeof signature))
		return ap_fail(AP_ERR_INTERNAL, "internal", "evidence was checked before");
	return ap_db_consent_put(db, &row);
}

static struct ap_result commit_part(struct ap_vault *v, struct ap_db *db, const struct ap_party *party,
				    const struct ap_statement *s, JsonObject *body, const struct ap_secret *share,
				    uint64_t *ret_leaf)
{
	ap_purposes before = 0;
	AP_TRY(ap_db_consent_both(db, &party->session, &before));
	JsonObject *leaf_body = ap_consent_leaf_body(party, s->event, s->purposes, &s->sha256, true);
	char record[AP_UUID_TEXT];
	g_autofree char *notice = ap_hash_hex(&s->notice_sha256);
	ap_uuid_text(&s->record_id, record);
	json_object_set_string_member(leaf_body, "record_id", record);
	json_object_set_string_member(leaf_body, "notice_sha256", notice);
	AP_TRY(ap_ledger_append(ap_vault_ledger(v), db, AP_LEAF_CONSENT, leaf_body, ret_leaf));
	if (share)
		AP_TRY(put_share(v, db, party, s, *ret_leaf, share));
	AP_TRY(put_consent(db, party, s, body, ap_wall_ms(ap_vault_clock(v)), *ret_leaf));
	return ap_consent_tell_platform(v, db, &party->session, before);
}

/* The give counts from its commit on: what fails here is made good at the next start, or at the session's end. */
static void tidy_keys(struct ap_vault *v, const struct ap_party *party, const struct ap_statement *s)
{
	struct ap_result r = ap_db_keys_confirm(ap_vault_keys(v), &s->record_id, slot_of(party->role));
	if (ap_ok(r))
		r = ap_db_keys_seal_destroy(ap_vault_keys(v), &party->session, (int)party->role);
	if (!ap_ok(r))
		ap_log(AP_LOG_WARN, "give_untidied", "reason=%s", r.name);
}

/* The give of `recording` in force until now, if there is one. */
static struct ap_result find_replaced(struct ap_db *db, const struct ap_party *party, bool *ret_found, struct ap_uuid *ret_id)
{
	struct ap_give give;
	AP_TRY(ap_db_consent_give(db, &party->session, party->role, ret_found, &give));
	if (!*ret_found)
		return AP_SUCCESS;
	*ret_id = give.record_id;
	ap_give_clear(&give);
	return AP_SUCCESS;
}

/* Its share goes, unless a living recording was made with it. */
static void drop_replaced(struct ap_vault *v, const struct ap_party *party, const struct ap_uuid *replaced)
{
	g_autoptr(GArray) unused = NULL;
	struct ap_result r = ap_db_recording_unused_gives(ap_vault_db(v), &party->session, &unused);
	for (guint i = 0; ap_ok(r) && i < unused->len; i++)
		if (ap_uuid_equal(&g_array_index(unused, struct ap_unused_give, i).record_id, replaced))
			r = ap_db_keys_destroy(ap_vault_keys(v), replaced, slot_of(party->role));
	if (!ap_ok(r))
		ap_log(AP_LOG_WARN, "replaced_share_kept", "reason=%s", r.name); /* until the session's end or the next start */
}

static struct ap_result keep(struct ap_vault *v, const struct ap_party *party, const struct ap_statement *s, JsonObject *body,
			     const struct ap_secret *share, char **ret_receipt)
{
	struct ap_db *db = ap_vault_db(v);
	struct ap_uuid replaced;
	bool replaces = false;
	uint64_t leaf = 0;
	AP_TRY(find_replaced(db, party, &replaces, &replaced));
	AP_TRY(ap_db_begin(db));
	struct ap_result r = ap_db_finish(db, commit_part(v, db, party, s, body, share, &leaf));
	if (!ap_ok(r) && share)
		AP_IGNORE(ap_db_keys_destroy(ap_vault_keys(v), &s->record_id, slot_of(party->role))); /* else swept at start */
	AP_TRY(r);
	if (share)
		tidy_keys(v, party, s);
	if (share && replaces) /* other purposes replace nothing: the share in force is still needed */
		drop_replaced(v, party, &replaced);
	ap_log(AP_LOG_INFO, "consent_given", "role=%s leaf=%" G_GUINT64_FORMAT, ap_role_text(party->role), leaf);
	return ap_ledger_receipt(ap_vault_ledger(v), db, leaf, ret_receipt);
}

struct ap_result ap_consent_give(struct ap_vault *v, const struct ap_party *party, const struct ap_statement *statement,
				 JsonObject *body, char **ret_receipt)
{
	struct ap_give_facts facts;
	struct ap_evidence evidence = { ap_body_text(body, "key"), ap_body_text(body, "signature") };
	struct ap_secret *share = NULL;
	AP_TRY(ap_consent_facts(v, ap_vault_db(v), party, statement, &facts));
	AP_TRY(ap_consent_check_give(statement, &evidence, &facts));
	if (ap_statement_gives_recording(statement))
		AP_TRY(open_share(v, party, statement, body, &share));
	struct ap_result r = keep(v, party, statement, body, share, ret_receipt);
	ap_secret_free(share);
	return r;
}
