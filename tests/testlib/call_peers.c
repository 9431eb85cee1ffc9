/*
 * Many persons' media in one small process, for tests that need calls under way but no browser: each person sends sound
 * and a picture whose every frame carries its number behind the coded data, and counts what comes from the other one.
 *
 * Lines on standard input:
 *
 *     make <name> <first frame>                  then "made <name> <ufrag> <pwd> <fingerprint>"
 *     dial <name> <ufrag> <pwd> <port> <fingerprint>
 *     count                                      then "<name> <ready> <next frame> <received> <lost> <longest gap, ms>"
 *                                                for each, and "counted"; the gap and the loss begin anew
 *     drop <name>                                if there is one
 *
 * It ends with its input.
 */
#include "peer.h"
#include "tests/integration/capture_media.h"

#include <aparte/buf.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <gst/gst.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TICK_MS 20
#define TICKS_A_FRAME 2 /* 25 frames a second */
#define AUDIO_SSRC 0x11111111u
#define VIDEO_SSRC 0x22222222u
#define AUDIO_PT 111
#define VIDEO_PT 96
#define MARK "ApFrame:" /* then the number, 4 bytes, and 4 bytes of zero */

/* What came on one SSRC. */
struct heard {
	uint32_t ssrc;
	bool any;
	uint16_t next;
};

struct person {
	char *name;
	struct ap_peer *peer;
	uint32_t frame;	   /* the next one's number */
	guint at;	   /* in the coded pictures: 0 is the keyframe */
	uint64_t tick;
	uint16_t audio_seq, video_seq;
	struct heard heard[8];
	uint64_t received, lost;
	int64_t last_us, gap_us;
};

static struct {
	GMainLoop *loop;
	GArray *pictures; /* of struct media_packet, one packet a frame */
	GPtrArray *persons;
	int64_t begun_us;
	uint64_t ticks;
} all;

static void free_person(void *data)
{
	struct person *p = data;
	ap_peer_free(p->peer);
	g_free(p->name);
	g_free(p);
}

/* ---- sending ---- */

static void send_rtp(struct person *p, uint8_t pt, uint16_t seq, uint32_t ts, uint32_t ssrc, bool marker, const uint8_t *payload,
		     size_t len)
{
	uint8_t bytes[2048];
	struct ap_writer w = ap_writer_over(bytes, sizeof bytes);
	ap_write_u8(&w, 0x80);
	ap_write_u8(&w, (uint8_t)(pt | (marker ? 0x80 : 0)));
	ap_write_u16(&w, seq);
	ap_write_u32(&w, ts);
	ap_write_u32(&w, ssrc);
	ap_write_bytes(&w, payload, len);
	g_assert_false(w.bad);
	ap_peer_send(p->peer, false, bytes, w.len);
}

static void send_sound(struct person *p)
{
	static const uint8_t silence[] = { 0xf8, 0xff, 0xfe };
	send_rtp(p, AUDIO_PT, p->audio_seq++, (uint32_t)(p->tick * 960), AUDIO_SSRC, p->tick == 0, silence, sizeof silence);
}

/* The coded frame under the number's own picture id, with the number behind it, where a decoder does not look. */
static void send_picture(struct person *p)
{
	const struct media_packet *coded = &g_array_index(all.pictures, struct media_packet, p->at);
	uint8_t payload[1600];
	size_t len;
	const void *bytes = g_bytes_get_data(coded->payload, &len);
	struct ap_writer w = ap_writer_over(payload, sizeof payload);
	ap_write_bytes(&w, bytes, len);
	payload[2] = (uint8_t)(0x80 | (p->frame >> 8 & 0x7f));
	payload[3] = (uint8_t)p->frame;
	ap_write_bytes(&w, MARK, strlen(MARK));
	ap_write_u32(&w, p->frame);
	ap_write_zero(&w, 4);
	g_assert_false(w.bad);
	send_rtp(p, VIDEO_PT, p->video_seq++, (uint32_t)(p->tick * 90 * TICK_MS), VIDEO_SSRC, true, payload, w.len);
	p->frame++;
	p->at = (p->at + 1) % all.pictures->len;
}

/* ---- hearing ---- */

static void count_packet(struct person *p, const uint8_t *bytes)
{
	uint32_t ssrc = (uint32_t)bytes[8] << 24 | (uint32_t)bytes[9] << 16 | (uint32_t)bytes[10] << 8 | bytes[11];
	uint16_t seq = (uint16_t)(bytes[2] << 8 | bytes[3]);
	for (size_t i = 0; i < G_N_ELEMENTS(p->heard); i++) {
		struct heard *h = &p->heard[i];
		if (h->any && h->ssrc != ssrc)
			continue;
		uint16_t ahead = (uint16_t)(seq - h->next);
		if (h->any && ahead < 0x8000)
			p->lost += ahead;
		if (!h->any || ahead < 0x8000)
			*h = (struct heard){ ssrc, true, (uint16_t)(seq + 1) };
		break;
	}
	int64_t now = g_get_monotonic_time();
	if (p->last_us)
		p->gap_us = MAX(p->gap_us, now - p->last_us);
	p->last_us = now;
	p->received++;
}

static void hear(struct person *p)
{
	struct ap_peer_packet *packet;
	while ((packet = ap_peer_take(p->peer))) {
		if (!packet->rtcp && packet->len > 12)
			count_packet(p, packet->bytes);
		else if (packet->len >= 12 && packet->bytes[1] == 206 && (packet->bytes[0] & 31) == 1)
			p->at = 0; /* asked for a keyframe */
		g_free(packet);
	}
}

static void tick_person(void *data, void *unused)
{
	struct person *p = data;
	(void)unused;
	hear(p);
	if (!ap_peer_ready(p->peer))
		return;
	send_sound(p);
	if (p->tick % TICKS_A_FRAME == 0)
		send_picture(p);
	p->tick++;
}

/* As many as are due: a machine that was busy does not make the media slower. */
static gboolean on_tick(void *unused)
{
	(void)unused;
	uint64_t due = (uint64_t)(g_get_monotonic_time() - all.begun_us) / (TICK_MS * 1000);
	for (; all.ticks < due; all.ticks++)
		g_ptr_array_foreach(all.persons, tick_person, NULL);
	return G_SOURCE_CONTINUE;
}

/* ---- orders ---- */

static struct person *find(const char *name)
{
	for (guint i = 0; i < all.persons->len; i++)
		if (strcmp(((struct person *)all.persons->pdata[i])->name, name) == 0)
			return all.persons->pdata[i];
	return NULL;
}

static void make(const char *name, const char *first)
{
	const struct ap_peer_options options = { .address = "127.0.0.1" };
	struct person *p = g_new0(struct person, 1);
	uint8_t fingerprint[32];
	p->name = g_strdup(name);
	p->frame = (uint32_t)strtoul(first, NULL, 10);
	p->peer = ap_peer_new(g_main_context_default(), &options);
	g_ptr_array_add(all.persons, p);
	ap_peer_fingerprint(p->peer, fingerprint);
	printf("made %s %s %s ", name, ap_peer_ufrag(p->peer), ap_peer_pwd(p->peer));
	for (size_t i = 0; i < sizeof fingerprint; i++)
		printf(i ? ":%02X" : "%02X", fingerprint[i]);
	printf("\n");
}

static void dial(struct person *p, char **words)
{
	g_autofree char *fingerprint = g_strconcat("sha-256 ", words[5], NULL);
	ap_peer_connect(p->peer, &(struct ap_peer_remote){ .ufrag = words[2],
							   .pwd = words[3],
							   .address = "127.0.0.1",
							   .port = (uint16_t)strtoul(words[4], NULL, 10),
							   .fingerprint = fingerprint });
}

/* A silence that still lasts counts as well. */
static void count(void)
{
	for (guint i = 0; i < all.persons->len; i++) {
		struct person *p = all.persons->pdata[i];
		hear(p);
		int64_t silent_us = p->last_us ? g_get_monotonic_time() - p->last_us : 0;
		printf("%s %d %u %llu %llu %lld\n", p->name, ap_peer_ready(p->peer), p->frame, (unsigned long long)p->received,
		       (unsigned long long)p->lost, (long long)(MAX(p->gap_us, silent_us) / 1000));
		p->lost = 0;
		p->gap_us = 0;
	}
	printf("counted\n");
}

static void obey(char *line)
{
	g_auto(GStrv) words = g_strsplit(g_strchomp(line), " ", -1);
	guint n = g_strv_length(words);
	struct person *p = n > 1 ? find(words[1]) : NULL;
	if (n == 3 && strcmp(words[0], "make") == 0)
		make(words[1], words[2]);
	else if (n == 6 && p && strcmp(words[0], "dial") == 0)
		dial(p, words);
	else if (n == 2 && strcmp(words[0], "drop") == 0)
		(void)(p && g_ptr_array_remove_fast(all.persons, p));
	else if (n == 1 && strcmp(words[0], "count") == 0)
		count();
	else
		g_printerr("not understood: %s\n", line);
	fflush(stdout);
}

static gboolean on_input(GIOChannel *input, GIOCondition condition, void *unused)
{
	(void)condition;
	(void)unused;
	char *line = NULL;
	GIOStatus status;
	while ((status = g_io_channel_read_line(input, &line, NULL, NULL, NULL)) == G_IO_STATUS_NORMAL) {
		obey(line);
		g_free(line);
	}
	if (status == G_IO_STATUS_AGAIN)
		return G_SOURCE_CONTINUE;
	g_main_loop_quit(all.loop);
	return G_SOURCE_REMOVE;
}

int main(void)
{
	gst_init(NULL, NULL);
	all.pictures = media_video("VP8", 64, 48, 2);
	if (!all.pictures || all.pictures->len == 0) {
		g_printerr("no VP8 encoder is installed\n");
		return 77;
	}
	all.persons = g_ptr_array_new_with_free_func(free_person);
	all.loop = g_main_loop_new(NULL, FALSE);
	all.begun_us = g_get_monotonic_time();
	g_timeout_add(TICK_MS / 2, on_tick, NULL);
	GIOChannel *input = g_io_channel_unix_new(STDIN_FILENO);
	g_io_channel_set_flags(input, G_IO_FLAG_NONBLOCK, NULL);
	g_io_add_watch(input, G_IO_IN | G_IO_HUP, on_input, NULL);
	printf("ready\n");
	fflush(stdout);
	g_main_loop_run(all.loop);
	g_io_channel_unref(input);
	g_ptr_array_unref(all.persons);
	g_array_unref(all.pictures);
	g_main_loop_unref(all.loop);
	return 0;
}
