/*
 * The inside of an age file: header and STREAM nonces, shared by writer and reader (C2SP age.md).
 *
 * Pure but for the ephemeral key of a new header. Errors as in age.h.
 */
#pragma once

#include <aparte/age.h>
#include <aparte/buf.h>

#define AP_AGE_FILE_KEY 16
#define AP_AGE_NONCE 16
#define AP_AGE_TAG 16
#define AP_AGE_SEALED_CHUNK (AP_AGE_CHUNK + AP_AGE_TAG)
#define AP_AGE_HEADER 168	 /* bytes of a header with one X25519 stanza */
#define AP_AGE_STANZA 98	 /* what each further one adds */
#define AP_AGE_HEADER_MAX 1048576 /* we read no longer one */
#define AP_AGE_CHUNK_NONCE 12
#define AP_AGE_SCRYPT_SALT 16

/* Writes a header with one stanza for each recipient, 1..AP_AGE_RECIPIENTS_MAX. */
struct ap_result ap_age_header_write(const struct ap_age_recipient *recipients, size_t count, const struct ap_secret *file_key,
				     struct ap_writer *w);
/* The same with one scrypt stanza; "age-key" without the memory (128 · 2^log_n · 8 bytes). */
struct ap_result ap_age_header_write_passphrase(const struct ap_secret *passphrase, unsigned log_n,
						const struct ap_secret *file_key, struct ap_writer *w);
/* Parses strictly, unwraps, checks the HMAC; *ret_len is the header's length in bytes. */
struct ap_result ap_age_header_open(const void *bytes, size_t len, const struct ap_secret *identity,
				    struct ap_secret **ret_file_key, size_t *ret_len);

struct ap_secret *ap_age_payload_key(const struct ap_secret *file_key, const uint8_t nonce[AP_AGE_NONCE]);
void ap_age_chunk_nonce(uint64_t counter, bool last, uint8_t ret_nonce[AP_AGE_CHUNK_NONCE]);
