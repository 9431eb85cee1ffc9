#include "vectors.h"

#include <glib.h>
#include <recorder/keys/keys.h>
#include <recorder/ledger/leaf.h>

static struct ap_hash leafhash(uint8_t salt_byte, const char *body)
{
	uint8_t salt[AP_LEAF_SALT];
	memset(salt, salt_byte, sizeof salt);
	struct ap_leaf leaf = ap_leaf_make(AP_LEAF_CONSENT, salt, body, strlen(body));
	return ap_leaf_hash(&leaf);
}

static struct ap_key_binding vector_binding(void)
{
	return (struct ap_key_binding){ .session = vector_uuid(VECTOR_SESSION),
					.recording = vector_uuid(VECTOR_RECORDING),
					.leafhash_coach = leafhash(0x44, "{\"a\":1}"),
					.leafhash_coachee = leafhash(0x55, "{\"a\":2}") };
}

static struct ap_wrap_place person_place(void)
{
	return (struct ap_wrap_place){ .slot = AP_SLOT_COACH,
				       .session = vector_uuid(VECTOR_SESSION),
				       .record_id = vector_uuid(VECTOR_RECORD_ID),
				       .own_leafhash = leafhash(0x44, "{\"a\":1}") };
}

static void commitments_are_the_vectors(void **state)
{
	(void)state;
	struct ap_uuid session = vector_uuid(VECTOR_SESSION);
	struct ap_secret *coach = vector_secret(0x11), *coachee = vector_secret(0x22);
	struct ap_hash a = ap_share_commitment(&session, AP_COACH, coach);
	struct ap_hash b = ap_share_commitment(&session, AP_COACHEE, coachee);
	g_autofree char *text_a = ap_hash_base64url(&a), *text_b = ap_hash_base64url(&b);
	assert_string_equal(text_a, "V4R-2M7Nx4gnPCCjFFWT-my6sybgpBJw5pce-vKKdXw");
	assert_string_equal(text_b, "s3fiS3OCSKZSdDp2c4g-hdekJZpdorHi3rpbXsxzntU");
	ap_secret_free(coach);
	ap_secret_free(coachee);
}

static void identities_are_the_vectors(void **state)
{
	(void)state;
	static const char *const recipients[] = {
		"age1j203prty9advs8fa3nxd5k44w2ltwep89evtqd0jtqrm2dzq6v3qjwjz5j",
		"age1rstf30dwjpx4k4xdn4f0umymrgmwwwfgux07580lw306xuspkv9qtez7vf",
		"age1k8hnwlrq3zcqkfu6nsuv32m036e89glk9y6qzyndyr2k9g6ldcfq6g9a88",
	};
	struct ap_key_binding binding = vector_binding();
	struct ap_secret *a = vector_secret(0x11), *b = vector_secret(0x22), *c = vector_secret(0x33);
	const struct ap_shares shares = { a, b, c };
	for (int use = AP_KEY_COACH; use <= AP_KEY_NOTES; use++) {
		struct ap_secret *identity = NULL;
		char text[AP_AGE_RECIPIENT_TEXT];
		assert_ok(ap_identity_derive(&shares, &binding, (enum ap_key_use)use, &identity));
		struct ap_age_recipient recipient = ap_age_identity_recipient(identity);
		ap_age_recipient_text(&recipient, text);
		assert_string_equal(text, recipients[use - 1]);
		if (use == AP_KEY_COACH) {
			struct ap_secret *secret_text = ap_age_identity_text(identity);
			assert_string_equal((const char *)ap_secret_bytes(secret_text),
					    "AGE-SECRET-KEY-16S2D4X6DR2L3T7UFPS7N9Y44LN4QLKW8S5Z84EKKRC8TZGQ0CSQS09W924");
			ap_secret_free(secret_text);
		}
		ap_secret_free(identity);
	}
	struct ap_secret *short_share = ap_secret_new(31), *none = NULL;
	const struct ap_shares wrong = { a, short_share, c };
	assert_fails(ap_identity_derive(&wrong, &binding, AP_KEY_COACH, &none), "share");
	ap_secret_free(short_share);
	ap_secret_free(a);
	ap_secret_free(b);
	ap_secret_free(c);
}

/* R9: another session, recording or pair of gives has other keys. */
static void any_other_binding_gives_another_identity(void **state)
{
	(void)state;
	struct ap_key_binding bindings[5];
	for (size_t i = 0; i < G_N_ELEMENTS(bindings); i++)
		bindings[i] = vector_binding();
	bindings[1].session.b[0] ^= 1;
	bindings[2].recording.b[15] ^= 1;
	bindings[3].leafhash_coach.b[0] ^= 1;
	bindings[4].leafhash_coachee.b[31] ^= 1;
	struct ap_secret *a = vector_secret(0x11), *b = vector_secret(0x22), *c = vector_secret(0x33);
	const struct ap_shares shares = { a, b, c }, swapped = { b, a, c };
	struct ap_secret *made[6];
	for (size_t i = 0; i < G_N_ELEMENTS(bindings); i++)
		assert_ok(ap_identity_derive(&shares, &bindings[i], AP_KEY_COACH, &made[i]));
	assert_ok(ap_identity_derive(&swapped, &bindings[0], AP_KEY_COACH, &made[5]));
	for (size_t i = 0; i < G_N_ELEMENTS(made); i++)
		for (size_t j = 0; j < i; j++)
			assert_false(ap_secret_equal(made[i], made[j]));
	for (size_t i = 0; i < G_N_ELEMENTS(made); i++)
		ap_secret_free(made[i]);
	ap_secret_free(a);
	ap_secret_free(b);
	ap_secret_free(c);
}

static void wrapping_is_the_vector(void **state)
{
	(void)state;
	struct ap_secret *kek = vector_secret(0x66), *share = vector_secret(0x11), *back = NULL;
	struct ap_kek_id id = ap_kek_id(kek);
	assert_hex(id.b, sizeof id.b, "c83171c94f3be6602baeda8caca5a246");
	struct ap_wrap_place place = person_place();
	uint8_t nonce[AP_WRAP_NONCE];
	memset(nonce, 0x77, sizeof nonce);
	struct ap_wrapped wrapped;
	assert_ok(ap_share_wrap_with(kek, &place, share, nonce, &wrapped));
	assert_hex(wrapped.bytes, sizeof wrapped.bytes,
		   "777f4af2f5234ef634ef91f58471981dec8b7da4dee0c016988f8cc5e0e9a6c6c35f93212de73a57436bdb561bb3a59f");
	assert_ok(ap_share_unwrap(kek, &place, &wrapped, &back));
	assert_true(ap_secret_equal(back, share));
	ap_secret_free(back);
	ap_secret_free(share);
	ap_secret_free(kek);
}

static void a_moved_or_altered_share_does_not_unwrap(void **state)
{
	(void)state;
	struct ap_secret *kek = ap_secret_random(AP_KEK), *other = ap_secret_random(AP_KEK);
	struct ap_secret *share = ap_secret_random(AP_SHARE), *back = NULL;
	struct ap_wrap_place place = person_place(), moved[4];
	struct ap_wrapped wrapped, altered;
	assert_ok(ap_share_wrap(kek, &place, share, &wrapped));
	assert_fails(ap_share_unwrap(other, &place, &wrapped, &back), "kek");
	for (size_t i = 0; i < G_N_ELEMENTS(moved); i++)
		moved[i] = place;
	moved[0].slot = AP_SLOT_COACHEE;
	moved[1].session.b[3] ^= 1;
	moved[2].record_id.b[3] ^= 1;
	moved[3].own_leafhash.b[3] ^= 1;
	for (size_t i = 0; i < G_N_ELEMENTS(moved); i++)
		assert_fails(ap_share_unwrap(kek, &moved[i], &wrapped, &back), "share");
	altered = wrapped;
	altered.bytes[47] ^= 1;
	assert_fails(ap_share_unwrap(kek, &place, &altered, &back), "share");
	struct ap_wrap_place vault = { .slot = AP_SLOT_VAULT,
				       .session = place.session,
				       .recording = vector_uuid(VECTOR_RECORDING) };
	assert_ok(ap_share_wrap(kek, &vault, share, &wrapped));
	vault.leafhash_coachee.b[0] ^= 1;
	assert_fails(ap_share_unwrap(kek, &vault, &wrapped, &back), "share");
	assert_null(back);
	ap_secret_free(share);
	ap_secret_free(kek);
	ap_secret_free(other);
}

/* docs/FORMAT.md's share in transit. */
static const char seal_enc[] = "14ca9e4d387bccf35746e0407daaacc6b28a4f8445ef5a5158894db983e24070";
static const char seal_ct[] =
	"14562d97d463bde57ebac03dfdc10f1551553939726023fda4f1b823358d3a800da016c7e6b327c36fcd447f4ede12b2";

static void a_share_in_transit_opens_only_where_it_belongs(void **state)
{
	(void)state;
	struct ap_uuid session = vector_uuid(VECTOR_SESSION), elsewhere = vector_uuid(VECTOR_RECORDING);
	struct ap_hash statement = ap_sha256("{\"a\":1}", 7), other = ap_sha256("{\"a\":2}", 7);
	struct ap_secret *private = vector_secret(0x99), *wrong = vector_secret(0x98), *share = NULL;
	uint8_t enc[32], ct[48];
	assert_true(ap_hex_exact(seal_enc, enc, sizeof enc) && ap_hex_exact(seal_ct, ct, sizeof ct));
	assert_fails(ap_share_open(private, &session, AP_COACHEE, &statement, enc, ct, 48, &share), "share");
	assert_fails(ap_share_open(private, &elsewhere, AP_COACH, &statement, enc, ct, 48, &share), "share");
	assert_fails(ap_share_open(private, &session, AP_COACH, &other, enc, ct, 48, &share), "share");
	assert_fails(ap_share_open(wrong, &session, AP_COACH, &statement, enc, ct, 48, &share), "share");
	assert_fails(ap_share_open(private, &session, AP_COACH, &statement, enc, ct, 47, &share), "share");
	assert_null(share);
	assert_ok(ap_share_open(private, &session, AP_COACH, &statement, enc, ct, 48, &share));
	struct ap_secret *expected = vector_secret(0x11);
	assert_true(ap_secret_equal(share, expected));
	ap_secret_free(expected);
	ap_secret_free(share);
	ap_secret_free(private);
	ap_secret_free(wrong);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commitments_are_the_vectors),
		cmocka_unit_test(identities_are_the_vectors),
		cmocka_unit_test(any_other_binding_gives_another_identity),
		cmocka_unit_test(wrapping_is_the_vector),
		cmocka_unit_test(a_moved_or_altered_share_does_not_unwrap),
		cmocka_unit_test(a_share_in_transit_opens_only_where_it_belongs),
	};
	assert_ok_or_exit();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
