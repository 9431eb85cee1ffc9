#include "recorder/recording/recording.h"

#include "recorder/db/db_consent.h"
#include "recorder/consent/statement.h"

#include <aparte/buf.h>
#include <string.h>

/* The three shares of one recording while its identities are made. */
struct shares {
	struct ap_secret *person[2], *vault; /* owned */
};

static void free_shares(struct shares *s)
{
	ap_secret_free(s->person[0]);
	ap_secret_free(s->person[1]);
	ap_secret_free(s->vault);
}

static struct ap_result binding_of(struct ap_vault *v, struct ap_db *db, const struct ap_recording *r,
				   struct ap_key_binding *ret_binding)
{
	struct ap_key_binding b = { .session = r->session, .recording = r->id };
	AP_TRY(ap_ledger_leaf_hash(ap_vault_ledger(v), db, r->consent[0], b.leafhash_coach.b));
	AP_TRY(ap_ledger_leaf_hash(ap_vault_ledger(v), db, r->consent[1], b.leafhash_coachee.b));
	*ret_binding = b;
	return AP_SUCCESS;
}

static struct ap_wrap_place vault_place(const struct ap_key_binding *b)
{
	return (struct ap_wrap_place){ .slot = AP_SLOT_VAULT,
				       .session = b->session,
				       .recording = b->recording,
				       .leafhash_coach = b->leafhash_coach,
				       .leafhash_coachee = b->leafhash_coachee };
}

/* The commitment that the person signed must still fit the share. */
static struct ap_result check_commitment(struct ap_db *db, const struct ap_uuid *record, enum ap_role role,
					 const struct ap_secret *share)
{
	struct ap_give give;
	struct ap_statement statement;
	AP_TRY(ap_db_consent_by_record(db, record, &give));
	struct ap_result r = ap_statement_parse(give.text, &statement);
	ap_give_clear(&give);
	AP_TRY(r);
	struct ap_hash commitment = ap_share_commitment(&statement.session, role, share);
	bool same = ap_hash_equal(&commitment, &statement.share_commitment);
	ap_statement_clear(&statement);
	return same ? AP_SUCCESS : ap_fail(AP_ERR_CRYPTO, "share", "a share does not fit its commitment");
}

static struct ap_result load_person(struct ap_vault *v, struct ap_db *db, const struct ap_recording *r, enum ap_role role,
				    const struct ap_key_binding *b, struct shares *s)
{
	int i = role - AP_COACH;
	struct ap_wrap_place place = { .slot = role == AP_COACH ? AP_SLOT_COACH : AP_SLOT_COACHEE,
				       .session = r->session,
				       .record_id = r->record[i],
				       .own_leafhash = role == AP_COACH ? b->leafhash_coach : b->leafhash_coachee };
	AP_TRY(ap_db_keys_get(ap_vault_keys(v), &place, &s->person[i]));
	return check_commitment(db, &r->record[i], role, s->person[i]);
}

static struct ap_result load_persons(struct ap_vault *v, struct ap_db *db, const struct ap_recording *r,
				     const struct ap_key_binding *b, struct shares *s)
{
	AP_TRY(load_person(v, db, r, AP_COACH, b, s));
	return load_person(v, db, r, AP_COACHEE, b, s);
}

static struct ap_result derive(const struct shares *s, const struct ap_key_binding *b, enum ap_key_use use,
			       struct ap_secret **ret_identity)
{
	struct ap_shares borrowed = { .coach = s->person[0], .coachee = s->person[1], .vault = s->vault };
	return ap_identity_derive(&borrowed, b, use, ret_identity);
}

/* Notes have no stored recipient; both tracks do. */
static struct ap_result compare(const struct ap_recording *r, enum ap_key_use use, const struct ap_secret *identity)
{
	struct ap_age_recipient recipient = ap_age_identity_recipient(identity);
	if (use == AP_KEY_NOTES || sodium_memcmp(recipient.b, r->recipient[use - AP_KEY_COACH], 32) == 0)
		return AP_SUCCESS;
	return ap_fail(AP_ERR_CRYPTO, "share", "the shares do not give this recording's recipient");
}

static struct ap_result identity_of(struct ap_vault *v, struct ap_db *db, const struct ap_recording *r, enum ap_key_use use,
				    struct shares *s, struct ap_secret **ret_identity)
{
	struct ap_key_binding b;
	struct ap_secret *identity = NULL;
	AP_TRY(binding_of(v, db, r, &b));
	struct ap_wrap_place place = vault_place(&b);
	AP_TRY(ap_db_keys_get(ap_vault_keys(v), &place, &s->vault));
	AP_TRY(load_persons(v, db, r, &b, s));
	AP_TRY(derive(s, &b, use, &identity));
	struct ap_result result = compare(r, use, identity);
	if (ap_ok(result))
		*ret_identity = identity;
	else
		ap_secret_free(identity);
	return result;
}

struct ap_result ap_recording_identity(struct ap_vault *v, struct ap_db *db, const struct ap_recording *recording,
				       enum ap_key_use use, struct ap_secret **ret_identity)
{
	struct shares s = { 0 };
	struct ap_result r = identity_of(v, db, recording, use, &s, ret_identity);
	free_shares(&s);
	if (!ap_ok(r) && strcmp(r.name, "not-found") == 0)
		return ap_fail(AP_ERR_DENIED, "erased", "a share of this recording was destroyed");
	return r;
}

/* The two gives in force, into the recording's row. */
static struct ap_result read_gives(struct ap_db *db, struct ap_recording *r)
{
	for (int i = 0; i < 2; i++) {
		struct ap_give give;
		bool found = false;
		AP_TRY(ap_db_consent_give(db, &r->session, (enum ap_role)(AP_COACH + i), &found, &give));
		if (!found)
			return ap_fail(AP_ERR_DENIED, "consent", "both persons must give `recording`");
		r->record[i] = give.record_id;
		r->consent[i] = give.leaf;
		ap_give_clear(&give);
	}
	return AP_SUCCESS;
}

static struct ap_result set_recipients(const struct shares *s, const struct ap_key_binding *b, struct ap_recording *r)
{
	for (int i = 0; i < 2; i++) {
		struct ap_secret *identity = NULL;
		AP_TRY(derive(s, b, (enum ap_key_use)(AP_KEY_COACH + i), &identity));
		struct ap_age_recipient recipient = ap_age_identity_recipient(identity);
		ap_secret_free(identity);
		ap_copy(r->recipient[i], 32, recipient.b, 32);
	}
	return AP_SUCCESS;
}

/* On the gives that stand in the row. */
static struct ap_result begin_on(struct ap_vault *v, struct ap_db *db, struct ap_recording *r, struct shares *s)
{
	struct ap_key_binding b;
	AP_TRY(binding_of(v, db, r, &b));
	AP_TRY(load_persons(v, db, r, &b, s));
	s->vault = ap_secret_random(AP_SHARE);
	AP_TRY(set_recipients(s, &b, r));
	struct ap_wrap_place place = vault_place(&b);
	AP_TRY(ap_db_keys_put(ap_vault_keys(v), &place, s->vault));
	return ap_db_recording_put(db, r);
}

static struct ap_result begin(struct ap_vault *v, struct ap_db *db, struct ap_recording *r, struct shares *s)
{
	AP_TRY(read_gives(db, r));
	return begin_on(v, db, r, s);
}

struct ap_result ap_recording_begin(struct ap_vault *v, struct ap_db *db, const struct ap_uuid *session,
				    struct ap_recording *ret_recording)
{
	struct shares s = { 0 };
	struct ap_recording r = { .id = ap_uuid_random(),
				  .session = *session,
				  .state = "recording",
				  .created_ms = ap_wall_ms(ap_vault_clock(v)) };
	struct ap_result result = begin(v, db, &r, &s);
	free_shares(&s);
	if (ap_ok(result))
		*ret_recording = r;
	return result;
}

struct ap_result ap_recording_begin_anew(struct ap_vault *v, struct ap_db *db, const struct ap_recording *old,
					 struct ap_recording *ret_recording)
{
	struct shares s = { 0 };
	struct ap_recording r = *old;
	r.id = ap_uuid_random();
	g_strlcpy(r.state, "recording", sizeof r.state);
	struct ap_result result = begin_on(v, db, &r, &s);
	free_shares(&s);
	AP_TRY(result);
	AP_TRY(ap_db_epoch_copy(db, &old->id, &r.id));
	*ret_recording = r;
	return AP_SUCCESS;
}

struct ap_result ap_recording_confirm(struct ap_vault *v, const struct ap_recording *recording)
{
	return ap_db_keys_confirm(ap_vault_keys(v), &recording->id, AP_SLOT_VAULT);
}
