#include "network_recording.h"

#include "tests/testlib/numbered.h"

#include <aparte/age.h>

enum { SEGMENT_MAX = 16 << 20, AUDIO = 1, CAMERA = 2, TRACKS = 4 };
enum { ID_EBML = 0x1A45DFA3, ID_SEGMENT = 0x18538067, ID_CLUSTER = 0x1F43B675, ID_TIME = 0xE7, ID_BLOCK = 0xA3 };

struct element {
	uint32_t id;
	struct ap_reader body;
};

static uint64_t read_vint(struct ap_reader *r, bool keep_mark)
{
	uint8_t first = ap_read_u8(r);
	int more = first ? __builtin_clz((unsigned)first) - 24 : 0;
	uint64_t value = keep_mark ? first : first & (0x7fu >> more);
	for (int i = 0; i < more; i++)
		value = value << 8 | ap_read_u8(r);
	return value;
}

static bool next_element(struct ap_reader *r, struct element *ret_e)
{
	if (ap_reader_left(r) == 0)
		return false;
	ret_e->id = (uint32_t)read_vint(r, true);
	ret_e->body = ap_read_sub(r, read_vint(r, false));
	g_assert_false(r->bad);
	return true;
}

static void take_block(struct recorded_track *t, struct ap_reader r, int64_t cluster_ms, int64_t last_ms[TRACKS])
{
	unsigned track = (unsigned)read_vint(&r, false);
	int64_t time_ms = cluster_ms + (int16_t)ap_read_u16(&r);
	ap_read_skip(&r, 1);
	struct recorded_item item = {.time_ms = time_ms, .size = ap_reader_left(&r)};
	const uint8_t *bytes = ap_read_span(&r, item.size);
	g_assert_true(bytes && track < TRACKS);
	t->back += time_ms < last_ms[track];
	last_ms[track] = time_ms;
	t->end_ms = MAX(t->end_ms, time_ms);
	if (track == CAMERA && ap_numbered_read_frame(bytes, item.size, &item.number))
		g_array_append_val(t->frames, item);
	if (track == AUDIO && ap_numbered_read_sound(bytes, item.size, &item.number))
		g_array_append_val(t->sounds, item);
}

static void take_cluster(struct recorded_track *t, struct ap_reader r, int64_t last_ms[TRACKS])
{
	struct element e;
	int64_t cluster_ms = 0;
	while (next_element(&r, &e)) {
		if (e.id == ID_BLOCK)
			take_block(t, e.body, cluster_ms, last_ms);
		for (; e.id == ID_TIME && ap_reader_left(&e.body) > 0;)
			cluster_ms = cluster_ms << 8 | ap_read_u8(&e.body);
	}
}

static void take_file(struct recorded_track *t, const GByteArray *webm)
{
	struct ap_reader file = ap_reader_over(webm->data, webm->len);
	int64_t last_ms[TRACKS] = {0};
	struct element top, e;
	while (next_element(&file, &top))
		for (; top.id == ID_SEGMENT && next_element(&top.body, &e);)
			if (e.id == ID_CLUSTER)
				take_cluster(t, e.body, last_ms);
}

struct recorded_track recorded_track_read(struct ap_blob *blob, const struct ap_uuid *recording, enum ap_role role,
					  const struct ap_secret *identity)
{
	struct recorded_track t = {g_array_new(FALSE, FALSE, sizeof(struct recorded_item)),
				   g_array_new(FALSE, FALSE, sizeof(struct recorded_item)), 0, 0};
	GByteArray *webm = g_byte_array_new();
	for (uint32_t n = 0;; n++) {
		g_autofree uint8_t *sealed = NULL, *plain = NULL;
		size_t sealed_len = 0, len = 0;
		if (!ap_ok(ap_blob_read(blob, recording, role, n, SEGMENT_MAX, &sealed, &sealed_len)))
			break;
		g_assert_true(ap_ok(ap_age_decrypt(identity, sealed, sealed_len, &plain, &len)));
		g_byte_array_append(webm, plain, (guint)len);
	}
	g_assert_cmpuint(webm->len, >, 0);
	take_file(&t, webm);
	g_byte_array_unref(webm);
	return t;
}

void recorded_track_clear(struct recorded_track *t)
{
	g_array_unref(t->frames);
	g_array_unref(t->sounds);
}
