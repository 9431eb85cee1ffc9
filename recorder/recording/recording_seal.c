#include "recorder/recording/recording.h"

#include "recorder/db/db_consent.h"
#include "recorder/recording/manifest.h"
#include "recorder/consent/session.h"
#include "recorder/recording/sweep.h"
#include "recorder/policy/term.h"
#include "recorder/vault_port.h"

#include <aparte/age.h>
#include <aparte/buf.h>
#include <aparte/gate.h>
#include <aparte/log.h>
#include <aparte/webm.h>
#include <string.h>
#include <unistd.h>

#define MAX_HEADER_FILE 16384 /* ciphertext of segment 0 */

/* ---- finishing a track that its capture left unfinished ---- */

struct track {
	struct ap_vault *v;
	struct ap_db *db;
	const struct ap_recording *recording;
	enum ap_role role;
};

static struct ap_result write_all(int fd, const uint8_t *bytes, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = write(fd, bytes + done, len - done);
		if (n <= 0)
			return ap_fail(AP_ERR_IO, "storage", "a segment could not be written");
		done += (size_t)n;
	}
	return fsync(fd) == 0 ? AP_SUCCESS : ap_fail(AP_ERR_IO, "storage", "a segment could not be made durable");
}

/* Ciphertext on disk under its final name. */
static struct ap_result put_file(struct ap_vault *v, const struct ap_uuid *recording, const struct ap_capture_segment *s,
				 const uint8_t *file, size_t len)
{
	struct ap_blob *blob = ap_vault_blob(v);
	int fd = -1;
	AP_TRY(ap_blob_create(blob, recording, s->role, s->number, &fd));
	struct ap_result r = write_all(fd, file, len);
	close(fd);
	AP_TRY(r);
	return ap_blob_commit(blob, recording, s->role, s->number);
}

struct ap_result ap_recording_put_segment(struct ap_vault *v, struct ap_db *db, const struct ap_recording *recording,
					  struct ap_capture_segment *segment, const uint8_t *plain, size_t len)
{
	struct ap_age_recipient recipient;
	g_autofree uint8_t *file = NULL;
	size_t file_len = 0;
	ap_copy(recipient.b, sizeof recipient.b, recording->recipient[segment->role - AP_COACH], 32);
	AP_TRY(ap_age_encrypt(&recipient, plain, len, &file, &file_len));
	AP_TRY(put_file(v, &recording->id, segment, file, file_len));
	struct ap_hash sha256 = ap_sha256(file, file_len);
	segment->size = file_len;
	segment->plain_size = len;
	ap_copy(segment->sha256, sizeof segment->sha256, sha256.b, AP_HASH);
	return ap_db_segment_put(db, &recording->id, segment);
}

static struct ap_result put_segment(const struct track *t, uint32_t number, uint32_t epoch, const uint8_t *plain, size_t len,
				    bool replaces)
{
	struct ap_capture_segment segment = { .role = t->role, .number = number, .epoch = epoch, .replaces = replaces };
	return ap_recording_put_segment(t->v, t->db, t->recording, &segment, plain, len);
}

static struct ap_result read_header(const struct track *t, uint8_t **ret_plain, size_t *ret_len)
{
	g_autofree uint8_t *file = NULL;
	size_t len = 0;
	struct ap_secret *identity = NULL;
	AP_TRY(ap_blob_read(ap_vault_blob(t->v), &t->recording->id, t->role, 0, MAX_HEADER_FILE, &file, &len));
	AP_TRY(ap_recording_identity(t->v, t->db, t->recording, (enum ap_key_use)t->role, &identity));
	struct ap_result r = ap_age_decrypt(identity, file, len, ret_plain, ret_len);
	ap_secret_free(identity);
	return r;
}

static GArray *cues_of(const GArray *clusters)
{
	GArray *cues = g_array_new(FALSE, FALSE, sizeof(struct ap_webm_cue));
	for (guint i = 0; i < clusters->len; i++) {
		const struct ap_capture_cluster *c = &g_array_index(clusters, struct ap_capture_cluster, i);
		struct ap_webm_cue cue = { .offset = c->offset, .time_ms = c->time_ms, .keyframe = c->keyframe };
		g_array_append_val(cues, cue);
	}
	return cues;
}

/* As the capture told of the last segment; of older ones a vault that reads no media can say no better than the last
 * cluster's start plus its longest possible length. */
static struct ap_result duration_of(const struct track *t, const GArray *clusters, int64_t *ret_ms)
{
	int64_t end_ms = 0;
	AP_TRY(ap_db_segment_end(t->db, &t->recording->id, t->role, &end_ms));
	if (end_ms == 0 && clusters->len > 0)
		end_ms = (int64_t)g_array_index(clusters, struct ap_capture_cluster, clusters->len - 1).time_ms + AP_CLUSTER_MS;
	*ret_ms = end_ms;
	return AP_SUCCESS;
}

static const struct ap_segment_row *row_at(const GArray *segments, guint i)
{
	return &g_array_index(segments, struct ap_segment_row, i);
}

/* `last` is the last segment with media; `cued`: one with Cues stands behind it, from a finish that was cut short. */
static struct ap_result finish_from(const struct track *t, const struct ap_segment_row *last, bool cued, const GArray *clusters)
{
	uint8_t header[AP_WEBM_HEADER];
	g_autofree uint8_t *plain = NULL;
	g_autoptr(GByteArray) cues_bytes = NULL;
	g_autoptr(GArray) cues = cues_of(clusters);
	size_t len = 0;
	int64_t duration_ms;
	AP_TRY(duration_of(t, clusters, &duration_ms));
	AP_TRY(read_header(t, &plain, &len));
	AP_TRY(ap_webm_finish(plain, len, (uint64_t)duration_ms, last->plain_offset + last->plain_size,
			      (const struct ap_webm_cue *)(void *)cues->data, cues->len, header, &cues_bytes));
	if (cues_bytes->len > 0)
		AP_TRY(put_segment(t, last->number + 1, last->epoch, cues_bytes->data, cues_bytes->len, cued));
	return put_segment(t, 0, 1, header, sizeof header, true);
}

static bool is_reported(void *segments, uint32_t number)
{
	for (guint i = 0; i < ((const GArray *)segments)->len; i++)
		if (row_at(segments, i)->number == number)
			return true;
	return false;
}

static struct ap_result finish_track(struct ap_vault *v, struct ap_db *db, const struct ap_recording *recording,
				     enum ap_role role, int64_t *duration_ms)
{
	struct track t = { v, db, recording, role };
	int64_t own_ms;
	g_autoptr(GArray) segments = NULL, clusters = NULL;
	AP_TRY(ap_db_segment_list(db, &recording->id, role, &segments));
	AP_TRY(ap_db_segment_clusters(db, &recording->id, role, &clusters));
	AP_TRY(duration_of(&t, clusters, &own_ms));
	*duration_ms = MAX(*duration_ms, own_ms);
	/* What was being written, or was in its place and not yet noted; what stays goes with the erasure. */
	AP_IGNORE(ap_blob_sweep(ap_vault_blob(v), &recording->id, role, is_reported, segments));
	if (segments->len < 2 || clusters->len == 0)
		return AP_SUCCESS;
	uint64_t end = g_array_index(clusters, struct ap_capture_cluster, clusters->len - 1).offset;
	guint last = segments->len - 1;
	while (last > 0 && row_at(segments, last)->plain_offset > end)
		last--;
	return finish_from(&t, row_at(segments, last), last < segments->len - 1, clusters);
}

/* ---- sealing ---- */

static JsonObject *leaf_body(const struct ap_recording *r, const char *manifest)
{
	JsonObject *body = json_object_new();
	char id[AP_UUID_TEXT], session[AP_UUID_TEXT];
	struct ap_hash hash = ap_sha256(manifest, strlen(manifest));
	g_autofree char *hash_text = ap_hash_hex(&hash);
	ap_uuid_text(&r->id, id);
	ap_uuid_text(&r->session, session);
	json_object_set_string_member(body, "event", "recording-sealed");
	json_object_set_string_member(body, "recording", id);
	json_object_set_string_member(body, "session", session);
	json_object_set_string_member(body, "manifest_sha256", hash_text);
	return body;
}

static struct ap_result store_seal(struct ap_vault *v, struct ap_db *db, struct ap_recording *r, const char *manifest,
				   const uint8_t signature[64])
{
	uint64_t leaf = 0;
	struct ap_session session;
	char id[AP_UUID_TEXT];
	bool ordered = false;
	AP_TRY(ap_db_recording_ordered(db, &r->id, &ordered));
	if (ordered)
		return ap_fail(AP_ERR_DENIED, "erased", "its erasure was ordered meanwhile");
	AP_TRY(ap_ledger_append(ap_vault_ledger(v), db, AP_LEAF_SEALED, leaf_body(r, manifest), &leaf));
	AP_TRY(ap_db_recording_seal(db, r, manifest, signature, leaf));
	AP_TRY(ap_term_seal(db, &r->id));
	AP_TRY(ap_session_load(db, &r->session, &session));
	ap_uuid_text(&r->id, id);
	g_autofree char *data = g_strdup_printf("{\"recording\":\"%s\"}", id);
	struct ap_result result = ap_vault_webhook(v, db, session.tenant, "recording.sealed", data);
	ap_session_clear(&session);
	return result;
}

/* The disk may take it later; what is missing or damaged stays so. */
static bool is_worth_another_try(struct ap_result r)
{
	return r.err == AP_ERR_IO && strcmp(r.name, "not-found") != 0;
}

/* A track that cannot be finished is still what it is: sealed, with the manifest saying who finished it. */
static struct ap_result finish_tracks(struct ap_vault *v, struct ap_db *db, const struct ap_recording *r, int64_t *duration_ms)
{
	for (enum ap_role role = AP_COACH; role <= AP_COACHEE; role++) {
		struct ap_result finished = finish_track(v, db, r, role, duration_ms);
		if (is_worth_another_try(finished))
			return finished;
		if (!ap_ok(finished))
			ap_log(AP_LOG_WARN, "track_unfinished", "role=%s reason=%s", ap_role_text(role), finished.name);
	}
	return AP_SUCCESS;
}

/* The row as it is to be: duration, dates. */
static struct ap_result seal_as(struct ap_vault *v, struct ap_db *db, struct ap_recording *r, bool complete)
{
	g_autofree char *manifest = NULL;
	uint8_t signature[64];
	AP_TRY(ap_manifest_build(v, db, r, complete, &manifest));
	AP_TRY(ap_manifest_sign(v, manifest, signature));
	AP_TRY(ap_db_begin(db));
	return ap_db_finish(db, store_seal(v, db, r, manifest, signature));
}

struct ap_result ap_recording_seal(struct ap_vault *v, struct ap_db *db, const struct ap_uuid *recording, bool complete,
				   int64_t duration_ms)
{
	struct ap_recording r;
	AP_TRY(ap_db_recording_load(db, recording, &r));
	if (!complete)
		AP_TRY(finish_tracks(v, db, &r, &duration_ms));
	r.duration_ms = duration_ms;
	r.sealed_ms = ap_wall_ms(ap_vault_clock(v));
	return seal_as(v, db, &r, complete);
}

struct ap_result ap_recording_seal_anew(struct ap_vault *v, struct ap_db *db, const struct ap_uuid *recording,
					const struct ap_recording *old)
{
	struct ap_recording r;
	int64_t duration_ms = 0;
	AP_TRY(ap_db_recording_load(db, recording, &r));
	AP_TRY(finish_tracks(v, db, &r, &duration_ms));
	r.duration_ms = duration_ms;
	r.sealed_ms = old->sealed_ms;
	r.expires_ms = old->expires_ms;
	return seal_as(v, db, &r, false);
}

/* ---- after a crash ---- */

static struct ap_result close_epoch(struct ap_vault *v, struct ap_db *db, const struct ap_recording *r,
				    const struct ap_epoch_row *e)
{
	JsonObject *body = json_object_new();
	char id[AP_UUID_TEXT];
	uint64_t leaf = 0;
	ap_uuid_text(&r->id, id);
	json_object_set_string_member(body, "event", "gate-closed");
	json_object_set_string_member(body, "recording", id);
	json_object_set_int_member(body, "epoch", e->number);
	json_object_set_string_member(body, "cause", "restart");
	AP_TRY(ap_db_begin(db));
	struct ap_result result = ap_ledger_append(ap_vault_ledger(v), db, AP_LEAF_GATE_CLOSED, body, &leaf);
	if (ap_ok(result))
		result = ap_db_epoch_close(db, e->generation, ap_wall_ms(ap_vault_clock(v)), AP_GATE_REASON(VAULT), leaf);
	return ap_db_finish(db, result);
}

static struct ap_result recover_one(struct ap_vault *v, struct ap_db *db, const struct ap_recording *r)
{
	g_autoptr(GPtrArray) epochs = NULL;
	AP_TRY(ap_db_epoch_list(db, &r->id, &epochs));
	for (guint i = 0; i < epochs->len; i++) {
		const struct ap_epoch_row *e = epochs->pdata[i];
		if (e->closed_ms == 0)
			AP_TRY(close_epoch(v, db, r, e));
	}
	return ap_recording_seal(v, db, &r->id, false, 0);
}

struct ap_result ap_recording_recover(struct ap_vault *v, struct ap_db *db)
{
	g_autoptr(GArray) left = NULL;
	AP_TRY(ap_sweep(v, db));
	AP_TRY(ap_db_recording_unfinished(db, &left));
	for (guint i = 0; i < left->len; i++) {
		struct ap_result r = recover_one(v, db, &g_array_index(left, struct ap_recording, i));
		if (!ap_ok(r))
			ap_log(AP_LOG_WARN, "recording_unrecovered", "reason=%s", r.name);
	}
	return AP_SUCCESS;
}
