#include "vectors.h"

#include <aparte/age.h>
#include <aparte/encode.h>
#include <glib.h>
#include <string.h>

#define SEALED (AP_AGE_CHUNK + 16)
#define HEAD (168 + 16)

static struct ap_secret *new_identity(struct ap_age_recipient *ret_recipient)
{
	struct ap_secret *identity = ap_secret_random(AP_AGE_KEY);
	*ret_recipient = ap_age_identity_recipient(identity);
	return identity;
}

static uint8_t *pattern(size_t len)
{
	uint8_t *bytes = g_malloc(len + 1);
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(i * 31 + i / 251);
	return bytes;
}

static void round_trip(size_t len)
{
	struct ap_age_recipient recipient;
	struct ap_secret *identity = new_identity(&recipient);
	g_autofree uint8_t *plain = pattern(len);
	g_autofree uint8_t *file = NULL, *back = NULL;
	size_t file_len = 0, back_len = 0;
	assert_ok(ap_age_encrypt(&recipient, plain, len, &file, &file_len));
	assert_ok(ap_age_decrypt(identity, file, file_len, &back, &back_len));
	assert_int_equal(back_len, len);
	assert_memory_equal(back, plain, len);
	assert_int_equal(ap_age_plain_size(file_len), len);
	ap_secret_free(identity);
}

static void sizes_round_trip(void **state)
{
	(void)state;
	static const size_t sizes[] = { 0, 1, 15, 16, 65535, 65536, 65537, 131072, 131073, 1048576, 3000000 };
	for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++)
		round_trip(sizes[i]);
}

static struct ap_result to_array(void *ctx, const void *bytes, size_t len)
{
	g_byte_array_append(ctx, bytes, (guint)len);
	return AP_SUCCESS;
}

static void odd_writes_give_the_same_plaintext(void **state)
{
	(void)state;
	struct ap_age_recipient recipient;
	struct ap_secret *identity = new_identity(&recipient);
	size_t len = 300000;
	g_autofree uint8_t *plain = pattern(len);
	g_autoptr(GByteArray) file = g_byte_array_new();
	struct ap_age_writer *w = NULL;
	assert_ok(ap_age_writer_new(&recipient, to_array, file, &w));
	for (size_t off = 0, step = 1; off < len; off += step, step = step * 3 % 70001 + 1) {
		step = MIN(step, len - off);
		assert_ok(ap_age_writer_write(w, plain + off, step));
	}
	assert_ok(ap_age_writer_finish(w));
	assert_fails(ap_age_writer_write(w, "x", 1), "internal");
	assert_fails(ap_age_writer_finish(w), "internal");
	ap_age_writer_free(w);
	g_autofree uint8_t *back = NULL;
	size_t back_len = 0;
	assert_ok(ap_age_decrypt(identity, file->data, file->len, &back, &back_len));
	assert_int_equal(back_len, len);
	assert_memory_equal(back, plain, len);
	ap_secret_free(identity);
}

static void ranges_read_only_what_covers_them(void **state)
{
	(void)state;
	struct ap_age_recipient recipient;
	struct ap_secret *identity = new_identity(&recipient);
	size_t len = 5 * AP_AGE_CHUNK + 100;
	g_autofree uint8_t *plain = pattern(len);
	g_autofree uint8_t *file = NULL;
	g_autofree uint8_t *out = g_malloc(len);
	size_t file_len = 0;
	assert_ok(ap_age_encrypt(&recipient, plain, len, &file, &file_len));
	file[HEAD + 2 * SEALED + 9] ^= 1; /* chunk 2 is altered: ranges beside it must not notice */
	struct ap_age_file *f = NULL;
	assert_ok(ap_age_file_open(file, file_len, identity, &f));
	assert_int_equal(ap_age_file_size(f), len);
	static const struct {
		uint64_t off;
		size_t len;
	} good[] = { { 0, 0 }, { 0, 1 }, { 65535, 2 }, { 0, 131072 }, { 196608, 131172 }, { 327679, 2 }, { 327779, 1 },
		     { 327780, 0 } };
	for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
		assert_ok(ap_age_file_read(f, good[i].off, out, good[i].len));
		assert_memory_equal(out, plain + good[i].off, good[i].len);
	}
	assert_fails(ap_age_file_read(f, 131071, out, 2), "age-payload");
	assert_ok(ap_age_file_read(f, 131071, out, 1));
	assert_fails(ap_age_file_read(f, len, out, 1), "age-range");
	assert_fails(ap_age_file_read(f, UINT64_MAX, out, 2), "age-range");
	ap_age_file_free(f);
	ap_secret_free(identity);
}

static void wrong_identity_alteration_and_cuts_are_refused(void **state)
{
	(void)state;
	struct ap_age_recipient recipient, other_recipient;
	struct ap_secret *identity = new_identity(&recipient), *other = new_identity(&other_recipient);
	g_autofree uint8_t *plain = pattern(70000);
	g_autofree uint8_t *file = NULL;
	uint8_t *back = NULL;
	size_t file_len = 0, back_len = 7;
	assert_ok(ap_age_encrypt(&recipient, plain, 70000, &file, &file_len));
	assert_fails(ap_age_decrypt(other, file, file_len, &back, &back_len), "age-no-match");
	for (size_t cut = 0; cut < file_len; cut += cut < 400 ? 1 : 997)
		assert_false(ap_ok(ap_age_decrypt(identity, file, cut, &back, &back_len)));
	assert_fails(ap_age_decrypt(identity, file, HEAD + SEALED, &back, &back_len), "age-payload");
	for (size_t at = 0; at < file_len; at += at < 400 ? 1 : 997) {
		file[at] ^= 0x20;
		assert_false(ap_ok(ap_age_decrypt(identity, file, file_len, &back, &back_len)));
		file[at] ^= 0x20;
	}
	assert_null(back);
	assert_int_equal(back_len, 7);
	ap_secret_free(identity);
	ap_secret_free(other);
}

static struct ap_result full_disk(void *ctx, const void *bytes, size_t len)
{
	(void)bytes;
	size_t *room = ctx;
	if (len > *room)
		return ap_fail(AP_ERR_IO, "storage", "no room");
	*room -= len;
	return AP_SUCCESS;
}

static void a_failing_sink_is_told(void **state)
{
	(void)state;
	struct ap_age_recipient recipient;
	ap_secret_free(new_identity(&recipient));
	size_t room = 10;
	struct ap_age_writer *w = NULL;
	assert_fails(ap_age_writer_new(&recipient, full_disk, &room, &w), "storage");
	assert_null(w);
	room = HEAD;
	assert_ok(ap_age_writer_new(&recipient, full_disk, &room, &w));
	g_autofree uint8_t *plain = pattern(AP_AGE_CHUNK + 1);
	assert_fails(ap_age_writer_write(w, plain, AP_AGE_CHUNK + 1), "storage");
	ap_age_writer_free(w);
	ap_age_writer_free(NULL);
	const struct ap_age_recipient low_order = { { 0 } };
	assert_fails(ap_age_writer_new(&low_order, full_disk, &room, &w), "age-key");
}

static struct ap_result gather(void *ctx, const void *bytes, size_t len)
{
	g_byte_array_append(ctx, bytes, (guint)len);
	return AP_SUCCESS;
}

/* R22: a backup's part is for the restore operator and for the vault that proves it. */
static void each_of_several_recipients_opens(void **state)
{
	(void)state;
	struct ap_age_recipient recipients[3];
	struct ap_secret *identities[3];
	struct ap_age_writer *writer = NULL;
	g_autoptr(GByteArray) file = g_byte_array_new();
	for (int i = 0; i < 3; i++)
		identities[i] = new_identity(&recipients[i]);
	assert_fails(ap_age_writer_new_for(recipients, 0, gather, file, &writer), "internal");
	assert_ok(ap_age_writer_new_for(recipients, 2, gather, file, &writer));
	assert_ok(ap_age_writer_write(writer, "both", 4));
	assert_ok(ap_age_writer_finish(writer));
	ap_age_writer_free(writer);
	for (int i = 0; i < 3; i++) {
		uint8_t *plain = NULL;
		size_t len = 0;
		struct ap_result r = ap_age_decrypt(identities[i], file->data, file->len, &plain, &len);
		assert_string_equal(r.name, i < 2 ? "ok" : "age-no-match");
		if (i < 2)
			assert_memory_equal(plain, "both", 4);
		g_free(plain);
		ap_secret_free(identities[i]);
	}
}

static void keys_have_one_text(void **state)
{
	(void)state;
	const char *secret = "AGE-SECRET-KEY-16S2D4X6DR2L3T7UFPS7N9Y44LN4QLKW8S5Z84EKKRC8TZGQ0CSQS09W924";
	const char *public = "age1j203prty9advs8fa3nxd5k44w2ltwep89evtqd0jtqrm2dzq6v3qjwjz5j";
	struct ap_secret *identity = NULL;
	assert_ok(ap_age_identity_parse(secret, &identity));
	struct ap_secret *text = ap_age_identity_text(identity);
	assert_string_equal((const char *)ap_secret_bytes(text), secret);
	struct ap_age_recipient recipient = ap_age_identity_recipient(identity), parsed;
	char public_text[AP_AGE_RECIPIENT_TEXT];
	ap_age_recipient_text(&recipient, public_text);
	assert_string_equal(public_text, public);
	assert_ok(ap_age_recipient_parse(public, &parsed));
	assert_memory_equal(parsed.b, recipient.b, AP_AGE_KEY);
	ap_secret_free(text);
	ap_secret_free(identity);
}

static void malformed_keys_are_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"", "age1", "age1j203prty9advs8fa3nxd5k44w2ltwep89evtqd0jtqrm2dzq6v3qjwjz5",
		"age1j203prty9advs8fa3nxd5k44w2ltwep89evtqd0jtqrm2dzq6v3qjwjz5q",
		"age1J203prty9advs8fa3nxd5k44w2ltwep89evtqd0jtqrm2dzq6v3qjwjz5j",
		"AGE1J203PRTY9ADVS8FA3NXD5K44W2LTWEP89EVTQD0JTQRM2DZQ6V3QJWJZ5J",
		"age1j203prty9advs8fa3nxd5k44w2ltwep89evtqd0jtqrm2dzq6v3qjwjz5j ",
		"agf1j203prty9advs8fa3nxd5k44w2ltwep89evtqd0jtqrm2dzq6v3qjwjz5j",
	};
	struct ap_age_recipient recipient;
	struct ap_secret *identity = NULL;
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		assert_fails(ap_age_recipient_parse(bad[i], &recipient), "age-key");
		assert_fails(ap_age_identity_parse(bad[i], &identity), "age-key");
	}
	assert_fails(ap_age_recipient_parse(NULL, &recipient), "age-key");
	assert_null(identity);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_round_trip),
		cmocka_unit_test(odd_writes_give_the_same_plaintext),
		cmocka_unit_test(ranges_read_only_what_covers_them),
		cmocka_unit_test(wrong_identity_alteration_and_cuts_are_refused),
		cmocka_unit_test(a_failing_sink_is_told),
		cmocka_unit_test(each_of_several_recipients_opens),
		cmocka_unit_test(keys_have_one_text),
		cmocka_unit_test(malformed_keys_are_refused),
	};
	assert_ok_or_exit();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
