#include "recorder/db/db_copy.h"

#include <aparte/secret.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdint.h>
#include <unistd.h>

#define PATIENCE_MS 20000
#define STEP_PAGES 4096 /* then writers get their turn */

static struct ap_result failed(const char *detail)
{
	return ap_fail(AP_ERR_IO, "database", detail);
}

static struct ap_result open_one(const char *path, int flags, sqlite3 **ret_db)
{
	sqlite3 *db = NULL;
	if (sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, NULL) != SQLITE_OK) {
		sqlite3_close(db);
		return failed("a database in vault/ cannot be opened for its copy");
	}
	sqlite3_busy_timeout(db, PATIENCE_MS);
	*ret_db = db;
	return AP_SUCCESS;
}

/* All pages in one read transaction, so that a busy writer does not make it begin again. */
static struct ap_result copy_pages(sqlite3 *from, sqlite3 *to)
{
	int step = SQLITE_OK;
	sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
	if (!backup)
		return failed("a database in vault/ cannot be copied");
	while (step == SQLITE_OK || step == SQLITE_BUSY || step == SQLITE_LOCKED)
		step = sqlite3_backup_step(backup, STEP_PAGES);
	sqlite3_backup_finish(backup);
	return step == SQLITE_DONE ? AP_SUCCESS : failed("a database in vault/ could not be copied: see to its disk and free space");
}

struct ap_result ap_db_copy(const char *path, const char *to)
{
	sqlite3 *source = NULL, *copy = NULL;
	int fd = open(to, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || close(fd) != 0)
		return failed("the copy of a database cannot be made");
	AP_TRY(open_one(path, SQLITE_OPEN_READONLY, &source));
	struct ap_result r = open_one(to, SQLITE_OPEN_READWRITE, &copy);
	if (ap_ok(r) && sqlite3_exec(source, "BEGIN; SELECT 1 FROM sqlite_schema LIMIT 1", NULL, NULL, NULL) != SQLITE_OK)
		r = failed("a database in vault/ cannot be read");
	if (ap_ok(r))
		r = copy_pages(source, copy);
	sqlite3_close(copy);
	sqlite3_close(source);
	return r;
}

struct ap_result ap_db_image(const char *path, struct ap_result (*sink)(void *ctx, const void *bytes, size_t len), void *ctx)
{
	sqlite3 *db = NULL;
	sqlite3_int64 len = 0;
	AP_TRY(open_one(path, SQLITE_OPEN_READONLY, &db));
	unsigned char *bytes = sqlite3_serialize(db, "main", &len, 0);
	struct ap_result r = bytes && len > 0 ? sink(ctx, bytes, (size_t)len) : failed("a database in vault/ cannot be read");
	if (bytes)
		ap_wipe(bytes, (size_t)len);
	sqlite3_free(bytes);
	sqlite3_close(db);
	return r;
}
