/*
 * age v1 files (age-encryption.org/v1, C2SP age.md) for X25519 recipients: what capture writes with a public key
 * alone, and what the vault and the stock `age` tool open.
 *
 * A file is a header (file key wrapped for one recipient, HMAC), a 16-byte nonce and a STREAM of ChaCha20-Poly1305
 * chunks of 64 KiB, the last of them marked. Nothing here opens a path or a descriptor.
 *
 * Sources: C2SP age.md; RFC 7748, 8439, 5869; BIP 173 (bech32) for keys as text.
 * Errors: AP_ERR_PROTOCOL "age-header", AP_ERR_CRYPTO "age-no-match" (no stanza for this identity), "age-hmac",
 * "age-payload" (altered, cut or lengthened), "age-key" (not an identity or recipient). Outputs untouched on failure.
 * Threads: one at a time per object. sodium_malloc is used: a sandbox must allow mlock, munlock, mprotect, madvise.
 */
#pragma once

#include <aparte/err.h>
#include <aparte/secret.h>
#include <stddef.h>
#include <stdint.h>

#define AP_AGE_KEY 32
#define AP_AGE_CHUNK 65536
#define AP_AGE_RECIPIENT_TEXT 63 /* "age1…" with its terminator */
#define AP_AGE_IDENTITY_TEXT 75	 /* "AGE-SECRET-KEY-1…" with its terminator */

/* An X25519 public key. Safe to hand to the capture. */
struct ap_age_recipient {
	uint8_t b[AP_AGE_KEY];
};

struct ap_result ap_age_recipient_parse(const char *text, struct ap_age_recipient *ret_recipient);
void ap_age_recipient_text(const struct ap_age_recipient *recipient, char ret_text[AP_AGE_RECIPIENT_TEXT]);

/* Identities are secrets of AP_AGE_KEY bytes. The text is a secret too, of AP_AGE_IDENTITY_TEXT bytes with its NUL. */
struct ap_result ap_age_identity_parse(const char *text, struct ap_secret **ret_identity);
struct ap_secret *ap_age_identity_text(const struct ap_secret *identity);
struct ap_age_recipient ap_age_identity_recipient(const struct ap_secret *identity);

/* ---- writing: capture's half; needs no secret of ours ---- */

/* Takes all `len` bytes or fails. Called with the header, the nonce, then whole sealed chunks, in order. */
typedef struct ap_result (*ap_age_sink)(void *ctx, const void *bytes, size_t len);

struct ap_age_writer; /* opaque */

/* Writes the header at once. ctx is borrowed until _free. */
struct ap_result ap_age_writer_new(const struct ap_age_recipient *recipient, ap_age_sink sink, void *ctx,
				   struct ap_age_writer **ret_writer);
/* The same for each of `count` recipients, 1..AP_AGE_RECIPIENTS_MAX. */
#define AP_AGE_RECIPIENTS_MAX 4
struct ap_result ap_age_writer_new_for(const struct ap_age_recipient *recipients, size_t count, ap_age_sink sink, void *ctx,
				       struct ap_age_writer **ret_writer);
/* The same for a passphrase (scrypt stanza): what `age -d` asks for. It is stretched here, which takes 2^log_n KiB of
 * memory and about 2^(log_n - 18) s; log_n 10 to 20. Nothing of the passphrase is kept. */
struct ap_result ap_age_writer_new_passphrase(const struct ap_secret *passphrase, unsigned log_n, ap_age_sink sink,
					      void *ctx, struct ap_age_writer **ret_writer);
struct ap_result ap_age_writer_write(struct ap_age_writer *w, const void *bytes, size_t len);
/* Seals the last chunk; without it the file is invalid. Once; afterwards only _free. */
struct ap_result ap_age_writer_finish(struct ap_age_writer *w);
/* Wipes. Accepts NULL. Does not finish. */
void ap_age_writer_free(struct ap_age_writer *w);

/* Whole file in memory; *ret_file is g_free'd. */
struct ap_result ap_age_encrypt(const struct ap_age_recipient *recipient, const void *bytes, size_t len,
				uint8_t **ret_file, size_t *ret_len);

/* ---- reading: the vault's half ---- */

struct ap_age_file; /* opaque */

/*
 * Opens ciphertext that lies in memory (borrowed until _free): header, HMAC and the last chunk are checked, so that
 * the size below is authentic and a cut file is refused before anything is handed out.
 */
struct ap_result ap_age_file_open(const void *bytes, size_t len, const struct ap_secret *identity,
				  struct ap_age_file **ret_file);
/* Plaintext bytes in the whole file. */
uint64_t ap_age_file_size(const struct ap_age_file *f);
/*
 * Plaintext [off, off + len) into ret_bytes; only the chunks that cover it are decrypted. A range beyond the end is
 * AP_ERR_LIMIT "age-range". On "age-payload" ret_bytes may hold authentic bytes before the altered chunk.
 */
struct ap_result ap_age_file_read(struct ap_age_file *f, uint64_t off, void *ret_bytes, size_t len);
void ap_age_file_free(struct ap_age_file *f);

/* All plaintext; *ret_bytes is g_free'd (never NULL, also for an empty file). */
struct ap_result ap_age_decrypt(const struct ap_secret *identity, const void *file, size_t file_len, uint8_t **ret_bytes,
				size_t *ret_len);
/* Plaintext size of an age file with one X25519 stanza by us, from its size alone; 0 when it cannot be one. */
uint64_t ap_age_plain_size(uint64_t file_size);
