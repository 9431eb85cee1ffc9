#include "vectors.h"

#include <glib.h>
#include <recorder/ledger/checkpoint.h>

#define ORIGIN "aparte.example/log/1"
#define VKEY "aparte.example/log/1+a2463d70+AbJJHZUCrihjCiussuDHRRD/zdMowzT/PhOT51stMefc"
#define ROOT "cdefc025214ad890c5ea30c98fb699f5299bafea75849469b89ea60dce3b108b"

static struct ap_checkpoint vector_checkpoint(void)
{
	struct ap_checkpoint c = { .size = 2, .root = vector_hash(ROOT) };
	g_strlcpy(c.origin, ORIGIN, sizeof c.origin);
	return c;
}

static char *vector_note(void)
{
	struct ap_checkpoint c = vector_checkpoint();
	struct ap_secret *seed = vector_secret(0x88);
	char *note = NULL;
	assert_ok(ap_checkpoint_sign(&c, seed, &note));
	ap_secret_free(seed);
	return note;
}

static struct ap_log_key vector_key(void)
{
	struct ap_log_key key;
	assert_ok(ap_log_key_parse(VKEY, &key));
	return key;
}

static struct ap_result verify(const char *note)
{
	struct ap_log_key key = vector_key();
	struct ap_checkpoint c;
	return ap_checkpoint_verify(note, strlen(note), &key, &c);
}

static char *replaced(const char *text, const char *from, const char *to)
{
	assert_non_null(strstr(text, from));
	GString *s = g_string_new(text);
	g_string_replace(s, from, to, 1);
	return g_string_free(s, FALSE);
}

static void the_key_is_the_vector(void **state)
{
	(void)state;
	struct ap_log_key key, parsed = vector_key();
	struct ap_secret *seed = vector_secret(0x88);
	assert_ok(ap_log_key_from_seed(ORIGIN, seed, &key));
	g_autofree char *text = ap_log_key_text(&key), *again = ap_log_key_text(&parsed);
	assert_string_equal(text, VKEY);
	assert_string_equal(again, VKEY);
	ap_secret_free(seed);
}

static void malformed_keys_are_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		"name",
		"name+a2463d70",
		"aparte.example/log/1+a2463d71+AbJJHZUCrihjCiussuDHRRD/zdMowzT/PhOT51stMefc",
		"aparte.example/log/2+a2463d70+AbJJHZUCrihjCiussuDHRRD/zdMowzT/PhOT51stMefc",
		"aparte.example/log/1+a2463d70+ArJJHZUCrihjCiussuDHRRD/zdMowzT/PhOT51stMefc",
		"aparte.example/log/1+a2463d70+AbJJHZUCrihjCiussuDHRRD/zdMowzT/PhOT51stMe",
		"aparte example+a2463d70+AbJJHZUCrihjCiussuDHRRD/zdMowzT/PhOT51stMefc",
		"+a2463d70+AbJJHZUCrihjCiussuDHRRD/zdMowzT/PhOT51stMefc",
	};
	struct ap_log_key key;
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		assert_fails(ap_log_key_parse(bad[i], &key), "log-key");
	struct ap_secret *seed = vector_secret(1), *short_seed = ap_secret_new(31);
	assert_fails(ap_log_key_from_seed("a b", seed, &key), "log-key");
	assert_fails(ap_log_key_from_seed("a+b", seed, &key), "log-key");
	assert_fails(ap_log_key_from_seed("a\nb", seed, &key), "log-key");
	assert_fails(ap_log_key_from_seed("a", short_seed, &key), "internal");
	ap_secret_free(seed);
	ap_secret_free(short_seed);
}

static void a_signed_checkpoint_verifies(void **state)
{
	(void)state;
	g_autofree char *note = vector_note();
	assert_true(g_str_has_prefix(note, ORIGIN "\n2\nze/AJSFK2JDF6jDJj7aZ9Smbr+p1hJRpuJ6mDc47EIs=\n\n\xe2\x80\x94 " ORIGIN " okY9c"));
	assert_true(g_str_has_suffix(note, "\n"));
	struct ap_log_key key = vector_key();
	struct ap_checkpoint c;
	assert_ok(ap_checkpoint_verify(note, strlen(note), &key, &c));
	struct ap_hash root = vector_hash(ROOT);
	assert_string_equal(c.origin, ORIGIN);
	assert_int_equal(c.size, 2);
	assert_true(ap_hash_equal(&c.root, &root));
}

static void sizes_have_one_form(void **state)
{
	(void)state;
	static const uint64_t sizes[] = { 0, 1, 10, 9007199254740993, UINT64_MAX };
	struct ap_secret *seed = vector_secret(0x88);
	struct ap_log_key key = vector_key();
	for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
		g_autofree char *note = NULL;
		struct ap_checkpoint c = vector_checkpoint(), back;
		c.size = sizes[i];
		assert_ok(ap_checkpoint_sign(&c, seed, &note));
		assert_ok(ap_checkpoint_verify(note, strlen(note), &key, &back));
		assert_true(back.size == sizes[i]);
	}
	ap_secret_free(seed);
}

static void any_change_is_noticed(void **state)
{
	(void)state;
	g_autofree char *note = vector_note();
	size_t len = strlen(note);
	for (size_t i = 0; i < len; i++) {
		g_autofree char *altered = g_strdup(note);
		altered[i] ^= 1;
		assert_false(ap_ok(verify(altered)));
		g_autofree char *cut = g_strndup(note, i);
		assert_false(ap_ok(verify(cut)));
	}
}

static void malformed_notes_are_refused(void **state)
{
	(void)state;
	g_autofree char *note = vector_note();
	static const struct {
		const char *from, *to, *word;
	} rows[] = {
		{ "\n2\n", "\n02\n", "checkpoint" },	   { "\n2\n", "\n+2\n", "checkpoint" },
		{ "\n2\n", "\n-2\n", "checkpoint" },	   { "\n2\n", "\n2 \n", "checkpoint" },
		{ "\n2\n", "\n\n", "checkpoint" },	   { "\n2\n", "\n18446744073709551616\n", "checkpoint" },
		{ "EIs=\n", "EIs\n", "checkpoint" },	   { "EIs=\n", "EIs=\nmore\n", "checkpoint-signature" },
		{ "\xe2\x80\x94 ", "- ", "checkpoint-signature" }, { "\xe2\x80\x94 ", "\xe2\x80\x94  ", "checkpoint-signature" },
		{ "\n\n", "\n", "checkpoint" },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *altered = replaced(note, rows[i].from, rows[i].to);
		assert_fails(verify(altered), rows[i].word);
	}
	g_autofree char *twice = g_strconcat(note, note, NULL), *huge = g_strnfill(AP_CHECKPOINT_MAX + 1, 'a');
	assert_false(ap_ok(verify(twice)));
	assert_fails(verify(huge), "checkpoint");
	assert_fails(verify("\xff\n1\nx\n\n"), "checkpoint");
	assert_fails(verify(""), "checkpoint");
}

static void witnesses_may_sign_beside_the_log(void **state)
{
	(void)state;
	g_autofree char *note = vector_note();
	g_autofree char *with = g_strconcat(note, "\xe2\x80\x94 witness.example/w1 AAECAwQFBgcICQ==\n", NULL);
	g_autofree char *broken = g_strconcat(note, "\xe2\x80\x94 witness.example/w1 AAEC!\n", NULL);
	assert_ok(verify(with));
	assert_fails(verify(broken), "checkpoint-signature");
	char *signature = strstr(note, "\n\n") + 2;
	g_autofree char *text = g_strndup(note, (gsize)(signature - note));
	g_autofree char *only = g_strconcat(text, "\xe2\x80\x94 witness.example/w1 AAECAwQFBgcICQ==\n", NULL);
	assert_fails(verify(only), "checkpoint-signature");
}

static void another_logs_checkpoint_is_refused(void **state)
{
	(void)state;
	struct ap_checkpoint c = vector_checkpoint(), back;
	struct ap_secret *seed = vector_secret(0x88), *other_seed = vector_secret(0x89);
	struct ap_log_key key = vector_key(), other;
	g_autofree char *note = vector_note();
	assert_ok(ap_log_key_from_seed(ORIGIN, other_seed, &other));
	assert_fails(ap_checkpoint_verify(note, strlen(note), &other, &back), "checkpoint-signature");
	g_strlcpy(c.origin, "aparte.example/log/2", sizeof c.origin);
	g_autofree char *second = NULL;
	assert_ok(ap_checkpoint_sign(&c, seed, &second));
	assert_fails(ap_checkpoint_verify(second, strlen(second), &key, &back), "checkpoint-signature");
	ap_secret_free(seed);
	ap_secret_free(other_seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_key_is_the_vector),
		cmocka_unit_test(malformed_keys_are_refused),
		cmocka_unit_test(a_signed_checkpoint_verifies),
		cmocka_unit_test(sizes_have_one_form),
		cmocka_unit_test(any_change_is_noticed),
		cmocka_unit_test(malformed_notes_are_refused),
		cmocka_unit_test(witnesses_may_sign_beside_the_log),
		cmocka_unit_test(another_logs_checkpoint_is_refused),
	};
	assert_ok_or_exit();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
