#include <aparte/buf.h>
#include <aparte/encode.h>

#include <glib.h>
#include <string.h>

bool ap_hash_equal(const struct ap_hash *a, const struct ap_hash *b)
{
	return sodium_memcmp(a->b, b->b, AP_HASH) == 0;
}

static char *base64_text(const void *bytes, size_t len, int variant)
{
	size_t cap = sodium_base64_encoded_len(len, variant);
	char *text = g_malloc(cap);
	return sodium_bin2base64(text, cap, bytes, len, variant);
}

char *ap_base64url(const void *bytes, size_t len)
{
	return base64_text(bytes, len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

char *ap_base64(const void *bytes, size_t len)
{
	return base64_text(bytes, len, sodium_base64_VARIANT_ORIGINAL);
}

char *ap_hex(const void *bytes, size_t len)
{
	char *text = g_malloc(len * 2 + 1);
	return sodium_bin2hex(text, len * 2 + 1, bytes, len);
}

char *ap_hash_base64url(const struct ap_hash *h)
{
	return ap_base64url(h->b, AP_HASH);
}

char *ap_hash_hex(const struct ap_hash *h)
{
	return ap_hex(h->b, AP_HASH);
}

/* libsodium takes some bytes beyond ASCII for letters of its alphabets. */
static bool is_ascii(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] >= 0x80)
			return false;
	return true;
}

/* Decodes beside the output first, so that a failure leaves the output alone. */
static bool base64_bytes(const char *text, size_t text_len, int variant, void *ret_bytes, size_t cap, size_t *ret_len)
{
	if (!text || !is_ascii(text, text_len))
		return false;
	g_autofree uint8_t *bytes = g_malloc(cap + 1);
	size_t len = 0;
	bool good = sodium_base642bin(bytes, cap, text, text_len, NULL, &len, NULL, variant) == 0 &&
		    ap_copy(ret_bytes, cap, bytes, len);
	sodium_memzero(bytes, cap + 1);
	if (good)
		*ret_len = len;
	return good;
}

bool ap_base64url_read(const char *text, size_t text_len, void *ret_bytes, size_t cap, size_t *ret_len)
{
	return base64_bytes(text, text_len, sodium_base64_VARIANT_URLSAFE_NO_PADDING, ret_bytes, cap, ret_len);
}

bool ap_base64_read(const char *text, size_t text_len, void *ret_bytes, size_t cap, size_t *ret_len)
{
	return base64_bytes(text, text_len, sodium_base64_VARIANT_ORIGINAL, ret_bytes, cap, ret_len);
}

/* With padding, texts of one length hold up to two bytes more or less: what was decoded is counted too. */
static bool base64_exact(const char *text, int variant, void *ret_bytes, size_t len)
{
	if (!text || strlen(text) + 1 != sodium_base64_encoded_len(len, variant))
		return false;
	g_autofree uint8_t *bytes = g_malloc(len + 1);
	size_t got = 0;
	bool good = base64_bytes(text, strlen(text), variant, bytes, len, &got) && got == len &&
		    ap_copy(ret_bytes, len, bytes, len);
	sodium_memzero(bytes, len + 1);
	return good;
}

bool ap_base64url_exact(const char *text, void *ret_bytes, size_t len)
{
	return base64_exact(text, sodium_base64_VARIANT_URLSAFE_NO_PADDING, ret_bytes, len);
}

bool ap_base64_exact(const char *text, void *ret_bytes, size_t len)
{
	return base64_exact(text, sodium_base64_VARIANT_ORIGINAL, ret_bytes, len);
}

bool ap_hex_exact(const char *text, void *ret_bytes, size_t len)
{
	if (!text || strlen(text) != len * 2 || !is_ascii(text, len * 2))
		return false;
	g_autofree uint8_t *bytes = g_malloc(len + 1);
	size_t got = 0;
	bool good = sodium_hex2bin(bytes, len, text, len * 2, NULL, &got, NULL) == 0 && got == len &&
		    ap_copy(ret_bytes, len, bytes, len);
	sodium_memzero(bytes, len + 1);
	return good;
}

struct ap_hash ap_sha256(const void *bytes, size_t len)
{
	struct ap_hash h;
	crypto_hash_sha256(h.b, bytes, len);
	return h;
}

struct ap_hasher ap_hash_begin(const char *label)
{
	struct ap_hasher h;
	crypto_hash_sha256_init(&h.state);
	if (label)
		ap_hash_add(&h, label, strlen(label) + 1);
	return h;
}

void ap_hash_add(struct ap_hasher *h, const void *bytes, size_t len)
{
	crypto_hash_sha256_update(&h->state, bytes, len);
}

struct ap_hash ap_hash_end(struct ap_hasher *h)
{
	struct ap_hash out;
	crypto_hash_sha256_final(&h->state, out.b);
	sodium_memzero(h, sizeof *h);
	return out;
}
