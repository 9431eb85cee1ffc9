#include "recorder/erasure/passage_job.h"

#include "recorder/api/answer.h"
#include "recorder/db/db_staff_erasure.h"
#include "recorder/erasure/erasure.h"
#include "recorder/job.h"
#include "recorder/erasure/passage.h"
#include "recorder/recording/playback.h"
#include "recorder/recording/recording.h"
#include "recorder/vault.h"

#include <aparte/buf.h>
#include <aparte/limits.h>
#include <aparte/log.h>
#include <aparte/webm.h>
#include <string.h>

struct job {
	/* borrowed */
	struct ap_vault *v;
	/* owned, of the track being copied */
	struct ap_playback_reader *reader; /* NULL: none was begun */
	GArray *segments;		   /* struct ap_segment_row, of the old one */
	GArray *clusters;		   /* struct ap_capture_cluster, likewise */
	/* state */
	struct ap_passage_row row;
	struct ap_recording old, new;
	enum ap_role role;
	guint segment;	   /* the next of the old ones */
	guint cluster;	   /* the next of the old ones */
	uint32_t number;   /* the next of the new ones */
	uint64_t offset;   /* where that begins in the new file */
	bool anything;	   /* some cluster remained */
};

static int64_t now(struct ap_vault *v)
{
	return ap_wall_ms(ap_vault_clock(v));
}

/* ---- one track ---- */

static void end_track(struct job *j)
{
	ap_playback_close(g_steal_pointer(&j->reader));
	g_clear_pointer(&j->segments, g_array_unref);
	g_clear_pointer(&j->clusters, g_array_unref);
	j->role++;
}

/* The old header under the new id; sealing fills in duration, size and the place of the Cues. */
static struct ap_result put_header(struct job *j, uint64_t len)
{
	g_autofree uint8_t *bytes = g_malloc(len);
	struct ap_webm_header header;
	struct ap_capture_segment segment = {.role = j->role, .number = 0, .epoch = 1};
	size_t got;
	AP_TRY(ap_playback_read(j->reader, 0, bytes, len, &got));
	if (len == AP_WEBM_HEADER && ap_ok(ap_webm_header_read(bytes, len, &header))) {
		ap_copy(header.uid, sizeof header.uid, j->new.id.b, sizeof j->new.id.b);
		AP_TRY(ap_webm_header_write(&header, bytes));
	}
	return ap_recording_put_segment(j->v, ap_vault_db(j->v), &j->new, &segment, bytes, len);
}

static struct ap_result begin_track(struct job *j)
{
	struct ap_db *db = ap_vault_db(j->v);
	AP_TRY(ap_db_segment_list(db, &j->old.id, j->role, &j->segments));
	AP_TRY(ap_db_segment_clusters(db, &j->old.id, j->role, &j->clusters));
	if (j->segments->len == 0) {
		end_track(j); /* this person sent nothing */
		return AP_SUCCESS;
	}
	AP_TRY(ap_playback_open(j->v, &j->old.id, j->role, &j->reader));
	uint64_t header = g_array_index(j->segments, struct ap_segment_row, 0).plain_size;
	AP_TRY(put_header(j, header));
	j->segment = 1;
	j->cluster = 0;
	j->number = 1;
	j->offset = header;
	return AP_SUCCESS;
}

static const struct ap_capture_cluster *cluster_at(const struct job *j, guint i)
{
	return i < j->clusters->len ? &g_array_index(j->clusters, struct ap_capture_cluster, i) : NULL;
}

/* Does it touch the passage? It lasts until the next one, and never longer than a cluster may. */
static bool goes(const struct job *j, guint i)
{
	const struct ap_capture_cluster *c = cluster_at(j, i), *next = cluster_at(j, i + 1);
	uint64_t end = c->time_ms + AP_CLUSTER_MS;
	if (next && next->time_ms > c->time_ms)
		end = MIN(end, next->time_ms);
	return c->time_ms < (uint64_t)j->row.to_ms && end > (uint64_t)j->row.from_ms;
}

static struct ap_result append(struct job *j, GByteArray *plain, uint64_t from, uint64_t to)
{
	size_t len = (size_t)(to - from), got = 0;
	g_autofree uint8_t *bytes = g_malloc(MAX(len, 1));
	struct ap_result r = ap_playback_read(j->reader, from, bytes, len, &got);
	if (ap_ok(r) && got == len)
		g_byte_array_append(plain, bytes, (guint)len);
	ap_wipe(bytes, len);
	if (ap_ok(r) && got != len)
		return ap_fail(AP_ERR_PROTOCOL, "segment-altered", "a cluster ends beyond its track");
	return r;
}

/* The clusters of one old segment that remain, as bytes and as rows. */
static struct ap_result collect(struct job *j, const struct ap_segment_row *s, GByteArray *plain, GArray *kept)
{
	uint64_t end = s->plain_offset + s->plain_size;
	const struct ap_capture_cluster *c;
	for (; (c = cluster_at(j, j->cluster)) && c->offset < end; j->cluster++) {
		const struct ap_capture_cluster *next = cluster_at(j, j->cluster + 1);
		struct ap_capture_cluster put = *c;
		if (goes(j, j->cluster))
			continue;
		put.offset = j->offset + plain->len;
		g_array_append_val(kept, put);
		AP_TRY(append(j, plain, c->offset, next && next->offset < end ? next->offset : end));
	}
	return AP_SUCCESS;
}

static struct ap_result put_media(struct job *j, const struct ap_segment_row *s, const GByteArray *plain, const GArray *kept)
{
	struct ap_capture_segment segment = {.role = j->role,
					     .number = j->number,
					     .epoch = s->epoch,
					     .clusters = (const struct ap_capture_cluster *)(const void *)kept->data,
					     .cluster_count = kept->len};
	if (kept->len == 0)
		return AP_SUCCESS;
	AP_TRY(ap_recording_put_segment(j->v, ap_vault_db(j->v), &j->new, &segment, plain->data, plain->len));
	j->number++;
	j->offset += plain->len;
	j->anything = true;
	return AP_SUCCESS;
}

static struct ap_result copy_segment(struct job *j)
{
	const struct ap_segment_row *s = &g_array_index(j->segments, struct ap_segment_row, j->segment);
	g_autoptr(GByteArray) plain = g_byte_array_new();
	g_autoptr(GArray) kept = g_array_new(FALSE, FALSE, sizeof(struct ap_capture_cluster));
	struct ap_result r = collect(j, s, plain, kept);
	if (ap_ok(r))
		r = put_media(j, s, plain, kept);
	if (plain->data)
		ap_wipe(plain->data, plain->len);
	AP_TRY(r);
	if (++j->segment == j->segments->len)
		end_track(j);
	return AP_SUCCESS;
}

/* ---- the end ---- */

/* Whoever ordered the whole erased meanwhile meant what remains of it, too. */
static struct ap_result check_living(struct job *j)
{
	struct ap_erasure_subject s;
	AP_TRY(ap_db_erasure_subject(ap_vault_db(j->v), &j->old.id, ap_vault_believed_ms(j->v), &s));
	return s.ordered ? ap_fail(AP_ERR_DENIED, "erased", "the recording was erased meanwhile") : AP_SUCCESS;
}

static struct ap_result write_done(struct job *j)
{
	uint64_t leaf;
	struct ap_db *db = ap_vault_db(j->v);
	JsonObject *body = json_object_new();
	ap_answer_text(body, "event", "passage_erased");
	ap_answer_id(body, "passage", &j->row.id);
	ap_answer_id(body, "recording", &j->old.id);
	ap_answer_id(body, "into", &j->new.id);
	AP_TRY(ap_ledger_append(ap_vault_ledger(j->v), db, AP_LEAF_REQUEST, body, &leaf));
	AP_TRY(ap_db_passage_done(db, &j->row.id, now(j->v)));
	return ap_erasure_order(j->v, db, &j->old.id, AP_ERASE_PASSAGE);
}

/* From the commit on the old recording is nobody's to read. */
static struct ap_result finish(struct job *j)
{
	struct ap_db *db = ap_vault_db(j->v);
	if (!j->anything)
		return ap_fail(AP_ERR_DENIED, "invalid", "nothing would remain");
	AP_TRY(ap_recording_seal_anew(j->v, db, &j->new.id, &j->old));
	AP_TRY(ap_db_begin(db));
	struct ap_result r = check_living(j);
	AP_TRY(ap_db_finish(db, ap_ok(r) ? write_done(j) : r));
	AP_IGNORE(ap_erasure_run(j->v)); /* logged; the retention timer tries again */
	ap_vault_recording_changed(j->v, &j->old.session, &j->new.id, "sealed");
	return AP_SUCCESS;
}

static struct ap_result step(void *work, bool *ret_over)
{
	struct job *j = work;
	if (j->role <= AP_COACHEE)
		return j->reader ? copy_segment(j) : begin_track(j);
	*ret_over = true;
	return finish(j);
}

static void fail(void *work, const char *name)
{
	struct job *j = work;
	char id[AP_UUID_TEXT];
	ap_uuid_text(&j->old.id, id);
	ap_log(AP_LOG_WARN, "passage_not_erased", "recording=%s reason=%s", id, name);
	/* In this order: what cannot be dropped now is so by the timer, for its row still knows it. */
	if (ap_ok(ap_passage_drop(j->v, &j->new.id)))
		AP_IGNORE(ap_db_passage_failed(ap_vault_db(j->v), &j->row.id, name)); /* else it is begun again */
}

static void release(void *work)
{
	struct job *j = work;
	ap_playback_close(j->reader);
	g_clear_pointer(&j->segments, g_array_unref);
	g_clear_pointer(&j->clusters, g_array_unref);
	g_free(j);
}

static const struct ap_job_kind kind = { step, fail, release };

bool ap_passage_job_running(void)
{
	return ap_job_running(&kind) != NULL;
}

/* What was made stays as a crash would leave it: the next start begins again. */
void ap_passage_stop(void)
{
	ap_job_stop(&kind);
}

static struct ap_result prepare(struct job *j)
{
	struct ap_db *db = ap_vault_db(j->v);
	AP_TRY(ap_db_recording_load(db, &j->row.recording, &j->old));
	AP_TRY(ap_db_begin(db));
	struct ap_result r = ap_recording_begin_anew(j->v, db, &j->old, &j->new);
	if (ap_ok(r))
		r = ap_db_passage_begin(db, &j->row, &j->new.id);
	AP_TRY(ap_db_finish(db, r));
	return ap_recording_confirm(j->v, &j->new);
}

struct ap_result ap_passage_job_start(struct ap_vault *v, const struct ap_passage_row *row)
{
	struct job *j = g_new0(struct job, 1);
	*j = (struct job){ .v = v, .row = *row, .role = AP_COACH };
	struct ap_result r = prepare(j);
	if (ap_ok(r))
		ap_job_start(&kind, j);
	else
		release(j);
	return r;
}
