#include "recorder/portability/archive_film.h"

#include "recorder/portability/compose.h"
#include "recorder/portability/db_archive.h"
#include "recorder/recording/playback.h"
#include "recorder/vault.h"

#include <aparte/buf.h>
#include <aparte/capture.h>
#include <aparte/log.h>
#include <aparte/secret.h>
#include <sodium.h>
#include <string.h>

#define PIECE ((size_t)1 << 20)
#define FILM_SECOND 200000 /* bytes of a second of film, about */
#define WEIGHT 8 /* composing a byte takes so much longer than copying it */

struct film {
	struct ap_recording recording;
	struct ap_uuid access;
	bool begun; /* the access */
	bool in;    /* the archive holds it, or a part of it */
	uint64_t size[2];
	const char *failure; /* static: why it is not in it; NULL */
	char *file;	     /* owned */
	uint8_t sha512[crypto_hash_sha512_BYTES];
};

struct ap_archive_films {
	/* borrowed */
	struct ap_vault *v;
	struct ap_zip *zip;
	/* owned */
	char *directory;
	GArray *films; /* struct film */
	struct ap_playback_reader *readers[2];
	struct ap_compose *compose;
	struct ap_film *content; /* composed, being copied */
	uint8_t *buffer;
	/* state */
	struct ap_actor person;
	struct ap_uuid request;
	guint at;	 /* the film under way */
	uint64_t offset; /* of what was copied */
	uint64_t done;	 /* bytes of earlier films' files */
	crypto_hash_sha512_state hash;
};

static void clear_film(void *film)
{
	g_free(((struct film *)film)->file);
}

static struct film *film(const struct ap_archive_films *fs, guint i)
{
	return &g_array_index(fs->films, struct film, i);
}

static struct film *current(const struct ap_archive_films *fs)
{
	return film(fs, fs->at);
}

static uint64_t both(const struct film *f)
{
	return f->size[0] + f->size[1];
}

struct ap_archive_films *ap_archive_films_new(struct ap_vault *v, const struct ap_actor *person,
					      const struct ap_uuid *request, struct ap_zip *zip, const char *directory)
{
	struct ap_archive_films *fs = g_new0(struct ap_archive_films, 1);
	fs->v = v;
	fs->zip = zip;
	fs->person = *person;
	fs->request = *request;
	fs->directory = g_strdup(directory);
	fs->buffer = g_malloc(PIECE);
	fs->films = g_array_new(FALSE, FALSE, sizeof(struct film));
	g_array_set_clear_func(fs->films, clear_film);
	return fs;
}

/* ---- which ---- */

static void note_failure(struct ap_archive_films *fs, struct film *f, const char *why)
{
	f->failure = why;
	AP_IGNORE(ap_db_archive_film_failed(ap_vault_db(fs->v), &fs->request, why)); /* told in the archive as well */
}

static struct ap_result measure(struct ap_archive_films *fs, struct film *f)
{
	for (int i = 0; i < 2; i++) {
		struct ap_playback_reader *reader;
		AP_TRY(ap_playback_open(fs->v, &f->recording.id, (enum ap_role)(AP_COACH + i), &reader));
		f->size[i] = ap_playback_size(reader);
		ap_playback_close(reader);
	}
	return AP_SUCCESS;
}

void ap_archive_films_add(struct ap_archive_films *fs, const struct ap_recording *recording)
{
	struct ap_access access;
	struct film f = {.recording = *recording};
	char id[AP_UUID_TEXT];
	if (recording->duration_ms <= 0 || recording->duration_ms > AP_FILM_MS)
		return;
	ap_uuid_text(&recording->id, id);
	f.file = g_strdup_printf("films/%s.webm", id);
	struct ap_result r = ap_access_begin(fs->v, &fs->person, &recording->id, "share_copy", "portability (art. 20)", &access);
	if (ap_ok(r)) {
		f.access = access.id;
		f.begun = true;
		r = measure(fs, &f);
	}
	if (!ap_ok(r))
		note_failure(fs, &f, f.begun ? "composition" : "not_shared");
	g_array_append_val(fs->films, f);
}

uint64_t ap_archive_films_total(const struct ap_archive_films *fs)
{
	uint64_t total = 0;
	for (guint i = 0; i < fs->films->len; i++)
		total += film(fs, i)->failure ? 0 : both(film(fs, i));
	return total * WEIGHT;
}

uint64_t ap_archive_films_room(const struct ap_archive_films *fs)
{
	uint64_t room = 0;
	for (guint i = 0; i < fs->films->len; i++)
		room += film(fs, i)->failure ? 0 : 2 * FILM_SECOND * ((uint64_t)film(fs, i)->recording.duration_ms / 1000 + 1);
	return room;
}

uint64_t ap_archive_films_done(const struct ap_archive_films *fs)
{
	uint64_t under_way = fs->content ? both(current(fs)) : fs->compose ? ap_compose_fed(fs->compose) : 0;
	return (fs->done + under_way) * WEIGHT;
}

/* ---- composing one ---- */

static void close_readers(struct ap_archive_films *fs)
{
	for (int i = 0; i < 2; i++)
		ap_playback_close(g_steal_pointer(&fs->readers[i]));
}

static void end_compose(struct ap_archive_films *fs)
{
	if (fs->compose)
		ap_vault_compose(fs->v, -1);
	ap_compose_free(g_steal_pointer(&fs->compose));
	close_readers(fs);
}

static void next(struct ap_archive_films *fs)
{
	fs->done += both(current(fs));
	fs->at++;
}

static void leave_out(struct ap_archive_films *fs, const char *why)
{
	char id[AP_UUID_TEXT];
	ap_uuid_text(&current(fs)->recording.id, id);
	ap_log(AP_LOG_WARN, "film_left_out", "recording=%s reason=%s", id, why);
	end_compose(fs);
	note_failure(fs, current(fs), why);
	next(fs);
}

static struct ap_result read_file(void *ctx, int which, uint64_t offset, uint8_t *ret_bytes, size_t max, size_t *ret_len)
{
	struct ap_archive_films *fs = ctx;
	return ap_playback_read(fs->readers[which], offset, ret_bytes, max, ret_len);
}

static struct ap_result begin_compose(struct ap_archive_films *fs)
{
	const struct film *f = current(fs);
	int child;
	const struct ap_compose_setup setup = {
		.clock = ap_vault_clock(fs->v),
		.directory = fs->directory,
		.duration_ms = (uint64_t)f->recording.duration_ms,
		.require_sandbox = ap_config_bool(ap_vault_config(fs->v), "vault.require_sandbox"),
		.read = read_file,
		.ctx = fs,
	};
	for (int i = 0; i < 2; i++)
		AP_TRY(ap_playback_open(fs->v, &f->recording.id, (enum ap_role)(AP_COACH + i), &fs->readers[i]));
	AP_TRY(ap_compose_new(&setup, &child, &fs->compose));
	ap_vault_compose(fs->v, child);
	return AP_SUCCESS;
}

static struct ap_result begin_copy(struct ap_archive_films *fs)
{
	struct film *f = current(fs);
	fs->content = ap_compose_take_film(fs->compose);
	end_compose(fs);
	AP_TRY(ap_access_count(fs->v, &f->access, both(f)));
	crypto_hash_sha512_init(&fs->hash);
	fs->offset = 0;
	f->in = true;
	AP_TRY(ap_db_archive_film_in(ap_vault_db(fs->v), &fs->request));
	return ap_zip_begin(fs->zip, f->file, ap_film_size(fs->content));
}

static struct ap_result compose_piece(struct ap_archive_films *fs, bool *ret_waits)
{
	enum ap_compose_state state = AP_COMPOSE_MOVED;
	struct ap_result r = fs->compose ? ap_compose_step(fs->compose, &state) : begin_compose(fs);
	if (!ap_ok(r)) {
		leave_out(fs, "composition");
		return AP_SUCCESS;
	}
	*ret_waits = state == AP_COMPOSE_WAITS;
	return state == AP_COMPOSE_DONE ? begin_copy(fs) : AP_SUCCESS;
}

/* ---- copying it ---- */

static struct ap_result copy_piece(struct ap_archive_films *fs)
{
	size_t len;
	AP_TRY(ap_film_read(fs->content, fs->offset, fs->buffer, PIECE, &len));
	crypto_hash_sha512_update(&fs->hash, fs->buffer, len);
	AP_TRY(ap_zip_write(fs->zip, fs->buffer, len));
	fs->offset += len;
	if (fs->offset < ap_film_size(fs->content))
		return AP_SUCCESS;
	crypto_hash_sha512_final(&fs->hash, current(fs)->sha512);
	ap_film_free(g_steal_pointer(&fs->content));
	next(fs);
	return AP_SUCCESS;
}

/* ---- step by step ---- */

static struct ap_result check(struct ap_archive_films *fs, const struct film *f)
{
	return ap_access_check(fs->v, &fs->person, &f->access, &f->recording.id);
}

struct ap_result ap_archive_films_step(struct ap_archive_films *fs, bool *ret_over, bool *ret_waits)
{
	while (fs->at < fs->films->len && current(fs)->failure)
		fs->at++;
	if (fs->at == fs->films->len) {
		*ret_over = true;
		return AP_SUCCESS;
	}
	struct ap_result r = check(fs, current(fs));
	if (!ap_ok(r) && !fs->content && strcmp(r.name, "role") == 0) {
		leave_out(fs, "not_shared");
		return AP_SUCCESS;
	}
	AP_TRY(r);
	if (fs->content)
		return copy_piece(fs);
	if (strcmp(ap_vault_disk_trouble(fs->v), "none") != 0) { /* what is recorded now comes first */
		leave_out(fs, "storage");
		return AP_SUCCESS;
	}
	return compose_piece(fs, ret_waits);
}

static void end_accesses(struct ap_archive_films *fs)
{
	for (guint i = 0; i < fs->films->len; i++)
		if (film(fs, i)->begun)
			AP_IGNORE(ap_access_end(fs->v, &film(fs, i)->access)); /* it expires */
}

struct ap_result ap_archive_films_end(struct ap_archive_films *fs)
{
	for (guint i = 0; i < fs->films->len; i++)
		if (film(fs, i)->in)
			AP_TRY(check(fs, film(fs, i)));
	end_accesses(fs);
	return AP_SUCCESS;
}

/* ---- what came of them ---- */

static const struct film *nth(const struct ap_archive_films *fs, guint n)
{
	guint seen = 0;
	for (guint i = 0; i < fs->films->len; i++)
		if (film(fs, i)->in && seen++ == n)
			return film(fs, i);
	return NULL;
}

guint ap_archive_films_count(const struct ap_archive_films *fs)
{
	guint count = 0;
	while (nth(fs, count))
		count++;
	return count;
}

struct ap_vcon_track ap_archive_films_track(const struct ap_archive_films *fs, guint i)
{
	const struct film *f = nth(fs, i);
	struct ap_vcon_track track = {.file = f->file,
				      .start_ms = f->recording.created_ms,
				      .duration_ms = f->recording.duration_ms,
				      .both = true};
	(void)ap_copy(track.sha512, sizeof track.sha512, f->sha512, sizeof f->sha512);
	return track;
}

void ap_archive_films_tell_absent(const struct ap_archive_films *fs, GPtrArray *absent)
{
	for (guint i = 0; i < fs->films->len; i++)
		if (film(fs, i)->failure)
			g_ptr_array_add(absent, g_strdup_printf("%s: %s", film(fs, i)->file, film(fs, i)->failure));
}

void ap_archive_films_free(struct ap_archive_films *fs)
{
	if (!fs)
		return;
	end_compose(fs);
	end_accesses(fs);
	ap_film_free(fs->content);
	ap_wipe(fs->buffer, PIECE);
	g_free(fs->buffer);
	g_array_unref(fs->films);
	g_free(fs->directory);
	g_free(fs);
}
