/*
 * Text forms of bytes, ids, times and keys: the first byte chooses the reader, the rest is the text. Readers are strict,
 * so what is accepted is what the writer gives, but for the letters' case where the header says so.
 */
#include "fuzz.h"

#include <aparte/age.h>
#include <aparte/buf.h>
#include <aparte/clock.h>
#include <aparte/encode.h>
#include <aparte/uuid.h>
#include <string.h>

#define ROOM 4096

static void check_base64(const char *text, size_t len, bool url)
{
	uint8_t bytes[ROOM];
	size_t got = 0;
	bool good = url ? ap_base64url_read(text, len, bytes, sizeof bytes, &got) :
			  ap_base64_read(text, len, bytes, sizeof bytes, &got);
	if (!good)
		return;
	g_autofree char *again = url ? ap_base64url(bytes, got) : ap_base64(bytes, got);
	g_assert_true(strlen(again) == len && memcmp(again, text, len) == 0);
	g_autofree char *whole = g_strndup(text, len);
	g_autofree uint8_t *exact = g_malloc(got + 1);
	g_assert_true(url ? ap_base64url_exact(whole, exact, got) : ap_base64_exact(whole, exact, got));
	g_assert_true(memcmp(exact, bytes, got) == 0);
	g_assert_false(url ? ap_base64url_exact(whole, bytes, got + 1) : ap_base64_exact(whole, bytes, got + 1));
}

static void check_hex(const char *text)
{
	struct ap_hash hash;
	if (!ap_hex_exact(text, hash.b, AP_HASH))
		return;
	g_autofree char *again = ap_hash_hex(&hash), *lower = g_ascii_strdown(text, -1);
	g_assert_cmpstr(again, ==, lower);
}

static void check_uuid(const char *text)
{
	struct ap_uuid id;
	char again[AP_UUID_TEXT];
	if (!ap_uuid_parse(text, &id))
		return;
	g_autofree char *lower = g_ascii_strdown(text, -1);
	ap_uuid_text(&id, again);
	g_assert_cmpstr(again, ==, lower);
}

/* The text is the same up to the seconds, but for a leap second (RFC 3339 §5.6), which is told as the one after it. */
static void check_time(const char *text)
{
	int64_t ms = 0, second = 0;
	char again[AP_TIME_TEXT];
	if (!ap_time_parse(text, &ms))
		return;
	ap_time_text(ms, again);
	if (strncmp(text + strlen("2026-11-22T10:00:"), "60", 2) != 0)
		g_assert_true(strncmp(again, text, strlen("2026-11-22T10:00:00")) == 0);
	g_assert_true(ap_time_parse(again, &second) && second == ms);
}

static void check_role(const char *text)
{
	enum ap_role role;
	if (ap_role_parse(text, &role))
		g_assert_cmpstr(ap_role_text(role), ==, text);
}

static void check_age_keys(const char *text)
{
	struct ap_age_recipient recipient, own;
	struct ap_secret *identity = NULL;
	char again[AP_AGE_RECIPIENT_TEXT];
	if (ap_ok(ap_age_recipient_parse(text, &recipient))) {
		ap_age_recipient_text(&recipient, again);
		g_assert_true(g_ascii_strcasecmp(again, text) == 0);
	}
	if (!ap_ok(ap_age_identity_parse(text, &identity)))
		return;
	struct ap_secret *told = ap_age_identity_text(identity);
	g_assert_true(g_ascii_strcasecmp((const char *)ap_secret_bytes(told), text) == 0);
	own = ap_age_identity_recipient(identity);
	ap_age_recipient_text(&own, again);
	g_assert_true(ap_ok(ap_age_recipient_parse(again, &recipient)) && memcmp(own.b, recipient.b, sizeof own.b) == 0);
	ap_secret_free(told);
	ap_secret_free(identity);
}

/* There and back: any bytes have a text that is read as those bytes. */
static void check_writers(const uint8_t *bytes, size_t len)
{
	uint8_t back[ROOM];
	size_t got = 0;
	g_autofree char *url = ap_base64url(bytes, len), *plain = ap_base64(bytes, len), *hex = ap_hex(bytes, len);
	g_assert_true(ap_base64url_read(url, strlen(url), back, sizeof back, &got) && got == len);
	g_assert_true(len == 0 || memcmp(back, bytes, len) == 0);
	g_assert_true(ap_base64_read(plain, strlen(plain), back, sizeof back, &got) && got == len);
	g_assert_true(ap_hex_exact(hex, back, len) && (len == 0 || memcmp(back, bytes, len) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	if (!ready)
		ready = ap_ok(ap_secret_init());
	if (size < 1 || size > ROOM)
		return 0;
	g_autofree char *text = g_strndup((const char *)data + 1, size - 1);
	switch (data[0] % 8) {
	case 0: check_base64((const char *)data + 1, size - 1, true); break;
	case 1: check_base64((const char *)data + 1, size - 1, false); break;
	case 2: check_hex(text); break;
	case 3: check_uuid(text); break;
	case 4: check_time(text); break;
	case 5: check_role(text); break;
	case 6: check_age_keys(text); break;
	default: check_writers(data + 1, MIN(size - 1, 512)); break;
	}
	return 0;
}
