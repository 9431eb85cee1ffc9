#include "recorder/db/db_witness.h"

#include <glib.h>

static void read_word(struct ap_rows *rows, int column, char ret_word[AP_WITNESS_WORD])
{
	const char *word = ap_row_text(rows, column);
	g_strlcpy(ret_word, word ? word : "", AP_WITNESS_WORD);
}

struct ap_result ap_db_witness_get(struct ap_db *db, const char *origin, const char *key, struct ap_witness_row *ret_row)
{
	struct ap_witness_row row = { 0 };
	struct ap_rows *rows = ap_db_query(db,
					   "SELECT size, seen_ms, trouble, trouble_ms, doubt, doubt_size, doubt_ms FROM witness"
					   " WHERE origin = ?1 AND key = ?2",
					   AP_VALUES(AP_V_TEXT(origin), AP_V_TEXT(key)));
	if (ap_rows_next(rows)) {
		row.size = (uint64_t)ap_row_int(rows, 0);
		row.seen_ms = ap_row_int(rows, 1);
		read_word(rows, 2, row.trouble);
		row.trouble_ms = ap_row_int(rows, 3);
		read_word(rows, 4, row.doubt);
		row.doubt_size = (uint64_t)ap_row_int(rows, 5);
		row.doubt_ms = ap_row_int(rows, 6);
	}
	AP_TRY(ap_rows_end(rows));
	*ret_row = row;
	return AP_SUCCESS;
}

static struct ap_result keep_cosignature(struct ap_db *db, const char *origin, const char *key, uint64_t size, const char *line,
					 int64_t now_ms)
{
	AP_TRY(ap_db_run(db,
			 "INSERT INTO cosignature (origin, size, key, line, seen_ms) VALUES (?1, ?2, ?3, ?4, ?5)"
			 " ON CONFLICT (origin, size, key) DO UPDATE SET line = excluded.line, seen_ms = excluded.seen_ms",
			 AP_VALUES(AP_V_TEXT(origin), AP_V_INT(size), AP_V_TEXT(key), AP_V_TEXT(line), AP_V_INT(now_ms))));
	return ap_db_run(db,
			 "INSERT INTO witness (origin, key, size, seen_ms) VALUES (?1, ?2, ?3, ?4)"
			 " ON CONFLICT (origin, key) DO UPDATE SET size = excluded.size, seen_ms = excluded.seen_ms,"
			 " trouble = NULL, trouble_ms = NULL, doubt = NULL, doubt_size = NULL, doubt_ms = NULL",
			 AP_VALUES(AP_V_TEXT(origin), AP_V_TEXT(key), AP_V_INT(size), AP_V_INT(now_ms)));
}

struct ap_result ap_db_witness_cosigned(struct ap_db *db, const char *origin, const char *key, uint64_t size, const char *line,
					int64_t now_ms)
{
	AP_TRY(ap_db_begin(db));
	return ap_db_finish(db, keep_cosignature(db, origin, key, size, line, now_ms));
}

struct ap_result ap_db_witness_size(struct ap_db *db, const char *origin, const char *key, uint64_t size)
{
	return ap_db_run(db,
			 "INSERT INTO witness (origin, key, size) VALUES (?1, ?2, ?3)"
			 " ON CONFLICT (origin, key) DO UPDATE SET size = excluded.size",
			 AP_VALUES(AP_V_TEXT(origin), AP_V_TEXT(key), AP_V_INT(size)));
}

struct ap_result ap_db_witness_trouble(struct ap_db *db, const char *origin, const char *key, const char *word, int64_t now_ms)
{
	return ap_db_run(db,
			 "INSERT INTO witness (origin, key, trouble, trouble_ms) VALUES (?1, ?2, ?3, ?4)"
			 " ON CONFLICT (origin, key) DO UPDATE SET trouble = excluded.trouble, trouble_ms = excluded.trouble_ms",
			 AP_VALUES(AP_V_TEXT(origin), AP_V_TEXT(key), AP_V_TEXT(word), AP_V_INT(now_ms)));
}

struct ap_result ap_db_witness_doubt(struct ap_db *db, const char *origin, const char *key, const char *word, uint64_t size,
				     int64_t now_ms)
{
	return ap_db_run(db,
			 "INSERT INTO witness (origin, key, doubt, doubt_size, doubt_ms) VALUES (?1, ?2, ?3, ?4, ?5)"
			 " ON CONFLICT (origin, key) DO UPDATE SET doubt = excluded.doubt, doubt_size = excluded.doubt_size,"
			 " doubt_ms = excluded.doubt_ms",
			 AP_VALUES(AP_V_TEXT(origin), AP_V_TEXT(key), AP_V_TEXT(word), AP_V_INT(size), AP_V_INT(now_ms)));
}

struct ap_result ap_db_cosigned_newest(struct ap_db *db, const char *origin, uint64_t above, unsigned quorum, uint64_t *ret_size)
{
	struct ap_rows *rows = ap_db_query(db,
					   "SELECT size FROM cosignature WHERE origin = ?1 AND size > ?2 GROUP BY size"
					   " HAVING count(*) >= ?3 ORDER BY size DESC LIMIT 1",
					   AP_VALUES(AP_V_TEXT(origin), AP_V_INT(above), AP_V_INT(quorum)));
	bool found = ap_rows_next(rows);
	uint64_t size = found ? (uint64_t)ap_row_int(rows, 0) : 0;
	AP_TRY(ap_rows_end_found(rows, found));
	*ret_size = size;
	return AP_SUCCESS;
}

struct ap_result ap_db_cosigned_lines(struct ap_db *db, const char *origin, uint64_t size, char **ret_lines)
{
	g_autoptr(GString) lines = g_string_new(NULL);
	struct ap_rows *rows = ap_db_query(db, "SELECT line FROM cosignature WHERE origin = ?1 AND size = ?2 ORDER BY key",
					   AP_VALUES(AP_V_TEXT(origin), AP_V_INT(size)));
	while (ap_rows_next(rows))
		g_string_append(lines, ap_row_text(rows, 0));
	AP_TRY(ap_rows_end(rows));
	*ret_lines = g_string_free(g_steal_pointer(&lines), FALSE);
	return AP_SUCCESS;
}

struct ap_result ap_db_cosigned_thin_out(struct ap_db *db, int64_t before_ms)
{
	return ap_db_run(db,
			 "DELETE FROM cosignature WHERE seen_ms < ?1 AND EXISTS (SELECT 1 FROM cosignature AS later"
			 " WHERE later.origin = cosignature.origin AND later.key = cosignature.key"
			 " AND later.size > cosignature.size AND later.seen_ms / 86400000 = cosignature.seen_ms / 86400000)",
			 AP_VALUES(AP_V_INT(before_ms)));
}
