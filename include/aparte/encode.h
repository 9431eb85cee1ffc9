/*
 * Text forms of bytes, SHA-256 and HKDF, as docs/FORMAT.md uses them everywhere.
 *
 * base64url is without padding (RFC 4648 §5), base64 is standard with padding (§4), hex is lowercase when written.
 * Readers are strict: no white space, no missing or extra padding, no stray bits in the last character, so that
 * every value has exactly one text.
 *
 * Ownership: texts returned are the caller's (g_free). Threads: any; no state. Outputs untouched on failure.
 */
#pragma once

#include <aparte/secret.h>
#include <sodium.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AP_HASH 32

struct ap_hash {
	uint8_t b[AP_HASH];
};

bool ap_hash_equal(const struct ap_hash *a, const struct ap_hash *b);

char *ap_base64url(const void *bytes, size_t len);
char *ap_base64(const void *bytes, size_t len);
char *ap_hex(const void *bytes, size_t len);
char *ap_hash_base64url(const struct ap_hash *h);
char *ap_hash_hex(const struct ap_hash *h);

/* The text must hold exactly `len` bytes; the usual case, for keys, hashes and signatures. False on NULL too. */
bool ap_base64url_exact(const char *text, void *ret_bytes, size_t len);
bool ap_base64_exact(const char *text, void *ret_bytes, size_t len);
/* Hex in either case. */
bool ap_hex_exact(const char *text, void *ret_bytes, size_t len);
/* Up to `cap` bytes of text_len characters. */
bool ap_base64url_read(const char *text, size_t text_len, void *ret_bytes, size_t cap, size_t *ret_len);
bool ap_base64_read(const char *text, size_t text_len, void *ret_bytes, size_t cap, size_t *ret_len);

struct ap_hash ap_sha256(const void *bytes, size_t len);

/* SHA-256 over parts, beginning with `label` and one zero byte (label NULL: with nothing). */
struct ap_hasher {
	crypto_hash_sha256_state state;
};

struct ap_hasher ap_hash_begin(const char *label);
void ap_hash_add(struct ap_hasher *h, const void *bytes, size_t len);
struct ap_hash ap_hash_end(struct ap_hasher *h);

/*
 * RFC 5869 with SHA-256. ap_hkdf extracts and expands; the two halves are for HPKE. An empty salt is 32 zeroes as
 * the RFC says. out_len 1..8160. The result is the caller's secret; never NULL.
 */
struct ap_secret *ap_hkdf(const struct ap_secret *ikm, const void *salt, size_t salt_len, const void *info,
			  size_t info_len, size_t out_len);
struct ap_secret *ap_hkdf_extract(const void *salt, size_t salt_len, const struct ap_secret *ikm);
struct ap_secret *ap_hkdf_expand(const struct ap_secret *prk, const void *info, size_t info_len, size_t out_len);
