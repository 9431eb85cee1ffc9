/* Group commit: nothing is told before it is durable, one that fails goes alone, a commit that fails takes all with it, and a kill
 * neither loses nor doubles what was answered. */
#include "recorder/db/group.h"
#include "tests/testlib/vault_world.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define KILLS 6
#define MEMBERS 5

static const char *const schema[] = {
	"CREATE TABLE t (n INTEGER PRIMARY KEY) STRICT;"
	"CREATE TABLE later (n INTEGER REFERENCES t(n) DEFERRABLE INITIALLY DEFERRED) STRICT;", /* refused at the commit */
	NULL,
};

struct bed {
	char *path;
	struct ap_db *db, *other; /* another connection sees what is committed */
	struct ap_group *group;
	GString *story; /* "w1" written, "d1" told of success, "x1" of failure, "b" and "a": the hooks */
	bool fail_before;
};

/* How an item behaves. */
enum manner { GOOD, REFUSES, BREAKS_COMMIT, ENDS_TRANSACTION };

struct item {
	struct bed *bed;
	int number;
	enum manner manner;
	int next; /* added when told; 0: none */
	struct ap_result r;
	int64_t seen; /* rows that others saw when it was told */
};

static int64_t rows(struct ap_db *db)
{
	int64_t n = -1;
	assert_true(ap_ok(ap_db_count(db, "SELECT count(*) FROM t", AP_NO_VALUES, &n)));
	return n;
}

static struct ap_result write_item(void *data, struct ap_db *db)
{
	struct item *i = data;
	g_string_append_printf(i->bed->story, "w%d ", i->number);
	assert_int_equal(rows(i->bed->other), 0); /* nothing is out before all of it is */
	AP_TRY(ap_db_run(db, "INSERT INTO t (n) VALUES (?1)", AP_VALUES(AP_V_INT(i->number))));
	if (i->manner == BREAKS_COMMIT)
		AP_TRY(ap_db_run(db, "INSERT INTO later (n) VALUES (999)", AP_NO_VALUES));
	if (i->manner == ENDS_TRANSACTION)
		ap_db_rollback(db);
	return i->manner == REFUSES || i->manner == ENDS_TRANSACTION ? ap_fail(AP_ERR_DENIED, "conflict", "") : AP_SUCCESS;
}

static void add(struct item *i);

static void told(void *data, struct ap_result r)
{
	struct item *i = data;
	i->r = r;
	i->seen = rows(i->bed->other);
	assert_false(ap_db_in_transaction(i->bed->db));
	g_string_append_printf(i->bed->story, "%s%d ", ap_ok(r) ? "d" : "x", i->number);
	if (i->next) {
		i->number = i->next;
		i->next = 0;
		add(i);
	}
}

static void add(struct item *i)
{
	ap_group_add(i->bed->group, &(struct ap_group_item){ write_item, told, i });
}

static struct ap_result before(void *ctx)
{
	struct bed *b = ctx;
	g_string_append(b->story, "b ");
	assert_true(ap_db_in_transaction(b->db));
	return b->fail_before ? ap_fail(AP_ERR_IO, "disk", "") : AP_SUCCESS;
}

static void after(void *ctx, struct ap_result r)
{
	struct bed *b = ctx;
	g_string_append(b->story, ap_ok(r) ? "a " : "f ");
}

static int set_up(void **state)
{
	struct bed *b = g_new0(struct bed, 1);
	const struct ap_group_hooks hooks = { before, after, b };
	int fd = g_file_open_tmp("aparte-group-XXXXXX", &b->path, NULL);
	assert_true(fd >= 0);
	close(fd);
	assert_true(ap_ok(ap_db_open(b->path, schema, &b->db)) && ap_ok(ap_db_open(b->path, schema, &b->other)));
	b->group = ap_group_new(&hooks);
	ap_group_connect(b->group, b->db);
	b->story = g_string_new(NULL);
	*state = b;
	return 0;
}

static int tear_down(void **state)
{
	struct bed *b = *state;
	ap_group_free(b->group);
	ap_db_close(b->db);
	ap_db_close(b->other);
	for (const char *const *end = (const char *const[]){ "", "-wal", "-shm", NULL }; *end; end++) {
		g_autofree char *path = g_strconcat(b->path, *end, NULL);
		(void)unlink(path);
	}
	g_free(b->path);
	g_string_free(b->story, TRUE);
	g_free(b);
	return 0;
}

static void until_told(void)
{
	while (g_main_context_iteration(NULL, FALSE))
		;
}

static void three(struct bed *b, struct item items[3], enum manner second)
{
	for (int i = 0; i < 3; i++) {
		items[i] = (struct item){ .bed = b, .number = i + 1, .manner = i == 1 ? second : GOOD };
		add(&items[i]);
	}
}

static void all_are_told_after_one_commit_in_order(void **state)
{
	struct bed *b = *state;
	struct item items[3];
	three(b, items, GOOD);
	assert_string_equal(b->story->str, ""); /* not before who added them has returned */
	until_told();
	assert_string_equal(b->story->str, "w1 w2 w3 b a d1 d2 d3 ");
	for (int i = 0; i < 3; i++)
		assert_int_equal(items[i].seen, 3);
}

static void one_that_fails_leaves_no_trace_and_the_others_whole(void **state)
{
	struct bed *b = *state;
	struct item items[3];
	three(b, items, REFUSES);
	until_told();
	assert_string_equal(b->story->str, "w1 w2 w3 b a d1 x2 d3 ");
	assert_string_equal(items[1].r.name, "conflict");
	assert_int_equal(items[0].seen, 2);
}

static void a_commit_that_fails_fails_all(void **state)
{
	struct bed *b = *state;
	struct item items[3];
	three(b, items, BREAKS_COMMIT);
	until_told();
	assert_string_equal(b->story->str, "w1 w2 w3 b f x1 x2 x3 ");
	assert_string_equal(items[0].r.name, "database");
	assert_int_equal(rows(b->other), 0);
	g_string_truncate(b->story, 0);
	three(b, items, GOOD); /* and the next is none the worse for it */
	until_told();
	assert_string_equal(b->story->str, "w1 w2 w3 b a d1 d2 d3 ");
}

static void a_hook_that_fails_fails_all(void **state)
{
	struct bed *b = *state;
	struct item items[3];
	b->fail_before = true;
	three(b, items, REFUSES);
	until_told();
	assert_string_equal(b->story->str, "w1 w2 w3 b f x1 x2 x3 ");
	assert_string_equal(items[2].r.name, "disk");
	assert_int_equal(rows(b->other), 0);
}

/* As SQLite does by itself when a disk is full. */
static void what_undoes_the_transaction_fails_all(void **state)
{
	struct bed *b = *state;
	struct item items[3];
	three(b, items, ENDS_TRANSACTION);
	until_told();
	assert_string_equal(b->story->str, "w1 w2 f x1 x2 x3 ");
	assert_int_equal(rows(b->other), 0);
}

static void without_a_connection_all_fail(void **state)
{
	struct bed *b = *state;
	struct item items[3];
	ap_group_connect(b->group, NULL);
	three(b, items, GOOD);
	until_told();
	assert_string_equal(b->story->str, "f x1 x2 x3 ");
}

static void who_is_told_may_add_and_who_cannot_wait_may_commit(void **state)
{
	struct bed *b = *state;
	struct item one = { .bed = b, .number = 1, .manner = REFUSES, .next = 2 };
	add(&one);
	ap_group_commit(b->group);
	assert_string_equal(b->story->str, "w1 a x1 "); /* nothing to commit: no hook before */
	assert_int_equal(ap_group_waiting(b->group), 1);
	one.manner = GOOD;
	ap_group_commit(b->group);
	assert_string_equal(b->story->str, "w1 a x1 w2 b a d2 ");
	ap_group_commit(b->group);
	until_told();
	assert_string_equal(b->story->str, "w1 a x1 w2 b a d2 ");
}

/* ---- kills ---- */

/* One leaf and one row with the same number, as all that is logged is written. */
struct entry {
	struct world *w;
	struct ap_group *group;
	int64_t number;
	uint64_t leaf;
	int out;
};

static struct ap_result write_entry(void *data, struct ap_db *db)
{
	struct entry *e = data;
	JsonObject *body = json_object_new();
	json_object_set_string_member(body, "event", "test");
	json_object_set_int_member(body, "number", e->number);
	AP_TRY(ap_ledger_append(ap_vault_ledger(e->w->v), db, AP_LEAF_OTHER, body, &e->leaf));
	return ap_db_run(db, "INSERT INTO revoked_token (hash, revoked_ms) VALUES (?1, ?2)",
			 AP_VALUES(AP_V_BLOB(&e->number, sizeof e->number), AP_V_INT(e->leaf)));
}

/* Answered: the reader may count on it. Then the next. */
static void entry_told(void *data, struct ap_result r)
{
	struct entry *e = data;
	int64_t answer[2] = { e->number, (int64_t)e->leaf };
	if (!ap_ok(r) || write(e->out, answer, sizeof answer) != (ssize_t)sizeof answer)
		_exit(1);
	e->number += MEMBERS;
	ap_group_add(e->group, &(struct ap_group_item){ write_entry, entry_told, e });
}

static void write_until_killed(struct world *w, int64_t first, int out)
{
	struct ap_group *group = ap_group_new(NULL);
	struct entry entries[MEMBERS];
	ap_group_connect(group, ap_vault_db(w->v));
	for (int i = 0; i < MEMBERS; i++) {
		entries[i] = (struct entry){ .w = w, .group = group, .number = first + i, .out = out };
		ap_group_add(group, &(struct ap_group_item){ write_entry, entry_told, &entries[i] });
	}
	for (;;)
		g_main_context_iteration(NULL, TRUE);
}

static void let_go(struct world *w)
{
	ap_consents_free(w->consents);
	ap_gatekeepers_free(w->keepers);
	ap_captures_free(w->captures);
	ap_vault_free(w->v);
	w->consents = NULL;
	w->keepers = NULL;
	w->captures = NULL;
	w->v = NULL;
}

static void open_again(struct world *w)
{
	struct ap_vault_setup setup = { .config = w->config, .clock = &w->clock, .home = w->home };
	assert_true(ap_ok(ap_vault_open(&setup, &w->v)));
}

/* A process of its own opens the vault, and is killed in the middle of it; what it answered is read to the end. */
static GArray *answered_until_killed(struct world *w, int64_t first, unsigned answers)
{
	int ends[2];
	int64_t answer[2];
	GArray *all = g_array_new(FALSE, FALSE, sizeof answer);
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(ends[0]);
		open_again(w);
		write_until_killed(w, first, ends[1]);
	}
	close(ends[1]);
	while (read(ends[0], answer, sizeof answer) == (ssize_t)sizeof answer) {
		g_array_append_val(all, answer);
		if (all->len == answers)
			kill(child, SIGKILL);
	}
	close(ends[0]);
	waitpid(child, NULL, 0);
	assert_true(all->len >= answers);
	return all;
}

static void check_kept(struct world *w, const GArray *all)
{
	char numbered[64];
	for (guint i = 0; i < all->len; i++) {
		const int64_t *answer = (const int64_t *)(const void *)(all->data + i * 2 * sizeof(int64_t));
		struct ap_rows *rows = ap_db_query(ap_vault_db(w->v),
						   "SELECT body FROM leaf JOIN revoked_token ON revoked_ms = idx WHERE hash = ?1 AND idx = ?2",
						   AP_VALUES(AP_V_BLOB(&answer[0], sizeof answer[0]), AP_V_INT(answer[1])));
		g_snprintf(numbered, sizeof numbered, "\"number\":%lld,", (long long)answer[0]);
		assert_true(ap_rows_next(rows));
		assert_non_null(strstr(ap_row_text(rows, 0), numbered));
		assert_false(ap_rows_next(rows));
		assert_true(ap_ok(ap_rows_end(rows)));
	}
}

/* R6: what was answered is there, once, with its leaf in its place; what was not is there whole or not at all. */
static void a_kill_loses_and_doubles_nothing(void **state)
{
	(void)state;
	struct world *w = world_new(NULL);
	let_go(w);
	for (int k = 0; k < KILLS; k++) {
		g_autoptr(GArray) all = answered_until_killed(w, 1 + k * 1000000, 1 + (unsigned)k * 7);
		open_again(w);
		assert_false(ap_ledger_stopped(ap_vault_ledger(w->v)));
		check_kept(w, all);
		assert_int_equal(world_count(w, "SELECT count(*) FROM leaf WHERE body LIKE '%\"event\":\"test\"%'"),
				 world_count(w, "SELECT count(*) FROM revoked_token"));
		assert_int_equal(world_count(w, "SELECT count(*) - max(idx) - 1 FROM leaf"), 0);
		assert_int_equal(world_count(w, "SELECT count(*) FROM leaf l LEFT JOIN node n ON n.level = 0 AND n.idx = l.idx WHERE n.idx IS NULL"), 0);
		ap_vault_free(g_steal_pointer(&w->v));
	}
	open_again(w);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_are_told_after_one_commit_in_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_that_fails_leaves_no_trace_and_the_others_whole, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_commit_that_fails_fails_all, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_hook_that_fails_fails_all, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_undoes_the_transaction_fails_all, set_up, tear_down),
		cmocka_unit_test_setup_teardown(without_a_connection_all_fail, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_is_told_may_add_and_who_cannot_wait_may_commit, set_up, tear_down),
		cmocka_unit_test(a_kill_loses_and_doubles_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
