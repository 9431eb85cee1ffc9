#include "vectors.h"

#include <glib.h>

static void texts_are_the_rfc_ones(void **state)
{
	(void)state;
	static const struct {
		const char *bytes, *base64, *base64url, *hex;
	} rows[] = { { "", "", "", "" },
		     { "f", "Zg==", "Zg", "66" },
		     { "fo", "Zm8=", "Zm8", "666f" },
		     { "foo", "Zm9v", "Zm9v", "666f6f" },
		     { "\xfb\xff", "+/8=", "-_8", "fbff" } };
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		size_t len = strlen(rows[i].bytes), got = 99;
		uint8_t back[8] = { 0 };
		g_autofree char *base64 = ap_base64(rows[i].bytes, len);
		g_autofree char *base64url = ap_base64url(rows[i].bytes, len);
		g_autofree char *hex = ap_hex(rows[i].bytes, len);
		assert_string_equal(base64, rows[i].base64);
		assert_string_equal(base64url, rows[i].base64url);
		assert_string_equal(hex, rows[i].hex);
		assert_true(ap_base64url_exact(base64url, back, len));
		assert_true(ap_base64_exact(base64, back, len));
		assert_true(ap_hex_exact(hex, back, len));
		assert_true(ap_base64url_read(base64url, strlen(base64url), back, sizeof back, &got));
		assert_int_equal(got, len);
		assert_memory_equal(back, rows[i].bytes, len);
	}
}

static void every_value_has_one_text(void **state)
{
	(void)state;
	static const char *const bad[] = { "Zg==", "Zh", "Z", "Zg ", " Zg", "Zg\n", "Z+", "Zm8", "", "Zm9v" };
	uint8_t back[8] = { 42 };
	size_t len = 7;
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		assert_false(ap_base64url_exact(bad[i], back, 1));
	assert_false(ap_base64url_exact(NULL, back, 1));
	assert_false(ap_base64_exact("Zg", back, 1));
	assert_false(ap_base64_exact("Zg=", back, 1));
	assert_false(ap_base64_exact("Zg===", back, 1));
	assert_false(ap_base64_exact("Zh==", back, 1));
	assert_false(ap_base64_exact("-_8=", back, 2));
	assert_false(ap_base64url_exact("+/8", back, 2));
	assert_false(ap_base64_read("Zm9v", 4, back, 2, &len));
	assert_false(ap_hex_exact("6", back, 1));
	assert_false(ap_hex_exact("6g", back, 1));
	assert_false(ap_hex_exact("6666", back, 1));
	assert_false(ap_hex_exact(NULL, back, 1));
	assert_int_equal(back[0], 42);
	assert_int_equal(len, 7);
	assert_true(ap_hex_exact("aF", back, 1));
	assert_int_equal(back[0], 0xaf);
}

static void hashes_and_labels(void **state)
{
	(void)state;
	struct ap_hash abc = ap_sha256("abc", 3);
	assert_hex(abc.b, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	struct ap_hasher h = ap_hash_begin("label");
	ap_hash_add(&h, "xy", 2);
	struct ap_hash labelled = ap_hash_end(&h), whole = ap_sha256("label\0xy", 8);
	assert_true(ap_hash_equal(&labelled, &whole));
	assert_false(ap_hash_equal(&labelled, &abc));
	h = ap_hash_begin(NULL);
	ap_hash_add(&h, "ab", 2);
	ap_hash_add(&h, "c", 1);
	struct ap_hash parts = ap_hash_end(&h);
	assert_true(ap_hash_equal(&parts, &abc));
}

/* RFC 5869, appendix A.1 to A.3. */
static void hkdf_is_the_rfc_one(void **state)
{
	(void)state;
	uint8_t salt[13], info[10], long_salt[80], long_info[80];
	for (uint8_t i = 0; i < 13; i++)
		salt[i] = i;
	for (uint8_t i = 0; i < 10; i++)
		info[i] = 0xf0 + i;
	for (uint8_t i = 0; i < 80; i++) {
		long_salt[i] = 0x60 + i;
		long_info[i] = 0xb0 + i;
	}
	struct ap_secret *ikm = ap_secret_new(22), *long_ikm = ap_secret_new(80);
	memset(ap_secret_bytes_rw(ikm), 0x0b, 22);
	for (uint8_t i = 0; i < 80; i++)
		ap_secret_bytes_rw(long_ikm)[i] = i;
	struct ap_secret *a = ap_hkdf(ikm, salt, 13, info, 10, 42), *b = ap_hkdf(long_ikm, long_salt, 80, long_info, 80, 82),
			 *c = ap_hkdf(ikm, NULL, 0, NULL, 0, 42);
	assert_hex(ap_secret_bytes(a), 42,
		   "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
	assert_hex(ap_secret_bytes(b), 82,
		   "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c"
		   "2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87");
	assert_hex(ap_secret_bytes(c), 42,
		   "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
	ap_secret_free(a);
	ap_secret_free(b);
	ap_secret_free(c);
	ap_secret_free(ikm);
	ap_secret_free(long_ikm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_the_rfc_ones),
		cmocka_unit_test(every_value_has_one_text),
		cmocka_unit_test(hashes_and_labels),
		cmocka_unit_test(hkdf_is_the_rfc_one),
	};
	assert_ok_or_exit();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
