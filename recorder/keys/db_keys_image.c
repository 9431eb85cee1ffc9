#include "recorder/keys/db_keys_image.h"

#include "recorder/keys/db_keys_private.h"

static struct ap_result path_of(struct ap_db *db, char **ret_path)
{
	struct ap_rows *rows = ap_db_query(db, "SELECT file FROM pragma_database_list WHERE name = 'main'", AP_NO_VALUES);
	bool found = ap_rows_next(rows);
	g_autofree char *path = found ? ap_row_text_dup(rows, 0) : NULL;
	AP_TRY(ap_rows_end_found(rows, found));
	*ret_path = g_steal_pointer(&path);
	return AP_SUCCESS;
}

struct ap_result ap_db_keys_use(struct ap_db_keys *k, ap_db_keys_user use, void *ctx)
{
	g_autofree char *path = NULL;
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&k->mutex);
	AP_TRY(ap_db_keys_need_kek(k));
	if (k->old)
		return ap_fail(AP_ERR_DENIED, "conflict", "the key-encryption key is being turned over: try again in a minute");
	AP_TRY(path_of(k->db, &path));
	return use(ctx, k->kek, path);
}
