#include "webm_ids.h"

#include <aparte/buf.h>
#include <string.h>

static const char *const codec_names[] = {
	[AP_WEBM_OPUS] = "A_OPUS",
	[AP_WEBM_VP8] = "V_VP8",
	[AP_WEBM_VP9] = "V_VP9",
	[AP_WEBM_H264] = "V_MPEG4/ISO/AVC",
};

const char *ap_webm_codec_name(enum ap_webm_codec codec)
{
	return codec_names[codec];
}

static enum ap_webm_codec codec_of(const uint8_t *name, size_t len)
{
	for (size_t c = AP_WEBM_OPUS; c < G_N_ELEMENTS(codec_names); c++)
		if (strlen(codec_names[c]) == len && memcmp(codec_names[c], name, len) == 0)
			return (enum ap_webm_codec)c;
	return AP_WEBM_NONE;
}

static uint64_t read_be(struct ap_reader *r, size_t n)
{
	uint64_t v = 0;
	while (n-- > 0)
		v = v << 8 | ap_read_u8(r);
	return v;
}

/* Bytes of a number whose first byte is given: the place of its highest bit. 9 for none. */
static unsigned vint_length(uint8_t first)
{
	unsigned n = 1;
	while (n < 9 && !(first & 0x100 >> n))
		n++;
	return n;
}

/* One element's id and a reader over its content; false at the end or when it is malformed (r is bad then). */
static bool next_element(struct ap_reader *r, uint32_t *ret_id, struct ap_reader *ret_content)
{
	if (r->bad || ap_reader_left(r) == 0)
		return false;
	uint8_t first = ap_read_u8(r);
	unsigned n = vint_length(first);
	uint64_t id = (uint64_t)first << (n <= 4 ? 8 * (n - 1) : 0) | (n <= 4 ? read_be(r, n - 1) : 0);
	first = ap_read_u8(r);
	unsigned m = vint_length(first);
	r->bad = r->bad || n > 4 || m > 8;
	if (r->bad)
		return false;
	uint64_t size = (uint64_t)(first & (0xFF >> m)) << (8 * (m - 1)) | read_be(r, m - 1);
	if (id == ID_SEGMENT) /* goes on past the header */
		size = ap_reader_left(r);
	*ret_content = ap_read_sub(r, (size_t)size);
	*ret_id = (uint32_t)id;
	return !r->bad;
}

static void read_audio(struct ap_reader r, struct ap_webm_track_info *t)
{
	uint32_t id;
	struct ap_reader content;
	while (next_element(&r, &id, &content))
		if (id == ID_CHANNELS)
			t->channels = (uint8_t)read_be(&content, content.len);
}

static void read_video(struct ap_reader r, struct ap_webm_track_info *t)
{
	uint32_t id;
	struct ap_reader content;
	while (next_element(&r, &id, &content))
		if (id == ID_PIXEL_WIDTH)
			t->width = (uint16_t)read_be(&content, content.len);
		else if (id == ID_PIXEL_HEIGHT)
			t->height = (uint16_t)read_be(&content, content.len);
}

static bool read_private(struct ap_reader *content, struct ap_webm_track_info *t)
{
	if (content->len > sizeof t->private_bytes)
		return false;
	t->private_len = (uint16_t)content->len;
	ap_read_bytes(content, t->private_bytes, content->len);
	return true;
}

static uint16_t frame_ms_of(struct ap_reader *content)
{
	uint64_t ms = read_be(content, content->len) / 1000000;
	return ms == AP_WEBM_FRAME_MS || ms > 1000 ? 0 : (uint16_t)ms;
}

/* One TrackEntry; false when it is none of ours. */
static bool read_track(struct ap_reader r, struct ap_webm_header *h)
{
	struct ap_webm_track_info t = { 0 };
	uint64_t number = 0;
	uint32_t id;
	struct ap_reader content;
	while (next_element(&r, &id, &content)) {
		if (id == ID_TRACK_NUMBER)
			number = read_be(&content, content.len);
		else if (id == ID_CODEC)
			t.codec = codec_of(content.data, content.len);
		else if (id == ID_AUDIO)
			read_audio(content, &t);
		else if (id == ID_VIDEO)
			read_video(content, &t);
		else if (id == ID_DEFAULT_DURATION)
			t.frame_ms = frame_ms_of(&content);
		else if (id == ID_CODEC_PRIVATE && !read_private(&content, &t))
			return false;
	}
	if (t.codec == AP_WEBM_OPUS) /* OpusHead is made anew when written */
		t = (struct ap_webm_track_info){ .codec = t.codec, .channels = t.channels };
	else
		t.channels = 0;
	if (t.codec == AP_WEBM_OPUS && (t.channels < 1 || t.channels > 2))
		return false;
	if (r.bad || number < 1 || number > AP_WEBM_TRACKS || t.codec == AP_WEBM_NONE ||
	    (number == AP_WEBM_AUDIO) != (t.codec == AP_WEBM_OPUS) || h->tracks[number - 1].codec != AP_WEBM_NONE)
		return false;
	h->tracks[number - 1] = t;
	return true;
}

static bool read_tracks(struct ap_reader r, struct ap_webm_header *h)
{
	uint32_t id;
	struct ap_reader content;
	while (next_element(&r, &id, &content))
		if (id == ID_TRACK_ENTRY && !read_track(content, h))
			return false;
	return !r.bad;
}

static bool read_info(struct ap_reader r, struct ap_webm_header *h)
{
	uint32_t id;
	struct ap_reader content;
	union {
		uint64_t bits;
		double number;
	} duration;
	while (next_element(&r, &id, &content)) {
		if (id == ID_SEGMENT_UUID)
			ap_read_bytes(&content, h->uid, sizeof h->uid);
		if (id != ID_DURATION)
			continue;
		duration.bits = ap_read_u64(&content);
		if (content.bad || !(duration.number >= 0 && duration.number < 1e15))
			return false;
		h->duration_ms = (uint64_t)duration.number;
	}
	return !r.bad;
}

struct ap_result ap_webm_header_read(const uint8_t *bytes, size_t len, struct ap_webm_header *ret_h)
{
	struct ap_webm_header h = { 0 };
	struct ap_reader r = ap_reader_over(bytes, len), content = { 0 }, child;
	uint32_t id = 0;
	bool good = len == AP_WEBM_HEADER && next_element(&r, &id, &content) && id == ID_EBML &&
		    next_element(&r, &id, &content) && id == ID_SEGMENT;
	while (good && next_element(&content, &id, &child)) {
		if (id == ID_INFO)
			good = read_info(child, &h);
		else if (id == ID_TRACKS)
			good = read_tracks(child, &h);
	}
	if (!good || content.bad)
		return ap_fail(AP_ERR_PROTOCOL, "webm-header", "this is no header that a capture wrote");
	*ret_h = h;
	return AP_SUCCESS;
}
