/*
 * A track's header as the vault reads it, and the finishing of a file whose capture died: header, 2048 bytes (short
 * inputs are filled up), then cues. What is read is written and read again the same; what is finished can be read.
 */
#include "fuzz.h"

#include <aparte/buf.h>
#include <aparte/webm.h>
#include <string.h>

#define CUES 64

static bool same_track(const struct ap_webm_track_info *a, const struct ap_webm_track_info *b)
{
	return a->codec == b->codec && a->width == b->width && a->height == b->height && a->channels == b->channels &&
	       a->private_len == b->private_len && memcmp(a->private_bytes, b->private_bytes, a->private_len) == 0;
}

/* In the ranges that webm.h promises. */
static void check_track(const struct ap_webm_track_info *t, enum ap_webm_track number)
{
	bool audio = t->codec == AP_WEBM_OPUS;
	g_assert_true(t->codec <= AP_WEBM_H264 && t->private_len <= AP_WEBM_PRIVATE);
	g_assert_true(audio ? number == AP_WEBM_AUDIO && t->channels >= 1 && t->channels <= 2 : t->channels == 0);
	g_assert_true(number != AP_WEBM_AUDIO || audio || t->codec == AP_WEBM_NONE);
}

/* One form: a second writing gives the same bytes. */
static void check_again(const struct ap_webm_header *h)
{
	uint8_t bytes[AP_WEBM_HEADER], more[AP_WEBM_HEADER];
	struct ap_webm_header again = { 0 };
	if (!ap_ok(ap_webm_header_write(h, bytes)))
		return;
	g_assert_true(ap_ok(ap_webm_header_read(bytes, sizeof bytes, &again)));
	g_assert_true(again.duration_ms == h->duration_ms && memcmp(again.uid, h->uid, sizeof h->uid) == 0);
	for (int i = 0; i < AP_WEBM_TRACKS; i++)
		g_assert_true(same_track(&h->tracks[i], &again.tracks[i]));
	again.cues_offset = h->cues_offset;
	again.file_size = h->file_size;
	g_assert_true(ap_ok(ap_webm_header_write(&again, more)) && memcmp(bytes, more, sizeof bytes) == 0);
}

static void check_finish(const uint8_t header[AP_WEBM_HEADER], struct ap_reader *r)
{
	struct ap_webm_cue cues[CUES];
	uint8_t finished[AP_WEBM_HEADER];
	GByteArray *told = NULL;
	struct ap_webm_header h = { 0 };
	uint64_t duration = ap_read_u32(r), end = AP_WEBM_HEADER;
	size_t count = 0;
	for (; count < CUES && ap_reader_left(r) >= 8; count++) {
		cues[count] = (struct ap_webm_cue){ .offset = end, .time_ms = ap_read_u32(r), .keyframe = ap_read_u8(r) & 1 };
		end += ap_read_u24(r) + 1;
	}
	if (!ap_ok(ap_webm_finish(header, AP_WEBM_HEADER, duration, end, cues, count, finished, &told)))
		return;
	g_assert_true(ap_ok(ap_webm_header_read(finished, sizeof finished, &h)) && h.duration_ms == duration);
	g_assert_true(told && (count > 0 || told->len == 0));
	g_byte_array_unref(told);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t header[AP_WEBM_HEADER] = { 0 };
	struct ap_webm_header h = { 0 };
	struct ap_reader r = ap_reader_over(data, size);
	g_assert_true(size == AP_WEBM_HEADER || !ap_ok(ap_webm_header_read(data, size, &h)));
	ap_read_bytes(&r, header, MIN(size, sizeof header));
	if (!ap_ok(ap_webm_header_read(header, sizeof header, &h)))
		return 0;
	for (int i = 0; i < AP_WEBM_TRACKS; i++)
		check_track(&h.tracks[i], (enum ap_webm_track)(i + 1));
	check_again(&h);
	check_finish(header, &r);
	return 0;
}
