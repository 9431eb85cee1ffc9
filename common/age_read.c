#include "age_format.h"

#include <glib.h>
#include <sodium.h>

#define NO_CHUNK UINT64_MAX

struct ap_age_file {
	/* borrowed */
	struct ap_reader payload; /* all sealed chunks; never advanced */
	/* owned */
	struct ap_secret *key;
	/* state */
	uint64_t chunks;
	uint64_t size;
	uint64_t held; /* the chunk that lies in `plain`, or NO_CHUNK */
	uint8_t plain[AP_AGE_CHUNK];
};

static struct ap_result bad_payload(const char *detail)
{
	return ap_fail(AP_ERR_CRYPTO, "age-payload", detail);
}

/* Counts chunks and plaintext; every chunk but a lone one must hold something. */
static struct ap_result measure(struct ap_age_file *f)
{
	size_t len = f->payload.len;
	f->chunks = len / AP_AGE_SEALED_CHUNK + (len % AP_AGE_SEALED_CHUNK ? 1 : 0);
	size_t last = f->chunks ? len - (f->chunks - 1) * AP_AGE_SEALED_CHUNK : 0;
	if (last < AP_AGE_TAG || (f->chunks > 1 && last == AP_AGE_TAG))
		return bad_payload("the file is cut, or ends with an empty chunk");
	f->size = len - f->chunks * AP_AGE_TAG;
	return AP_SUCCESS;
}

/* Decrypts one chunk into `plain`. */
static struct ap_result load_chunk(struct ap_age_file *f, uint64_t chunk)
{
	if (f->held == chunk)
		return AP_SUCCESS;
	struct ap_reader r = f->payload;
	ap_read_skip(&r, chunk * AP_AGE_SEALED_CHUNK);
	size_t n = MIN(ap_reader_left(&r), AP_AGE_SEALED_CHUNK);
	uint8_t nonce[AP_AGE_CHUNK_NONCE];
	ap_age_chunk_nonce(chunk, chunk + 1 == f->chunks, nonce);
	f->held = NO_CHUNK;
	if (crypto_aead_chacha20poly1305_ietf_decrypt(f->plain, NULL, NULL, ap_read_span(&r, n), n, NULL, 0, nonce,
						      ap_secret_bytes(f->key)) != 0)
		return bad_payload("the file was altered, cut or lengthened");
	f->held = chunk;
	return AP_SUCCESS;
}

static struct ap_result open_file(struct ap_age_file *f, const void *bytes, size_t len, const struct ap_secret *identity)
{
	struct ap_secret *file_key = NULL;
	size_t header_len = 0;
	AP_TRY(ap_age_header_open(bytes, len, identity, &file_key, &header_len));
	struct ap_reader r = ap_reader_over(bytes, len);
	ap_read_skip(&r, header_len);
	const uint8_t *nonce = ap_read_span(&r, AP_AGE_NONCE);
	if (nonce)
		f->key = ap_age_payload_key(file_key, nonce);
	ap_secret_free(file_key);
	if (!nonce)
		return ap_fail(AP_ERR_PROTOCOL, "age-header", "the file ends before its nonce");
	f->payload = ap_read_sub(&r, ap_reader_left(&r));
	AP_TRY(measure(f));
	return load_chunk(f, f->chunks - 1);
}

struct ap_result ap_age_file_open(const void *bytes, size_t len, const struct ap_secret *identity,
				  struct ap_age_file **ret_file)
{
	struct ap_age_file *f = g_new0(struct ap_age_file, 1);
	f->held = NO_CHUNK;
	struct ap_result result = open_file(f, bytes, len, identity);
	if (!ap_ok(result)) {
		ap_age_file_free(f);
		return result;
	}
	*ret_file = f;
	return AP_SUCCESS;
}

uint64_t ap_age_file_size(const struct ap_age_file *f)
{
	return f->size;
}

struct ap_result ap_age_file_read(struct ap_age_file *f, uint64_t off, void *ret_bytes, size_t len)
{
	if (off > f->size || len > f->size - off)
		return ap_fail(AP_ERR_LIMIT, "age-range", "the range reaches beyond the file's end");
	struct ap_writer out = ap_writer_over(ret_bytes, len);
	while (out.len < len) {
		uint64_t at = off + out.len;
		AP_TRY(load_chunk(f, at / AP_AGE_CHUNK));
		struct ap_reader chunk = ap_reader_over(f->plain, sizeof f->plain);
		ap_read_skip(&chunk, at % AP_AGE_CHUNK);
		size_t n = MIN(len - out.len, ap_reader_left(&chunk));
		ap_write_bytes(&out, ap_read_span(&chunk, n), n);
	}
	return AP_SUCCESS;
}

void ap_age_file_free(struct ap_age_file *f)
{
	if (!f)
		return;
	ap_secret_free(f->key);
	sodium_memzero(f, sizeof *f);
	g_free(f);
}

struct ap_result ap_age_decrypt(const struct ap_secret *identity, const void *file, size_t file_len, uint8_t **ret_bytes,
				size_t *ret_len)
{
	struct ap_age_file *f = NULL;
	AP_TRY(ap_age_file_open(file, file_len, identity, &f));
	size_t len = ap_age_file_size(f);
	uint8_t *bytes = g_malloc(len + 1);
	struct ap_result result = ap_age_file_read(f, 0, bytes, len);
	ap_age_file_free(f);
	if (!ap_ok(result)) {
		g_free(bytes);
		return result;
	}
	*ret_bytes = bytes;
	*ret_len = len;
	return AP_SUCCESS;
}

uint64_t ap_age_plain_size(uint64_t file_size)
{
	const uint64_t head = AP_AGE_HEADER + AP_AGE_NONCE;
	if (file_size < head + AP_AGE_TAG)
		return 0;
	uint64_t sealed = file_size - head;
	uint64_t chunks = (sealed + AP_AGE_SEALED_CHUNK - 1) / AP_AGE_SEALED_CHUNK;
	return sealed > chunks * AP_AGE_TAG ? sealed - chunks * AP_AGE_TAG : 0;
}
