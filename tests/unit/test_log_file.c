/* A saved log, verified offline (R6): as it is, and tampered with in every way. */
#include "vectors.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <recorder/ledger/leaf.h>
#include <recorder/ledger/log_file.h>

#define ORIGIN "aparte.example/log/1"
#define LEAVES 20000

struct saved {
	char *path;
	struct ap_secret *seed;
	struct ap_log_key key;
	struct ap_leaf *leaves;
	char *contents; /* of the good file */
	gsize len;
	size_t head; /* bytes before the leaves */
};

static struct ap_checkpoint checkpoint_of(const struct ap_leaf *leaves, uint64_t size)
{
	struct ap_frontier tree = { 0 };
	for (uint64_t i = 0; i < size; i++) {
		struct ap_hash hash = ap_leaf_hash(&leaves[i]);
		ap_frontier_add(&tree, &hash);
	}
	struct ap_checkpoint c = { .size = size, .root = ap_frontier_root(&tree) };
	g_strlcpy(c.origin, ORIGIN, sizeof c.origin);
	return c;
}

static void write_log(const struct saved *s, const struct ap_leaf *leaves, uint64_t size)
{
	struct ap_checkpoint c = checkpoint_of(leaves, size);
	g_autofree char *note = NULL, *vkey = ap_log_key_text(&s->key);
	assert_ok(ap_checkpoint_sign(&c, s->seed, &note));
	FILE *out = fopen(s->path, "wb");
	assert_non_null(out);
	assert_ok(ap_log_file_begin(out, vkey, note));
	assert_int_equal(fwrite(leaves, sizeof *leaves, size, out), size);
	assert_int_equal(fclose(out), 0);
}

static int set_up(void **state)
{
	struct saved *s = g_new0(struct saved, 1);
	int fd = g_file_open_tmp("aparte-log-XXXXXX", &s->path, NULL);
	assert_true(fd >= 0 && g_close(fd, NULL));
	s->seed = vector_secret(0x88);
	assert_ok(ap_log_key_from_seed(ORIGIN, s->seed, &s->key));
	s->leaves = g_new0(struct ap_leaf, LEAVES);
	for (guint32 i = 0; i < LEAVES; i++) {
		struct ap_hash h = ap_sha256(&i, sizeof i);
		s->leaves[i].b[0] = AP_LEAF_VERSION;
		s->leaves[i].b[1] = (uint8_t)(1 + i % 15);
		memcpy(s->leaves[i].b + 2, h.b, AP_HASH);
	}
	write_log(s, s->leaves, LEAVES);
	assert_true(g_file_get_contents(s->path, &s->contents, &s->len, NULL));
	s->head = s->len - (size_t)LEAVES * AP_LEAF;
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct saved *s = *state;
	g_unlink(s->path);
	ap_secret_free(s->seed);
	g_free(s->leaves);
	g_free(s->contents);
	g_free(s->path);
	g_free(s);
	return 0;
}

static struct ap_result verify(const struct saved *s, const struct ap_log_key *key, const struct ap_checkpoint *older)
{
	struct ap_log_file *f = NULL;
	struct ap_checkpoint c;
	AP_TRY(ap_log_file_open(s->path, &f));
	struct ap_result r = ap_log_file_verify(f, key, older, &c, NULL);
	ap_log_file_close(f);
	if (ap_ok(r))
		assert_int_equal(c.size, LEAVES);
	return r;
}

static struct ap_result verify_contents(const struct saved *s, gsize len)
{
	assert_true(g_file_set_contents(s->path, s->contents, (gssize)len, NULL));
	return verify(s, &s->key, NULL);
}

static void a_whole_log_verifies(void **state)
{
	struct saved *s = *state;
	assert_ok(verify(s, &s->key, NULL));
}

static void it_holds_every_older_checkpoint(void **state)
{
	struct saved *s = *state;
	static const uint64_t sizes[] = { 0, 1, 2, 3, 4095, 4096, 4097, 16384, LEAVES - 1, LEAVES };
	for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
		struct ap_checkpoint older = checkpoint_of(s->leaves, sizes[i]);
		assert_ok(verify(s, &s->key, &older));
		older.root.b[7] ^= 1;
		assert_fails(verify(s, &s->key, &older), "log-older");
	}
	struct ap_checkpoint newer = { .size = LEAVES + 1 };
	assert_fails(verify(s, &s->key, &newer), "log-older");
}

static void a_flipped_bit_is_noticed(void **state)
{
	struct saved *s = *state;
	static const uint64_t where[] = { 0, 1, 9999, LEAVES - 1 };
	for (size_t i = 0; i < G_N_ELEMENTS(where); i++) {
		char *byte = &s->contents[s->head + where[i] * AP_LEAF + (i * 11) % AP_LEAF];
		*byte ^= 0x10;
		assert_fails(verify_contents(s, s->len), "log-root");
		*byte ^= 0x10;
	}
	assert_ok(verify_contents(s, s->len));
}

static void two_leaves_exchanged_are_noticed(void **state)
{
	struct saved *s = *state;
	struct ap_leaf one;
	char *leaves = s->contents + s->head;
	memcpy(one.b, leaves + 100 * AP_LEAF, AP_LEAF);
	memmove(leaves + 100 * AP_LEAF, leaves + 101 * AP_LEAF, AP_LEAF);
	memcpy(leaves + 101 * AP_LEAF, one.b, AP_LEAF);
	assert_fails(verify_contents(s, s->len), "log-root");
}

static void one_cut_short_or_lengthened_is_noticed(void **state)
{
	struct saved *s = *state;
	assert_fails(verify_contents(s, s->len - 1), "log-file");
	assert_fails(verify_contents(s, s->len - AP_LEAF), "log-file");
	assert_fails(verify_contents(s, s->head), "log-file");
	for (gsize len = 0; len < s->head; len++)
		assert_fails(verify_contents(s, len), "log-file");
	s->contents = g_realloc(s->contents, s->len + AP_LEAF);
	memset(s->contents + s->len, 1, AP_LEAF);
	assert_fails(verify_contents(s, s->len + 1), "log-file");
	assert_fails(verify_contents(s, s->len + AP_LEAF), "log-file");
}

/* Signed by the same key, rewritten from a leaf on: only somebody who kept a checkpoint can tell. */
static void a_fork_is_shown_by_an_older_checkpoint(void **state)
{
	struct saved *s = *state;
	struct ap_checkpoint before = checkpoint_of(s->leaves, 15000), after = checkpoint_of(s->leaves, 15001);
	s->leaves[15000].b[30] ^= 1;
	write_log(s, s->leaves, LEAVES);
	assert_ok(verify(s, &s->key, NULL));
	assert_ok(verify(s, &s->key, &before));
	assert_fails(verify(s, &s->key, &after), "log-older");
}

static void another_key_or_name_is_noticed(void **state)
{
	struct saved *s = *state;
	struct ap_secret *other = vector_secret(0x89);
	struct ap_log_key key;
	assert_ok(ap_log_key_from_seed(ORIGIN, other, &key));
	assert_fails(verify(s, &key, NULL), "checkpoint-signature");
	assert_ok(ap_log_key_from_seed("aparte.example/log/2", s->seed, &key));
	assert_fails(verify(s, &key, NULL), "checkpoint-signature");
	ap_secret_free(other);
}

static void an_empty_log_is_one_too(void **state)
{
	struct saved *s = *state;
	struct ap_log_file *f = NULL;
	struct ap_checkpoint c;
	write_log(s, s->leaves, 0);
	assert_ok(ap_log_file_open(s->path, &f));
	assert_ok(ap_log_file_verify(f, &s->key, NULL, &c, NULL));
	assert_int_equal(c.size, 0);
	ap_log_file_close(f);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	assert_ok_or_exit();
	const struct CMUnitTest tests[] = {
		TEST(a_whole_log_verifies),
		TEST(it_holds_every_older_checkpoint),
		TEST(a_flipped_bit_is_noticed),
		TEST(two_leaves_exchanged_are_noticed),
		TEST(one_cut_short_or_lengthened_is_noticed),
		TEST(a_fork_is_shown_by_an_older_checkpoint),
		TEST(another_key_or_name_is_noticed),
		TEST(an_empty_log_is_one_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
