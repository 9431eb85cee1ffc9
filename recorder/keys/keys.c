#include <recorder/keys/keys.h>

#include <aparte/buf.h>
#include <recorder/keys/hpke.h>
#include <sodium.h>
#include <string.h>

#define COMMITMENT_LABEL "aparte/share-commitment/v1"
#define SEAL_LABEL "aparte/share-seal/v1"
#define IDENTITY_LABEL "aparte/identity/v1"
#define WRAP_LABEL "aparte/share-wrap/v1"
#define SEAL_WRAP_LABEL "aparte/seal-wrap/v1"
#define PROOF_WRAP_LABEL "aparte/proof-wrap/v1"
#define KEK_LABEL "aparte/kek-id/v1"
#define UUID 16
#define CONTEXT_MAX 192 /* the longest info or AD below is 150 bytes */

static struct ap_result bad_share(const char *detail)
{
	return ap_fail(AP_ERR_CRYPTO, "share", detail);
}

/* label ‖ 00: how every derivation begins. */
static void write_domain(struct ap_writer *w, const char *label)
{
	ap_write_label(w, label);
	ap_write_u8(w, 0);
}

struct ap_kek_id ap_kek_id(const struct ap_secret *kek)
{
	struct ap_hasher h = ap_hash_begin(KEK_LABEL);
	ap_hash_add(&h, ap_secret_bytes(kek), ap_secret_len(kek));
	struct ap_hash hash = ap_hash_end(&h);
	struct ap_kek_id id;
	(void)ap_copy(id.b, sizeof id.b, hash.b, sizeof id.b);
	return id;
}

bool ap_kek_id_equal(const struct ap_kek_id *a, const struct ap_kek_id *b)
{
	return memcmp(a->b, b->b, sizeof a->b) == 0;
}

struct ap_hash ap_share_commitment(const struct ap_uuid *session, enum ap_role role, const struct ap_secret *share)
{
	uint8_t role_byte = (uint8_t)role;
	struct ap_hasher h = ap_hash_begin(COMMITMENT_LABEL);
	ap_hash_add(&h, session->b, UUID);
	ap_hash_add(&h, &role_byte, 1);
	ap_hash_add(&h, ap_secret_bytes(share), ap_secret_len(share));
	return ap_hash_end(&h);
}

struct ap_result ap_share_open(const struct ap_secret *seal_private, const struct ap_uuid *session, enum ap_role role,
			       const struct ap_hash *statement_sha256, const uint8_t enc[32], const void *ct,
			       size_t ct_len, struct ap_secret **ret_share)
{
	uint8_t info[CONTEXT_MAX];
	struct ap_writer w = ap_writer_over(info, sizeof info);
	write_domain(&w, SEAL_LABEL);
	ap_write_bytes(&w, session->b, UUID);
	ap_write_u8(&w, (uint8_t)role);
	const struct ap_hpke_context context = { info, w.len, statement_sha256->b, AP_HASH };
	if (ct_len != AP_SHARE + AP_HPKE_TAG)
		return bad_share("a sealed share has 48 bytes");
	if (!ap_ok(ap_hpke_open(seal_private, enc, &context, ct, ct_len, ret_share)))
		return bad_share("the share does not open with this notice's seal key");
	return AP_SUCCESS;
}

/* ---- identities ---- */

static struct ap_secret *join_shares(const struct ap_shares *shares)
{
	struct ap_secret *ikm = ap_secret_new(3 * AP_SHARE);
	struct ap_writer w = ap_writer_over(ap_secret_bytes_rw(ikm), 3 * AP_SHARE);
	ap_write_bytes(&w, ap_secret_bytes(shares->coach), AP_SHARE);
	ap_write_bytes(&w, ap_secret_bytes(shares->coachee), AP_SHARE);
	ap_write_bytes(&w, ap_secret_bytes(shares->vault), AP_SHARE);
	return ikm;
}

struct ap_result ap_identity_derive(const struct ap_shares *shares, const struct ap_key_binding *binding,
				    enum ap_key_use use, struct ap_secret **ret_identity)
{
	if (ap_secret_len(shares->coach) != AP_SHARE || ap_secret_len(shares->coachee) != AP_SHARE ||
	    ap_secret_len(shares->vault) != AP_SHARE)
		return bad_share("a share has 32 bytes");
	uint8_t info[CONTEXT_MAX];
	struct ap_writer w = ap_writer_over(info, sizeof info);
	write_domain(&w, IDENTITY_LABEL);
	ap_write_bytes(&w, binding->session.b, UUID);
	ap_write_bytes(&w, binding->recording.b, UUID);
	ap_write_bytes(&w, binding->leafhash_coach.b, AP_HASH);
	ap_write_bytes(&w, binding->leafhash_coachee.b, AP_HASH);
	ap_write_u8(&w, (uint8_t)use);
	struct ap_secret *ikm = join_shares(shares);
	*ret_identity = ap_hkdf(ikm, IDENTITY_LABEL, strlen(IDENTITY_LABEL), info, w.len, AP_AGE_KEY);
	ap_secret_free(ikm);
	return AP_SUCCESS;
}

/* ---- at rest ---- */

/* Associated data: what the wrapped bytes are bound to. */
struct ad {
	uint8_t bytes[CONTEXT_MAX];
	size_t len;
};

static struct ad share_ad(const struct ap_kek_id *kek_id, const struct ap_wrap_place *place)
{
	struct ad ad;
	struct ap_writer w = ap_writer_over(ad.bytes, sizeof ad.bytes);
	write_domain(&w, WRAP_LABEL);
	ap_write_bytes(&w, kek_id->b, AP_KEK_ID);
	ap_write_bytes(&w, place->session.b, UUID);
	ap_write_u8(&w, (uint8_t)place->slot);
	if (place->slot == AP_SLOT_VAULT) {
		ap_write_bytes(&w, place->recording.b, UUID);
		ap_write_bytes(&w, place->leafhash_coach.b, AP_HASH);
		ap_write_bytes(&w, place->leafhash_coachee.b, AP_HASH);
	} else {
		ap_write_bytes(&w, place->record_id.b, UUID);
		ap_write_bytes(&w, place->own_leafhash.b, AP_HASH);
	}
	ad.len = w.len;
	return ad;
}

static struct ad seal_ad(const struct ap_kek_id *kek_id, const struct ap_uuid *session, enum ap_role role,
			 const uint8_t public[32])
{
	struct ad ad;
	struct ap_writer w = ap_writer_over(ad.bytes, sizeof ad.bytes);
	write_domain(&w, SEAL_WRAP_LABEL);
	ap_write_bytes(&w, kek_id->b, AP_KEK_ID);
	ap_write_bytes(&w, session->b, UUID);
	ap_write_u8(&w, (uint8_t)role);
	ap_write_bytes(&w, public, 32);
	ad.len = w.len;
	return ad;
}

static struct ad proof_ad(const struct ap_kek_id *kek_id, const struct ap_uuid *session)
{
	struct ad ad;
	struct ap_writer w = ap_writer_over(ad.bytes, sizeof ad.bytes);
	write_domain(&w, PROOF_WRAP_LABEL);
	ap_write_bytes(&w, kek_id->b, AP_KEK_ID);
	ap_write_bytes(&w, session->b, UUID);
	ad.len = w.len;
	return ad;
}

/* XChaCha20-Poly1305-IETF; both secrets have 32 bytes. */
static struct ap_result wrap(const struct ap_secret *kek, const struct ad *ad, const struct ap_secret *secret,
			     const uint8_t nonce[AP_WRAP_NONCE], struct ap_wrapped *ret_wrapped)
{
	if (ap_secret_len(kek) != AP_KEK || ap_secret_len(secret) != AP_SHARE)
		return bad_share("a share and a KEK have 32 bytes");
	struct ap_wrapped wrapped = { .kek_id = ap_kek_id(kek) };
	(void)ap_copy(wrapped.nonce, sizeof wrapped.nonce, nonce, AP_WRAP_NONCE);
	crypto_aead_xchacha20poly1305_ietf_encrypt(wrapped.bytes, NULL, ap_secret_bytes(secret), AP_SHARE, ad->bytes, ad->len,
						   NULL, nonce, ap_secret_bytes(kek));
	*ret_wrapped = wrapped;
	return AP_SUCCESS;
}

/* Into a secret of AP_SHARE bytes, which holds nothing worth having on failure. */
static struct ap_result unwrap_into(const struct ap_secret *kek, const struct ad *ad, const struct ap_wrapped *wrapped,
				    struct ap_secret *secret)
{
	struct ap_kek_id own = ap_kek_id(kek);
	if (ap_secret_len(kek) != AP_KEK || !ap_kek_id_equal(&own, &wrapped->kek_id))
		return ap_fail(AP_ERR_CRYPTO, "kek", "wrapped under another key-encryption key");
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(ap_secret_bytes_rw(secret), NULL, NULL, wrapped->bytes, AP_WRAPPED,
						       ad->bytes, ad->len, wrapped->nonce, ap_secret_bytes(kek)) != 0)
		return bad_share("the stored share was altered or moved");
	return AP_SUCCESS;
}

static struct ap_result unwrap(const struct ap_secret *kek, const struct ad *ad, const struct ap_wrapped *wrapped,
			       struct ap_secret **ret_secret)
{
	struct ap_secret *secret = ap_secret_new(AP_SHARE);
	struct ap_result r = unwrap_into(kek, ad, wrapped, secret);
	if (ap_ok(r))
		*ret_secret = secret;
	else
		ap_secret_free(secret);
	return r;
}

struct ap_result ap_share_wrap_with(const struct ap_secret *kek, const struct ap_wrap_place *place,
				    const struct ap_secret *share, const uint8_t nonce[AP_WRAP_NONCE],
				    struct ap_wrapped *ret_wrapped)
{
	struct ap_kek_id id = ap_kek_id(kek);
	struct ad ad = share_ad(&id, place);
	return wrap(kek, &ad, share, nonce, ret_wrapped);
}

struct ap_result ap_share_wrap(const struct ap_secret *kek, const struct ap_wrap_place *place,
			       const struct ap_secret *share, struct ap_wrapped *ret_wrapped)
{
	uint8_t nonce[AP_WRAP_NONCE];
	randombytes_buf(nonce, sizeof nonce);
	return ap_share_wrap_with(kek, place, share, nonce, ret_wrapped);
}

struct ap_result ap_share_unwrap(const struct ap_secret *kek, const struct ap_wrap_place *place,
				 const struct ap_wrapped *wrapped, struct ap_secret **ret_share)
{
	struct ad ad = share_ad(&wrapped->kek_id, place);
	return unwrap(kek, &ad, wrapped, ret_share);
}

struct ap_result ap_share_rewrap(const struct ap_secret *old_kek, const struct ap_secret *new_kek,
				 const struct ap_wrap_place *place, const struct ap_wrapped *old, struct ap_secret *scratch,
				 struct ap_wrapped *ret_wrapped)
{
	struct ad ad = share_ad(&old->kek_id, place);
	AP_TRY(unwrap_into(old_kek, &ad, old, scratch));
	return ap_share_wrap(new_kek, place, scratch, ret_wrapped);
}

struct ap_result ap_seal_wrap(const struct ap_secret *kek, const struct ap_uuid *session, enum ap_role role,
			      const uint8_t public[32], const struct ap_secret *private, struct ap_wrapped *ret_wrapped)
{
	uint8_t nonce[AP_WRAP_NONCE];
	randombytes_buf(nonce, sizeof nonce);
	struct ap_kek_id id = ap_kek_id(kek);
	struct ad ad = seal_ad(&id, session, role, public);
	return wrap(kek, &ad, private, nonce, ret_wrapped);
}

struct ap_result ap_seal_unwrap(const struct ap_secret *kek, const struct ap_uuid *session, enum ap_role role,
				const uint8_t public[32], const struct ap_wrapped *wrapped,
				struct ap_secret **ret_private)
{
	struct ad ad = seal_ad(&wrapped->kek_id, session, role, public);
	return unwrap(kek, &ad, wrapped, ret_private);
}

struct ap_result ap_proof_wrap(const struct ap_secret *kek, const struct ap_uuid *session, const struct ap_secret *key,
			       struct ap_wrapped *ret_wrapped)
{
	uint8_t nonce[AP_WRAP_NONCE];
	randombytes_buf(nonce, sizeof nonce);
	struct ap_kek_id id = ap_kek_id(kek);
	struct ad ad = proof_ad(&id, session);
	return wrap(kek, &ad, key, nonce, ret_wrapped);
}

struct ap_result ap_proof_unwrap(const struct ap_secret *kek, const struct ap_uuid *session, const struct ap_wrapped *wrapped,
				 struct ap_secret **ret_key)
{
	struct ad ad = proof_ad(&wrapped->kek_id, session);
	return unwrap(kek, &ad, wrapped, ret_key);
}
