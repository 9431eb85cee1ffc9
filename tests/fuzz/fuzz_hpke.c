/*
 * A share in transit. The first byte chooses: any bytes as an envelope, which never opens; or a share sealed to us,
 * which opens to what it was, and not at all once a byte of envelope, info or aad is another.
 */
#include "fuzz.h"

#include <aparte/buf.h>
#include <recorder/keys/hpke.h>
#include <string.h>

#define MOST 512

struct sealing {
	uint8_t enc[AP_HPKE_KEY], ct[MOST + AP_HPKE_TAG], info[64], aad[64];
	struct ap_hpke_context context;
	size_t ct_len;
};

static const struct ap_secret *the_key(uint8_t ret_public[AP_HPKE_KEY])
{
	static struct ap_secret *key;
	uint8_t bytes[AP_HPKE_KEY];
	memset(bytes, 0x99, sizeof bytes);
	if (!key && ap_ok(ap_secret_init()))
		key = ap_secret_from(bytes, sizeof bytes);
	crypto_scalarmult_base(ret_public, ap_secret_bytes(key));
	return key;
}

static void try_any(const uint8_t *data, size_t size)
{
	static const uint8_t info[] = "aparte/share-seal/v1";
	uint8_t public[AP_HPKE_KEY], enc[AP_HPKE_KEY];
	struct ap_reader r = ap_reader_over(data, size);
	struct ap_hpke_context context = { info, sizeof info, info, 0 };
	struct ap_secret *plain = NULL;
	const struct ap_secret *key = the_key(public);
	ap_read_bytes(&r, enc, sizeof enc);
	size_t left = ap_reader_left(&r);
	const uint8_t *ct = ap_read_span(&r, left);
	if (!ct)
		return;
	g_assert_false(ap_ok(ap_hpke_open(key, enc, &context, ct, left, &plain)));
	g_assert_true(plain == NULL);
}

static void seal(struct ap_reader *r, const uint8_t public[AP_HPKE_KEY], const struct ap_secret *plain, struct sealing *s)
{
	uint8_t bytes[AP_HPKE_KEY];
	ap_read_bytes(r, s->info, ap_read_u8(r) % 2 ? sizeof s->info : 0);
	ap_read_bytes(r, s->aad, ap_read_u8(r) % 2 ? sizeof s->aad : 0);
	memset(bytes, ap_read_u8(r) | 1, sizeof bytes);
	struct ap_secret *ephemeral = ap_secret_from(bytes, sizeof bytes);
	s->context = (struct ap_hpke_context){ s->info, 37, s->aad, 32 };
	s->ct_len = ap_secret_len(plain) + AP_HPKE_TAG;
	g_assert_true(ap_ok(ap_hpke_seal(public, ephemeral, &s->context, plain, s->enc, s->ct)));
	ap_secret_free(ephemeral);
}

static bool opens(const struct ap_secret *key, const struct sealing *s, const struct ap_secret *expected)
{
	struct ap_secret *plain = NULL;
	if (!ap_ok(ap_hpke_open(key, s->enc, &s->context, s->ct, s->ct_len, &plain)))
		return false;
	g_assert_true(ap_secret_equal(plain, expected));
	ap_secret_free(plain);
	return true;
}

static void try_sealed(const uint8_t *data, size_t size)
{
	struct ap_reader r = ap_reader_over(data, size);
	uint8_t public[AP_HPKE_KEY];
	struct sealing s = { 0 };
	const struct ap_secret *key = the_key(public);
	uint16_t at = ap_read_u16(&r), len = ap_read_u16(&r) % MOST + 1;
	uint8_t change = ap_read_u8(&r);
	struct ap_secret *plain = ap_secret_new(len);
	memset(ap_secret_bytes_rw(plain), change, len);
	seal(&r, public, plain, &s);
	g_assert_true(opens(key, &s, plain));
	uint8_t *const places[] = { s.enc, s.ct, s.info, s.aad };
	const size_t sizes[] = { sizeof s.enc, s.ct_len, s.context.info_len, s.context.aad_len };
	places[at % 4][at / 4 % sizes[at % 4]] ^= change;
	g_assert_true(opens(key, &s, plain) == (change == 0));
	s.ct_len--;
	g_assert_false(opens(key, &s, plain));
	ap_secret_free(plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0 && data[0] % 2 == 0 && size > 1)
		try_any(data + 1, size - 1);
	else if (size > 0)
		try_sealed(data + 1, size - 1);
	return 0;
}
