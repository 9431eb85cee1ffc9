#include "vectors.h"

#include <aparte/buf.h>
#include <recorder/keys/hpke.h>

static void sealing_gives_the_vector(void **state)
{
	(void)state;
	struct ap_secret *private = vector_secret(0x99), *ephemeral = vector_secret(0xaa), *share = vector_secret(0x11);
	struct ap_uuid session = vector_uuid(VECTOR_SESSION);
	struct ap_hash aad = ap_sha256("{\"a\":1}", 7);
	uint8_t info[64], public[32], enc[32], ct[48];
	struct ap_writer w = ap_writer_over(info, sizeof info);
	ap_write_label(&w, "aparte/share-seal/v1");
	ap_write_u8(&w, 0);
	ap_write_bytes(&w, session.b, sizeof session.b);
	ap_write_u8(&w, AP_COACH);
	const struct ap_hpke_context context = { info, w.len, aad.b, sizeof aad.b };
	crypto_scalarmult_base(public, ap_secret_bytes(private));
	assert_hex(public, 32, "ba193836cff1f4e866c139715d306408d26a76f76d638a39afc1001084d25411");
	assert_ok(ap_hpke_seal(public, ephemeral, &context, share, enc, ct));
	assert_hex(enc, 32, "14ca9e4d387bccf35746e0407daaacc6b28a4f8445ef5a5158894db983e24070");
	assert_hex(ct, 48,
		   "14562d97d463bde57ebac03dfdc10f1551553939726023fda4f1b823358d3a800da016c7e6b327c36fcd447f4ede12b2");
	ap_secret_free(private);
	ap_secret_free(ephemeral);
	ap_secret_free(share);
}

/* Seals and opens `len` random bytes; then every altered byte must be noticed. */
static void round_trip(size_t len)
{
	struct ap_secret *private = ap_secret_random(32), *plain = ap_secret_random(len), *back = NULL;
	uint8_t public[32], enc[32];
	uint8_t *ct = malloc(len + AP_HPKE_TAG);
	const struct ap_hpke_context context = { "info", 4, "aad", 3 }, other = { "info", 4, "aae", 3 };
	crypto_scalarmult_base(public, ap_secret_bytes(private));
	assert_ok(ap_hpke_seal(public, NULL, &context, plain, enc, ct));
	assert_ok(ap_hpke_open(private, enc, &context, ct, len + AP_HPKE_TAG, &back));
	assert_true(ap_secret_equal(back, plain));
	ap_secret_free(back);
	back = NULL;
	assert_fails(ap_hpke_open(private, enc, &other, ct, len + AP_HPKE_TAG, &back), "hpke");
	for (size_t i = 0; i < len + AP_HPKE_TAG; i += 1 + len / 16) {
		ct[i] ^= 4;
		assert_fails(ap_hpke_open(private, enc, &context, ct, len + AP_HPKE_TAG, &back), "hpke");
		ct[i] ^= 4;
	}
	enc[5] ^= 1;
	assert_fails(ap_hpke_open(private, enc, &context, ct, len + AP_HPKE_TAG, &back), "hpke");
	assert_null(back);
	free(ct);
	ap_secret_free(private);
	ap_secret_free(plain);
}

static void sizes_round_trip(void **state)
{
	(void)state;
	round_trip(1);
	round_trip(32);
	round_trip(1000);
	round_trip(65536);
}

static void impossible_input_is_refused(void **state)
{
	(void)state;
	struct ap_secret *private = ap_secret_random(32), *back = NULL;
	const uint8_t zero[32] = { 0 };
	uint8_t enc[32], ct[48] = { 0 };
	const struct ap_hpke_context context = { "", 0, "", 0 }, long_info = { ct, 513, "", 0 };
	assert_fails(ap_hpke_open(private, zero, &context, ct, sizeof ct, &back), "hpke");
	assert_fails(ap_hpke_open(private, zero, &context, ct, AP_HPKE_TAG, &back), "hpke");
	assert_fails(ap_hpke_open(private, zero, &context, ct, 0, &back), "hpke");
	assert_fails(ap_hpke_open(private, zero, &long_info, ct, sizeof ct, &back), "hpke");
	assert_fails(ap_hpke_seal(zero, NULL, &context, private, enc, ct), "hpke");
	assert_null(back);
	ap_secret_free(private);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sealing_gives_the_vector),
		cmocka_unit_test(sizes_round_trip),
		cmocka_unit_test(impossible_input_is_refused),
	};
	assert_ok_or_exit();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
