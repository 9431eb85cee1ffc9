#include "age_format.h"

#include <aparte/encode.h>
#include <sodium.h>
#include <string.h>

#define VERSION "age-encryption.org/v1"
#define SCRYPT_LABEL "age-encryption.org/v1/scrypt"
#define X25519_INFO "age-encryption.org/v1/X25519"
#define WRAPPED (AP_AGE_FILE_KEY + AP_AGE_TAG)
#define BASE64_32 43 /* characters of 32 bytes, without padding */
#define COLUMNS 64   /* of a body line; 48 bytes */

static struct ap_result bad_header(const char *detail)
{
	return ap_fail(AP_ERR_PROTOCOL, "age-header", detail);
}

/* ---- what both directions share ---- */

/* Wrapping key from the X25519 secret; NULL when the point is of low order. */
static struct ap_secret *wrap_key(const struct ap_secret *scalar, const uint8_t point[AP_AGE_KEY],
				  const uint8_t share[AP_AGE_KEY], const uint8_t recipient[AP_AGE_KEY])
{
	struct ap_secret *shared = ap_secret_new(AP_AGE_KEY);
	struct ap_secret *key = NULL;
	if (crypto_scalarmult(ap_secret_bytes_rw(shared), ap_secret_bytes(scalar), point) == 0) {
		uint8_t salt[2 * AP_AGE_KEY];
		struct ap_writer w = ap_writer_over(salt, sizeof salt);
		ap_write_bytes(&w, share, AP_AGE_KEY);
		ap_write_bytes(&w, recipient, AP_AGE_KEY);
		key = ap_hkdf(shared, salt, sizeof salt, X25519_INFO, strlen(X25519_INFO),
			      crypto_aead_chacha20poly1305_IETF_KEYBYTES);
	}
	ap_secret_free(shared);
	return key;
}

static void header_mac(const struct ap_secret *file_key, const void *header, size_t len, uint8_t mac[AP_HASH])
{
	struct ap_secret *key = ap_hkdf(file_key, NULL, 0, "header", strlen("header"), AP_HASH);
	crypto_auth_hmacsha256(mac, header, len, ap_secret_bytes(key));
	ap_secret_free(key);
}

struct ap_secret *ap_age_payload_key(const struct ap_secret *file_key, const uint8_t nonce[AP_AGE_NONCE])
{
	return ap_hkdf(file_key, nonce, AP_AGE_NONCE, "payload", strlen("payload"),
		       crypto_aead_chacha20poly1305_IETF_KEYBYTES);
}

void ap_age_chunk_nonce(uint64_t counter, bool last, uint8_t ret_nonce[AP_AGE_CHUNK_NONCE])
{
	struct ap_writer w = ap_writer_over(ret_nonce, AP_AGE_CHUNK_NONCE);
	ap_write_zero(&w, 3);
	ap_write_u64(&w, counter);
	ap_write_u8(&w, last);
}

/* ---- writing ---- */

/* At most 32 bytes. */
static void write_some_base64(struct ap_writer *w, const uint8_t *bytes, size_t len)
{
	char text[BASE64_32 + 1];
	sodium_bin2base64(text, sizeof text, bytes, len, sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
	ap_write_label(w, text);
}

static void write_base64(struct ap_writer *w, const uint8_t bytes[32])
{
	write_some_base64(w, bytes, 32);
}

/* The last line: the HMAC over all before it; then the whole goes to w. */
static struct ap_result end_header(struct ap_writer *h, const struct ap_secret *file_key, struct ap_writer *w)
{
	uint8_t mac[AP_HASH];
	ap_write_label(h, "---");
	header_mac(file_key, h->data, h->len, mac);
	ap_write_label(h, " ");
	write_base64(h, mac);
	ap_write_label(h, "\n");
	ap_write_bytes(w, h->data, h->len);
	return h->bad || w->bad ? ap_fail(AP_ERR_INTERNAL, "internal", "age header does not fit") : AP_SUCCESS;
}

static struct ap_result wrap_file_key(const struct ap_age_recipient *recipient, const struct ap_secret *file_key,
				      uint8_t ret_share[AP_AGE_KEY], uint8_t ret_wrapped[WRAPPED])
{
	static const uint8_t zero[crypto_aead_chacha20poly1305_IETF_NPUBBYTES];
	struct ap_secret *ephemeral = ap_secret_random(AP_AGE_KEY);
	crypto_scalarmult_base(ret_share, ap_secret_bytes(ephemeral));
	struct ap_secret *key = wrap_key(ephemeral, recipient->b, ret_share, recipient->b);
	ap_secret_free(ephemeral);
	if (!key)
		return ap_fail(AP_ERR_CRYPTO, "age-key", "this recipient is a point of low order");
	crypto_aead_chacha20poly1305_ietf_encrypt(ret_wrapped, NULL, ap_secret_bytes(file_key), AP_AGE_FILE_KEY, NULL, 0,
						  NULL, zero, ap_secret_bytes(key));
	ap_secret_free(key);
	return AP_SUCCESS;
}

static struct ap_result write_stanza(const struct ap_age_recipient *recipient, const struct ap_secret *file_key,
				     struct ap_writer *h)
{
	uint8_t share[AP_AGE_KEY], wrapped[WRAPPED];
	AP_TRY(wrap_file_key(recipient, file_key, share, wrapped));
	ap_write_label(h, "-> X25519 ");
	write_base64(h, share);
	ap_write_label(h, "\n");
	write_base64(h, wrapped);
	ap_write_label(h, "\n");
	return AP_SUCCESS;
}

struct ap_result ap_age_header_write(const struct ap_age_recipient *recipients, size_t count, const struct ap_secret *file_key,
				     struct ap_writer *w)
{
	uint8_t header[AP_AGE_HEADER + (AP_AGE_RECIPIENTS_MAX - 1) * AP_AGE_STANZA];
	struct ap_writer h = ap_writer_over(header, sizeof header);
	ap_write_label(&h, VERSION "\n");
	for (size_t i = 0; i < count; i++)
		AP_TRY(write_stanza(&recipients[i], file_key, &h));
	return end_header(&h, file_key, w);
}

/* scrypt with r = 8, p = 1 over a labelled salt. */
static struct ap_secret *passphrase_key(const struct ap_secret *passphrase, unsigned log_n,
					const uint8_t salt[AP_AGE_SCRYPT_SALT])
{
	uint8_t labelled[sizeof SCRYPT_LABEL - 1 + AP_AGE_SCRYPT_SALT];
	struct ap_secret *key = ap_secret_new(crypto_aead_chacha20poly1305_IETF_KEYBYTES);
	struct ap_writer w = ap_writer_over(labelled, sizeof labelled);
	ap_write_label(&w, SCRYPT_LABEL);
	ap_write_bytes(&w, salt, AP_AGE_SCRYPT_SALT);
	if (crypto_pwhash_scryptsalsa208sha256_ll(ap_secret_bytes(passphrase), ap_secret_len(passphrase), labelled, w.len,
						  (uint64_t)1 << log_n, 8, 1, ap_secret_bytes_rw(key),
						  ap_secret_len(key)) == 0)
		return key;
	ap_secret_free(key);
	return NULL;
}

struct ap_result ap_age_header_write_passphrase(const struct ap_secret *passphrase, unsigned log_n,
						const struct ap_secret *file_key, struct ap_writer *w)
{
	static const uint8_t zero[crypto_aead_chacha20poly1305_IETF_NPUBBYTES];
	uint8_t salt[AP_AGE_SCRYPT_SALT], wrapped[WRAPPED], header[AP_AGE_HEADER];
	const char factor[] = { ' ', (char)('0' + log_n / 10), (char)('0' + log_n % 10), '\n', '\0' };
	randombytes_buf(salt, sizeof salt);
	struct ap_secret *key = passphrase_key(passphrase, log_n, salt);
	if (!key)
		return ap_fail(AP_ERR_IO, "age-key", "no memory to derive a key from the passphrase");
	crypto_aead_chacha20poly1305_ietf_encrypt(wrapped, NULL, ap_secret_bytes(file_key), AP_AGE_FILE_KEY, NULL, 0, NULL,
						  zero, ap_secret_bytes(key));
	ap_secret_free(key);
	struct ap_writer h = ap_writer_over(header, sizeof header);
	ap_write_label(&h, VERSION "\n-> scrypt ");
	write_some_base64(&h, salt, sizeof salt);
	ap_write_label(&h, factor);
	write_base64(&h, wrapped);
	ap_write_label(&h, "\n");
	return end_header(&h, file_key, w);
}

/* ---- reading ---- */

struct line {
	const char *text; /* borrowed from the header, not terminated */
	size_t len;
};

/* A line without its newline; false when there is no newline any more. */
static bool read_line(struct ap_reader *r, struct line *ret_line)
{
	struct ap_reader probe = *r;
	size_t n = 0;
	while (ap_read_u8(&probe) != '\n' && !probe.bad)
		n++;
	if (probe.bad)
		return false;
	*ret_line = (struct line){ (const char *)ap_read_span(r, n), n };
	ap_read_skip(r, 1);
	return true;
}

static bool line_is(const struct line *line, const char *text)
{
	return line->len == strlen(text) && memcmp(line->text, text, line->len) == 0;
}

static bool starts_with(const struct line *line, const char *prefix)
{
	return line->len >= strlen(prefix) && memcmp(line->text, prefix, strlen(prefix)) == 0;
}

/* libsodium takes some bytes beyond ASCII for letters of the alphabet. */
static bool decode(const struct line *word, uint8_t *ret_bytes, size_t cap, size_t *ret_len)
{
	for (size_t i = 0; i < word->len; i++)
		if ((unsigned char)word->text[i] >= 0x80)
			return false;
	return sodium_base642bin(ret_bytes, cap, word->text, word->len, NULL, ret_len, NULL,
				 sodium_base64_VARIANT_ORIGINAL_NO_PADDING) == 0;
}

static bool decode_32(const struct line *word, uint8_t ret_bytes[32])
{
	size_t got = 0;
	return word->len == BASE64_32 && decode(word, ret_bytes, 32, &got) && got == 32;
}

#define STANZA_WORDS 3 /* kept; the type, its argument, and one too many */

struct stanza {
	struct line words[STANZA_WORDS];
	size_t count;	    /* of all words, kept or not */
	struct line body;   /* its only line, when it has one */
	size_t body_lines;
};

/* "-> word word…": words of visible ASCII, each after one space. */
static struct ap_result read_words(const struct line *line, struct stanza *s)
{
	struct ap_reader r = ap_reader_over(line->text, line->len);
	ap_read_skip(&r, 2);
	s->count = 0;
	while (ap_reader_left(&r) > 0) {
		if (ap_read_u8(&r) != ' ')
			return bad_header("a stanza's words are parted by one space");
		struct ap_reader probe = r;
		size_t n = 0;
		for (uint8_t c = ap_read_u8(&probe); c >= 0x21 && c <= 0x7e; c = ap_read_u8(&probe))
			n++;
		if (n == 0)
			return bad_header("a stanza has an empty word or a character that is not visible ASCII");
		struct line word = { (const char *)ap_read_span(&r, n), n };
		if (s->count < STANZA_WORDS)
			s->words[s->count] = word;
		s->count++;
	}
	return s->count > 0 ? AP_SUCCESS : bad_header("a stanza without a type");
}

/* Full lines of 64 characters, then a shorter one, which may be empty. */
static struct ap_result read_body(struct ap_reader *r, struct stanza *s)
{
	struct line line = { "", COLUMNS };
	for (s->body_lines = 0; line.len == COLUMNS; s->body_lines++) {
		uint8_t bytes[48];
		size_t got = 0;
		if (!read_line(r, &line) || line.len > COLUMNS || !decode(&line, bytes, sizeof bytes, &got))
			return bad_header("a stanza's body is not base64 in lines of 64");
	}
	s->body = line;
	return AP_SUCCESS;
}

/* Tries one stanza; *file_key is set when it opens. Other types are passed over. */
static struct ap_result try_stanza(const struct stanza *s, const struct ap_secret *identity, struct ap_secret **file_key)
{
	static const uint8_t zero[crypto_aead_chacha20poly1305_IETF_NPUBBYTES];
	uint8_t share[AP_AGE_KEY], wrapped[WRAPPED];
	if (!line_is(&s->words[0], "X25519"))
		return AP_SUCCESS;
	if (s->count != 2 || !decode_32(&s->words[1], share) || s->body_lines != 1 || !decode_32(&s->body, wrapped))
		return bad_header("a malformed X25519 stanza");
	struct ap_age_recipient own = ap_age_identity_recipient(identity);
	struct ap_secret *key = wrap_key(identity, share, share, own.b);
	if (!key)
		return bad_header("an X25519 share of low order");
	struct ap_secret *opened = ap_secret_new(AP_AGE_FILE_KEY);
	bool match = crypto_aead_chacha20poly1305_ietf_decrypt(ap_secret_bytes_rw(opened), NULL, NULL, wrapped, WRAPPED,
							       NULL, 0, zero, ap_secret_bytes(key)) == 0;
	ap_secret_free(key);
	if (match && !*file_key)
		*file_key = opened;
	else
		ap_secret_free(opened);
	return AP_SUCCESS;
}

/* Version line and stanzas, up to the line that begins with "---", which is given back. */
static struct ap_result read_stanzas(struct ap_reader *r, const struct ap_secret *identity, struct ap_secret **file_key,
				     struct line *ret_footer)
{
	struct line line;
	if (!read_line(r, &line) || !line_is(&line, VERSION))
		return bad_header("not an age v1 file");
	size_t stanzas = 0;
	bool passphrase = false;
	while (read_line(r, &line) && starts_with(&line, "->")) {
		struct stanza s = { 0 };
		AP_TRY(read_words(&line, &s));
		AP_TRY(read_body(r, &s));
		AP_TRY(try_stanza(&s, identity, file_key));
		passphrase |= line_is(&s.words[0], "scrypt");
		stanzas++;
	}
	if (stanzas == 0 || (passphrase && stanzas > 1))
		return bad_header(stanzas ? "a passphrase beside other recipients" : "no recipient");
	*ret_footer = line;
	return AP_SUCCESS;
}

/* The HMAC in "--- <base64>". */
static bool read_footer(const struct line *footer, uint8_t ret_mac[AP_HASH])
{
	struct ap_reader r = ap_reader_over(footer->text, footer->len);
	ap_read_skip(&r, strlen("--- "));
	struct line text = { (const char *)ap_read_span(&r, BASE64_32), BASE64_32 };
	return starts_with(footer, "--- ") && text.text && ap_reader_left(&r) == 0 && decode_32(&text, ret_mac);
}

static struct ap_result open_header(const void *bytes, struct ap_reader *r, const struct ap_secret *identity,
				    struct ap_secret **file_key)
{
	struct line footer = { "", 0 };
	uint8_t mac[AP_HASH], expected[AP_HASH];
	AP_TRY(read_stanzas(r, identity, file_key, &footer));
	if (!read_footer(&footer, mac))
		return bad_header("the header's last line is malformed");
	if (!*file_key)
		return ap_fail(AP_ERR_CRYPTO, "age-no-match", "no recipient of this file matches the identity");
	size_t signed_len = r->off - 1 - footer.len + strlen("---");
	header_mac(*file_key, bytes, signed_len, expected);
	if (sodium_memcmp(mac, expected, sizeof mac) != 0)
		return ap_fail(AP_ERR_CRYPTO, "age-hmac", "the file's header was altered");
	return AP_SUCCESS;
}

struct ap_result ap_age_header_open(const void *bytes, size_t len, const struct ap_secret *identity,
				    struct ap_secret **ret_file_key, size_t *ret_len)
{
	struct ap_reader r = ap_reader_over(bytes, len < AP_AGE_HEADER_MAX ? len : AP_AGE_HEADER_MAX);
	struct ap_secret *file_key = NULL;
	struct ap_result result = open_header(bytes, &r, identity, &file_key);
	if (!ap_ok(result)) {
		ap_secret_free(file_key);
		return result;
	}
	*ret_file_key = file_key;
	*ret_len = r.off;
	return AP_SUCCESS;
}
