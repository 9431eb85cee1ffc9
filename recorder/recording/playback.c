#include "recorder/recording/playback.h"

#include "recorder/access/access.h"
#include "recorder/recording/manifest.h"
#include "recorder/recording/recording.h"
#include "recorder/vault.h"

#include <aparte/limits.h>
#include <string.h>

/* A segment holds 4 s of one person; this is far above any. */
#define SEGMENT_MAX (64u << 20)

struct ap_playback_reader {
	/* borrowed */
	struct ap_vault *v;
	/* owned */
	struct ap_secret *identity;
	GArray *segments; /* struct ap_segment_row, in order */
	uint8_t *plain;   /* of segment `held` */
	size_t plain_len;
	/* state */
	struct ap_uuid recording;
	enum ap_role track;
	uint64_t size;
	guint held; /* index into segments; segments->len: none */
};

static struct ap_segment_row *segment(const struct ap_playback_reader *r, guint i)
{
	return &g_array_index(r->segments, struct ap_segment_row, i);
}

/* Segments must cover the file without a gap; else what is on disk is not what was reported. */
static struct ap_result measure(struct ap_playback_reader *r)
{
	uint64_t at = 0;
	for (guint i = 0; i < r->segments->len; i++) {
		if (segment(r, i)->plain_offset != at || segment(r, i)->number != i)
			return ap_fail(AP_ERR_PROTOCOL, "segment-altered", "a segment of this track is missing");
		at += segment(r, i)->plain_size;
	}
	r->size = at;
	r->held = r->segments->len;
	return AP_SUCCESS;
}

/* One that is still being made has no manifest yet. */
static struct ap_result list_segments(struct ap_vault *v, const struct ap_recording *rec, enum ap_role track, GArray **ret_list)
{
	g_autoptr(GArray) list = NULL;
	struct ap_db *db = ap_vault_db(v);
	if (strcmp(rec->state, "erased") == 0)
		return ap_fail(AP_ERR_DENIED, "erased", "this recording was erased");
	AP_TRY(ap_db_segment_list(db, &rec->id, track, &list));
	if (strcmp(rec->state, "recording") != 0)
		AP_TRY(ap_manifest_vouches(v, db, &rec->id, track, list));
	*ret_list = g_steal_pointer(&list);
	return AP_SUCCESS;
}

struct ap_result ap_playback_open(struct ap_vault *v, const struct ap_uuid *recording, enum ap_role track,
				  struct ap_playback_reader **ret_reader)
{
	struct ap_recording rec;
	AP_TRY(ap_db_recording_load(ap_vault_db(v), recording, &rec));
	struct ap_playback_reader *r = g_new0(struct ap_playback_reader, 1);
	r->v = v;
	r->recording = *recording;
	r->track = track;
	struct ap_result result = list_segments(v, &rec, track, &r->segments);
	if (ap_ok(result))
		result = measure(r);
	if (ap_ok(result))
		result = ap_recording_identity(v, ap_vault_db(v), &rec,
					       track == AP_COACH ? AP_KEY_COACH : AP_KEY_COACHEE, &r->identity);
	if (ap_ok(result))
		*ret_reader = r;
	else
		ap_playback_close(r);
	return result;
}

static void drop_plain(struct ap_playback_reader *r)
{
	if (r->plain)
		ap_wipe(r->plain, r->plain_len);
	g_clear_pointer(&r->plain, g_free);
	r->held = r->segments ? r->segments->len : 0;
}

void ap_playback_close(struct ap_playback_reader *r)
{
	if (!r)
		return;
	drop_plain(r);
	ap_secret_free(r->identity);
	if (r->segments)
		g_array_unref(r->segments);
	g_free(r);
}

uint64_t ap_playback_size(const struct ap_playback_reader *r)
{
	return r->size;
}

/* From disk, and the one that was recorded. */
static struct ap_result fetch(struct ap_vault *v, const struct ap_uuid *recording, enum ap_role track,
			      const struct ap_segment_row *row, uint8_t **ret_bytes, size_t *ret_len)
{
	g_autofree uint8_t *bytes = NULL;
	size_t len;
	struct ap_result r = ap_blob_read(ap_vault_blob(v), recording, track, row->number, SEGMENT_MAX, &bytes, &len);
	if (!ap_ok(r))
		return ap_fail(AP_ERR_IO, "segment-altered",
			       strcmp(r.name, "not-found") == 0 ? "a segment is missing: restore recordings/ from a backup" :
								  "a segment cannot be read: look after the disk, then try again");
	struct ap_hash hash = ap_sha256(bytes, len);
	if (len != row->size || memcmp(hash.b, row->sha256, sizeof hash.b) != 0)
		return ap_fail(AP_ERR_CRYPTO, "segment-altered",
			       "a segment is not the one that was recorded: restore it from a backup");
	*ret_bytes = g_steal_pointer(&bytes);
	*ret_len = len;
	return AP_SUCCESS;
}

static struct ap_result open_segment(struct ap_playback_reader *r, const struct ap_segment_row *row,
				     const uint8_t *bytes, size_t len)
{
	uint8_t *plain;
	size_t plain_len;
	if (!ap_ok(ap_age_decrypt(r->identity, bytes, len, &plain, &plain_len)))
		return ap_fail(AP_ERR_CRYPTO, "segment-altered", "a segment does not open");
	if (plain_len != row->plain_size) {
		ap_wipe(plain, plain_len);
		g_free(plain);
		return ap_fail(AP_ERR_CRYPTO, "segment-altered", "a segment has another size than was reported");
	}
	r->plain = plain;
	r->plain_len = plain_len;
	return AP_SUCCESS;
}

static struct ap_result hold_segment(struct ap_playback_reader *r, guint i)
{
	if (r->held == i && r->plain)
		return AP_SUCCESS;
	drop_plain(r);
	const struct ap_segment_row *row = segment(r, i);
	g_autofree uint8_t *bytes = NULL;
	size_t len;
	AP_TRY(fetch(r->v, &r->recording, r->track, row, &bytes, &len));
	AP_TRY(open_segment(r, row, bytes, len));
	r->held = i;
	return AP_SUCCESS;
}

/* The segment that holds the byte at `offset`, which lies within the track. */
static guint find_segment(const struct ap_playback_reader *r, uint64_t offset)
{
	guint low = 0, high = r->segments->len - 1;
	while (low < high) {
		guint mid = (low + high + 1) / 2;
		if (segment(r, mid)->plain_offset <= offset)
			low = mid;
		else
			high = mid - 1;
	}
	return low;
}

struct ap_result ap_playback_read(struct ap_playback_reader *r, uint64_t offset, uint8_t *ret_bytes, size_t max,
				  size_t *ret_len)
{
	size_t done = 0;
	while (done < max && offset + done < r->size) {
		guint i = find_segment(r, offset + done);
		AP_TRY(hold_segment(r, i));
		size_t from = (size_t)(offset + done - segment(r, i)->plain_offset);
		size_t n = MIN(r->plain_len - from, max - done);
		(void)ap_copy(ret_bytes + done, max - done, r->plain + from, n);
		done += n;
	}
	*ret_len = done;
	return AP_SUCCESS;
}

struct ap_result ap_playback_ciphertext(struct ap_vault *v, const struct ap_uuid *recording, enum ap_role track, uint32_t number,
					uint8_t **ret_bytes, size_t *ret_len)
{
	struct ap_recording rec;
	g_autoptr(GArray) list = NULL;
	AP_TRY(ap_db_recording_load(ap_vault_db(v), recording, &rec));
	AP_TRY(list_segments(v, &rec, track, &list));
	for (guint i = 0; i < list->len; i++) {
		const struct ap_segment_row *row = &g_array_index(list, struct ap_segment_row, i);
		if (row->number == number)
			return fetch(v, recording, track, row, ret_bytes, ret_len);
	}
	return ap_fail(AP_ERR_DENIED, "not-found", "the track has no such segment");
}

struct ap_result ap_playback_track_open(struct ap_vault *v, const struct ap_actor *actor,
					const struct ap_uuid *recording, enum ap_role track, struct ap_uuid *ret_access,
					uint64_t *ret_size)
{
	struct ap_access access;
	struct ap_playback_reader *reader;
	if (ap_ok(ap_access_find(v, actor, recording, "recording", &access.id)))
		AP_TRY(ap_access_check(v, actor, &access.id, recording));
	else
		AP_TRY(ap_access_begin(v, actor, recording, "recording", "own viewing", &access));
	AP_TRY(ap_playback_open(v, recording, track, &reader));
	*ret_size = ap_playback_size(reader);
	*ret_access = access.id;
	ap_playback_close(reader);
	return AP_SUCCESS;
}

struct ap_result ap_playback_track_read(struct ap_vault *v, const struct ap_actor *actor, const struct ap_uuid *access,
					const struct ap_uuid *recording, enum ap_role track, uint64_t offset,
					uint32_t length, uint8_t **ret_bytes, size_t *ret_len)
{
	struct ap_playback_reader *reader;
	AP_TRY(ap_access_check(v, actor, access, recording));
	if (length == 0) { /* whether one may go on is all that is asked */
		*ret_bytes = NULL;
		*ret_len = 0;
		return AP_SUCCESS;
	}
	AP_TRY(ap_playback_open(v, recording, track, &reader));
	size_t max = MIN(length, AP_MAX_TRACK_READ), len = 0;
	uint8_t *bytes = g_malloc(MAX(max, 1));
	struct ap_result r = ap_playback_read(reader, offset, bytes, max, &len);
	ap_playback_close(reader);
	if (ap_ok(r))
		r = ap_access_count(v, access, len);
	if (!ap_ok(r)) {
		g_free(bytes);
		return r;
	}
	*ret_bytes = bytes;
	*ret_len = len;
	return AP_SUCCESS;
}
