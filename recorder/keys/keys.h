/*
 * A recording's keys: shares, their commitments, their way in transit and at rest, and the identities made of them
 * (docs/FORMAT.md: Statement, Share in transit, Recording identity, Shares at rest). No storage here: db_keys.h.
 *
 * Three shares of 32 bytes: coach's, coachee's, the vault's. Bound to both consent leaves, so that no key can exist
 * before two consents.
 *
 * Pure but for randomness; any thread. Errors: AP_ERR_CRYPTO "share" (does not open, or not the one committed to),
 * AP_ERR_CRYPTO "kek" (wrapped under another KEK). Outputs untouched on failure.
 */
#pragma once

#include <aparte/age.h>
#include <aparte/encode.h>
#include <aparte/err.h>
#include <aparte/uuid.h>

#define AP_SHARE 32
#define AP_KEK 32
#define AP_KEK_ID 16
#define AP_WRAP_NONCE 24
#define AP_WRAPPED (AP_SHARE + 16)

enum ap_slot { AP_SLOT_COACH = 1, AP_SLOT_COACHEE = 2, AP_SLOT_VAULT = 3 };

/* Whose identity of a recording: `u` in docs/FORMAT.md. */
enum ap_key_use { AP_KEY_COACH = 1, AP_KEY_COACHEE = 2, AP_KEY_NOTES = 3 };

struct ap_kek_id {
	uint8_t b[AP_KEK_ID];
};

struct ap_kek_id ap_kek_id(const struct ap_secret *kek);
bool ap_kek_id_equal(const struct ap_kek_id *a, const struct ap_kek_id *b);

struct ap_hash ap_share_commitment(const struct ap_uuid *session, enum ap_role role, const struct ap_secret *share);

/* Opens a share from a page: HPKE bound to session, role and the statement's SHA-256. */
struct ap_result ap_share_open(const struct ap_secret *seal_private, const struct ap_uuid *session, enum ap_role role,
			       const struct ap_hash *statement_sha256, const uint8_t enc[32], const void *ct,
			       size_t ct_len, struct ap_secret **ret_share);

/* What a recording's identities are bound to. */
struct ap_key_binding {
	struct ap_uuid session;
	struct ap_uuid recording;
	struct ap_hash leafhash_coach;	 /* RFC 6962 leaf hash of that person's ConsentGiven for `recording` */
	struct ap_hash leafhash_coachee;
};

struct ap_shares {
	const struct ap_secret *coach; /* borrowed, all three */
	const struct ap_secret *coachee;
	const struct ap_secret *vault;
};

/* The age identity; the caller's secret. Each share must have AP_SHARE bytes ("share" otherwise). */
struct ap_result ap_identity_derive(const struct ap_shares *shares, const struct ap_key_binding *binding,
				    enum ap_key_use use, struct ap_secret **ret_identity);

/* What a wrapped share is bound to. Slots 1, 2: session, record_id, own_leafhash; slot 3: binding. */
struct ap_wrap_place {
	enum ap_slot slot;
	struct ap_uuid session;
	struct ap_uuid record_id;	 /* slots 1, 2 */
	struct ap_hash own_leafhash;	 /* slots 1, 2 */
	struct ap_uuid recording;	 /* slot 3 */
	struct ap_hash leafhash_coach;	 /* slot 3 */
	struct ap_hash leafhash_coachee; /* slot 3 */
};

struct ap_wrapped {
	struct ap_kek_id kek_id;
	uint8_t nonce[AP_WRAP_NONCE];
	uint8_t bytes[AP_WRAPPED];
};

/* Random nonce. */
struct ap_result ap_share_wrap(const struct ap_secret *kek, const struct ap_wrap_place *place,
			       const struct ap_secret *share, struct ap_wrapped *ret_wrapped);
/* The same with a given nonce, for fixed vectors alone: a nonce must never repeat. */
struct ap_result ap_share_wrap_with(const struct ap_secret *kek, const struct ap_wrap_place *place,
				    const struct ap_secret *share, const uint8_t nonce[AP_WRAP_NONCE],
				    struct ap_wrapped *ret_wrapped);
struct ap_result ap_share_unwrap(const struct ap_secret *kek, const struct ap_wrap_place *place,
				 const struct ap_wrapped *wrapped, struct ap_secret **ret_share);

/* From one key to another; `scratch` is a secret of AP_SHARE bytes that many calls in a row share: they are many. */
struct ap_result ap_share_rewrap(const struct ap_secret *old_kek, const struct ap_secret *new_kek,
				 const struct ap_wrap_place *place, const struct ap_wrapped *old, struct ap_secret *scratch,
				 struct ap_wrapped *ret_wrapped);

/* A notice answer's private seal key, wrapped in the same way and bound to its session, role and public half. */
struct ap_result ap_seal_wrap(const struct ap_secret *kek, const struct ap_uuid *session, enum ap_role role,
			      const uint8_t public[32], const struct ap_secret *private, struct ap_wrapped *ret_wrapped);
struct ap_result ap_seal_unwrap(const struct ap_secret *kek, const struct ap_uuid *session, enum ap_role role,
				const uint8_t public[32], const struct ap_wrapped *wrapped,
				struct ap_secret **ret_private);

/* The key of a session's sealed proof of consent, wrapped in the same way and bound to its session. */
struct ap_result ap_proof_wrap(const struct ap_secret *kek, const struct ap_uuid *session, const struct ap_secret *key,
			       struct ap_wrapped *ret_wrapped);
struct ap_result ap_proof_unwrap(const struct ap_secret *kek, const struct ap_uuid *session, const struct ap_wrapped *wrapped,
				 struct ap_secret **ret_key);
