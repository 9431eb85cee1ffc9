/*
 * Files for docs/FORMAT.md's identity. The first byte chooses:
 *   any bytes: whole and ranged reading agree, and both refuse alike;
 *   bytes sealed by us, which come back as they were;
 *   a file of ours cut, altered, its chunks moved, doubled or left out: always refused;
 *   a header with the input among its stanzas under a MAC that is right: what is taken opens.
 */
#include "fuzz.h"

#include "common/age_format.h"

#include <aparte/encode.h>
#include <string.h>

#define SEALED AP_AGE_SEALED_CHUNK
#define HEAD (AP_AGE_HEADER + AP_AGE_NONCE)

static const char identity_text[] = "AGE-SECRET-KEY-16S2D4X6DR2L3T7UFPS7N9Y44LN4QLKW8S5Z84EKKRC8TZGQ0CSQS09W924";

static const struct ap_secret *the_identity(void)
{
	static struct ap_secret *identity; /* one for all runs; libFuzzer counts it as reachable */
	if (!identity)
		g_assert_true(ap_ok(ap_secret_init()) && ap_ok(ap_age_identity_parse(identity_text, &identity)));
	return identity;
}

/* ---- any bytes ---- */

static void read_in_ranges(struct ap_age_file *file, const uint8_t *plain, size_t len)
{
	uint8_t part[1000];
	g_assert_true(ap_age_file_size(file) == len);
	for (size_t off = 0; off < len; off += sizeof part) {
		size_t n = MIN(sizeof part, len - off);
		g_assert_true(ap_ok(ap_age_file_read(file, off, part, n)));
		g_assert_true(memcmp(part, plain + off, n) == 0);
	}
	g_assert_false(ap_ok(ap_age_file_read(file, len, part, 1)));
}

static bool opens(const uint8_t *bytes, size_t size, uint8_t **ret_plain, size_t *ret_len)
{
	struct ap_age_file *file = NULL;
	if (!ap_ok(ap_age_decrypt(the_identity(), bytes, size, ret_plain, ret_len)))
		return false;
	g_assert_true(ap_ok(ap_age_file_open(bytes, size, the_identity(), &file)));
	read_in_ranges(file, *ret_plain, *ret_len);
	ap_age_file_free(file);
	return true;
}

static void try_any(const uint8_t *bytes, size_t size)
{
	g_autofree uint8_t *plain = NULL;
	g_autofree char *text = g_strndup((const char *)bytes, MIN(size, 128));
	size_t len = 0;
	struct ap_age_recipient recipient;
	if (ap_ok(ap_age_recipient_parse(text, &recipient))) {
		char again[AP_AGE_RECIPIENT_TEXT];
		ap_age_recipient_text(&recipient, again);
		g_assert_true(g_ascii_strcasecmp(text, again) == 0);
	}
	(void)opens(bytes, size, &plain, &len);
}

/* ---- sealed by us ---- */

static uint8_t *seal(const uint8_t *bytes, size_t len, size_t *ret_len)
{
	struct ap_age_recipient own = ap_age_identity_recipient(the_identity());
	uint8_t *file = NULL;
	g_assert_true(ap_ok(ap_age_encrypt(&own, bytes, len, &file, ret_len)));
	return file;
}

static void try_seal(const uint8_t *bytes, size_t size)
{
	g_autofree uint8_t *plain = NULL;
	size_t file_len = 0, len = 0;
	g_autofree uint8_t *file = seal(bytes, size, &file_len);
	g_assert_true(ap_age_plain_size(file_len) == size);
	g_assert_true(opens(file, file_len, &plain, &len) && len == size);
	g_assert_true(size == 0 || memcmp(plain, bytes, size) == 0);
}

/* ---- altered ---- */

static const size_t lengths[] = { 0, 10, 300, AP_AGE_CHUNK, AP_AGE_CHUNK + 1, 3 * AP_AGE_CHUNK, 3 * AP_AGE_CHUNK + 7 };

/* Sealed once: only what is done to it varies. */
static const uint8_t *sample(size_t i, size_t *ret_len)
{
	static uint8_t *files[G_N_ELEMENTS(lengths)];
	static size_t sizes[G_N_ELEMENTS(lengths)];
	if (!files[i]) {
		g_autofree uint8_t *plain = g_malloc0(lengths[i] + 1);
		for (size_t at = 0; at < lengths[i]; at++)
			plain[at] = (uint8_t)(at * 31 + at / 251);
		files[i] = seal(plain, lengths[i], &sizes[i]);
	}
	*ret_len = sizes[i];
	return files[i];
}

static void append_chunk(GByteArray *out, const uint8_t *file, size_t len, size_t chunk)
{
	size_t from = HEAD + chunk * SEALED;
	if (from < len)
		g_byte_array_append(out, file + from, (guint)MIN(SEALED, len - from));
}

/* The chunks in the order that the input names, four at most; the right order is no alteration. */
static void reorder(GByteArray *out, const uint8_t *file, size_t len, struct ap_reader *r)
{
	g_byte_array_append(out, file, HEAD);
	for (unsigned n = ap_read_u8(r) % 5; n > 0; n--)
		append_chunk(out, file, len, ap_read_u8(r) % 4);
}

static void alter(GByteArray *out, const uint8_t *file, size_t len, struct ap_reader *r)
{
	unsigned how = ap_read_u8(r) % 4;
	uint32_t at = ap_read_u32(r);
	if (how == 0) {
		g_byte_array_append(out, file, at % len);
	} else if (how == 1) {
		g_byte_array_append(out, file, (guint)len);
		out->data[at % len] ^= (uint8_t)(ap_read_u8(r) | 1);
	} else if (how == 2) {
		size_t left = r->bad ? 0 : MIN(ap_reader_left(r), 64);
		g_byte_array_append(out, file, (guint)len);
		if (left > 0)
			g_byte_array_append(out, ap_read_span(r, left), (guint)left);
	} else {
		reorder(out, file, len, r);
	}
}

static void try_altered(const uint8_t *bytes, size_t size)
{
	struct ap_reader r = ap_reader_over(bytes, size);
	size_t len = 0, plain_len = 0;
	g_autofree uint8_t *plain = NULL;
	/* Long ones are slow: seldom. */
	unsigned pick = ap_read_u8(&r);
	const uint8_t *file = sample(pick < 240 ? pick % 3 : 3 + pick % 4, &len);
	g_autoptr(GByteArray) out = g_byte_array_new();
	alter(out, file, len, &r);
	bool same = out->len == len && memcmp(out->data, file, len) == 0;
	g_assert_true(opens(out->data, out->len, &plain, &plain_len) == same);
}

/* ---- headers under a good MAC ---- */

static const uint8_t file_key_bytes[AP_AGE_FILE_KEY] = { 7, 7, 7 };

/* "-> X25519 …" with its body line, for file_key. */
static const char *own_stanza(const struct ap_secret *file_key)
{
	static char text[AP_AGE_HEADER + 1];
	uint8_t header[AP_AGE_HEADER];
	struct ap_age_recipient own = ap_age_identity_recipient(the_identity());
	struct ap_writer w = ap_writer_over(header, sizeof header);
	if (*text)
		return text;
	g_assert_true(ap_ok(ap_age_header_write(&own, 1, file_key, &w)));
	const char *from = strstr((char *)header, "-> "), *to = strstr((char *)header, "\n---");
	g_strlcpy(text, from, (size_t)(to - from) + 2);
	return text;
}

static void append_mac(GByteArray *out, const struct ap_secret *file_key)
{
	uint8_t mac[AP_HASH];
	struct ap_secret *key = ap_hkdf(file_key, NULL, 0, "header", strlen("header"), AP_HASH);
	crypto_auth_hmacsha256(mac, out->data, out->len, ap_secret_bytes(key));
	ap_secret_free(key);
	g_autofree char *text = ap_base64(mac, sizeof mac);
	*strchr(text, '=') = '\0';
	g_byte_array_append(out, (const uint8_t *)" ", 1);
	g_byte_array_append(out, (const uint8_t *)text, (guint)strlen(text));
	g_byte_array_append(out, (const uint8_t *)"\n", 1);
}

/* Nonce and the one chunk of an empty file. */
static void append_empty_payload(GByteArray *out, const struct ap_secret *file_key)
{
	const uint8_t nonce[AP_AGE_NONCE] = { 0 };
	uint8_t chunk_nonce[AP_AGE_CHUNK_NONCE], tag[AP_AGE_TAG];
	struct ap_secret *key = ap_age_payload_key(file_key, nonce);
	ap_age_chunk_nonce(0, true, chunk_nonce);
	crypto_aead_chacha20poly1305_ietf_encrypt(tag, NULL, NULL, 0, NULL, 0, NULL, chunk_nonce, ap_secret_bytes(key));
	ap_secret_free(key);
	g_byte_array_append(out, nonce, sizeof nonce);
	g_byte_array_append(out, tag, sizeof tag);
}

static void try_header(const uint8_t *bytes, size_t size)
{
	static const char version[] = "age-encryption.org/v1\n";
	g_autoptr(GByteArray) out = g_byte_array_new();
	g_autofree uint8_t *plain = NULL;
	size_t before = size > 0 ? MIN(bytes[0], size - 1) : 0, len = 7;
	const uint8_t *rest = bytes + (size > 0);
	struct ap_secret *file_key = ap_secret_from(file_key_bytes, sizeof file_key_bytes);
	const char *stanza = own_stanza(file_key);
	g_byte_array_append(out, (const uint8_t *)version, sizeof version - 1);
	g_byte_array_append(out, rest, (guint)before);
	g_byte_array_append(out, (const uint8_t *)stanza, (guint)strlen(stanza));
	g_byte_array_append(out, rest + before, size > 0 ? (guint)(size - 1 - before) : 0);
	g_byte_array_append(out, (const uint8_t *)"---", 3);
	append_mac(out, file_key);
	append_empty_payload(out, file_key);
	ap_secret_free(file_key);
	bool good = opens(out->data, out->len, &plain, &len);
	g_assert_true(good ? len == 0 : size > 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const tries[])(const uint8_t *, size_t) = { try_any, try_seal, try_altered, try_header };
	if (size > 0 && the_identity())
		tries[data[0] % G_N_ELEMENTS(tries)](data + 1, size - 1);
	return 0;
}
