#include <recorder/ledger/cosignature.h>

#include <aparte/buf.h>
#include <glib.h>
#include <string.h>

#define STAMP_BYTES (4 + 8 + crypto_sign_BYTES)

struct ap_result ap_witness_key_parse(const char *vkey, struct ap_log_key *ret_key)
{
	if (!ap_ok(ap_note_key_parse(vkey, AP_NOTE_COSIGNATURE, ret_key)))
		return ap_fail(AP_ERR_PROTOCOL, "witness-key", "not a witness's key (<name>+<8 hex>+<base64>, type 04)");
	return AP_SUCCESS;
}

enum ap_cosigned ap_cosignature_check(const char *line, const char *text, const struct ap_log_key *key, uint64_t *ret_time)
{
	struct ap_note_line parsed;
	if (!ap_note_line_parse(line, &parsed))
		return AP_COSIGNED_FORGED;
	if (!ap_note_line_is_of(&parsed, key))
		return AP_COSIGNED_BY_OTHER;
	struct ap_reader r = ap_reader_over(parsed.stamp, parsed.len);
	ap_read_skip(&r, 4);
	uint64_t time = ap_read_u64(&r);
	const uint8_t *signature = ap_read_span(&r, crypto_sign_BYTES);
	if (r.bad || ap_reader_left(&r) > 0 || time == 0 || time > INT64_MAX)
		return AP_COSIGNED_FORGED;
	g_autofree char *said = g_strdup_printf("cosignature/v1\ntime %" G_GUINT64_FORMAT "\n%s", time, text);
	if (crypto_sign_verify_detached(signature, (const uint8_t *)said, strlen(said), key->public) != 0)
		return AP_COSIGNED_FORGED;
	*ret_time = time;
	return AP_COSIGNED;
}

static bool key_stands_before(const struct ap_log_key *keys, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (memcmp(keys[k].public, keys[i].public, sizeof keys[i].public) == 0)
			return true;
	return false;
}

static bool cosigned_by(char **lines, const char *text, const struct ap_log_key *key)
{
	uint64_t time;
	for (; *lines; lines++)
		if (**lines && ap_cosignature_check(*lines, text, key, &time) == AP_COSIGNED)
			return true;
	return false;
}

unsigned ap_cosignatures_count(const char *note, size_t len, const struct ap_log_key *keys, size_t count)
{
	g_autofree char *text = NULL, *signatures = NULL;
	unsigned n = 0;
	if (!ap_ok(ap_note_split(note, len, &text, &signatures)))
		return 0;
	g_auto(GStrv) lines = g_strsplit(signatures, "\n", -1);
	for (size_t i = 0; i < count; i++)
		n += !key_stands_before(keys, i) && cosigned_by(lines, text, &keys[i]);
	return n;
}

char *ap_witness_request(uint64_t old, const struct ap_merkle_proof *proof, const char *note)
{
	GString *body = g_string_new(NULL);
	g_string_append_printf(body, "old %" G_GUINT64_FORMAT "\n", old);
	for (size_t i = 0; i < proof->count; i++) {
		g_autofree char *hash = ap_base64(proof->hashes[i].b, AP_HASH);
		g_string_append_printf(body, "%s\n", hash);
	}
	g_string_append_printf(body, "\n%s", note);
	return g_string_free(body, FALSE);
}

/* ---- answers ---- */

/* "<decimal>\n" and nothing else. */
static bool read_size(const char *body, size_t len, uint64_t *ret_size)
{
	char digits[20];
	guint64 size;
	if (len < 2 || len > sizeof digits || body[len - 1] != '\n' || (body[0] == '0' && len > 2) || !g_ascii_isdigit(body[0]))
		return false;
	if (!ap_copy(digits, sizeof digits, body, len))
		return false;
	digits[len - 1] = '\0';
	if (!g_ascii_string_to_unsigned(digits, 10, 0, INT64_MAX, &size, NULL))
		return false;
	*ret_size = size;
	return true;
}

/* Signature lines, nothing else. Lines of others are passed over, also when there is no cosignature in them; one of ours
 * that does not hold makes the note malformed, and nothing of it is taken. */
static enum ap_witness_verdict read_lines(const char *body, size_t len, const char *text, const struct ap_log_key *key,
					  struct ap_witness_answer *a)
{
	if (len == 0 || len > AP_WITNESS_ANSWER_MAX || body[len - 1] != '\n' || !g_utf8_validate(body, (gssize)len, NULL))
		return AP_WITNESS_ODD;
	enum ap_witness_verdict verdict = AP_WITNESS_ODD;
	g_autofree char *copy = g_strndup(body, len - 1);
	g_auto(GStrv) lines = g_strsplit(copy, "\n", -1);
	for (char **line = lines; *line; line++) {
		enum ap_cosigned cosigned = ap_cosignature_check(*line, text, key, &a->time);
		if (cosigned == AP_COSIGNED_FORGED || (cosigned == AP_COSIGNED && strlen(*line) + 2 > sizeof a->line))
			return AP_WITNESS_ODD;
		if (cosigned == AP_COSIGNED_BY_OTHER)
			continue;
		g_snprintf(a->line, sizeof a->line, "%s\n", *line);
		verdict = AP_WITNESS_COSIGNED;
	}
	return verdict;
}

struct ap_witness_answer ap_witness_answer_read(unsigned status, const char *type, const char *body, size_t len, const char *text,
						const struct ap_log_key *key)
{
	struct ap_witness_answer a = { .verdict = AP_WITNESS_ODD };
	if (status == 200)
		a.verdict = read_lines(body, len, text, key, &a);
	else if (status == 409 && type && strcmp(type, "text/x.tlog.size") == 0)
		a.verdict = read_size(body, len, &a.size) ? AP_WITNESS_HAS_SIZE : AP_WITNESS_ODD;
	else if (status == 409 || status == 422)
		a.verdict = AP_WITNESS_DISAGREES;
	else if (status == 404)
		a.verdict = AP_WITNESS_UNKNOWN_LOG;
	else if (status == 403)
		a.verdict = AP_WITNESS_UNKNOWN_KEY;
	else if (status == 429 || status / 100 == 5)
		a.verdict = AP_WITNESS_BUSY;
	return a;
}

const char *ap_witness_verdict_text(enum ap_witness_verdict verdict)
{
	static const char *const texts[] = {
		[AP_WITNESS_COSIGNED] = "cosigned",	      [AP_WITNESS_HAS_SIZE] = "other-size",
		[AP_WITNESS_DISAGREES] = "disagrees",	      [AP_WITNESS_UNKNOWN_LOG] = "unknown-log",
		[AP_WITNESS_UNKNOWN_KEY] = "unknown-key",     [AP_WITNESS_BUSY] = "busy",
		[AP_WITNESS_ODD] = "not-understood",
	};
	return texts[verdict];
}
