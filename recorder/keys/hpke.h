/*
 * HPKE (RFC 9180) base mode, one message, in the one suite of docs/FORMAT.md: DHKEM(X25519, HKDF-SHA256) 0x0020,
 * HKDF-SHA256 0x0001, AES-256-GCM 0x0002. Carries a person's share from their page to the vault through a gateway
 * that must not see it.
 *
 * X25519 and HKDF by libsodium, AES-GCM by OpenSSL. Threads: any. Errors: AP_ERR_CRYPTO "hpke". Outputs untouched on
 * failure.
 */
#pragma once

#include <aparte/encode.h>
#include <aparte/err.h>

#define AP_HPKE_KEY 32
#define AP_HPKE_TAG 16
#define AP_HPKE_MAX 65536 /* plaintext bytes, at most */

/* Borrowed bytes that both sides must agree on. */
struct ap_hpke_context {
	const void *info;
	size_t info_len;
	const void *aad;
	size_t aad_len;
};

/* ct is ciphertext ‖ tag, longer than the tag. *ret_plain is the caller's. */
struct ap_result ap_hpke_open(const struct ap_secret *private, const uint8_t enc[AP_HPKE_KEY],
			      const struct ap_hpke_context *context, const void *ct, size_t ct_len,
			      struct ap_secret **ret_plain);
/* The asking half: clients and tests. ephemeral NULL draws one. ret_ct has room for the plaintext and the tag. */
struct ap_result ap_hpke_seal(const uint8_t recipient[AP_HPKE_KEY], const struct ap_secret *ephemeral,
			      const struct ap_hpke_context *context, const struct ap_secret *plain,
			      uint8_t ret_enc[AP_HPKE_KEY], uint8_t *ret_ct);
