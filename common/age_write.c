#include "age_format.h"

#include <glib.h>
#include <sodium.h>

struct ap_age_writer {
	/* borrowed */
	ap_age_sink sink;
	void *ctx;
	/* owned */
	struct ap_secret *key;
	/* state */
	uint64_t counter;
	struct ap_writer plain; /* over `chunk` */
	bool finished;
	uint8_t chunk[AP_AGE_CHUNK];
	uint8_t sealed[AP_AGE_SEALED_CHUNK];
};

/* Who opens the file: recipients, or whoever knows a passphrase. */
struct lock {
	const struct ap_age_recipient *recipients;
	size_t count; /* 0: the passphrase */
	const struct ap_secret *passphrase;
	unsigned log_n;
};

/* Header, nonce and the payload key for a fresh file key. */
static struct ap_result begin(struct ap_age_writer *w, const struct lock *lock, const struct ap_secret *file_key)
{
	uint8_t head[AP_AGE_HEADER + (AP_AGE_RECIPIENTS_MAX - 1) * AP_AGE_STANZA + AP_AGE_NONCE];
	uint8_t nonce[AP_AGE_NONCE];
	struct ap_writer out = ap_writer_over(head, sizeof head);
	AP_TRY(lock->count ? ap_age_header_write(lock->recipients, lock->count, file_key, &out) :
			     ap_age_header_write_passphrase(lock->passphrase, lock->log_n, file_key, &out));
	randombytes_buf(nonce, sizeof nonce);
	ap_write_bytes(&out, nonce, sizeof nonce);
	w->key = ap_age_payload_key(file_key, nonce);
	return w->sink(w->ctx, head, out.len);
}

static struct ap_result new_writer(const struct lock *lock, ap_age_sink sink, void *ctx, struct ap_age_writer **ret_writer)
{
	struct ap_age_writer *w = g_new0(struct ap_age_writer, 1);
	w->sink = sink;
	w->ctx = ctx;
	w->plain = ap_writer_over(w->chunk, sizeof w->chunk);
	struct ap_secret *file_key = ap_secret_random(AP_AGE_FILE_KEY);
	struct ap_result result = begin(w, lock, file_key);
	ap_secret_free(file_key);
	if (!ap_ok(result)) {
		ap_age_writer_free(w);
		return result;
	}
	*ret_writer = w;
	return AP_SUCCESS;
}

struct ap_result ap_age_writer_new(const struct ap_age_recipient *recipient, ap_age_sink sink, void *ctx,
				   struct ap_age_writer **ret_writer)
{
	return ap_age_writer_new_for(recipient, 1, sink, ctx, ret_writer);
}

struct ap_result ap_age_writer_new_for(const struct ap_age_recipient *recipients, size_t count, ap_age_sink sink, void *ctx,
				       struct ap_age_writer **ret_writer)
{
	if (count < 1 || count > AP_AGE_RECIPIENTS_MAX)
		return ap_fail(AP_ERR_INTERNAL, "internal", "an age file has 1 to 4 recipients here");
	return new_writer(&(struct lock){ .recipients = recipients, .count = count }, sink, ctx, ret_writer);
}

struct ap_result ap_age_writer_new_passphrase(const struct ap_secret *passphrase, unsigned log_n, ap_age_sink sink,
					      void *ctx, struct ap_age_writer **ret_writer)
{
	if (log_n < 10 || log_n > 20)
		return ap_fail(AP_ERR_INTERNAL, "internal", "a passphrase is stretched 2^10 to 2^20 times");
	return new_writer(&(struct lock){ .passphrase = passphrase, .log_n = log_n }, sink, ctx, ret_writer);
}

static struct ap_result seal_chunk(struct ap_age_writer *w, bool last)
{
	uint8_t nonce[AP_AGE_CHUNK_NONCE];
	ap_age_chunk_nonce(w->counter++, last, nonce);
	unsigned long long sealed_len = 0;
	crypto_aead_chacha20poly1305_ietf_encrypt(w->sealed, &sealed_len, w->chunk, w->plain.len, NULL, 0, NULL, nonce,
						  ap_secret_bytes(w->key));
	w->plain = ap_writer_over(w->chunk, sizeof w->chunk);
	return w->sink(w->ctx, w->sealed, (size_t)sealed_len);
}

struct ap_result ap_age_writer_write(struct ap_age_writer *w, const void *bytes, size_t len)
{
	if (w->finished)
		return ap_fail(AP_ERR_INTERNAL, "internal", "written to a finished age file");
	struct ap_reader in = ap_reader_over(bytes, len);
	while (ap_reader_left(&in) > 0) {
		/* A full chunk waits for a further byte: only then is it known not to be the last. */
		if (w->plain.len == AP_AGE_CHUNK)
			AP_TRY(seal_chunk(w, false));
		size_t n = MIN(ap_reader_left(&in), AP_AGE_CHUNK - w->plain.len);
		ap_write_bytes(&w->plain, ap_read_span(&in, n), n);
	}
	return AP_SUCCESS;
}

struct ap_result ap_age_writer_finish(struct ap_age_writer *w)
{
	if (w->finished)
		return ap_fail(AP_ERR_INTERNAL, "internal", "an age file finished twice");
	w->finished = true;
	return seal_chunk(w, true);
}

void ap_age_writer_free(struct ap_age_writer *w)
{
	if (!w)
		return;
	ap_secret_free(w->key);
	sodium_memzero(w, sizeof *w);
	g_free(w);
}

static struct ap_result append_to_array(void *ctx, const void *bytes, size_t len)
{
	g_byte_array_append(ctx, bytes, (guint)len);
	return AP_SUCCESS;
}

struct ap_result ap_age_encrypt(const struct ap_age_recipient *recipient, const void *bytes, size_t len,
				uint8_t **ret_file, size_t *ret_len)
{
	if (len > G_MAXINT32)
		return ap_fail(AP_ERR_LIMIT, "too-large", "encrypt files over 2 GiB in parts");
	g_autoptr(GByteArray) file = g_byte_array_new();
	struct ap_age_writer *w = NULL;
	AP_TRY(ap_age_writer_new(recipient, append_to_array, file, &w));
	struct ap_result result = ap_age_writer_write(w, bytes, len);
	if (ap_ok(result))
		result = ap_age_writer_finish(w);
	ap_age_writer_free(w);
	AP_TRY(result);
	*ret_len = file->len;
	*ret_file = g_byte_array_free(g_steal_pointer(&file), FALSE);
	return AP_SUCCESS;
}
