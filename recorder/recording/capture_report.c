#include "capture_report.h"

#include <aparte/age.h>
#include <aparte/buf.h>
#include <aparte/limits.h>
#include <aparte/webm.h>

#define MAX_PLAIN (UINT64_C(64) << 20) /* bytes in one segment */
#define MAX_SPARE (AP_CAPTURE_SPARE + 1)
#define LONGEST_FRAME_MS 120 /* of sound, RFC 6716 §2.1.4 */
#define MAX_EPOCH_MS (UINT64_C(7) * 24 * 3600 * 1000)

struct ap_report_state ap_report_state_new(void)
{
	const struct ap_report_track track = { .wanted = 1, .done = 1, .plain_offset = AP_WEBM_HEADER };
	return (struct ap_report_state){ .tracks = { track, track } };
}

static bool check_want(struct ap_report_track *t, const struct ap_capture_want *want)
{
	if (want->number == 0) {
		bool fits = !t->header_wanted;
		t->header_wanted = true;
		return fits;
	}
	return want->number == t->wanted && t->wanted++ - t->done <= MAX_SPARE;
}

static bool check_clusters(struct ap_report_track *t, const struct ap_capture_segment_done *s)
{
	uint64_t end = t->plain_offset + s->plain_size, offset = t->plain_offset;
	for (unsigned i = 0; i < s->cluster_count; i++) {
		bool starts = i == 0 ? s->clusters[i].offset == offset : s->clusters[i].offset > offset;
		if (!starts || s->clusters[i].offset >= end || s->clusters[i].time_ms < t->time_ms ||
		    s->clusters[i].time_ms > MAX_EPOCH_MS)
			return false;
		offset = s->clusters[i].offset;
		t->time_ms = s->clusters[i].time_ms;
	}
	t->plain_offset = end;
	return true;
}

static bool check_header(struct ap_report_track *t, const struct ap_capture_segment_done *s)
{
	bool fits = t->header_wanted && s->plain_size == AP_WEBM_HEADER && s->cluster_count == 0 &&
		    s->replaces == t->header_done;
	t->header_wanted = false;
	t->header_done = true;
	return fits;
}

static bool check_segment(struct ap_report_state *state, const struct ap_capture_segment_done *s)
{
	struct ap_report_track *t = &state->tracks[s->role - AP_COACH];
	if (s->plain_size == 0 || s->plain_size > MAX_PLAIN || ap_age_plain_size(s->size) != s->plain_size ||
	    s->epoch > state->epoch || s->epoch < t->epoch || (s->epoch == 0 && state->epoch > 0))
		return false;
	t->epoch = s->epoch;
	if (s->number == 0)
		return check_header(t, s);
	if (s->number != t->done || t->done >= t->wanted || s->replaces || !t->header_done ||
	    (s->cluster_count == 0 && !state->sealing))
		return false;
	t->done++;
	return check_clusters(t, s);
}

static bool check_epoch(struct ap_report_state *s, const struct ap_capture_epoch_report *e)
{
	bool fits = s->pending_count > 0 && e->generation == s->pending[0].generation &&
		    e->epoch == s->pending[0].epoch && e->file_start_ms == s->file_end_ms &&
		    e->file_end_ms <= e->file_start_ms + MAX_EPOCH_MS;
	s->file_end_ms = e->file_end_ms;
	for (unsigned i = 1; i < s->pending_count; i++)
		s->pending[i - 1] = s->pending[i];
	s->pending_count -= s->pending_count > 0;
	return fits;
}

bool ap_report_open(struct ap_report_state *s, uint64_t generation, uint32_t epoch)
{
	if (s->open || s->sealing || generation == 0 || s->pending_count == AP_REPORT_PENDING ||
	    (s->generation != 0 && epoch <= s->epoch))
		return false;
	s->open = true;
	s->first_told = s->closing = false;
	s->generation = generation;
	s->epoch = epoch;
	return true;
}

static bool check_closed(struct ap_report_state *s, uint64_t generation)
{
	if (!s->open || generation != s->generation)
		return false;
	s->pending[s->pending_count].generation = generation;
	s->pending[s->pending_count++].epoch = s->epoch;
	s->open = s->closing = false;
	return true;
}

/* May also come after the order to close crossed it, never twice. */
static bool check_first(struct ap_report_state *s, uint64_t generation)
{
	bool fits = s->open && generation == s->generation && !s->first_told;
	s->first_told = true;
	return fits;
}

static bool check_once(bool *told, bool allowed)
{
	bool fits = allowed && !*told;
	*told = true;
	return fits;
}

bool ap_report_check(struct ap_report_state *s, const struct ap_capture_message *m)
{
	if (s->sealed) /* that was the last word */
		return false;
	switch (m->type) {
	case AP_CAPTURE_READY:
		return check_once(&s->ready, true);
	case AP_CAPTURE_WANT:
		return check_want(&s->tracks[m->want.role - AP_COACH], &m->want);
	case AP_CAPTURE_FIRST_FRAME:
		return check_first(s, m->generation);
	case AP_CAPTURE_CLOSED:
		return s->closing && check_closed(s, m->generation);
	case AP_CAPTURE_LAPSED: /* may cross the order to close */
		return check_closed(s, m->generation);
	case AP_CAPTURE_SEGMENT_DONE:
		return check_segment(s, &m->segment);
	case AP_CAPTURE_EPOCH:
		return check_epoch(s, &m->epoch);
	case AP_CAPTURE_SEALED:
		return check_once(&s->sealed, s->sealing) && m->duration_ms[0] == s->file_end_ms &&
		       m->duration_ms[1] == s->file_end_ms;
	case AP_CAPTURE_FAILED:
		return true;
	default:
		return false;
	}
}

/* Within what its last cluster can last: a lie is worth a second. */
static uint64_t end_of(const struct ap_capture_segment_done *s)
{
	if (s->cluster_count == 0 || s->end_ms == 0)
		return 0;
	uint64_t last = s->clusters[s->cluster_count - 1].time_ms;
	return CLAMP(s->end_ms, last, last + AP_CLUSTER_MS + LONGEST_FRAME_MS);
}

struct ap_capture_segment ap_report_segment(const struct ap_capture_segment_done *s,
					    struct ap_capture_cluster clusters[AP_CAPTURE_CLUSTERS])
{
	struct ap_capture_segment segment = {
		.role = s->role,
		.number = s->number,
		.epoch = s->epoch,
		.size = s->size,
		.plain_size = s->plain_size,
		.end_ms = end_of(s),
		.clusters = clusters,
		.cluster_count = s->cluster_count,
		.replaces = s->replaces,
	};
	ap_copy(segment.sha256, sizeof segment.sha256, s->sha256, sizeof s->sha256);
	for (size_t i = 0; i < s->cluster_count; i++)
		clusters[i] = (struct ap_capture_cluster){ s->clusters[i].offset, s->clusters[i].time_ms,
							   s->clusters[i].keyframe };
	return segment;
}

struct ap_capture_epoch ap_report_epoch(const struct ap_capture_epoch_report *r)
{
	struct ap_capture_epoch epoch = { .epoch = r->epoch,
					  .generation = r->generation,
					  .file_start_ms = r->file_start_ms,
					  .file_end_ms = r->file_end_ms };
	for (size_t i = 0; i < 2 * AP_LINES; i++) {
		const struct ap_capture_line_report *l = &r->lines[i / AP_LINES][i % AP_LINES];
		epoch.lines[i / AP_LINES][i % AP_LINES] = (struct ap_capture_line_stats){
			l->packets, l->lost, l->late, l->malformed, l->frames, l->first_ms, l->last_ms
		};
	}
	return epoch;
}
