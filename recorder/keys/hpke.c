#include <recorder/keys/hpke.h>

#include <aparte/buf.h>
#include <glib.h>
#include <openssl/evp.h>
#include <string.h>

#define GCM_KEY 32
#define GCM_NONCE 12
#define INFO_MAX 512 /* our infos are far shorter */

/* RFC 9180 §4: the suites that label every derivation. */
static const uint8_t kem_suite[] = { 'K', 'E', 'M', 0x00, 0x20 };
static const uint8_t hpke_suite[] = { 'H', 'P', 'K', 'E', 0x00, 0x20, 0x00, 0x01, 0x00, 0x02 };

struct suite {
	const uint8_t *id;
	size_t len;
};

static const struct suite kem = { kem_suite, sizeof kem_suite };
static const struct suite hpke = { hpke_suite, sizeof hpke_suite };

static struct ap_result failed(const char *detail)
{
	return ap_fail(AP_ERR_CRYPTO, "hpke", detail);
}

/* ---- RFC 9180 §4: labelled HKDF ---- */

/* Extract over "HPKE-v1" ‖ suite ‖ label ‖ ikm. */
static struct ap_secret *labelled_extract(const struct suite *suite, const void *salt, size_t salt_len, const char *label,
					  const void *ikm, size_t ikm_len)
{
	size_t len = strlen("HPKE-v1") + suite->len + strlen(label) + ikm_len;
	struct ap_secret *labelled = ap_secret_new(len);
	struct ap_writer w = ap_writer_over(ap_secret_bytes_rw(labelled), len);
	ap_write_label(&w, "HPKE-v1");
	ap_write_bytes(&w, suite->id, suite->len);
	ap_write_label(&w, label);
	ap_write_bytes(&w, ikm, ikm_len);
	struct ap_secret *prk = ap_hkdf_extract(salt, salt_len, labelled);
	ap_secret_free(labelled);
	return prk;
}

/* Expand with length ‖ "HPKE-v1" ‖ suite ‖ label ‖ info. */
static struct ap_secret *labelled_expand(const struct suite *suite, const struct ap_secret *prk, const char *label,
					 const void *info, size_t info_len, uint16_t out_len)
{
	uint8_t labelled[128];
	struct ap_writer w = ap_writer_over(labelled, sizeof labelled);
	ap_write_u16(&w, out_len);
	ap_write_label(&w, "HPKE-v1");
	ap_write_bytes(&w, suite->id, suite->len);
	ap_write_label(&w, label);
	ap_write_bytes(&w, info, info_len);
	g_assert(!w.bad);
	return ap_hkdf_expand(prk, labelled, w.len, out_len);
}

/* ---- RFC 9180 §4.1 and §5.1 ---- */

/* The KEM's shared secret; NULL for a point of low order. */
static struct ap_secret *shared_secret(const struct ap_secret *scalar, const uint8_t point[AP_HPKE_KEY],
				       const uint8_t enc[AP_HPKE_KEY], const uint8_t recipient[AP_HPKE_KEY])
{
	struct ap_secret *dh = ap_secret_new(AP_HPKE_KEY);
	struct ap_secret *shared = NULL;
	if (crypto_scalarmult(ap_secret_bytes_rw(dh), ap_secret_bytes(scalar), point) == 0) {
		uint8_t context[2 * AP_HPKE_KEY];
		struct ap_writer w = ap_writer_over(context, sizeof context);
		ap_write_bytes(&w, enc, AP_HPKE_KEY);
		ap_write_bytes(&w, recipient, AP_HPKE_KEY);
		struct ap_secret *prk = labelled_extract(&kem, NULL, 0, "eae_prk", ap_secret_bytes(dh), AP_HPKE_KEY);
		shared = labelled_expand(&kem, prk, "shared_secret", context, sizeof context, AP_HPKE_KEY);
		ap_secret_free(prk);
	}
	ap_secret_free(dh);
	return shared;
}

struct aead {
	struct ap_secret *key;
	struct ap_secret *nonce;
};

static void aead_clear(struct aead *a)
{
	ap_secret_free(a->key);
	ap_secret_free(a->nonce);
}

/* Key schedule of base mode: no psk. The first message's nonce is the base nonce. */
static struct aead key_schedule(const struct ap_secret *shared, const struct ap_hpke_context *context)
{
	struct ap_secret *psk_id_hash = labelled_extract(&hpke, NULL, 0, "psk_id_hash", NULL, 0);
	struct ap_secret *info_hash = labelled_extract(&hpke, NULL, 0, "info_hash", context->info, context->info_len);
	uint8_t schedule[1 + 2 * AP_HASH];
	struct ap_writer w = ap_writer_over(schedule, sizeof schedule);
	ap_write_u8(&w, 0); /* mode_base */
	ap_write_bytes(&w, ap_secret_bytes(psk_id_hash), AP_HASH);
	ap_write_bytes(&w, ap_secret_bytes(info_hash), AP_HASH);
	struct ap_secret *secret = labelled_extract(&hpke, ap_secret_bytes(shared), AP_HPKE_KEY, "secret", NULL, 0);
	struct aead a = { .key = labelled_expand(&hpke, secret, "key", schedule, sizeof schedule, GCM_KEY),
			  .nonce = labelled_expand(&hpke, secret, "base_nonce", schedule, sizeof schedule, GCM_NONCE) };
	ap_secret_free(secret);
	ap_secret_free(psk_id_hash);
	ap_secret_free(info_hash);
	return a;
}

/* ---- AES-256-GCM (OpenSSL) ---- */

static bool gcm_open(const struct aead *a, const struct ap_hpke_context *c, struct ap_reader ct, struct ap_secret *plain)
{
	size_t plain_len = ap_secret_len(plain);
	uint8_t tag[AP_HPKE_TAG];
	const uint8_t *sealed = ap_read_span(&ct, plain_len);
	ap_read_bytes(&ct, tag, sizeof tag);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0;
	bool good = ctx && sealed && !ct.bad &&
		    EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, ap_secret_bytes(a->key), ap_secret_bytes(a->nonce)) == 1 &&
		    EVP_DecryptUpdate(ctx, NULL, &n, c->aad, (int)c->aad_len) == 1 &&
		    EVP_DecryptUpdate(ctx, ap_secret_bytes_rw(plain), &n, sealed, (int)plain_len) == 1 &&
		    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, AP_HPKE_TAG, tag) == 1 &&
		    EVP_DecryptFinal_ex(ctx, tag, &n) == 1;
	EVP_CIPHER_CTX_free(ctx);
	return good;
}

static bool gcm_seal(const struct aead *a, const struct ap_hpke_context *c, const struct ap_secret *plain, uint8_t *ret_ct)
{
	size_t plain_len = ap_secret_len(plain);
	uint8_t tag[AP_HPKE_TAG];
	struct ap_writer w = ap_writer_over(ret_ct, plain_len + AP_HPKE_TAG);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0;
	bool good = ctx &&
		    EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, ap_secret_bytes(a->key), ap_secret_bytes(a->nonce)) == 1 &&
		    EVP_EncryptUpdate(ctx, NULL, &n, c->aad, (int)c->aad_len) == 1 &&
		    EVP_EncryptUpdate(ctx, ret_ct, &n, ap_secret_bytes(plain), (int)plain_len) == 1 &&
		    EVP_EncryptFinal_ex(ctx, tag, &n) == 1 &&
		    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, AP_HPKE_TAG, tag) == 1;
	EVP_CIPHER_CTX_free(ctx);
	w.len = plain_len;
	ap_write_bytes(&w, tag, sizeof tag);
	return good && !w.bad;
}

/* ---- the message ---- */

static bool sizes_good(const struct ap_hpke_context *c)
{
	return c->info_len <= INFO_MAX && c->aad_len <= AP_HPKE_MAX;
}

struct ap_result ap_hpke_open(const struct ap_secret *private, const uint8_t enc[AP_HPKE_KEY],
			      const struct ap_hpke_context *context, const void *ct, size_t ct_len,
			      struct ap_secret **ret_plain)
{
	if (ct_len <= AP_HPKE_TAG || ct_len > AP_HPKE_MAX + AP_HPKE_TAG || !sizes_good(context))
		return failed("the sealed message has an impossible size");
	uint8_t own[AP_HPKE_KEY];
	crypto_scalarmult_base(own, ap_secret_bytes(private));
	struct ap_secret *shared = shared_secret(private, enc, enc, own);
	if (!shared)
		return failed("an encapsulated key of low order");
	struct aead a = key_schedule(shared, context);
	ap_secret_free(shared);
	struct ap_secret *plain = ap_secret_new(ct_len - AP_HPKE_TAG);
	bool good = gcm_open(&a, context, ap_reader_over(ct, ct_len), plain);
	aead_clear(&a);
	if (!good) {
		ap_secret_free(plain);
		return failed("the sealed message does not open");
	}
	*ret_plain = plain;
	return AP_SUCCESS;
}

struct ap_result ap_hpke_seal(const uint8_t recipient[AP_HPKE_KEY], const struct ap_secret *ephemeral,
			      const struct ap_hpke_context *context, const struct ap_secret *plain,
			      uint8_t ret_enc[AP_HPKE_KEY], uint8_t *ret_ct)
{
	if (!sizes_good(context))
		return failed("info or aad is too long");
	uint8_t enc[AP_HPKE_KEY];
	struct ap_secret *drawn = ephemeral ? NULL : ap_secret_random(AP_HPKE_KEY);
	const struct ap_secret *scalar = ephemeral ? ephemeral : drawn;
	crypto_scalarmult_base(enc, ap_secret_bytes(scalar));
	struct ap_secret *shared = shared_secret(scalar, recipient, enc, recipient);
	ap_secret_free(drawn);
	if (!shared)
		return failed("a recipient of low order");
	struct aead a = key_schedule(shared, context);
	ap_secret_free(shared);
	bool good = gcm_seal(&a, context, plain, ret_ct) && ap_copy(ret_enc, AP_HPKE_KEY, enc, AP_HPKE_KEY);
	aead_clear(&a);
	return good ? AP_SUCCESS : ap_fail(AP_ERR_INTERNAL, "hpke", "AES-GCM failed");
}
