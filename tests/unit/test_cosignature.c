/* Witnesses' cosignatures and answers (C2SP tlog-cosignature, tlog-witness). The vectors were signed by PyNaCl, from the
 * specification's text and none of our code: seeds 99×32 and 9a×32 over the checkpoint of docs/FORMAT.md. */
#include "vectors.h"

#include <glib.h>
#include <recorder/ledger/cosignature.h>

#define TEXT "aparte.example/log/1\n2\nze/AJSFK2JDF6jDJj7aZ9Smbr+p1hJRpuJ6mDc47EIs=\n"
#define LOG_LINE \
	"\xe2\x80\x94 aparte.example/log/1 " \
	"okY9cLXZPApuDDvNtW8Oq60hyAnJOvIYmMdO6+lP69/XYJ6Mqb1GmMDl5BDT8xtPk2R5hyJTYgpB1mutdoFsOZJboQI=\n"
#define KEY_1 "witness.example/w1+404cc68d+BDMuvo0ny3Mjs6QBwcE7XdZLzMDhDs2hwrXRGgN3moXl"
#define KEY_2 "witness.example/w2+add77ac6+BBvudLuPUT8bU1e8R3yIatlpSdBHQMzROiL5Eu3wDf4n"
#define LINE_1 \
	"\xe2\x80\x94 witness.example/w1 " \
	"QEzGjQAAAABqsTuAx0CGwHwoaXjSxVEAotWEk+673zaAIwZvlW9V02Uxak4hxoK7BcC5VudRhQv4BXEnkL5Ki77kjI/6YUQx85/IBA==\n"
#define LINE_2 \
	"\xe2\x80\x94 witness.example/w2 " \
	"rdd6xgAAAABqsTuBUhKOh1DYdY+tARrS4Zx0eAvsvdeJSKNULDRUb3W2OIKENU3SXkjZaSUPhvo70n07ktcrXTG3Z3Wx9EkTLwFuDw==\n"

static struct ap_log_key key_of(const char *vkey)
{
	struct ap_log_key key;
	assert_ok(ap_witness_key_parse(vkey, &key));
	return key;
}

static void a_key_is_of_a_witness(void **state)
{
	(void)state;
	struct ap_log_key key = key_of(KEY_1);
	assert_string_equal(key.name, "witness.example/w1");
	assert_fails(ap_witness_key_parse("aparte.example/log/1+a2463d70+AbJJHZUCrihjCiussuDHRRD/zdMowzT/PhOT51stMefc", &key),
		     "witness-key"); /* a log's */
	assert_fails(ap_witness_key_parse("witness.example/w2+404cc68d+BDMuvo0ny3Mjs6QBwcE7XdZLzMDhDs2hwrXRGgN3moXl", &key),
		     "witness-key"); /* the id is of another name */
	assert_fails(ap_witness_key_parse("", &key), "witness-key");
}

static enum ap_cosigned check(const char *line, const char *text, const char *vkey, uint64_t *ret_time)
{
	struct ap_log_key key = key_of(vkey);
	g_autofree char *alone = g_strndup(line, strlen(line) - 1);
	return ap_cosignature_check(alone, text, &key, ret_time);
}

static void the_vectors_hold(void **state)
{
	(void)state;
	uint64_t time = 0;
	assert_int_equal(check(LINE_1, TEXT, KEY_1, &time), AP_COSIGNED);
	assert_int_equal(time, 1790000000);
	assert_int_equal(check(LINE_2, TEXT, KEY_2, &time), AP_COSIGNED);
	assert_int_equal(check(LINE_1, TEXT, KEY_2, &time), AP_COSIGNED_BY_OTHER);
	assert_int_equal(check(LOG_LINE, TEXT, KEY_1, &time), AP_COSIGNED_BY_OTHER);
	assert_int_equal(check(LINE_1, "aparte.example/log/1\n3\nze/AJSFK2JDF6jDJj7aZ9Smbr+p1hJRpuJ6mDc47EIs=\n", KEY_1, &time),
			 AP_COSIGNED_FORGED);
	assert_int_equal(check("witness.example/w1 no dash\n", TEXT, KEY_1, &time), AP_COSIGNED_FORGED);
}

/* Each of its 76 bytes matters: key id, time and signature. */
static void any_changed_byte_is_noticed(void **state)
{
	(void)state;
	const char *base64 = strrchr(LINE_1, ' ') + 1;
	uint8_t stamp[76];
	size_t len = 0;
	assert_true(ap_base64_read(base64, strlen(base64) - 1, stamp, sizeof stamp, &len));
	assert_int_equal(len, 76);
	for (size_t i = 0; i < len; i++) {
		uint64_t time;
		stamp[i] ^= 0x40;
		g_autofree char *changed = ap_base64(stamp, len);
		g_autofree char *line = g_strdup_printf("\xe2\x80\x94 witness.example/w1 %s\n", changed);
		assert_int_not_equal(check(line, TEXT, KEY_1, &time), AP_COSIGNED);
		stamp[i] ^= 0x40;
	}
}

static unsigned count(const char *note, const char *one, const char *two)
{
	struct ap_log_key keys[2] = { key_of(one), key_of(two) };
	return ap_cosignatures_count(note, strlen(note), keys, 2);
}

static void a_quorum_counts_keys_once(void **state)
{
	(void)state;
	struct ap_log_key pinned;
	struct ap_checkpoint c;
	const char *both = TEXT "\n" LOG_LINE LINE_1 LINE_2;
	assert_int_equal(count(both, KEY_1, KEY_2), 2);
	assert_int_equal(count(both, KEY_1, KEY_1), 1);
	assert_int_equal(count(TEXT "\n" LOG_LINE LINE_1 LINE_1, KEY_1, KEY_2), 1);
	assert_int_equal(count(TEXT "\n" LOG_LINE, KEY_1, KEY_2), 0);
	assert_int_equal(count("nothing", KEY_1, KEY_2), 0);
	assert_ok(ap_log_key_parse("aparte.example/log/1+a2463d70+AbJJHZUCrihjCiussuDHRRD/zdMowzT/PhOT51stMefc", &pinned));
	assert_ok(ap_checkpoint_verify(both, strlen(both), &pinned, &c)); /* others' lines do not disturb it */
}

/* Quantum-safe cosignatures are longer, and another key's to us. */
static void a_line_of_an_unknown_kind_is_passed_over(void **state)
{
	(void)state;
	g_autofree uint8_t *stamp = g_malloc0(4 + 8 + 2420);
	g_autofree char *base64 = ap_base64(stamp, 4 + 8 + 2420);
	g_autofree char *note = g_strconcat(TEXT "\n" LOG_LINE "\xe2\x80\x94 witness.example/w1 ", base64, "\n" LINE_1, NULL);
	struct ap_log_key pinned;
	struct ap_checkpoint c;
	assert_ok(ap_log_key_parse("aparte.example/log/1+a2463d70+AbJJHZUCrihjCiussuDHRRD/zdMowzT/PhOT51stMefc", &pinned));
	assert_ok(ap_checkpoint_verify(note, strlen(note), &pinned, &c));
	assert_int_equal(count(note, KEY_1, KEY_2), 1);
}

static void a_request_has_the_form(void **state)
{
	(void)state;
	const struct ap_merkle_proof none = { .count = 0 }, one = { .hashes = { { { 0 } } }, .count = 1 };
	g_autofree char *first = ap_witness_request(0, &none, TEXT "\n" LOG_LINE);
	g_autofree char *later = ap_witness_request(1, &one, TEXT "\n" LOG_LINE);
	assert_string_equal(first, "old 0\n\n" TEXT "\n" LOG_LINE);
	assert_string_equal(later, "old 1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n" TEXT "\n" LOG_LINE);
}

static struct ap_witness_answer answer(unsigned status, const char *type, const char *body)
{
	struct ap_log_key key = key_of(KEY_1);
	return ap_witness_answer_read(status, type, body, strlen(body), TEXT, &key);
}

static void answers_are_understood(void **state)
{
	(void)state;
	static const struct {
		unsigned status;
		const char *type, *body;
		enum ap_witness_verdict verdict;
	} rows[] = {
		{ 200, NULL, LINE_1, AP_WITNESS_COSIGNED },
		{ 200, NULL, LINE_2 LINE_1, AP_WITNESS_COSIGNED },
		{ 200, NULL, LINE_2, AP_WITNESS_ODD }, /* a stranger's alone */
		{ 200, NULL, "", AP_WITNESS_ODD },
		{ 200, NULL, LINE_1 "<html>\n", AP_WITNESS_ODD },
		{ 200, NULL, LINE_1 "\n", AP_WITNESS_ODD },
		{ 409, "text/x.tlog.size", "17\n", AP_WITNESS_HAS_SIZE },
		{ 409, "text/x.tlog.size", "017\n", AP_WITNESS_ODD },
		{ 409, "text/x.tlog.size", "17", AP_WITNESS_ODD },
		{ 409, "text/x.tlog.size", "-17\n", AP_WITNESS_ODD },
		{ 409, "text/x.tlog.size", "99999999999999999999\n", AP_WITNESS_ODD },
		{ 409, "text/x.tlog.size", "9223372036854775808\n", AP_WITNESS_ODD },
		{ 409, "text/plain", "17\n", AP_WITNESS_DISAGREES },
		{ 409, NULL, "", AP_WITNESS_DISAGREES },
		{ 422, NULL, "", AP_WITNESS_DISAGREES },
		{ 404, NULL, "", AP_WITNESS_UNKNOWN_LOG },
		{ 403, NULL, "", AP_WITNESS_UNKNOWN_KEY },
		{ 429, NULL, "", AP_WITNESS_BUSY },
		{ 503, NULL, LINE_1, AP_WITNESS_BUSY },
		{ 302, NULL, LINE_1, AP_WITNESS_ODD },
		{ 0, NULL, "", AP_WITNESS_ODD },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct ap_witness_answer a = answer(rows[i].status, rows[i].type, rows[i].body);
		if (a.verdict != rows[i].verdict)
			fail_msg("row %zu: %s", i, ap_witness_verdict_text(a.verdict));
	}
	assert_int_equal(answer(409, "text/x.tlog.size", "17\n").size, 17);
	assert_string_equal(answer(200, NULL, LINE_2 LINE_1).line, LINE_1);
}

/* The specification calls such a note malformed: nothing of it is kept. */
static void one_forged_line_spoils_the_answer(void **state)
{
	(void)state;
	g_autofree char *forged = g_strdup(LINE_1 LINE_1);
	forged[strlen(LINE_1) + 40] ^= 1;
	assert_int_equal(answer(200, NULL, forged).verdict, AP_WITNESS_ODD);
}

int main(void)
{
	assert_ok_or_exit();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_is_of_a_witness),
		cmocka_unit_test(the_vectors_hold),
		cmocka_unit_test(any_changed_byte_is_noticed),
		cmocka_unit_test(a_quorum_counts_keys_once),
		cmocka_unit_test(a_line_of_an_unknown_kind_is_passed_over),
		cmocka_unit_test(a_request_has_the_form),
		cmocka_unit_test(answers_are_understood),
		cmocka_unit_test(one_forged_line_spoils_the_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
