#include "recorder/backup/restore_private.h"

#include "recorder/backup/db_backup.h"
#include "recorder/db/db_recording.h"
#include "recorder/recording/manifest.h"
#include "recorder/recording/recording.h"

#include <string.h>
#include <unistd.h>

/* One track of one recording, from the backup. */
struct track {
	struct ap_restoring *r;
	const struct ap_recording *recording;
	enum ap_role role;
};

static char *file_of(const struct track *t, uint32_t number)
{
	char id[AP_UUID_TEXT], name[24];
	ap_uuid_text(&t->recording->id, id);
	g_snprintf(name, sizeof name, "%u.age", number);
	return g_build_filename(t->r->wish->from, "recordings", id, ap_role_text(t->role), name, NULL);
}

/* *ret_bytes stays NULL when the file is missing or is not the one that was recorded. */
static void fetch(const struct track *t, const struct ap_segment_row *row, char **ret_bytes, gsize *ret_len)
{
	g_autofree char *path = file_of(t, row->number), *bytes = NULL;
	if (!g_file_get_contents(path, &bytes, ret_len, NULL) || *ret_len != row->size)
		return;
	struct ap_hash hash = ap_sha256(bytes, *ret_len);
	if (memcmp(hash.b, row->sha256, AP_HASH) == 0)
		*ret_bytes = g_steal_pointer(&bytes);
}

static struct ap_result put(const struct track *t, uint32_t number, const char *bytes, gsize len)
{
	struct ap_blob *blob = ap_vault_blob(t->r->v);
	int fd = -1;
	AP_TRY(ap_blob_create(blob, &t->recording->id, t->role, number, &fd));
	bool kept = true;
	for (gsize at = 0; kept && at < len;) {
		ssize_t n = write(fd, bytes + at, len - at);
		kept = n > 0;
		at += kept ? (gsize)n : 0;
	}
	kept = kept && fsync(fd) == 0;
	close(fd);
	if (!kept)
		return ap_fail(AP_ERR_IO, "restore", "ciphertext cannot be written to the home: see to its disk");
	return ap_blob_commit(blob, &t->recording->id, t->role, number);
}

static struct ap_result restore_track(const struct track *t, bool *ret_whole)
{
	g_autoptr(GArray) rows = NULL;
	AP_TRY(ap_db_segment_list(ap_vault_db(t->r->v), &t->recording->id, t->role, &rows));
	for (guint i = 0; i < rows->len; i++) {
		const struct ap_segment_row *row = &g_array_index(rows, struct ap_segment_row, i);
		g_autofree char *bytes = NULL;
		gsize len = 0;
		AP_TRY(ap_restore_go_on(t->r));
		fetch(t, row, &bytes, &len);
		*ret_whole = *ret_whole && bytes;
		if (bytes && !t->r->wish->proof)
			AP_TRY(put(t, row->number, bytes, len));
	}
	return AP_SUCCESS;
}

static struct ap_result restore_one(struct ap_restoring *r, const struct ap_uuid *id, const char *text)
{
	struct ap_recording recording;
	bool whole = true;
	AP_TRY(ap_db_recording_load(ap_vault_db(r->v), id, &recording));
	for (enum ap_role role = AP_COACH; role <= AP_COACHEE; role++)
		AP_TRY(restore_track(&(struct track){ r, &recording, role }, &whole));
	if (whole)
		return AP_SUCCESS;
	if (strcmp(recording.state, "recording") == 0)
		g_array_append_val(r->unfinished, recording.id);
	else
		ap_restore_problem(r, "recording %s: ciphertext is missing or altered", text);
	return AP_SUCCESS;
}

struct ap_result ap_restore_bytes(struct ap_restoring *r)
{
	g_autoptr(GHashTable) living = NULL;
	GHashTableIter iter;
	void *text;
	struct ap_uuid id;
	AP_TRY(ap_db_living(ap_vault_db(r->v), &living));
	g_hash_table_iter_init(&iter, living);
	while (g_hash_table_iter_next(&iter, &text, NULL))
		if (!g_hash_table_contains(r->erased, text) && ap_uuid_parse(text, &id))
			AP_TRY(restore_one(r, &id, text));
	return AP_SUCCESS;
}

/* ---- do they open? ---- */

/* The first segment of a track, by the identity that the restored shares give. */
static bool opens(const struct track *t)
{
	g_autoptr(GArray) rows = NULL;
	struct ap_secret *identity = NULL;
	struct ap_db *db = ap_vault_db(t->r->v);
	g_autofree char *bytes = NULL;
	uint8_t *plain = NULL;
	gsize len = 0;
	size_t plain_len = 0;
	if (!ap_ok(ap_db_segment_list(db, &t->recording->id, t->role, &rows)) ||
	    !ap_ok(ap_recording_identity(t->r->v, db, t->recording, t->role == AP_COACH ? AP_KEY_COACH : AP_KEY_COACHEE, &identity)))
		return false;
	bool sealed = strcmp(t->recording->state, "recording") != 0;
	bool good = !sealed || ap_ok(ap_manifest_vouches(t->r->v, db, &t->recording->id, t->role, rows));
	if (good && rows->len > 0) {
		fetch(t, &g_array_index(rows, struct ap_segment_row, 0), &bytes, &len);
		good = bytes && ap_ok(ap_age_decrypt(identity, bytes, len, &plain, &plain_len));
	}
	if (plain)
		ap_wipe(plain, plain_len);
	g_free(plain);
	ap_secret_free(identity);
	return good;
}

static struct ap_result check_one(struct ap_restoring *r, const struct ap_uuid *id, const char *text)
{
	struct ap_recording recording;
	AP_TRY(ap_restore_go_on(r));
	AP_TRY(ap_db_recording_load(ap_vault_db(r->v), id, &recording));
	if (opens(&(struct track){ r, &recording, AP_COACH }) && opens(&(struct track){ r, &recording, AP_COACHEE })) {
		r->report->living++;
		return AP_SUCCESS;
	}
	r->report->broken++;
	ap_restore_problem(r, "recording %s does not open", text);
	return AP_SUCCESS;
}

struct ap_result ap_restore_check(struct ap_restoring *r)
{
	g_autoptr(GHashTable) living = NULL;
	GHashTableIter iter;
	void *text;
	struct ap_uuid id;
	AP_TRY(ap_db_living(ap_vault_db(r->v), &living));
	g_hash_table_iter_init(&iter, living);
	while (g_hash_table_iter_next(&iter, &text, NULL))
		if (ap_uuid_parse(text, &id))
			AP_TRY(check_one(r, &id, text));
	return AP_SUCCESS;
}
