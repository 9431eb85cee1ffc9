#include <aparte/webm.h>

#include "webm_ids.h"

#include <aparte/buf.h>
#include <string.h>

#define APP_NAME "Aparte"
#define SEEK_ENTRY 21 /* bytes of one entry: every number in it has a fixed width */
#define SIZE_UNKNOWN 0xFFFFFFFFFFFFFFull
#define OPUS_HEAD 19

/* ---- writing elements ---- */

/* The low n bytes of v, big endian. */
static void put_be(GByteArray *out, uint64_t v, unsigned n)
{
	for (unsigned i = n; i-- > 0;) {
		uint8_t byte = (uint8_t)(v >> (8 * i));
		g_byte_array_append(out, &byte, 1);
	}
}

/* Ids carry their own length marker. */
static void put_id(GByteArray *out, uint32_t id)
{
	put_be(out, id, id > 0xFFFFFF ? 4 : id > 0xFFFF ? 3 : id > 0xFF ? 2 : 1);
}

/* A size in n bytes, 1..8. */
static void put_size_in(GByteArray *out, uint64_t size, unsigned n)
{
	put_be(out, size | 1ull << (7 * n), n);
}

static unsigned size_length(uint64_t size)
{
	unsigned n = 1;
	while (n < 8 && size >= (1ull << (7 * n)) - 1)
		n++;
	return n;
}

static void put_bytes(GByteArray *out, uint32_t id, const void *bytes, size_t len)
{
	put_id(out, id);
	put_size_in(out, len, size_length(len));
	g_byte_array_append(out, bytes, (guint)len);
}

static void put_text(GByteArray *out, uint32_t id, const char *text)
{
	put_bytes(out, id, text, strlen(text));
}

/* An unsigned integer in n bytes. */
static void put_uint_in(GByteArray *out, uint32_t id, uint64_t v, unsigned n)
{
	put_id(out, id);
	put_size_in(out, n, 1);
	put_be(out, v, n);
}

static void put_uint(GByteArray *out, uint32_t id, uint64_t v)
{
	unsigned n = 1;
	while (n < 8 && v >> (8 * n))
		n++;
	put_uint_in(out, id, v, n);
}

static void put_double(GByteArray *out, uint32_t id, double v)
{
	union {
		double number;
		uint64_t bits;
	} u = { v };
	put_uint_in(out, id, u.bits, 8);
}

/* Appends `child` as the content of a master element, and frees it. */
static void put_master(GByteArray *out, uint32_t id, GByteArray *child)
{
	put_bytes(out, id, child->data, child->len);
	g_byte_array_unref(child);
}

/* ---- the header ---- */

static void put_ebml(GByteArray *out, bool webm)
{
	GByteArray *e = g_byte_array_new();
	put_uint(e, ID_EBML_VERSION, 1);
	put_uint(e, ID_EBML_READ_VERSION, 1);
	put_uint(e, ID_EBML_MAX_ID, 4);
	put_uint(e, ID_EBML_MAX_SIZE, 8);
	put_text(e, ID_DOC_TYPE, webm ? "webm" : "matroska");
	put_uint(e, ID_DOC_TYPE_VERSION, 4);
	put_uint(e, ID_DOC_TYPE_READ_VERSION, 2);
	put_master(out, ID_EBML, e);
}

static GByteArray *info_of(const struct ap_webm_header *h)
{
	GByteArray *info = g_byte_array_new(), *out = g_byte_array_new();
	put_bytes(info, ID_SEGMENT_UUID, h->uid, sizeof h->uid);
	put_uint(info, ID_TIMESTAMP_SCALE, 1000000);
	if (h->duration_ms > 0)
		put_double(info, ID_DURATION, (double)h->duration_ms);
	put_text(info, ID_MUXING_APP, APP_NAME);
	put_text(info, ID_WRITING_APP, APP_NAME);
	put_master(out, ID_INFO, info);
	return out;
}

/* RFC 7845 §5.1, little endian. No pre-skip: a call is joined in its middle, there is no encoder start to cut. */
static void put_opus(GByteArray *entry, const struct ap_webm_track_info *t)
{
	const uint8_t head[OPUS_HEAD] = { 'O', 'p', 'u', 's', 'H', 'e', 'a', 'd', 1, t->channels, 0, 0,
					  0x80, 0xBB, 0, 0, 0, 0, 0 };
	put_bytes(entry, ID_CODEC_PRIVATE, head, sizeof head);
	put_uint(entry, ID_SEEK_PRE_ROLL, 80000000);
	GByteArray *audio = g_byte_array_new();
	put_double(audio, ID_SAMPLING_FREQUENCY, 48000);
	put_uint(audio, ID_CHANNELS, t->channels);
	put_master(entry, ID_AUDIO, audio);
}

static void put_video(GByteArray *entry, const struct ap_webm_track_info *t)
{
	if (t->private_len > 0)
		put_bytes(entry, ID_CODEC_PRIVATE, t->private_bytes, t->private_len);
	put_uint(entry, ID_DEFAULT_DURATION, (t->frame_ms ? t->frame_ms : AP_WEBM_FRAME_MS) * UINT64_C(1000000));
	GByteArray *video = g_byte_array_new();
	put_uint(video, ID_PIXEL_WIDTH, t->width);
	put_uint(video, ID_PIXEL_HEIGHT, t->height);
	put_master(entry, ID_VIDEO, video);
}

static void put_track(GByteArray *tracks, enum ap_webm_track number, const struct ap_webm_track_info *t)
{
	GByteArray *entry = g_byte_array_new();
	put_uint(entry, ID_TRACK_NUMBER, number);
	put_uint(entry, ID_TRACK_UID, number);
	put_uint(entry, ID_TRACK_TYPE, t->codec == AP_WEBM_OPUS ? 2 : 1);
	put_uint(entry, ID_FLAG_DEFAULT, number != AP_WEBM_SCREEN);
	put_uint(entry, ID_FLAG_LACING, 0);
	put_text(entry, ID_CODEC, ap_webm_codec_name(t->codec));
	if (t->codec == AP_WEBM_OPUS)
		put_opus(entry, t);
	else
		put_video(entry, t);
	put_master(tracks, ID_TRACK_ENTRY, entry);
}

static GByteArray *tracks_of(const struct ap_webm_header *h)
{
	GByteArray *tracks = g_byte_array_new(), *out = g_byte_array_new();
	for (int n = 1; n <= AP_WEBM_TRACKS; n++)
		if (h->tracks[n - 1].codec != AP_WEBM_NONE)
			put_track(tracks, (enum ap_webm_track)n, &h->tracks[n - 1]);
	put_master(out, ID_TRACKS, tracks);
	return out;
}

static void put_seek(GByteArray *seeks, uint32_t id, uint64_t position)
{
	GByteArray *seek = g_byte_array_new();
	put_uint_in(seek, ID_SEEK_ID, id, 4);
	put_uint_in(seek, ID_SEEK_POSITION, position, 8);
	put_master(seeks, ID_SEEK, seek);
}

/* Positions count from the first byte of the Segment's content, which begins at `content`. */
static void put_seek_head(GByteArray *out, const struct ap_webm_header *h, uint64_t content, uint64_t info_len)
{
	unsigned entries = h->cues_offset > 0 ? 3 : 2;
	uint64_t after = 4 + size_length(entries * SEEK_ENTRY) + entries * SEEK_ENTRY;
	GByteArray *seeks = g_byte_array_new();
	put_seek(seeks, ID_INFO, after);
	put_seek(seeks, ID_TRACKS, after + info_len);
	if (h->cues_offset > 0)
		put_seek(seeks, ID_CUES, h->cues_offset - content);
	put_master(out, ID_SEEK_HEAD, seeks);
}

/* Fills up to AP_WEBM_HEADER; false when there is no room for a Void's own 9 bytes. */
static bool put_void(GByteArray *out)
{
	if (out->len + 9 > AP_WEBM_HEADER)
		return false;
	uint64_t room = AP_WEBM_HEADER - out->len - 9;
	put_id(out, ID_VOID);
	put_size_in(out, room, 8);
	guint at = out->len;
	g_byte_array_set_size(out, AP_WEBM_HEADER);
	memset(out->data + at, 0, room);
	return true;
}

static bool is_webm(const struct ap_webm_header *h)
{
	bool webm = true;
	for (int i = 0; i < AP_WEBM_TRACKS; i++)
		webm = webm && h->tracks[i].codec != AP_WEBM_H264;
	return webm;
}

/* Where the Segment's content begins, after its id and size. */
static uint64_t segment_content(uint64_t ebml_len)
{
	return ebml_len + 4 + 8;
}

struct ap_result ap_webm_header_write(const struct ap_webm_header *h, uint8_t ret_bytes[AP_WEBM_HEADER])
{
	g_autoptr(GByteArray) out = g_byte_array_new();
	put_ebml(out, is_webm(h));
	uint64_t content = segment_content(out->len);
	put_id(out, ID_SEGMENT);
	put_size_in(out, h->file_size > content ? h->file_size - content : SIZE_UNKNOWN, 8);
	g_autoptr(GByteArray) info = info_of(h);
	g_autoptr(GByteArray) tracks = tracks_of(h);
	put_seek_head(out, h, content, info->len);
	g_byte_array_append(out, info->data, info->len);
	g_byte_array_append(out, tracks->data, tracks->len);
	if (!put_void(out) || !ap_copy(ret_bytes, AP_WEBM_HEADER, out->data, out->len))
		return ap_fail(AP_ERR_LIMIT, "webm-header", "the codec's private data do not fit");
	return AP_SUCCESS;
}

/* ---- clusters and cues ---- */

#define CLUSTER_SIZE_AT 4 /* after the id: an 8-byte size, set when the cluster ends */

void ap_webm_cluster_begin(GByteArray *cluster, uint64_t time_ms)
{
	put_id(cluster, ID_CLUSTER);
	put_size_in(cluster, 0, 8);
	put_uint(cluster, ID_TIMESTAMP, time_ms);
}

void ap_webm_block(GByteArray *cluster, enum ap_webm_track track, int16_t rel_ms, bool keyframe, const void *frame,
		   size_t len)
{
	put_id(cluster, ID_SIMPLE_BLOCK);
	put_size_in(cluster, len + 4, size_length(len + 4));
	put_be(cluster, 0x80u | (unsigned)track, 1);
	put_be(cluster, (uint16_t)rel_ms, 2);
	put_be(cluster, keyframe ? 0x80 : 0, 1);
	g_byte_array_append(cluster, frame, (guint)len);
}

void ap_webm_cluster_end(GByteArray *cluster)
{
	struct ap_writer w = ap_writer_over(cluster->data + CLUSTER_SIZE_AT, 8);
	ap_write_u64(&w, (uint64_t)(cluster->len - CLUSTER_SIZE_AT - 8) | 1ull << 56);
}

enum ap_webm_track ap_webm_cue_track(const struct ap_webm_header *h)
{
	if (h->tracks[AP_WEBM_CAMERA - 1].codec != AP_WEBM_NONE)
		return AP_WEBM_CAMERA;
	return h->tracks[AP_WEBM_SCREEN - 1].codec != AP_WEBM_NONE ? AP_WEBM_SCREEN : AP_WEBM_AUDIO;
}

static void put_cue(GByteArray *cues, uint64_t content, enum ap_webm_track track, const struct ap_webm_cue *cue)
{
	GByteArray *positions = g_byte_array_new(), *point = g_byte_array_new();
	put_uint(positions, ID_CUE_TRACK, track);
	put_uint(positions, ID_CUE_CLUSTER_POSITION, cue->offset - content);
	put_uint(point, ID_CUE_TIME, cue->time_ms);
	put_master(point, ID_CUE_TRACK_POSITIONS, positions);
	put_master(cues, ID_CUE_POINT, point);
}

/* The Cues element; empty when no cue is a keyframe's. */
static GByteArray *cues_of(const struct ap_webm_header *h, const struct ap_webm_cue *cues, size_t count)
{
	g_autoptr(GByteArray) ebml = g_byte_array_new();
	put_ebml(ebml, is_webm(h));
	uint64_t content = segment_content(ebml->len);
	GByteArray *points = g_byte_array_new(), *out = g_byte_array_new();
	enum ap_webm_track track = ap_webm_cue_track(h);
	for (size_t i = 0; i < count; i++)
		if (cues[i].keyframe || track == AP_WEBM_AUDIO)
			put_cue(points, content, track, &cues[i]);
	if (points->len > 0)
		put_master(out, ID_CUES, points);
	else
		g_byte_array_unref(points);
	return out;
}

struct ap_result ap_webm_finish(const uint8_t *header, size_t header_len, uint64_t duration_ms, uint64_t clusters_end,
				const struct ap_webm_cue *cues, size_t count, uint8_t ret_header[AP_WEBM_HEADER],
				GByteArray **ret_cues)
{
	struct ap_webm_header h;
	AP_TRY(ap_webm_header_read(header, header_len, &h));
	if (clusters_end < AP_WEBM_HEADER)
		return ap_fail(AP_ERR_PROTOCOL, "webm-offsets", "clusters begin after the header");
	for (size_t i = 0; i < count; i++)
		if (cues[i].offset < AP_WEBM_HEADER || cues[i].offset >= clusters_end)
			return ap_fail(AP_ERR_PROTOCOL, "webm-offsets", "a cluster lies outside the file");
	g_autoptr(GByteArray) out = cues_of(&h, cues, count);
	h.duration_ms = duration_ms;
	h.file_size = clusters_end + out->len;
	h.cues_offset = out->len > 0 ? clusters_end : 0;
	AP_TRY(ap_webm_header_write(&h, ret_header));
	*ret_cues = g_steal_pointer(&out);
	return AP_SUCCESS;
}
