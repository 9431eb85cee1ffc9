#include <aparte/buf.h>
#include <aparte/encode.h>

#include <stdlib.h>

struct ap_secret *ap_hkdf_extract(const void *salt, size_t salt_len, const struct ap_secret *ikm)
{
	struct ap_secret *prk = ap_secret_new(AP_HASH);
	/* HMAC pads a short key with zeroes, so an empty salt is the RFC's string of zeroes. */
	crypto_auth_hmacsha256_state hmac;
	crypto_auth_hmacsha256_init(&hmac, salt_len ? salt : (const void *)"", salt_len);
	crypto_auth_hmacsha256_update(&hmac, ap_secret_bytes(ikm), ap_secret_len(ikm));
	crypto_auth_hmacsha256_final(&hmac, ap_secret_bytes_rw(prk));
	sodium_memzero(&hmac, sizeof hmac);
	return prk;
}

/* T(i) = HMAC(prk, T(i-1) ‖ info ‖ i), in place over `block`, which holds T(i-1) from the second round on. */
static void expand_block(const struct ap_secret *prk, const void *info, size_t info_len, uint8_t i, uint8_t block[AP_HASH])
{
	crypto_auth_hmacsha256_state hmac;
	crypto_auth_hmacsha256_init(&hmac, ap_secret_bytes(prk), ap_secret_len(prk));
	if (i > 1)
		crypto_auth_hmacsha256_update(&hmac, block, AP_HASH);
	crypto_auth_hmacsha256_update(&hmac, info, info_len);
	crypto_auth_hmacsha256_update(&hmac, &i, 1);
	crypto_auth_hmacsha256_final(&hmac, block);
	sodium_memzero(&hmac, sizeof hmac);
}

struct ap_secret *ap_hkdf_expand(const struct ap_secret *prk, const void *info, size_t info_len, size_t out_len)
{
	if (out_len == 0 || out_len > 255 * AP_HASH)
		abort();
	struct ap_secret *out = ap_secret_new(out_len);
	struct ap_writer w = ap_writer_over(ap_secret_bytes_rw(out), out_len);
	uint8_t block[AP_HASH];
	for (uint8_t i = 1; w.len < out_len; i++) {
		expand_block(prk, info, info_len, i, block);
		size_t left = out_len - w.len;
		ap_write_bytes(&w, block, left < AP_HASH ? left : AP_HASH);
	}
	sodium_memzero(block, sizeof block);
	return out;
}

struct ap_secret *ap_hkdf(const struct ap_secret *ikm, const void *salt, size_t salt_len, const void *info,
			  size_t info_len, size_t out_len)
{
	struct ap_secret *prk = ap_hkdf_extract(salt, salt_len, ikm);
	struct ap_secret *out = ap_hkdf_expand(prk, info, info_len, out_len);
	ap_secret_free(prk);
	return out;
}
