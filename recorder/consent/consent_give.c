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

/* One give on its way. */
struct give {
	struct ap_consents *c; /* borrowed */
	/* owned */
	struct ap_party party;
	struct ap_statement statement;
	JsonObject *body;
	struct ap_secret *share; /* NULL: it gives other purposes */
	/* state */
	ap_purposes before;
	bool replaces;
	struct ap_uuid replaced; /* the give of `recording` in force until now */
	uint64_t leaf;
	ap_consent_done done;
	void *data;
};

static void give_free(struct give *g)
{
	ap_party_clear(&g->party);
	ap_statement_clear(&g->statement);
	json_object_unref(g->body);
	ap_secret_free(g->share);
	g_free(g);
}

/* ---- inside the transaction ---- */

static struct ap_result put_consent(struct ap_db *db, const struct give *g, int64_t now_ms)
{
	uint8_t key[32], signature[64];
	const struct ap_statement *s = &g->statement;
	struct ap_consent_row row = { .session = g->party.session,
				      .role = g->party.role,
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
				      .leaf = g->leaf };
	if (!ap_base64url_exact(ap_body_text(g->body, "key"), key, sizeof key) ||
	    !ap_base64url_exact(ap_body_text(g->body, "signature"), signature, sizeof signature))
		return ap_fail(AP_ERR_INTERNAL, "internal", "evidence was checked before");
	return ap_db_consent_put(db, &row);
}

static struct ap_result append_leaf(struct give *g, struct ap_db *db)
{
	const struct ap_statement *s = &g->statement;
	JsonObject *body = ap_consent_leaf_body(&g->party, s->event, s->purposes, &s->sha256, true);
	char record[AP_UUID_TEXT];
	g_autofree char *notice = ap_hash_hex(&s->notice_sha256);
	ap_uuid_text(&s->record_id, record);
	json_object_set_string_member(body, "record_id", record);
	json_object_set_string_member(body, "notice_sha256", notice);
	return ap_ledger_append(ap_vault_ledger(g->c->v), db, AP_LEAF_CONSENT, body, &g->leaf);
}

/* To be wrapped before the commit: bound to the leaf's hash, which exists only inside the transaction. */
static struct ap_result add_share(struct give *g, struct ap_db *db)
{
	struct ap_share_give share = { .place = { .slot = slot_of(g->party.role),
						  .session = g->party.session,
						  .record_id = g->statement.record_id },
				       .share = g->share,
				       .role = g->party.role };
	if (!g->share)
		return AP_SUCCESS;
	AP_TRY(ap_ledger_leaf_hash(ap_vault_ledger(g->c->v), db, g->leaf, share.place.own_leafhash.b));
	g_array_append_val(g->c->shares, share);
	return AP_SUCCESS;
}

static struct ap_result find_replaced(struct give *g, struct ap_db *db)
{
	struct ap_give give;
	AP_TRY(ap_db_consent_give(db, &g->party.session, g->party.role, &g->replaces, &give));
	if (!g->replaces)
		return AP_SUCCESS;
	g->replaced = give.record_id;
	ap_give_clear(&give);
	return AP_SUCCESS;
}

/* Another of the group may have used the same id a moment ago. */
static struct ap_result check_new(const struct give *g, struct ap_db *db)
{
	bool known = false;
	AP_TRY(ap_db_consent_known(db, &g->statement.record_id, &known));
	return known ? ap_fail(AP_ERR_DENIED, "statement-replayed", "this record_id was accepted before") : AP_SUCCESS;
}

static struct ap_result write_give(void *data, struct ap_db *db)
{
	struct give *g = data;
	struct ap_vault *v = g->c->v;
	ap_purposes before = 0;
	AP_TRY(check_new(g, db));
	AP_TRY(find_replaced(g, db));
	AP_TRY(ap_db_consent_both(db, &g->party.session, &before));
	AP_TRY(append_leaf(g, db));
	AP_TRY(put_consent(db, g, ap_wall_ms(ap_vault_clock(v))));
	AP_TRY(ap_consent_tell_platform(v, db, &g->party.session, before));
	return add_share(g, db); /* last: what fails before has no share */
}

/* ---- the group's shares ---- */

static const struct ap_share_give *share_at(const struct ap_consents *c, guint i)
{
	return &g_array_index(c->shares, struct ap_share_give, i);
}

/* In keys.db, pending, before vault.db knows of them. */
static struct ap_result put_shares(void *ctx)
{
	struct ap_consents *c = ctx;
	return c->shares->len > 0 ? ap_db_keys_put_many(ap_vault_keys(c->v), share_at(c, 0), c->shares->len) : AP_SUCCESS;
}

static void drop_shares(struct ap_consents *c)
{
	for (guint i = 0; i < c->shares->len; i++)
		AP_IGNORE(ap_db_keys_destroy(ap_vault_keys(c->v), &share_at(c, i)->place.record_id, share_at(c, i)->place.slot));
	/* what is left is swept at the next start */
}

/* The gives count from their commit on: what fails here is made good at the next start, or at the session's end. */
static void settle_shares(void *ctx, struct ap_result committed)
{
	struct ap_consents *c = ctx;
	struct ap_result r = AP_SUCCESS;
	if (!ap_ok(committed))
		drop_shares(c);
	else if (c->shares->len > 0)
		r = ap_db_keys_confirm_many(ap_vault_keys(c->v), share_at(c, 0), c->shares->len);
	if (!ap_ok(r))
		ap_log(AP_LOG_WARN, "give_untidied", "reason=%s", r.name);
	g_array_set_size(c->shares, 0);
}

struct ap_group *ap_consent_group_new(struct ap_consents *c)
{
	const struct ap_group_hooks hooks = { put_shares, settle_shares, c };
	return ap_group_new(&hooks);
}

/* ---- afterwards ---- */

/* Its share goes, unless a living recording was made with it. */
static void drop_replaced(const struct give *g)
{
	struct ap_vault *v = g->c->v;
	g_autoptr(GArray) unused = NULL;
	struct ap_result r = ap_db_recording_unused_gives(ap_vault_db(v), &g->party.session, &unused);
	for (guint i = 0; ap_ok(r) && i < unused->len; i++)
		if (ap_uuid_equal(&g_array_index(unused, struct ap_unused_give, i).record_id, &g->replaced))
			r = ap_db_keys_destroy(ap_vault_keys(v), &g->replaced, slot_of(g->party.role));
	if (!ap_ok(r))
		ap_log(AP_LOG_WARN, "replaced_share_kept", "reason=%s", r.name); /* until the session's end or the next start */
}

static void on_written(void *data, struct ap_result r)
{
	struct give *g = data;
	struct ap_consents *c = g->c;
	char *receipt = NULL;
	g_ptr_array_remove(c->giving, g);
	if (ap_ok(r)) {
		if (g->share && g->replaces) /* other purposes replace nothing: the share in force is still needed */
			drop_replaced(g);
		ap_log(AP_LOG_INFO, "consent_given", "role=%s leaf=%" G_GUINT64_FORMAT, ap_role_text(g->party.role), g->leaf);
		r = ap_ledger_receipt(ap_vault_ledger(c->v), ap_vault_db(c->v), g->leaf, &receipt);
	}
	if (ap_ok(r))
		ap_consent_changed(c, &g->party, g->before);
	g->done(g->data, r, receipt);
	give_free(g);
}

/* ---- taking in ---- */

static struct ap_result check(struct ap_vault *v, const struct ap_party *party, const struct ap_statement *statement,
			      JsonObject *body, struct ap_secret **ret_share)
{
	struct ap_give_facts facts;
	struct ap_evidence evidence = { ap_body_text(body, "key"), ap_body_text(body, "signature") };
	AP_TRY(ap_consent_facts(v, ap_vault_db(v), party, statement, &facts));
	AP_TRY(ap_consent_check_give(statement, &evidence, &facts));
	return ap_statement_gives_recording(statement) ? open_share(v, party, statement, body, ret_share) : AP_SUCCESS;
}

static struct give *give_new(struct ap_consents *c, const struct ap_party *party, struct ap_statement *statement, JsonObject *body)
{
	struct give *g = g_new0(struct give, 1);
	g->c = c;
	g->party = *party;
	g->party.pii_principal = g_strdup(party->pii_principal);
	g->party.name = g_strdup(party->name);
	g->party.locale = g_strdup(party->locale);
	g->statement = *statement;
	*statement = (struct ap_statement){ 0 };
	g->body = json_object_ref(body);
	return g;
}

void ap_consent_give(struct ap_consents *c, const struct ap_party *party, struct ap_statement *statement, JsonObject *body,
		     ap_consent_done done, void *data)
{
	struct ap_secret *share = NULL;
	struct ap_result r = check(c->v, party, statement, body, &share);
	if (!ap_ok(r)) {
		done(data, r, NULL);
		return;
	}
	struct give *g = give_new(c, party, statement, body);
	g->share = share;
	g->before = ap_consent_shown(ap_vault_db(c->v), party);
	g->done = done;
	g->data = data;
	g_ptr_array_add(c->giving, g);
	ap_group_connect(c->group, ap_vault_db(c->v));
	ap_group_add(c->group, &(struct ap_group_item){ write_give, on_written, g });
	if (!c->grouped)
		ap_group_commit(c->group);
}

void ap_consents_use_group(struct ap_consents *c)
{
	c->grouped = true;
}

void ap_consents_settle(struct ap_consents *c, const struct ap_uuid *session)
{
	bool waits = !session && c->giving->len > 0;
	for (guint i = 0; !waits && i < c->giving->len; i++)
		waits = ap_uuid_equal(&((const struct give *)c->giving->pdata[i])->party.session, session);
	if (waits)
		ap_group_commit(c->group);
}
