/*
 * What a capture reports, against the vault's rules. The input is a play: each step is one byte that says who speaks,
 * and one that says whether the capture is honest; honest words are made from this file's own account of the
 * recording, a lie replaces one field of them by the input's bytes. An honest word is always taken. A lie that is
 * taken must leave an account that still holds together. After a refusal the play is over, as it is for the capture.
 */
#include "fuzz.h"

#include <aparte/age.h>
#include <aparte/buf.h>
#include <aparte/webm.h>
#include <recorder/recording/capture_report.h>

#define STEPS 64

struct track {
	bool header_asked, header_done;
	uint32_t asked, done; /* next segment number */
	uint64_t offset, time_ms;
};

struct play {
	struct ap_report_state state; /* what is tested */
	struct track tracks[2];
	uint64_t generation, file_end;
	uint32_t epoch, owed_epochs[AP_REPORT_PENDING];
	uint64_t owed[AP_REPORT_PENDING];
	unsigned owing;
	bool open, closing, sealing, ready, first, sealed;
};

static uint64_t sealed_size(uint64_t plain)
{
	uint64_t chunks = plain / AP_AGE_CHUNK + (plain % AP_AGE_CHUNK != 0);
	return 168 + 16 + plain + 16 * chunks;
}

/* ---- the vault's steps, which are always its own ---- */

static void vault_step(struct play *p, unsigned what)
{
	if (what == 0 && !p->sealing && p->owing < AP_REPORT_PENDING) {
		bool opened = ap_report_open(&p->state, p->generation + 1, p->epoch + 1);
		g_assert_true(opened == !p->open);
		if (opened) {
			p->open = true;
			p->first = p->closing = false;
			p->generation++;
			p->epoch++;
		}
	} else if (what == 1 && p->open) {
		p->closing = p->state.closing = true;
	} else if (what == 2 && !p->open) {
		p->sealing = p->state.sealing = true;
	} else if (what == 3 && p->epoch > 0) {
		g_assert_false(ap_report_open(&p->state, p->generation, p->epoch)); /* never the same one again */
	}
}

/* ---- the capture's words ---- */

static struct ap_capture_message segment(const struct play *p, unsigned t, bool header, uint64_t plain)
{
	const struct track *track = &p->tracks[t];
	struct ap_capture_message m = { .type = AP_CAPTURE_SEGMENT_DONE, .fd = -1 };
	struct ap_capture_segment_done *s = &m.segment;
	s->role = (enum ap_role)(AP_COACH + t);
	s->epoch = p->epoch;
	s->plain_size = header ? AP_WEBM_HEADER : plain;
	s->size = sealed_size(s->plain_size);
	s->replaces = header && track->header_done;
	if (header)
		return m;
	s->number = track->done;
	s->cluster_count = plain > 1 ? 2 : 1;
	s->clusters[0].offset = track->offset;
	s->clusters[1].offset = track->offset + plain / 2;
	s->clusters[0].time_ms = s->clusters[1].time_ms = track->time_ms + plain % 5000;
	if (s->clusters[0].time_ms > 7ull * 86400000)
		s->clusters[0].time_ms = s->clusters[1].time_ms = track->time_ms;
	return m;
}

/* An honest word of that kind, or a READY once more, which is never honest. */
static struct ap_capture_message honest(const struct play *p, unsigned kind, unsigned t, uint64_t n, bool *ret_honest)
{
	const struct track *track = &p->tracks[t];
	struct ap_capture_message m = { .type = AP_CAPTURE_READY, .fd = -1 };
	*ret_honest = true;
	if (kind == 1 && !track->header_asked) {
		m.type = AP_CAPTURE_WANT;
		m.want = (struct ap_capture_want){ (enum ap_role)(AP_COACH + t), 0 };
	} else if (kind == 2 && track->asked - track->done <= AP_CAPTURE_SPARE) {
		m.type = AP_CAPTURE_WANT;
		m.want = (struct ap_capture_want){ (enum ap_role)(AP_COACH + t), track->asked };
	} else if (kind == 3 && track->header_asked) {
		m = segment(p, t, true, 0);
	} else if (kind == 4 && track->header_done && track->done < track->asked) {
		m = segment(p, t, false, 1 + n % 300000);
	} else if (kind == 5 && p->open && !p->first) {
		m.type = AP_CAPTURE_FIRST_FRAME;
		m.generation = p->generation;
	} else if (kind == 6 && p->closing) {
		m.type = AP_CAPTURE_CLOSED;
		m.generation = p->generation;
	} else if (kind == 7 && p->owing > 0) {
		m.type = AP_CAPTURE_EPOCH;
		m.epoch = (struct ap_capture_epoch_report){ .generation = p->owed[0], .epoch = p->owed_epochs[0],
							    .file_start_ms = p->file_end, .file_end_ms = p->file_end + n % 100000 };
	} else if (kind == 8 && p->sealing && !p->sealed) {
		m.type = AP_CAPTURE_SEALED;
		m.duration_ms[0] = m.duration_ms[1] = p->file_end;
	} else if (kind == 9 && p->open) {
		m.type = AP_CAPTURE_LAPSED;
		m.generation = p->generation;
	} else {
		*ret_honest = !p->ready;
	}
	*ret_honest = *ret_honest && !p->sealed; /* that was the last word */
	return m;
}

/* Replaces one field; what the decoder refuses (capture_message) cannot come here, so its ranges are kept. */
static void lie(struct ap_capture_message *m, unsigned field, uint64_t value)
{
	struct ap_capture_segment_done *s = &m->segment;
	if (m->type == AP_CAPTURE_WANT)
		m->want.number = (uint32_t)value;
	else if (m->type == AP_CAPTURE_FIRST_FRAME || m->type == AP_CAPTURE_CLOSED || m->type == AP_CAPTURE_LAPSED)
		m->generation = value ? value : 1;
	else if (m->type == AP_CAPTURE_SEALED)
		m->duration_ms[field & 1] = value;
	else if (m->type == AP_CAPTURE_EPOCH)
		*(uint64_t *[]){ &m->epoch.generation, &m->epoch.file_start_ms, &m->epoch.file_end_ms,
				 &m->epoch.lines[0][0].packets }[field % 4] = value;
	else if (m->type == AP_CAPTURE_SEGMENT_DONE && field % 8 < 4)
		*(uint64_t *[]){ &s->size, &s->plain_size, &s->clusters[0].offset, &s->clusters[1].time_ms }[field % 4] = value;
	else if (m->type == AP_CAPTURE_SEGMENT_DONE)
		*(uint32_t *[]){ &s->number, &s->epoch }[field & 1] = (uint32_t)value;
	else
		m->type = (enum ap_capture_type)(value % AP_CAPTURE_TYPES);
	if (m->type == AP_CAPTURE_EPOCH && m->epoch.file_end_ms < m->epoch.file_start_ms)
		m->epoch.file_end_ms = m->epoch.file_start_ms;
	if (m->type == AP_CAPTURE_SEGMENT_DONE && field >= 128)
		s->cluster_count = (uint16_t)(value % (AP_CAPTURE_CLUSTERS + 1));
	if (m->type == AP_CAPTURE_SEGMENT_DONE && s->role < AP_COACH)
		s->role = AP_COACH; /* only the type was a lie */
	if (m->type == AP_CAPTURE_WANT && m->want.role < AP_COACH)
		m->want.role = AP_COACH;
}

/* ---- the account, and whether it still holds ---- */

static void take_segment(struct play *p, const struct ap_capture_segment_done *s)
{
	struct track *t = &p->tracks[s->role - AP_COACH];
	g_assert_true(s->epoch <= p->epoch && ap_age_plain_size(s->size) == s->plain_size && s->plain_size > 0);
	if (s->number == 0) {
		g_assert_true(t->header_asked && s->plain_size == AP_WEBM_HEADER && s->replaces == t->header_done);
		t->header_asked = false;
		t->header_done = true;
		return;
	}
	g_assert_true(s->number == t->done && t->done < t->asked && t->header_done && !s->replaces);
	for (unsigned i = 0; i < s->cluster_count; i++) {
		g_assert_true(s->clusters[i].offset >= t->offset && s->clusters[i].offset < t->offset + s->plain_size);
		g_assert_true(s->clusters[i].time_ms >= t->time_ms);
		t->time_ms = s->clusters[i].time_ms;
	}
	t->offset += s->plain_size;
	t->done++;
}

static void take_epoch(struct play *p, const struct ap_capture_epoch_report *e)
{
	g_assert_true(p->owing > 0 && e->generation == p->owed[0] && e->epoch == p->owed_epochs[0]);
	g_assert_true(e->file_start_ms == p->file_end && e->file_end_ms >= e->file_start_ms);
	g_assert_true(e->file_end_ms <= e->file_start_ms + 7ull * 86400000);
	p->file_end = e->file_end_ms;
	for (unsigned i = 1; i < p->owing; i++) {
		p->owed[i - 1] = p->owed[i];
		p->owed_epochs[i - 1] = p->owed_epochs[i];
	}
	p->owing--;
}

static void take(struct play *p, const struct ap_capture_message *m)
{
	struct track *t = m->type == AP_CAPTURE_WANT ? &p->tracks[m->want.role - AP_COACH] : NULL;
	g_assert_false(p->sealed);
	switch (m->type) {
	case AP_CAPTURE_READY: g_assert_false(p->ready); p->ready = true; break;
	case AP_CAPTURE_WANT:
		g_assert_true(m->want.number == 0 ? !t->header_asked : m->want.number == t->asked);
		t->header_asked = t->header_asked || m->want.number == 0;
		t->asked += m->want.number != 0;
		g_assert_cmpuint(t->asked - t->done, <=, AP_CAPTURE_SPARE + 2);
		break;
	case AP_CAPTURE_FIRST_FRAME:
		g_assert_true(p->open && !p->first && m->generation == p->generation);
		p->first = true;
		break;
	case AP_CAPTURE_CLOSED:
	case AP_CAPTURE_LAPSED: /* by itself */
		g_assert_true(p->open && (p->closing || m->type == AP_CAPTURE_LAPSED) && m->generation == p->generation);
		p->owed[p->owing] = p->generation;
		p->owed_epochs[p->owing++] = p->epoch;
		p->open = p->closing = false;
		break;
	case AP_CAPTURE_SEGMENT_DONE: take_segment(p, &m->segment); break;
	case AP_CAPTURE_EPOCH: take_epoch(p, &m->epoch); break;
	case AP_CAPTURE_SEALED:
		g_assert_true(p->sealing && !p->sealed && m->duration_ms[0] == p->file_end && m->duration_ms[1] == p->file_end);
		p->sealed = true;
		break;
	default: g_assert_true(m->type == AP_CAPTURE_FAILED); break; /* nothing else is a capture's to say */
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ap_reader r = ap_reader_over(data, size);
	struct play p = { .state = ap_report_state_new(),
			  .tracks = { { .asked = 1, .done = 1, .offset = AP_WEBM_HEADER },
				      { .asked = 1, .done = 1, .offset = AP_WEBM_HEADER } } };
	for (unsigned step = 0; step < STEPS && ap_reader_left(&r) > 0; step++) {
		unsigned who = ap_read_u8(&r), field = ap_read_u8(&r);
		bool is_honest = true;
		if (who < 64) {
			vault_step(&p, who % 4);
			continue;
		}
		struct ap_capture_message m = honest(&p, who % 10, who >> 7, field * 1237u, &is_honest);
		if ((who & 0x60) == 0x60) {
			lie(&m, field, ap_read_u64(&r));
			is_honest = false;
		}
		bool taken = ap_report_check(&p.state, &m);
		g_assert_true(taken || !is_honest);
		if (!taken)
			return 0;
		take(&p, &m);
	}
	return 0;
}
