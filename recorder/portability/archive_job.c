/* Making an archive: a source on the main context that works a MiB at a time, behind all that is more urgent. */
#include "recorder/portability/archive_private.h"

#include "recorder/api/answer.h"
#include "recorder/db/db_recording.h"
#include "recorder/job.h"
#include "recorder/recording/playback.h"
#include "recorder/portability/archive_film.h"
#include "recorder/portability/copy.h"
#include "recorder/portability/db_archive.h"
#include "recorder/portability/readme.h"
#include "recorder/portability/vcon.h"
#include "recorder/erasure/request_private.h"
#include "recorder/consent/session.h"
#include "recorder/vault.h"

#include <aparte/buf.h>
#include <aparte/log.h>
#include <sodium.h>
#include <string.h>
#include <sys/statvfs.h>

#define STEP ((size_t)1 << 20)
#define PARTS 50 /* how often progress is written down */
#define MOMENT_MS 20 /* to wait for a composer */

/* One track that goes into the archive. */
struct track {
	struct ap_recording recording;
	struct ap_uuid access;
	uint64_t size;
	char *file; /* owned */
	uint8_t sha512[64];
};

struct job {
	/* borrowed */
	struct ap_vault *v;
	/* owned */
	struct ap_zip *zip;
	JsonObject *copy;
	GArray *tracks;	   /* struct track */
	struct ap_archive_films *films;
	GPtrArray *absent; /* texts: why a recording is not in it */
	struct ap_playback_reader *reader;
	uint8_t *buffer;
	char *lang;
	/* state */
	struct ap_actor person;
	struct ap_uuid request;
	guint track; /* index of the one being read */
	uint64_t offset, done, total, noted;
	crypto_hash_sha512_state hash;
	bool opened; /* texts are written */
	bool filmed; /* all films that can be are in it */
};

static int64_t now(struct ap_vault *v)
{
	return ap_wall_ms(ap_vault_clock(v));
}

static void clear_track(void *track)
{
	g_free(((struct track *)track)->file);
}

/* ---- what goes in ---- */

static struct ap_result add_track(struct job *j, const struct ap_recording *recording)
{
	struct ap_access access;
	struct ap_playback_reader *reader;
	char id[AP_UUID_TEXT];
	struct track track = {.recording = *recording};
	AP_TRY(ap_access_begin(j->v, &j->person, &recording->id, "recording", "portability (art. 20)", &access));
	track.access = access.id;
	AP_TRY(ap_playback_open(j->v, &recording->id, j->person.role, &reader));
	track.size = ap_playback_size(reader);
	ap_playback_close(reader);
	ap_uuid_text(&recording->id, id);
	track.file = g_strdup_printf("tracks/%s-%s.webm", id, ap_role_text(j->person.role));
	j->total += track.size;
	g_array_append_val(j->tracks, track);
	return AP_SUCCESS;
}

static struct ap_result choose_tracks(struct job *j)
{
	g_autoptr(GArray) list = NULL;
	AP_TRY(ap_db_recording_list(ap_vault_db(j->v), &j->person.session, &list));
	for (guint i = 0; i < list->len; i++) {
		const struct ap_recording *recording = &g_array_index(list, struct ap_recording, i);
		struct ap_result r = add_track(j, recording);
		char id[AP_UUID_TEXT];
		ap_uuid_text(&recording->id, id);
		if (ap_ok(r))
			ap_archive_films_add(j->films, recording);
		else
			g_ptr_array_add(j->absent, g_strdup_printf("%s: %s", id, r.name));
	}
	return AP_SUCCESS;
}

static struct ap_result add_text(struct job *j, const char *name, char *owned)
{
	g_autofree char *text = owned;
	return ap_zip_add(j->zip, name, text, strlen(text));
}

static char *json_text(JsonObject *o)
{
	g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);
	json_node_set_object(node, o);
	return json_to_string(node, TRUE);
}

static struct ap_result write_texts(struct job *j)
{
	AP_TRY(add_text(j, "data.json", json_text(j->copy)));
	AP_TRY(add_text(j, "data.md", ap_copy_markdown(j->copy, j->lang)));
	for (const char *const *name = ap_copy_lists(); *name; name++) {
		g_autofree char *file = g_strconcat("csv/", *name, ".csv", NULL);
		AP_TRY(add_text(j, file, ap_copy_csv(json_object_get_array_member(j->copy, *name))));
	}
	return AP_SUCCESS;
}

/* Last, for by then it is known what is in it. */
static struct ap_result write_readme(struct job *j)
{
	ap_archive_films_tell_absent(j->films, j->absent);
	return add_text(j, "README.txt", ap_archive_readme(j->lang, ap_archive_films_count(j->films) > 0, j->absent));
}

static struct ap_result write_vcon(struct job *j)
{
	guint films = ap_archive_films_count(j->films), count = j->tracks->len + films;
	g_autofree struct ap_vcon_track *tracks = g_new0(struct ap_vcon_track, count + 1);
	char session[AP_UUID_TEXT];
	ap_uuid_text(&j->person.session, session);
	for (guint i = 0; i < j->tracks->len; i++) {
		const struct track *t = &g_array_index(j->tracks, struct track, i);
		tracks[i] = (struct ap_vcon_track){.file = t->file,
						   .start_ms = t->recording.created_ms,
						   .duration_ms = t->recording.duration_ms};
		(void)ap_copy(tracks[i].sha512, sizeof tracks[i].sha512, t->sha512, sizeof t->sha512);
	}
	for (guint i = 0; i < films; i++)
		tracks[j->tracks->len + i] = ap_archive_films_track(j->films, i);
	const struct ap_vcon_facts facts = {session, j->person.role, now(j->v), j->copy, tracks, count};
	g_autoptr(JsonObject) vcon = ap_vcon_build(&facts);
	return add_text(j, "session.vcon.json", json_text(vcon));
}

/* ---- step by step ---- */

static struct track *current(struct job *j)
{
	return &g_array_index(j->tracks, struct track, j->track);
}

static struct ap_result begin_track(struct job *j)
{
	struct track *t = current(j);
	AP_TRY(ap_playback_open(j->v, &t->recording.id, j->person.role, &j->reader));
	if (ap_playback_size(j->reader) != t->size)
		return ap_fail(AP_ERR_IO, "segment-altered", "a track changed while it was copied");
	crypto_hash_sha512_init(&j->hash);
	j->offset = 0;
	return ap_zip_begin(j->zip, t->file, t->size);
}

static struct ap_result end_track(struct job *j)
{
	struct track *t = current(j);
	crypto_hash_sha512_final(&j->hash, t->sha512);
	ap_playback_close(g_steal_pointer(&j->reader));
	j->track++;
	AP_TRY(ap_access_count(j->v, &t->access, t->size));
	return ap_access_end(j->v, &t->access);
}

static struct ap_result note_progress(struct job *j)
{
	uint64_t done = j->done + ap_archive_films_done(j->films);
	if (done - j->noted < j->total / PARTS)
		return AP_SUCCESS;
	j->noted = done;
	return ap_db_archive_progress(ap_vault_db(j->v), &j->request, (int64_t)done, (int64_t)j->total);
}

static struct ap_result copy_piece(struct job *j)
{
	struct track *t = current(j);
	size_t len;
	AP_TRY(ap_access_check(j->v, &j->person, &t->access, &t->recording.id));
	AP_TRY(ap_playback_read(j->reader, j->offset, j->buffer, STEP, &len));
	crypto_hash_sha512_update(&j->hash, j->buffer, len);
	AP_TRY(ap_zip_write(j->zip, j->buffer, len));
	j->offset += len;
	j->done += len;
	AP_TRY(note_progress(j));
	return j->offset == t->size ? end_track(j) : AP_SUCCESS;
}

static struct ap_result finish(struct job *j)
{
	uint64_t size;
	struct ap_request_row row;
	const struct ap_request_answer answer = {"done", "archive", NULL, now(j->v)};
	AP_TRY(write_vcon(j));
	AP_TRY(write_readme(j));
	AP_TRY(ap_archive_films_end(j->films));
	AP_TRY(ap_zip_finish(j->zip, &size));
	AP_TRY(ap_db_archive_ready(ap_vault_db(j->v), &j->request, (int64_t)size, now(j->v)));
	AP_TRY(ap_db_request_load(ap_vault_db(j->v), &j->request, &row));
	bool waits = strcmp(row.state, "open") == 0 || strcmp(row.state, "extended") == 0;
	return waits ? ap_request_settle(j->v, &row, &answer, "vault") : AP_SUCCESS;
}

static const struct ap_job_kind kind;

static struct ap_result film_piece(struct job *j)
{
	bool waits = false;
	AP_TRY(ap_archive_films_step(j->films, &j->filmed, &waits));
	if (waits)
		ap_job_wait(&kind, MOMENT_MS);
	return note_progress(j);
}

static struct ap_result step(void *work, bool *ret_over)
{
	struct job *j = work;
	if (!j->opened) {
		j->opened = true;
		return write_texts(j);
	}
	if (j->track < j->tracks->len)
		return j->reader ? copy_piece(j) : begin_track(j);
	if (!j->filmed)
		return film_piece(j);
	*ret_over = true;
	return finish(j);
}

/* ---- the job ---- */

static void end_accesses(struct job *j)
{
	for (guint i = j->track; i < j->tracks->len; i++)
		AP_IGNORE(ap_access_end(j->v, &g_array_index(j->tracks, struct track, i).access)); /* it expires */
}

static void fail(void *work, const char *name)
{
	struct job *j = work;
	char id[AP_UUID_TEXT];
	ap_uuid_text(&j->request, id);
	ap_log(AP_LOG_WARN, "archive_failed", "request=%s reason=%s", id, name);
	end_accesses(j);
	AP_IGNORE(ap_archive_remove(j->v, &j->request)); /* and again when another is made */
	AP_IGNORE(ap_db_archive_failed(ap_vault_db(j->v), &j->request, name)); /* else at the next start */
}

static void release(void *work)
{
	struct job *j = work;
	ap_playback_close(j->reader);
	ap_archive_films_free(j->films);
	ap_zip_free(j->zip);
	g_clear_pointer(&j->copy, json_object_unref);
	g_clear_pointer(&j->tracks, g_array_unref);
	g_clear_pointer(&j->absent, g_ptr_array_unref);
	if (j->buffer)
		ap_wipe(j->buffer, STEP);
	g_free(j->buffer);
	g_free(j->lang);
	g_free(j);
}

static const struct ap_job_kind kind = { step, fail, release };

bool ap_archive_job_running(void)
{
	return ap_job_running(&kind) != NULL;
}

void ap_archive_stop(void)
{
	void *work = ap_job_running(&kind);
	if (work)
		fail(work, "interrupted");
	ap_job_stop(&kind);
}

/* What gates need of the disk is not a person's to take. Ciphertext and texts are little more than tracks and films. */
static struct ap_result check_room(const struct job *j)
{
	struct statvfs st;
	uint64_t floor = (uint64_t)ap_config_int(ap_vault_config(j->v), "storage.floor_mib") << 20;
	g_autofree char *path = g_build_filename(ap_vault_home(j->v), "vault", "archives", NULL);
	uint64_t media = j->total + ap_archive_films_room(j->films), needed = media + media / 50 + STEP;
	if (statvfs(path, &st) != 0 || (uint64_t)st.f_bavail * st.f_frsize < floor + needed)
		return ap_fail(AP_ERR_IO, "vault-unavailable", "there is no room for an archive right now; try again later");
	return AP_SUCCESS;
}

static struct ap_result prepare(struct job *j, const struct ap_zip_lock *lock)
{
	struct ap_party party;
	g_autofree char *path = ap_archive_path(j->v, &j->request), *directory = g_path_get_dirname(path);
	const struct ap_copy_wish wish = {j->person.session, j->person.role, false, false};
	AP_TRY(ap_party_load(ap_vault_db(j->v), &j->person.session, j->person.role, &party));
	j->lang = g_strdup(g_str_has_prefix(party.locale, "fr") ? "fr" : "en");
	ap_party_clear(&party);
	AP_TRY(ap_zip_new(path, lock, now(j->v), &j->zip));
	j->films = ap_archive_films_new(j->v, &j->person, &j->request, j->zip, directory);
	AP_TRY(choose_tracks(j));
	AP_TRY(check_room(j));
	j->total += ap_archive_films_total(j->films);
	AP_TRY(ap_copy_build(j->v, &wish, &j->copy));
	return ap_db_archive_progress(ap_vault_db(j->v), &j->request, 0, (int64_t)j->total);
}

struct ap_result ap_archive_job_start(struct ap_vault *v, const struct ap_actor *person, const struct ap_uuid *request,
				      const struct ap_zip_lock *lock)
{
	struct job *j = g_new0(struct job, 1);
	j->v = v;
	j->person = *person;
	j->request = *request;
	j->tracks = g_array_new(FALSE, FALSE, sizeof(struct track));
	g_array_set_clear_func(j->tracks, clear_track);
	j->absent = g_ptr_array_new_with_free_func(g_free);
	j->buffer = g_malloc(STEP);
	struct ap_result r = prepare(j, lock);
	if (ap_ok(r)) {
		ap_job_start(&kind, j);
	} else {
		fail(j, r.name);
		release(j);
	}
	return r;
}
