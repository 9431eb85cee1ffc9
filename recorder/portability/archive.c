#include "recorder/portability/archive_private.h"

#include "recorder/answer.h"
#include "recorder/portability/db_archive.h"
#include "recorder/vault.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define KEPT_MS (7LL * 86400 * 1000)
#define GRACE_MS (10LL * 60 * 1000) /* for a download that broke off right at its end */

static int64_t now(struct ap_vault *v)
{
	return ap_wall_ms(ap_vault_clock(v));
}

char *ap_archive_path(struct ap_vault *v, const struct ap_uuid *request)
{
	char id[AP_UUID_TEXT];
	ap_uuid_text(request, id);
	g_autofree char *name = g_strconcat(id, ".age", NULL);
	return g_build_filename(ap_vault_home(v), "vault", "archives", name, NULL);
}

struct ap_result ap_archive_remove(struct ap_vault *v, const struct ap_uuid *request)
{
	g_autofree char *path = ap_archive_path(v, request);
	if (unlink(path) == 0 || errno == ENOENT)
		return AP_SUCCESS;
	return ap_fail(AP_ERR_IO, "vault-unavailable", "an archive cannot be removed: see to the disk of vault/");
}

static bool is_state(const struct ap_archive_row *row, const char *state)
{
	return strcmp(row->state, state) == 0;
}

struct ap_result ap_archive_describe(struct ap_vault *v, const struct ap_uuid *request, JsonObject *o)
{
	struct ap_archive_row row;
	if (!ap_ok(ap_db_archive_load(ap_vault_db(v), request, &row)))
		return AP_SUCCESS;
	JsonObject *a = json_object_new();
	ap_answer_text(a, "state", row.state);
	json_object_set_double_member(a, "progress", row.total > 0 ? (double)row.done / (double)row.total :
						     is_state(&row, "making") ? 0.0 : 1.0);
	if (is_state(&row, "ready")) {
		json_object_set_int_member(a, "size", row.size);
		ap_answer_time(a, "until", row.fetched_ms ? row.fetched_ms + GRACE_MS : row.ready_ms + KEPT_MS);
	}
	ap_answer_text(a, "failure", row.failure[0] ? row.failure : NULL);
	json_object_set_object_member(o, "archive", a);
	return AP_SUCCESS;
}

struct ap_result ap_archive_is_ready(struct ap_vault *v, const struct ap_uuid *request, bool *ret_ready)
{
	struct ap_archive_row row;
	struct ap_result r = ap_db_archive_load(ap_vault_db(v), request, &row);
	*ret_ready = ap_ok(r) && (is_state(&row, "ready") || is_state(&row, "erased"));
	return strcmp(r.name, "not-found") == 0 ? AP_SUCCESS : r;
}

struct ap_result ap_archive_work(struct ap_vault *v)
{
	g_autoptr(GArray) due = NULL;
	AP_TRY(ap_db_archive_due(ap_vault_db(v), now(v) - KEPT_MS, now(v) - GRACE_MS, &due));
	for (guint i = 0; i < due->len; i++) {
		const struct ap_uuid *request = &g_array_index(due, struct ap_uuid, i);
		AP_TRY(ap_archive_remove(v, request));
		AP_TRY(ap_db_archive_erased(ap_vault_db(v), request, now(v)));
	}
	return AP_SUCCESS;
}
