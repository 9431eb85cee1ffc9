#include "recorder/db/db.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>
#include <sys/stat.h>

static const char *const one[] = { "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT, c BLOB) STRICT;", NULL };
static const char *const two[] = { "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT, c BLOB) STRICT;",
				   "ALTER TABLE t ADD COLUMN d INTEGER NOT NULL DEFAULT 7;", NULL };
static const char *const broken[] = { "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT, c BLOB) STRICT;",
				      "CREATE TABLE half (x INTEGER); CREATE TABLE half (x INTEGER);", NULL };

struct place {
	char *dir, *path;
};

static int set_up(void **state)
{
	struct place *p = g_new0(struct place, 1);
	p->dir = g_dir_make_tmp("ap-db-XXXXXX", NULL);
	p->path = g_build_filename(p->dir, "t.db", NULL);
	*state = p;
	return 0;
}

static int tear_down(void **state)
{
	struct place *p = *state;
	g_autoptr(GDir) dir = g_dir_open(p->dir, 0, NULL);
	for (const char *name; (name = g_dir_read_name(dir));) {
		g_autofree char *file = g_build_filename(p->dir, name, NULL);
		g_unlink(file);
	}
	g_rmdir(p->dir);
	g_free(p->dir);
	g_free(p->path);
	g_free(p);
	return 0;
}

static struct ap_db *must_open(const struct place *p, const char *const *migrations)
{
	struct ap_db *db = NULL;
	assert_true(ap_ok(ap_db_open(p->path, migrations, &db)));
	return db;
}

static int64_t count(struct ap_db *db, const char *sql)
{
	int64_t n = -1;
	assert_true(ap_ok(ap_db_count(db, sql, AP_NO_VALUES, &n)));
	return n;
}

static void values_come_back(void **state)
{
	struct ap_db *db = must_open(*state, one);
	struct ap_uuid id = ap_uuid_random();
	assert_true(ap_ok(ap_db_run(db, "INSERT INTO t VALUES (?1, ?2, ?3)",
				    AP_VALUES(AP_V_INT(-5), AP_V_TEXT("né"), AP_V_UUID(&id)))));
	assert_true(ap_ok(ap_db_run(db, "INSERT INTO t VALUES (?1, ?2, ?3)", AP_VALUES(AP_V_INT(6), AP_V_TEXT(NULL), AP_V_NULL))));
	struct ap_rows *rows = ap_db_query(db, "SELECT a, b, c FROM t ORDER BY a", AP_NO_VALUES);
	assert_true(ap_rows_next(rows));
	assert_int_equal(ap_row_int(rows, 0), -5);
	assert_string_equal(ap_row_text(rows, 1), "né");
	struct ap_uuid back = ap_row_uuid(rows, 2);
	assert_true(ap_uuid_equal(&id, &back));
	uint8_t wrong[8];
	assert_false(ap_row_bytes(rows, 2, wrong, sizeof wrong));
	assert_true(ap_rows_next(rows));
	assert_true(ap_row_null(rows, 1));
	assert_null(ap_row_text(rows, 1));
	assert_false(ap_rows_next(rows));
	assert_true(ap_ok(ap_rows_end(rows)));
	ap_db_close(db);
}

static void the_same_query_nests(void **state)
{
	struct ap_db *db = must_open(*state, one);
	static const char sql[] = "SELECT a FROM t";
	assert_true(ap_ok(ap_db_run(db, "INSERT INTO t (a) VALUES (1), (2)", AP_NO_VALUES)));
	struct ap_rows *outer = ap_db_query(db, sql, AP_NO_VALUES);
	assert_true(ap_rows_next(outer));
	struct ap_rows *inner = ap_db_query(db, sql, AP_NO_VALUES);
	assert_true(ap_rows_next(inner));
	assert_true(ap_rows_next(inner));
	assert_true(ap_ok(ap_rows_end(inner)));
	assert_true(ap_rows_next(outer));
	assert_int_equal(ap_row_int(outer, 0), 2);
	assert_true(ap_ok(ap_rows_end(outer)));
	ap_db_close(db);
}

/* What is kept prepared keeps its own text: the caller's may go, or become another. */
static void a_querys_text_may_go(void **state)
{
	struct ap_db *db = must_open(*state, one);
	char text[] = "SELECT 1 + 1";
	assert_int_equal(count(db, text), 2);
	g_strlcpy(text, "SELECT 1 + 4", sizeof text);
	assert_int_equal(count(db, text), 5);
	assert_int_equal(count(db, "SELECT 1 + 1"), 2);
	ap_db_close(db);
}

static void errors_are_told_once_at_the_end(void **state)
{
	struct ap_db *db = must_open(*state, one);
	struct ap_rows *rows = ap_db_query(db, "SELECT nothing FROM nowhere", AP_NO_VALUES);
	assert_false(ap_rows_next(rows));
	struct ap_result r = ap_rows_end(rows);
	assert_int_equal(r.err, AP_ERR_IO);
	assert_string_equal(r.name, "database");
	assert_true(ap_ok(ap_db_run(db, "INSERT INTO t (a) VALUES (1)", AP_NO_VALUES)));
	assert_false(ap_ok(ap_db_run(db, "INSERT INTO t (a) VALUES (1)", AP_NO_VALUES)));
	assert_false(ap_ok(ap_rows_end_found(ap_db_query(db, "SELECT a FROM t", AP_NO_VALUES), false)));
	ap_db_close(db);
}

static void transactions_keep_or_drop(void **state)
{
	struct ap_db *db = must_open(*state, one);
	assert_true(ap_ok(ap_db_begin(db)));
	assert_true(ap_db_in_transaction(db));
	assert_false(ap_ok(ap_db_begin(db)));
	assert_true(ap_ok(ap_db_run(db, "INSERT INTO t (a) VALUES (1)", AP_NO_VALUES)));
	assert_string_equal(ap_db_finish(db, ap_fail(AP_ERR_DENIED, "held", "")).name, "held");
	assert_int_equal(count(db, "SELECT count(*) FROM t"), 0);
	assert_true(ap_ok(ap_db_begin(db)));
	assert_true(ap_ok(ap_db_run(db, "INSERT INTO t (a) VALUES (1)", AP_NO_VALUES)));
	assert_true(ap_ok(ap_db_finish(db, AP_SUCCESS)));
	assert_int_equal(count(db, "SELECT count(*) FROM t"), 1);
	ap_db_rollback(db);
	ap_db_close(db);
}

static void a_reader_holds_up_the_truncation(void **state)
{
	struct ap_db *db = must_open(*state, one), *reader = must_open(*state, one);
	assert_true(ap_ok(ap_db_run(db, "INSERT INTO t (a) VALUES (1), (2)", AP_NO_VALUES)));
	struct ap_rows *rows = ap_db_query(reader, "SELECT a FROM t", AP_NO_VALUES);
	assert_true(ap_rows_next(rows));
	assert_true(ap_ok(ap_db_run(db, "INSERT INTO t (a) VALUES (3)", AP_NO_VALUES)));
	assert_true(ap_ok(ap_rows_end(rows)));
	assert_true(ap_ok(ap_db_truncate_wal(db)));
	ap_db_close(reader);
	ap_db_close(db);
}

static void migrations_run_once_and_whole(void **state)
{
	struct place *p = *state;
	struct ap_db *db = must_open(p, one);
	assert_true(ap_ok(ap_db_run(db, "INSERT INTO t (a) VALUES (1)", AP_NO_VALUES)));
	ap_db_close(db);

	struct ap_db *none = NULL;
	assert_false(ap_ok(ap_db_open(p->path, broken, &none)));
	assert_null(none);
	db = must_open(p, one);
	assert_int_equal(count(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'half'"), 0);
	ap_db_close(db);

	db = must_open(p, two);
	assert_int_equal(count(db, "SELECT d FROM t"), 7);
	assert_int_equal(count(db, "PRAGMA user_version"), 2);
	ap_db_close(db);
	db = must_open(p, two);
	ap_db_close(db);
	assert_string_equal(ap_db_open(p->path, one, &none).name, "database-newer");
}

static void the_file_is_private_and_careful(void **state)
{
	struct place *p = *state;
	struct ap_db *db = must_open(p, ap_schema_vault);
	struct stat st;
	assert_int_equal(g_stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(count(db, "PRAGMA synchronous"), 2);
	assert_int_equal(count(db, "PRAGMA secure_delete"), 1);
	assert_int_equal(count(db, "PRAGMA foreign_keys"), 1);
	assert_int_equal(count(db, "PRAGMA temp_store"), 2);
	ap_db_close(db);
}

static void both_shipped_schemas_open(void **state)
{
	struct place *p = *state;
	g_autofree char *keys = g_build_filename(p->dir, "keys.db", NULL);
	struct ap_db *db = must_open(p, ap_schema_vault), *other = NULL;
	assert_true(ap_ok(ap_db_open(keys, ap_schema_keys, &other)));
	assert_int_equal(count(db, "SELECT count(*) FROM leaf"), 0);
	assert_int_equal(count(other, "SELECT count(*) FROM share"), 0);
	ap_db_close(other);
	ap_db_close(db);
}

/* An administrator's look at a running instance: another program comes and goes. A fork alone would inherit what SQLite
 * knows of its locks. */
static void visit(const struct place *p)
{
	const char *argv[] = { "/usr/bin/python3", "-c",
			       "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); print(c.execute('SELECT count(*) FROM t').fetchall());"
			       " c.close()",
			       p->path, NULL };
	int status = -1;
	assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, NULL, &status, NULL));
	assert_int_equal(status, 0);
}

static void another_process_that_comes_and_goes_takes_nothing_along(void **state)
{
	struct place *p = *state;
	struct stat before, after;
	g_autofree char *wal = g_strconcat(p->path, "-wal", NULL);
	struct ap_db *db = must_open(p, one), *of_another_thread = must_open(p, one);
	assert_true(ap_ok(ap_db_run(db, "INSERT INTO t (a) VALUES (1)", AP_NO_VALUES)));
	assert_int_equal(g_stat(wal, &before), 0);
	visit(p);
	assert_int_equal(g_stat(wal, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_true(ap_ok(ap_db_run(db, "INSERT INTO t (a) VALUES (2)", AP_NO_VALUES)));
	ap_db_close(of_another_thread);
	ap_db_close(db);
	db = must_open(p, one);
	assert_int_equal(count(db, "SELECT count(*) FROM t"), 2);
	ap_db_close(db);
}

static void a_damaged_file_is_told_and_left_alone(void **state)
{
	struct place *p = *state;
	g_autofree char *text = NULL, *again = NULL;
	gsize len, len_again;
	struct ap_db *db = must_open(p, one);
	for (int i = 0; i < 200; i++)
		assert_true(ap_ok(ap_db_run(db, "INSERT INTO t (b) VALUES (hex(randomblob(100)))", AP_NO_VALUES)));
	assert_true(ap_ok(ap_db_check(db)));
	ap_db_close(db);
	assert_true(g_file_get_contents(p->path, &text, &len, NULL));
	memset(text + 4096, 0x55, 4096);
	assert_true(g_file_set_contents(p->path, text, (gssize)len, NULL));
	db = must_open(p, one);
	struct ap_result r = ap_db_check(db);
	assert_string_equal(r.name, "database");
	assert_non_null(strstr(r.detail, "restore vault/ from a backup"));
	ap_db_close(db);
	assert_true(g_file_get_contents(p->path, &again, &len_again, NULL));
	assert_int_equal(len, len_again);
	assert_memory_equal(text, again, len);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(values_come_back),
		TEST(the_same_query_nests),
		TEST(a_querys_text_may_go),
		TEST(errors_are_told_once_at_the_end),
		TEST(transactions_keep_or_drop),
		TEST(a_reader_holds_up_the_truncation),
		TEST(migrations_run_once_and_whole),
		TEST(the_file_is_private_and_careful),
		TEST(both_shipped_schemas_open),
		TEST(another_process_that_comes_and_goes_takes_nothing_along),
		TEST(a_damaged_file_is_told_and_left_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
