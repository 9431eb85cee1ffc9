#include "recorder/db/db.h"

#include <aparte/buf.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATIENCE_MS 5000

struct ap_db {
	sqlite3 *handle;     /* owned */
	GHashTable *idle; /* owned: SQL text (the statement's) -> prepared statement that nobody uses */
};

struct ap_rows {
	struct ap_db *db;   /* borrowed */
	sqlite3_stmt *stmt; /* owned while running; NULL when preparing failed */
	bool failed;
};

/* What SQLite met, as what to do about it. */
static const char *advice_for(int code)
{
	switch (code & 0xff) {
	case SQLITE_FULL:
		return "the disk of vault/ is full: free some space, then try again";
	case SQLITE_IOERR:
		return "the disk of vault/ reports errors: see to it, then try again";
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
		return "vault/ cannot be written: see to its disk, mount and owner, then try again";
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return "another process holds a database in vault/: end it, then try again";
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return "a database in vault/ is damaged, and was left as it is: stop, keep a copy, restore vault/ from a backup";
	default:
		return "a database in vault/ could not be read or written: see to the disk, then try again";
	}
}

static struct ap_result database_failure(struct ap_db *db)
{
	return ap_fail(AP_ERR_IO, "database", advice_for(db && db->handle ? sqlite3_errcode(db->handle) : SQLITE_CANTOPEN));
}

static void finalize(void *stmt)
{
	sqlite3_finalize(stmt);
}

struct ap_value ap_value_text(const char *text)
{
	return text ? (struct ap_value){ .kind = AP_VALUE_TEXT, .data = text, .len = strlen(text) } : AP_V_NULL;
}

struct ap_value ap_value_blob(const void *data, size_t len)
{
	return data ? (struct ap_value){ .kind = AP_VALUE_BLOB, .data = data, .len = len } : AP_V_NULL;
}

static bool bind(sqlite3_stmt *stmt, const struct ap_value *values)
{
	int ok = SQLITE_OK;
	for (int i = 1; values && values->kind != AP_VALUE_END; i++, values++)
		switch (values->kind) {
		case AP_VALUE_INT:
			ok |= sqlite3_bind_int64(stmt, i, values->number);
			break;
		case AP_VALUE_TEXT:
			ok |= sqlite3_bind_text(stmt, i, values->data, (int)values->len, SQLITE_TRANSIENT);
			break;
		case AP_VALUE_BLOB:
			ok |= values->len ? sqlite3_bind_blob(stmt, i, values->data, (int)values->len, SQLITE_TRANSIENT) :
					    sqlite3_bind_zeroblob(stmt, i, 0);
			break;
		case AP_VALUE_NULL:
		case AP_VALUE_END:
			ok |= sqlite3_bind_null(stmt, i);
			break;
		}
	return ok == SQLITE_OK;
}

static sqlite3_stmt *take_statement(struct ap_db *db, const char *sql)
{
	void *stmt = NULL;
	if (g_hash_table_steal_extended(db->idle, sql, NULL, &stmt))
		return stmt;
	sqlite3_stmt *fresh = NULL;
	sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &fresh, NULL);
	return fresh;
}

static void give_back(struct ap_db *db, sqlite3_stmt *stmt)
{
	const char *sql = sqlite3_sql(stmt); /* the statement's own copy */
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	if (g_hash_table_contains(db->idle, sql))
		sqlite3_finalize(stmt);
	else
		g_hash_table_insert(db->idle, (char *)sql, stmt);
}

struct ap_rows *ap_db_query(struct ap_db *db, const char *sql, const struct ap_value *values)
{
	struct ap_rows *rows = g_new0(struct ap_rows, 1);
	rows->db = db;
	rows->stmt = db ? take_statement(db, sql) : NULL;
	rows->failed = !rows->stmt || !bind(rows->stmt, values);
	return rows;
}

bool ap_rows_next(struct ap_rows *rows)
{
	if (rows->failed)
		return false;
	int step = sqlite3_step(rows->stmt);
	rows->failed = step != SQLITE_ROW && step != SQLITE_DONE;
	return step == SQLITE_ROW;
}

struct ap_result ap_rows_end(struct ap_rows *rows)
{
	struct ap_result r = rows->failed ? database_failure(rows->db) : AP_SUCCESS;
	if (rows->stmt)
		give_back(rows->db, rows->stmt);
	g_free(rows);
	return r;
}

struct ap_result ap_rows_end_found(struct ap_rows *rows, bool found)
{
	AP_TRY(ap_rows_end(rows));
	return found ? AP_SUCCESS : ap_fail(AP_ERR_DENIED, "not-found", "there is no such thing, or not for you");
}

struct ap_result ap_rows_end_ids(struct ap_rows *rows, GArray **ret_ids)
{
	g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(struct ap_uuid));
	while (ap_rows_next(rows)) {
		struct ap_uuid id = ap_row_uuid(rows, 0);
		g_array_append_val(ids, id);
	}
	AP_TRY(ap_rows_end(rows));
	*ret_ids = g_steal_pointer(&ids);
	return AP_SUCCESS;
}

struct ap_result ap_db_run(struct ap_db *db, const char *sql, const struct ap_value *values)
{
	struct ap_rows *rows = ap_db_query(db, sql, values);
	while (ap_rows_next(rows))
		;
	return ap_rows_end(rows);
}

int64_t ap_db_changes(const struct ap_db *db)
{
	return sqlite3_changes(db->handle);
}

struct ap_result ap_db_count(struct ap_db *db, const char *sql, const struct ap_value *values, int64_t *ret_n)
{
	struct ap_rows *rows = ap_db_query(db, sql, values);
	int64_t n = ap_rows_next(rows) ? ap_row_int(rows, 0) : 0;
	AP_TRY(ap_rows_end(rows));
	*ret_n = n;
	return AP_SUCCESS;
}

bool ap_row_null(struct ap_rows *rows, int column)
{
	return sqlite3_column_type(rows->stmt, column) == SQLITE_NULL;
}

int64_t ap_row_int(struct ap_rows *rows, int column)
{
	return sqlite3_column_int64(rows->stmt, column);
}

const char *ap_row_text(struct ap_rows *rows, int column)
{
	return (const char *)sqlite3_column_text(rows->stmt, column);
}

char *ap_row_text_dup(struct ap_rows *rows, int column)
{
	return g_strdup(ap_row_text(rows, column));
}

const uint8_t *ap_row_blob(struct ap_rows *rows, int column, size_t *ret_len)
{
	const uint8_t *data = sqlite3_column_blob(rows->stmt, column);
	*ret_len = (size_t)sqlite3_column_bytes(rows->stmt, column);
	return data;
}

bool ap_row_bytes(struct ap_rows *rows, int column, void *ret, size_t n)
{
	size_t len;
	const uint8_t *data = ap_row_blob(rows, column, &len);
	if (data && len == n && ap_copy(ret, n, data, n))
		return true;
	memset(ret, 0, n);
	return false;
}

struct ap_uuid ap_row_uuid(struct ap_rows *rows, int column)
{
	struct ap_uuid id;
	ap_row_bytes(rows, column, id.b, sizeof id.b);
	return id;
}

/* For fixed text without values: pragmas, BEGIN, scripts. */
static struct ap_result execute(struct ap_db *db, const char *sql)
{
	return db && sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? AP_SUCCESS : database_failure(db);
}

struct ap_result ap_db_begin(struct ap_db *db)
{
	return execute(db, "BEGIN IMMEDIATE");
}

void ap_db_rollback(struct ap_db *db)
{
	if (ap_db_in_transaction(db))
		AP_IGNORE(execute(db, "ROLLBACK")); /* SQLite rolls back by itself when this fails */
}

struct ap_result ap_db_commit(struct ap_db *db)
{
	struct ap_result r = execute(db, "COMMIT");
	if (!ap_ok(r))
		ap_db_rollback(db);
	return r;
}

bool ap_db_in_transaction(const struct ap_db *db)
{
	return db && !sqlite3_get_autocommit(db->handle);
}

struct ap_result ap_db_finish(struct ap_db *db, struct ap_result r)
{
	if (ap_ok(r))
		return ap_db_commit(db);
	ap_db_rollback(db);
	return r;
}

struct ap_result ap_db_part_begin(struct ap_db *db)
{
	return execute(db, "SAVEPOINT part");
}

struct ap_result ap_db_part_finish(struct ap_db *db, struct ap_result r)
{
	if (ap_ok(r))
		return execute(db, "RELEASE part");
	if (ap_db_in_transaction(db) && !ap_ok(execute(db, "ROLLBACK TO part; RELEASE part")))
		ap_db_rollback(db); /* what cannot be undone alone is undone with the rest */
	return r;
}

struct ap_result ap_db_truncate_wal(struct ap_db *db)
{
	struct ap_rows *rows = ap_db_query(db, "PRAGMA wal_checkpoint(TRUNCATE)", AP_NO_VALUES);
	bool busy = ap_rows_next(rows) && ap_row_int(rows, 0) != 0;
	AP_TRY(ap_rows_end(rows));
	return busy ? ap_fail(AP_ERR_IO, "database-busy", "a reader holds the write-ahead log open") : AP_SUCCESS;
}

void ap_db_each_statement(struct ap_db *db, void (*look)(void *ctx, const char *sql), void *ctx)
{
	GHashTableIter at;
	void *sql;
	for (g_hash_table_iter_init(&at, db->idle); g_hash_table_iter_next(&at, &sql, NULL);)
		look(ctx, sql);
}

static struct ap_result vacuum_in(struct ap_db *db, const char *directory)
{
	g_autofree char *place = g_strdup(directory);
	sqlite3_temp_directory = place;
	struct ap_result r = execute(db, "PRAGMA temp_store = FILE; VACUUM");
	struct ap_result back = execute(db, "PRAGMA temp_store = MEMORY");
	sqlite3_temp_directory = NULL;
	return ap_ok(r) ? back : r;
}

struct ap_result ap_db_rewrite(struct ap_db *db, const char *directory)
{
	AP_TRY(directory ? vacuum_in(db, directory) : execute(db, "VACUUM"));
	return ap_db_truncate_wal(db);
}

void ap_db_set_patience(struct ap_db *db, int ms)
{
	sqlite3_busy_timeout(db->handle, ms);
}

static struct ap_result version_of(struct ap_db *db, int64_t *ret_version)
{
	return ap_db_count(db, "PRAGMA user_version", AP_NO_VALUES, ret_version);
}

static struct ap_result migrate_one(struct ap_db *db, const char *script, int64_t version)
{
	g_autofree char *stamp = g_strdup_printf("PRAGMA user_version = %d", (int)version);
	AP_TRY(ap_db_begin(db));
	struct ap_result r = execute(db, script);
	if (ap_ok(r))
		r = execute(db, stamp);
	return ap_db_finish(db, r);
}

static struct ap_result migrate(struct ap_db *db, const char *const *migrations)
{
	int64_t version = 0, newest = 0;
	while (migrations[newest])
		newest++;
	AP_TRY(version_of(db, &version));
	if (version > newest)
		return ap_fail(AP_ERR_IO, "database-newer", "a newer version of Aparté wrote this database");
	for (; version < newest; version++)
		AP_TRY(migrate_one(db, migrations[version], version + 1));
	return AP_SUCCESS;
}

/* SQLite would make the file with the umask's mode; we want 0600 whatever that is. One that is there is not opened:
 * closing it again would drop the locks (POSIX's, per process) of every connection to it, and with them what keeps
 * another process from emptying the write-ahead log under us. */
static bool make_private(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return fd >= 0 ? close(fd) == 0 : errno == EEXIST;
}

static struct ap_result set_up(struct ap_db *db, const char *path, const char *const *migrations)
{
	static const char pragmas[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;"
				      "PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;";
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
	if (!make_private(path) || sqlite3_open_v2(path, &db->handle, flags, NULL) != SQLITE_OK)
		return ap_fail(AP_ERR_IO, "database", advice_for(SQLITE_CANTOPEN));
	ap_db_set_patience(db, PATIENCE_MS);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	AP_TRY(execute(db, pragmas));
	return migrate(db, migrations);
}

struct ap_result ap_db_check(struct ap_db *db)
{
	struct ap_rows *rows = ap_db_query(db, "PRAGMA quick_check(1)", AP_NO_VALUES);
	bool whole = ap_rows_next(rows) && g_strcmp0(ap_row_text(rows, 0), "ok") == 0;
	AP_TRY(ap_rows_end(rows));
	return whole ? AP_SUCCESS : ap_fail(AP_ERR_IO, "database", advice_for(SQLITE_CORRUPT));
}

struct ap_result ap_db_open(const char *path, const char *const *migrations, struct ap_db **ret_db)
{
	struct ap_db *db = g_new0(struct ap_db, 1);
	db->idle = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, finalize);
	struct ap_result r = set_up(db, path, migrations);
	if (!ap_ok(r)) {
		ap_db_close(db);
		return r;
	}
	*ret_db = db;
	return AP_SUCCESS;
}

void ap_db_close(struct ap_db *db)
{
	if (!db)
		return;
	g_hash_table_destroy(db->idle);
	sqlite3_close(db->handle);
	g_free(db);
}
