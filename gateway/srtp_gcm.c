#include "gateway/srtp_gcm.h"

#include <glib.h>
#include <openssl/evp.h>
#include <stdbool.h>

enum { TAG = 16, SHORT_TAG = 8 };

struct gcm {
	srtp_cipher_t cipher; /* what libsrtp2 holds; its state is this */
	EVP_CIPHER_CTX *ctx;  /* owned */
	int tag;              /* bytes */
};

/* What is seen of the type while it is filled in below. */
static const srtp_cipher_type_t *type(void);

static srtp_err_status_t result(bool ok, srtp_err_status_t otherwise)
{
	return ok ? srtp_err_status_ok : otherwise;
}

static srtp_err_status_t make(srtp_cipher_pointer_t *ret_cipher, int key_len, int tag_len)
{
	if (key_len != SRTP_AES_GCM_128_KEY_LEN_WSALT || (tag_len != TAG && tag_len != SHORT_TAG))
		return srtp_err_status_bad_param;
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	if (!ctx)
		return srtp_err_status_alloc_fail;
	struct gcm *g = g_new0(struct gcm, 1);
	g->ctx = ctx;
	g->tag = tag_len;
	g->cipher = (srtp_cipher_t){.type = type(), .state = g, .key_len = key_len, .algorithm = SRTP_AES_GCM_128};
	*ret_cipher = &g->cipher;
	return srtp_err_status_ok;
}

/* OpenSSL wipes the key with its context. */
static srtp_err_status_t end(srtp_cipher_pointer_t cipher)
{
	struct gcm *g = cipher->state;
	EVP_CIPHER_CTX_free(g->ctx);
	g_free(g);
	return srtp_err_status_ok;
}

/* Found once: looking an algorithm up by its name takes longer than all the rest of a new key. */
static const EVP_CIPHER *aes_128_gcm(void)
{
	static EVP_CIPHER *found;
	if (g_once_init_enter(&found))
		g_once_init_leave(&found, EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL));
	return found;
}

static srtp_err_status_t set_key(void *state, const uint8_t *key)
{
	const struct gcm *g = state;
	return result(EVP_CipherInit_ex(g->ctx, aes_128_gcm(), NULL, key, NULL, 1) == 1, srtp_err_status_init_fail);
}

/* The nonce is of GCM's usual 12 bytes, so its length need not be set. */
static srtp_err_status_t set_iv(void *state, uint8_t *iv, srtp_cipher_direction_t direction)
{
	const struct gcm *g = state;
	bool out = direction == srtp_direction_encrypt;
	return result(EVP_CipherInit_ex(g->ctx, NULL, NULL, NULL, iv, out) == 1, srtp_err_status_init_fail);
}

static srtp_err_status_t add_aad(void *state, const uint8_t *aad, uint32_t len)
{
	const struct gcm *g = state;
	int n;
	return result(EVP_CipherUpdate(g->ctx, NULL, &n, aad, (int)len) == 1, srtp_err_status_algo_fail);
}

static srtp_err_status_t encrypt(void *state, uint8_t *bytes, unsigned *len)
{
	const struct gcm *g = state;
	int n, none;
	return result(EVP_EncryptUpdate(g->ctx, bytes, &n, bytes, (int)*len) == 1 &&
			      EVP_EncryptFinal_ex(g->ctx, bytes + *len, &none) == 1,
		      srtp_err_status_cipher_fail);
}

static srtp_err_status_t get_tag(void *state, uint8_t *ret_tag, uint32_t *ret_len)
{
	const struct gcm *g = state;
	*ret_len = (uint32_t)g->tag;
	return result(EVP_CIPHER_CTX_ctrl(g->ctx, EVP_CTRL_AEAD_GET_TAG, g->tag, ret_tag) == 1,
		      srtp_err_status_algo_fail);
}

/* The tag stands behind what it authenticates, and is counted in *len. */
static srtp_err_status_t decrypt(void *state, uint8_t *bytes, unsigned *len)
{
	const struct gcm *g = state;
	int n, none;
	if (*len < (unsigned)g->tag)
		return srtp_err_status_bad_param;
	unsigned text = *len - (unsigned)g->tag;
	if (EVP_CIPHER_CTX_ctrl(g->ctx, EVP_CTRL_AEAD_SET_TAG, g->tag, bytes + text) != 1 ||
	    EVP_DecryptUpdate(g->ctx, bytes, &n, bytes, (int)text) != 1)
		return srtp_err_status_algo_fail;
	if (EVP_DecryptFinal_ex(g->ctx, bytes + text, &none) != 1)
		return srtp_err_status_auth_fail;
	*len = text;
	return srtp_err_status_ok;
}

/* RFC 7714 §16.1.1; the salt, which only libsrtp2 uses, is part of the key's length. */
static const uint8_t KEY[SRTP_AES_GCM_128_KEY_LEN_WSALT] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
static uint8_t nonce[] = {0x51, 0x75, 0x3c, 0x65, 0x80, 0xc2, 0x72, 0x6f, 0x20, 0x71, 0x84, 0x14};
static const uint8_t AAD[] = {0x80, 0x40, 0xf1, 0x7b, 0x80, 0x41, 0xf8, 0xd3, 0x55, 0x01, 0xa0, 0xb2};
static const uint8_t CLEAR[38] = "Gallia est omnis divisa in partes tres";
static const uint8_t SEALED[38 + TAG] = {
	0xf2, 0x4d, 0xe3, 0xa3, 0xfb, 0x34, 0xde, 0x6c, 0xac, 0xba, 0x86, 0x1c, 0x9d, 0x7e, 0x4b, 0xca, 0xbe, 0x63,
	0x3b, 0xd5, 0x0d, 0x29, 0x4e, 0x6f, 0x42, 0xa5, 0xf4, 0x7a, 0x51, 0xc7, 0xd1, 0x9b, 0x36, 0xde, 0x3a, 0xdf,
	0x88, 0x33, 0x89, 0x9d, 0x7f, 0x27, 0xbe, 0xb1, 0x6a, 0x91, 0x52, 0xcf, 0x76, 0x5e, 0xe4, 0x39, 0x0c, 0xce};

static const srtp_cipher_test_case_t KNOWN = {
	.key_length_octets = sizeof KEY,
	.key = KEY,
	.idx = nonce,
	.plaintext_length_octets = sizeof CLEAR,
	.plaintext = CLEAR,
	.ciphertext_length_octets = sizeof SEALED,
	.ciphertext = SEALED,
	.aad_length_octets = sizeof AAD,
	.aad = AAD,
	.tag_length_octets = TAG,
};

static const srtp_cipher_type_t TYPE = {
	.alloc = make,
	.dealloc = end,
	.init = set_key,
	.set_aad = add_aad,
	.encrypt = encrypt,
	.decrypt = decrypt,
	.set_iv = set_iv,
	.get_tag = get_tag,
	.description = "AES-128 GCM on OpenSSL's EVP",
	.test_data = &KNOWN,
	.id = SRTP_AES_GCM_128,
};

static const srtp_cipher_type_t *type(void)
{
	return &TYPE;
}

srtp_err_status_t ap_srtp_gcm_install(void)
{
	return aes_128_gcm() ? srtp_replace_cipher_type(&TYPE, SRTP_AES_GCM_128) : srtp_err_status_init_fail;
}
