/*
 * What outsiders hand us about the log. The first byte chooses: an answer of a witness (the second its status); a
 * cosignature of our own over a text out of the input, which must hold, and of which one bit is then changed; a
 * consistency proof; a saved log, as it is and with its checkpoint signed by us (key of docs/FORMAT.md, Vectors).
 */
#include "fuzz.h"
#include "log_key.h"

#include <aparte/buf.h>
#include <recorder/ledger/consistency.h>
#include <recorder/ledger/cosignature.h>
#include <recorder/ledger/leaf.h>
#include <recorder/ledger/log_file.h>
#include <string.h>

#define WITNESS "witness.example/w1+404cc68d+BDMuvo0ny3Mjs6QBwcE7XdZLzMDhDs2hwrXRGgN3moXl" /* of the seed 99×32 */
#define TEXT "aparte.example/log/1\n2\nze/AJSFK2JDF6jDJj7aZ9Smbr+p1hJRpuJ6mDc47EIs=\n"

static struct ap_log_key the_log(void)
{
	struct ap_log_key key;
	g_assert_true(ap_ok(ap_log_key_parse(vkey, &key)));
	return key;
}

static struct ap_log_key the_witness(void)
{
	struct ap_log_key key;
	g_assert_true(ap_ok(ap_witness_key_parse(WITNESS, &key)));
	return key;
}

/* On the heap, no byte longer, so that reading past its end is seen. */
static void *exactly(const uint8_t *data, size_t len)
{
	return len > 0 ? g_memdup2(data, len) : g_malloc(1);
}

static void try_answer(const uint8_t *data, size_t size)
{
	static const unsigned statuses[] = { 200, 409, 409, 422, 404, 403, 503, 0 };
	unsigned n = size > 0 ? data[0] % 8 : 7;
	size_t skip = size > 0;
	struct ap_log_key key = the_witness();
	g_autofree char *body = exactly(data + skip, size - skip);
	struct ap_witness_answer a = ap_witness_answer_read(statuses[n], n == 1 ? "text/x.tlog.size" : "text/plain", body, size - skip, TEXT, &key);
	uint64_t time;
	if (a.verdict == AP_WITNESS_HAS_SIZE)
		g_assert_true(n == 1 && a.size <= INT64_MAX);
	if (a.verdict != AP_WITNESS_COSIGNED)
		return;
	g_assert_true(n == 0 && g_str_has_suffix(a.line, "\n") && a.time > 0);
	a.line[strlen(a.line) - 1] = '\0';
	g_assert_true(ap_cosignature_check(a.line, TEXT, &key, &time) == AP_COSIGNED && time == a.time);
}

static char *line_of(const struct ap_log_key *key, const uint8_t *stamp, size_t len)
{
	g_autofree char *base64 = ap_base64(stamp, len);
	return g_strdup_printf(AP_NOTE_MARK "%s %s", key->name, base64);
}

/* Eight bytes of time, one to change and how, then the text. */
static void try_made(const uint8_t *data, size_t size)
{
	struct ap_reader r = ap_reader_over(data, size);
	uint64_t time = ap_read_u64(&r), told = 0;
	uint8_t where = ap_read_u8(&r), bit = ap_read_u8(&r), public[32], secret[64], seed[32], stamp[76];
	struct ap_log_key key = the_witness();
	g_autofree char *text = g_strndup((const char *)data + r.off, ap_reader_left(&r));
	g_autofree char *said = g_strdup_printf("cosignature/v1\ntime %" G_GUINT64_FORMAT "\n%s", time, text);
	memset(seed, 0x99, sizeof seed);
	crypto_sign_seed_keypair(public, secret, seed);
	struct ap_writer w = ap_writer_over(stamp, sizeof stamp);
	ap_write_bytes(&w, key.id, sizeof key.id);
	ap_write_u64(&w, time);
	crypto_sign_detached(stamp + 12, NULL, (const uint8_t *)said, strlen(said), secret);
	g_autofree char *line = line_of(&key, stamp, sizeof stamp);
	bool fits = time > 0 && time <= INT64_MAX;
	g_assert_true((ap_cosignature_check(line, text, &key, &told) == AP_COSIGNED) == fits);
	g_assert_true(!fits || told == time);
	stamp[where % sizeof stamp] ^= (uint8_t)(1u << bit % 8);
	g_autofree char *changed = line_of(&key, stamp, sizeof stamp);
	g_assert_true(ap_cosignature_check(changed, text, &key, &told) != AP_COSIGNED);
}

static void try_consistency(const uint8_t *data, size_t size)
{
	struct ap_log_key key = the_log();
	struct ap_consistency c = { 0 };
	if (ap_ok(ap_consistency_verify((const char *)data, size, &key, &c)))
		g_assert_true(c.older.size > 0 && c.older.size <= c.newer.size && c.newer_note);
	ap_consistency_clear(&c);
	g_autofree char *copy = exactly(data, size), *note = ap_checkpoint_text_in(copy, size);
	(void)note;
}

static void read_log(void *bytes, size_t len)
{
	struct ap_log_file *file = NULL;
	struct ap_log_key key = the_log();
	struct ap_checkpoint c;
	FILE *in = len > 0 ? fmemopen(bytes, len, "rb") : NULL;
	if (!in || !ap_ok(ap_log_file_from(in, &file)))
		return;
	if (ap_ok(ap_log_file_verify(file, &key, NULL, &c, NULL)))
		g_assert_true(c.size * AP_LEAF <= len);
	ap_log_file_close(file);
}

/* The input's leaves under a checkpoint of ours: whole it verifies, without its last byte it does not. */
static void try_log(const uint8_t *data, size_t size)
{
	struct ap_frontier tree = { 0 };
	g_autofree uint8_t *copy = exactly(data, size);
	read_log(copy, size);
	for (size_t at = 0; at + AP_LEAF <= size; at += AP_LEAF) {
		struct ap_leaf leaf;
		memcpy(leaf.b, data + at, AP_LEAF);
		struct ap_hash hash = ap_leaf_hash(&leaf);
		ap_frontier_add(&tree, &hash);
	}
	struct ap_checkpoint c = { .size = tree.size, .root = ap_frontier_root(&tree) };
	struct ap_log_key key = the_log();
	g_autofree char *note = NULL, *bytes = NULL;
	size_t len = 0;
	g_strlcpy(c.origin, key.name, sizeof c.origin);
	g_assert_true(ap_ok(ap_checkpoint_sign(&c, the_seed(), &note)));
	FILE *out = open_memstream(&bytes, &len);
	g_assert_true(out && ap_ok(ap_log_file_begin(out, vkey, note)));
	fwrite(data, AP_LEAF, tree.size, out);
	g_assert_true(fclose(out) == 0);
	struct ap_log_file *file = NULL;
	g_assert_true(ap_ok(ap_log_file_from(fmemopen(bytes, len, "rb"), &file)));
	g_assert_true(ap_ok(ap_log_file_verify(file, &key, NULL, &c, NULL)));
	ap_log_file_close(file);
	if (ap_ok(ap_log_file_from(fmemopen(bytes, len - 1, "rb"), &file))) {
		g_assert_false(ap_ok(ap_log_file_verify(file, &key, NULL, &c, NULL)));
		ap_log_file_close(file);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const tries[])(const uint8_t *, size_t) = { try_answer, try_made, try_consistency, try_log };
	g_assert_true(the_seed() != NULL);
	if (size > 0)
		tries[data[0] % G_N_ELEMENTS(tries)](data + 1, size - 1);
	return 0;
}
