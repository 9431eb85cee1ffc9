#include "recorded_media.h"

#include "tests/integration/capture_media.h"

#include <aparte/buf.h>
#include <string.h>

#define NS INT64_C(1000000000)
#define SOUND_NS (NS / 50)
#define PICTURE_NS (NS / 25)
#define SPREAD_NS (PICTURE_NS * 9 / 10) /* a picture's packets are sent within this */
#define MOST_APART_NS (NS / 250)
#define RTP 12
#define STAMP 8
#define MARKED (sizeof RECORDED_MARK - 1 + STAMP)

/* A picture that costs what is allowed, and noise. So many bit/s asked for are about 250 packets a second. */
#define VIDEO                                                                                               \
	"videotestsrc num-buffers=100 pattern=zone-plate kx2=14 ky2=9 kt=11 ! "                             \
	"video/x-raw,width=640,height=360,framerate=25/1 ! "                                                \
	"vp8enc deadline=1 cpu-used=8 end-usage=cbr target-bitrate=2480000 keyframe-max-dist=50 ! "         \
	"rtpvp8pay mtu=1172 picture-id-mode=15-bit"
#define AUDIO                                                                                               \
	"audiotestsrc num-buffers=200 samplesperbuffer=960 wave=pink-noise volume=0.2 ! "                   \
	"audio/x-raw,rate=48000,channels=1 ! opusenc frame-size=20 bitrate=40000 bitrate-type=cbr ! rtpopuspay"

struct recorded_media {
	GArray *pictures, *sounds; /* of struct media_packet */
	GArray *lengths;	   /* of unsigned: packets of the picture that begins here, else 0 */
};

static const struct media_packet *packet(const GArray *a, unsigned i)
{
	return &g_array_index(a, struct media_packet, i);
}

static unsigned length_at(const GArray *pictures, unsigned i)
{
	unsigned n = 1;
	if (i > 0 && !packet(pictures, i - 1)->marker)
		return 0;
	while (i + n <= pictures->len && !packet(pictures, i + n - 1)->marker)
		n++;
	return n;
}

struct recorded_media *recorded_media_make(void)
{
	struct recorded_media *m = g_new0(struct recorded_media, 1);
	m->pictures = media_of(VIDEO);
	m->sounds = media_of(AUDIO);
	if (!m->pictures || !m->sounds || m->pictures->len == 0 || m->sounds->len == 0) {
		recorded_media_free(m);
		return NULL;
	}
	m->lengths = g_array_new(FALSE, TRUE, sizeof(unsigned));
	for (unsigned i = 0; i < m->pictures->len; i++) {
		unsigned n = length_at(m->pictures, i);
		g_array_append_val(m->lengths, n);
	}
	return m;
}

void recorded_media_free(struct recorded_media *m)
{
	if (!m)
		return;
	g_clear_pointer(&m->pictures, g_array_unref);
	g_clear_pointer(&m->sounds, g_array_unref);
	g_clear_pointer(&m->lengths, g_array_unref);
	g_free(m);
}

double recorded_media_rate(const struct recorded_media *m)
{
	unsigned frames = 0;
	for (unsigned i = 0; i < m->pictures->len; i++)
		frames += packet(m->pictures, i)->marker;
	return 50 + 25.0 * m->pictures->len / frames;
}

void recorded_sender_start(struct recorded_sender *s, const struct recorded_media *m, int64_t now_ns)
{
	*s = (struct recorded_sender){ .media = m, .sound_due = now_ns, .picture_due = now_ns, .frame_ns = now_ns };
	s->sound_due += g_random_int_range(0, (int)SOUND_NS);
	s->picture_due += g_random_int_range(0, (int)PICTURE_NS);
	s->frame_ns = s->picture_due;
}

static struct ap_writer begin(struct recorded_packet *p, uint8_t type, uint16_t seq, uint32_t rtp, uint32_t ssrc)
{
	struct ap_writer w = ap_writer_over(p->bytes, RECORDED_PACKET);
	p->seq = seq;
	p->mark = 0;
	ap_write_u8(&w, 0x80);
	ap_write_u8(&w, type);
	ap_write_u16(&w, seq);
	ap_write_u32(&w, rtp);
	ap_write_u32(&w, ssrc);
	return w;
}

static void write_mark(struct ap_writer *w, struct recorded_packet *p)
{
	ap_write_bytes(w, RECORDED_MARK, strlen(RECORDED_MARK));
	p->mark = w->len;
	ap_write_zero(w, STAMP);
}

/* One coded frame as a packet of code 3 with one frame and padding. */
static void write_sound(struct recorded_sender *s, struct recorded_packet *p)
{
	const GArray *sounds = s->media->sounds;
	gsize len = 0;
	const uint8_t *coded = g_bytes_get_data(packet(sounds, s->ticks % sounds->len)->payload, &len);
	uint8_t marker = s->ticks == 0 ? 0x80 : 0;
	struct ap_writer w = begin(p, RECORDED_AUDIO_PT | marker, s->sound_seq++, s->ticks * 960, RECORDED_AUDIO_SSRC);
	g_assert_true(len > 1 && (coded[0] & 3) == 0);
	p->picture = false;
	ap_write_u8(&w, coded[0] | 3);
	ap_write_u8(&w, 0x41);
	ap_write_u8(&w, MARKED);
	ap_write_bytes(&w, coded + 1, len - 1);
	write_mark(&w, p);
	g_assert_false(w.bad);
	p->len = w.len;
	s->ticks++;
	s->sound_due += SOUND_NS;
}

/* Its picture is over: the next one, at its own time. */
static void next_picture(struct recorded_sender *s)
{
	s->frames++;
	s->frame_ns += PICTURE_NS;
	s->picture_due = s->frame_ns;
	s->at = s->keyframe ? 0 : s->at % s->media->pictures->len;
	s->keyframe = false;
}

static void write_picture(struct recorded_sender *s, struct recorded_packet *p)
{
	const struct media_packet *coded = packet(s->media->pictures, s->at);
	unsigned first = s->at;
	gsize len = 0;
	const uint8_t *bytes = g_bytes_get_data(coded->payload, &len);
	uint8_t type = RECORDED_VIDEO_PT | (coded->marker ? 0x80 : 0);
	struct ap_writer w = begin(p, type, s->picture_seq++, s->frames * 3600, RECORDED_VIDEO_SSRC);
	ap_write_bytes(&w, bytes, len);
	/* The pictures' own numbers go on where the coded ones begin anew (RFC 7741 §4.2). */
	p->bytes[RTP + 2] = (uint8_t)(0x80 | (s->frames >> 8 & 0x7F));
	p->bytes[RTP + 3] = (uint8_t)s->frames;
	p->picture = true;
	if (coded->marker)
		write_mark(&w, p);
	g_assert_false(w.bad);
	p->len = w.len;
	while (g_array_index(s->media->lengths, unsigned, first) == 0)
		first--;
	int64_t apart = SPREAD_NS / g_array_index(s->media->lengths, unsigned, first);
	s->picture_due += MIN(apart, MOST_APART_NS);
	s->at++;
	if (coded->marker)
		next_picture(s);
}

bool recorded_sender_next(struct recorded_sender *s, int64_t now_ns, struct recorded_packet *ret_packet)
{
	if (s->sound_due <= now_ns)
		write_sound(s, ret_packet);
	else if (s->picture_due <= now_ns)
		write_picture(s, ret_packet);
	else
		return false;
	return true;
}

void recorded_packet_stamp(struct recorded_packet *p, int64_t realtime_ns)
{
	if (p->mark == 0)
		return;
	struct ap_writer w = ap_writer_over(p->bytes + p->mark, STAMP);
	ap_write_u64(&w, (uint64_t)realtime_ns);
}
