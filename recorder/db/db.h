/*
 * The seam to the database: SQLite now. SQL stands only in db_*.c files; everybody else calls their functions.
 *
 * A connection is WAL, synchronous=FULL, secure_delete, foreign keys on, temporary data in memory. Each thread has
 * one of its own per file; struct ap_db is not to be shared between threads.
 *
 * Errors are sticky per query: rows and columns give nothing after one, and ap_rows_end tells it once. A caller
 * therefore reads on and checks at the end. Everything that is not a missing row is AP_ERR_IO "database".
 *
 *     struct ap_rows *rows = ap_db_query(db, "SELECT state FROM session WHERE id = ?1", AP_VALUES(AP_V_UUID(&id)));
 *     while (ap_rows_next(rows))
 *             …ap_row_text(rows, 0)…
 *     return ap_rows_end(rows);
 */
#pragma once

#include <aparte/err.h>
#include <aparte/uuid.h>
#include <glib.h>
#include <stddef.h>
#include <stdint.h>

struct ap_db;	/* a connection; opaque */
struct ap_rows; /* a running query; opaque */

/* Opens (creating, 0600) and migrates: `migrations` is NULL-terminated, one script per version from 1 on, each run
 * in a transaction with its number as user_version. A newer file than we know is refused ("database-newer"). */
struct ap_result ap_db_open(const char *path, const char *const *migrations, struct ap_db **ret_db);
void ap_db_close(struct ap_db *db); /* NULL is fine; no query may be running */

/* Reads the whole file: "database" when its structure is damaged. Nothing is mended. */
struct ap_result ap_db_check(struct ap_db *db);

/* How long a writer waits for another one (5 s at first). A thread that must not stand still sets less. */
void ap_db_set_patience(struct ap_db *db, int ms);

/* The scripts under recorder/schema, embedded at build time. */
extern const char *const ap_schema_vault[];
extern const char *const ap_schema_keys[];

/* BEGIN IMMEDIATE. Transactions do not nest; a function that says "inside the caller's transaction" needs one. */
struct ap_result ap_db_begin(struct ap_db *db);
struct ap_result ap_db_commit(struct ap_db *db); /* rolls back when it fails */
void ap_db_rollback(struct ap_db *db);		 /* without a transaction: nothing */
bool ap_db_in_transaction(const struct ap_db *db);
/* Commits when `r` is success, else rolls back; returns the first failure. */
struct ap_result ap_db_finish(struct ap_db *db, struct ap_result r);
/* Inside a transaction, a part of it that can be undone alone (recorder/db/group.h); parts do not nest. */
struct ap_result ap_db_part_begin(struct ap_db *db);
/* Keeps the part when `r` is success, else undoes it; returns the first failure. Some failures (a full disk) make SQLite undo the
 * whole transaction: ap_db_in_transaction tells. */
struct ap_result ap_db_part_finish(struct ap_db *db, struct ap_result r);

/* One bound value. Pointers are borrowed until the query ends. */
enum ap_value_kind { AP_VALUE_END, AP_VALUE_NULL, AP_VALUE_INT, AP_VALUE_TEXT, AP_VALUE_BLOB };
struct ap_value {
	enum ap_value_kind kind;
	int64_t number;
	const void *data;
	size_t len;
};
#define AP_V_NULL ((struct ap_value){ .kind = AP_VALUE_NULL })
#define AP_V_INT(n) ((struct ap_value){ .kind = AP_VALUE_INT, .number = (int64_t)(n) })
#define AP_V_TEXT(t) ap_value_text(t) /* NULL binds NULL */
#define AP_V_BLOB(p, n) ap_value_blob(p, n) /* NULL binds NULL */
#define AP_V_UUID(id) ap_value_blob((id)->b, sizeof (id)->b)
#define AP_V_HASH(h) ap_value_blob(h, 32)
#define AP_VALUES(...) ((const struct ap_value[]){ __VA_ARGS__, { .kind = AP_VALUE_END } })
#define AP_NO_VALUES NULL
struct ap_value ap_value_text(const char *text);
struct ap_value ap_value_blob(const void *data, size_t len);

/* Runs a statement that gives no rows. Statements are kept prepared by their
 * text, so `sql` is best a literal: values are bound, never written into it. */
struct ap_result ap_db_run(struct ap_db *db, const char *sql, const struct ap_value *values);
/* Rows the last ap_db_run changed. */
int64_t ap_db_changes(const struct ap_db *db);

/* Never NULL; to be ended by ap_rows_end in every case. */
struct ap_rows *ap_db_query(struct ap_db *db, const char *sql, const struct ap_value *values);
bool ap_rows_next(struct ap_rows *rows);
struct ap_result ap_rows_end(struct ap_rows *rows);
/* Ends after the first row was read: "not-found" (AP_ERR_DENIED) when `found` is false. */
struct ap_result ap_rows_end_found(struct ap_rows *rows, bool found);
/* Reads all rows, then ends: their first column as ids (struct ap_uuid); g_array_unref. */
struct ap_result ap_rows_end_ids(struct ap_rows *rows, GArray **ret_ids);

/* Columns of the present row, 0-based. Borrowed pointers live until the next ap_rows_next or ap_rows_end. */
bool ap_row_null(struct ap_rows *rows, int column);
int64_t ap_row_int(struct ap_rows *rows, int column);
const char *ap_row_text(struct ap_rows *rows, int column);	     /* NULL for NULL */
char *ap_row_text_dup(struct ap_rows *rows, int column);	     /* g_free; NULL for NULL */
const uint8_t *ap_row_blob(struct ap_rows *rows, int column, size_t *ret_len);
/* Copies a blob of exactly n bytes; false (output zeroed) when it has another size. */
bool ap_row_bytes(struct ap_rows *rows, int column, void *ret, size_t n);
struct ap_uuid ap_row_uuid(struct ap_rows *rows, int column);

/* A single integer, 0 when there is no row or it is NULL. */
struct ap_result ap_db_count(struct ap_db *db, const char *sql, const struct ap_value *values, int64_t *ret_n);
/* Every statement that is kept prepared, by its text: for tests that read their plans. */
void ap_db_each_statement(struct ap_db *db, void (*look)(void *ctx, const char *sql), void *ctx);
/* Rewrites the whole file and empties its log, outside transactions: nothing stays of what was deleted. Writers wait. Its copy is
 * made in memory; or in `directory`, in a file without a name, only while no other thread uses SQLite (the place of such files
 * is the process's). Drops the connection's temporary tables then. */
struct ap_result ap_db_rewrite(struct ap_db *db, const char *directory);
/* wal_checkpoint(TRUNCATE): AP_ERR_IO "database-busy" while a reader is open. */
struct ap_result ap_db_truncate_wal(struct ap_db *db);
