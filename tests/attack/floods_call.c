/*
 * A call that is measured, persons who flood, and handshakes left half-way: fast clients (floods_peer.h) told what to do
 * by lines on standard input.
 *
 *     make <name> [half]                       then "made <name> <ufrag> <pwd> <fingerprint>"
 *     dial <name> <ufrag> <pwd> <port>
 *     state                                    then "state <peers> <checked> <ready>"
 *     flow <name> <name>                       the two send each other 300 packets a second, as a call does
 *     end                                      the flow ends; once all is in: "flow <sent> <received> <dropped here>
 *                                              <p50> <p99> <p99.9> <max>", times in µs from sending to arrival
 *     storm <name> <rate> <seconds> [<ssrc>]   as many packets a second, authenticated, with an SSRC requests for
 *                                              keyframes of that; then "storm <sent>"
 *     drop                                     all peers
 *
 * It ends with its input. `floods_call behind` is for those who flood.
 */
#include "floods_peer.h"

#include <aparte/buf.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define NS 1000000000ll
#define MS 1000000ll
#define SOUND_EVERY (20 * MS)
#define PICTURE_EVERY (40 * MS)
#define PICTURE_PACKETS 10
#define PICTURE_BYTES 1100
#define SOUND_BYTES 120
#define AUDIO_SSRC 0x11111111u
#define VIDEO_SSRC 0x22222222u
#define TRAILER 144
#define SETTLE_NS (500 * MS)

struct person {
	char *name;
	struct fast_peer *peer;
	uint16_t sound_seq, picture_seq;
	uint32_t ticks;
	uint64_t sent, received;
	uint32_t overflowed; /* at the flow's beginning */
};

static struct {
	GPtrArray *persons;
	struct person *flow[2];
	GArray *latencies; /* ns */
	int64_t sound_due, picture_due, tick_due;
	int epoll;
	bool over;
} all;

static int64_t now_ns(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return t.tv_sec * NS + t.tv_nsec;
}

/* ---- the measured flow ---- */

static void heard(void *ctx, const uint8_t *rtp, size_t len, int64_t arrival_ns)
{
	struct person *p = ctx;
	uint64_t sent_ns;
	struct ap_reader r = ap_reader_over(rtp, len);
	if ((p != all.flow[0] && p != all.flow[1]) || rtp[0] & 0x10)
		return;
	ap_read_skip(&r, 12 + 4); /* header, what a VP8 depayloader would look at */
	sent_ns = ap_read_u64(&r);
	if (r.bad)
		return;
	int64_t took = arrival_ns - (int64_t)sent_ns;
	p->received++;
	g_array_append_val(all.latencies, took);
}

static size_t write_rtp(uint8_t *bytes, bool picture, uint16_t seq, uint32_t ts, size_t payload)
{
	struct ap_writer w = ap_writer_over(bytes, FAST_PACKET);
	ap_write_u8(&w, 0x80);
	ap_write_u8(&w, picture ? 96 : 111);
	ap_write_u16(&w, seq);
	ap_write_u32(&w, ts);
	ap_write_u32(&w, picture ? VIDEO_SSRC : AUDIO_SSRC);
	ap_write_u32(&w, 0x10010000); /* no keyframe */
	ap_write_u64(&w, (uint64_t)now_ns(CLOCK_REALTIME));
	ap_write_zero(&w, payload - 12);
	g_assert_false(w.bad);
	return w.len;
}

static void send_one(struct person *p, bool picture)
{
	_Alignas(8) uint8_t bytes[FAST_PACKET + TRAILER];
	uint16_t *seq = picture ? &p->picture_seq : &p->sound_seq;
	uint32_t ts = picture ? p->ticks * 3600 : *seq * 960u;
	size_t len = write_rtp(bytes, picture, (*seq)++, ts, picture ? PICTURE_BYTES : SOUND_BYTES);
	fast_peer_send(p->peer, bytes, fast_peer_protect(p->peer, false, bytes, len));
	p->sent++;
}

static void flow(int64_t now)
{
	for (; all.flow[0] && all.sound_due <= now; all.sound_due += SOUND_EVERY)
		for (int side = 0; side < 2; side++)
			send_one(all.flow[side], false);
	for (; all.flow[0] && all.picture_due <= now; all.picture_due += PICTURE_EVERY)
		for (int i = 0; i < 2 * PICTURE_PACKETS; i++) {
			all.flow[i & 1]->ticks += i < 2;
			send_one(all.flow[i & 1], true);
		}
}

/* ---- turns ---- */

static void tick(int64_t now)
{
	if (now < all.tick_due)
		return;
	all.tick_due = now + 10 * MS;
	for (guint i = 0; i < all.persons->len; i++)
		fast_peer_tick(((struct person *)all.persons->pdata[i])->peer, now);
}

/* One turn of everything but orders; returns whether there is something on standard input. */
static bool turn(void)
{
	struct epoll_event events[64];
	bool input = false;
	int64_t now = now_ns(CLOCK_MONOTONIC);
	tick(now);
	flow(now);
	int64_t due = all.flow[0] ? MIN(MIN(all.sound_due, all.picture_due), all.tick_due) : all.tick_due;
	int64_t wait = CLAMP(due - now_ns(CLOCK_MONOTONIC), 0, 10 * MS);
	int n = epoll_pwait2(all.epoll, events, 64, &(struct timespec){.tv_nsec = wait}, NULL);
	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr)
			fast_peer_read(((struct person *)events[i].data.ptr)->peer);
		else
			input = true;
	}
	return input;
}

static void turns_until(int64_t end_ns)
{
	while (now_ns(CLOCK_MONOTONIC) < end_ns)
		(void)turn();
}

/* ---- orders ---- */

static struct person *find(const char *name)
{
	for (guint i = 0; i < all.persons->len; i++)
		if (strcmp(((struct person *)all.persons->pdata[i])->name, name) == 0)
			return all.persons->pdata[i];
	return NULL;
}

static void watch(int fd, struct person *p)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = p};
	g_assert_true(epoll_ctl(all.epoll, EPOLL_CTL_ADD, fd, &e) == 0);
}

static void make(const char *name, bool half)
{
	struct person *p = g_new0(struct person, 1);
	p->name = g_strdup(name);
	p->peer = fast_peer_new(half, heard, p);
	g_ptr_array_add(all.persons, p);
	watch(fast_peer_fd(p->peer), p);
	printf("made %s %s %s %s\n", name, fast_peer_ufrag(p->peer), fast_peer_pwd(p->peer), fast_peer_fingerprint());
}

static void free_person(void *data)
{
	struct person *p = data;
	fast_peer_free(p->peer);
	g_free(p->name);
	g_free(p);
}

static void tell_state(void)
{
	unsigned checked = 0, ready = 0;
	for (guint i = 0; i < all.persons->len; i++) {
		const struct person *p = all.persons->pdata[i];
		checked += fast_peer_checked(p->peer);
		ready += fast_peer_ready(p->peer);
	}
	printf("state %u %u %u\n", all.persons->len, checked, ready);
}

static void begin(struct person *a, struct person *b)
{
	g_array_set_size(all.latencies, 0);
	all.flow[0] = a;
	all.flow[1] = b;
	for (int side = 0; side < 2; side++) {
		all.flow[side]->sent = all.flow[side]->received = 0;
		all.flow[side]->overflowed = fast_peer_overflowed(all.flow[side]->peer);
	}
	all.sound_due = now_ns(CLOCK_MONOTONIC);
	all.picture_due = all.sound_due + 5 * MS;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static long long percentile(double share)
{
	guint n = all.latencies->len;
	guint at = n ? MIN((guint)(share * n), n - 1) : 0;
	return n ? g_array_index(all.latencies, int64_t, at) / 1000 : -1;
}

/* Nothing is sent any more, but what is under way still arrives. */
static void end(void)
{
	struct person *pair[2] = {all.flow[0], all.flow[1]};
	uint64_t sent = 0, received = 0, overflowed = 0;
	all.sound_due = all.picture_due = INT64_MAX;
	turns_until(now_ns(CLOCK_MONOTONIC) + SETTLE_NS);
	all.flow[0] = all.flow[1] = NULL;
	for (int side = 0; pair[0] && side < 2; side++) {
		sent += pair[side]->sent;
		received += pair[side]->received;
		overflowed += fast_peer_overflowed(pair[side]->peer) - pair[side]->overflowed;
	}
	g_array_sort(all.latencies, compare);
	printf("flow %llu %llu %llu %lld %lld %lld %lld\n", (unsigned long long)sent, (unsigned long long)received,
	       (unsigned long long)overflowed, percentile(0.5), percentile(0.99), percentile(0.999), percentile(1));
}

/* A picture loss indication for the picture that this side receives. */
static size_t write_pli(uint8_t *bytes, uint32_t ssrc)
{
	struct ap_writer w = ap_writer_over(bytes, FAST_PACKET);
	ap_write_u32(&w, 0x81ce0002);
	ap_write_u32(&w, VIDEO_SSRC);
	ap_write_u32(&w, ssrc);
	return w.len;
}

static void storm(struct person *p, long rate, long seconds, uint32_t pli)
{
	_Alignas(8) uint8_t bytes[FAST_PACKET + TRAILER];
	int64_t begun = now_ns(CLOCK_MONOTONIC), now = begun;
	uint64_t sent = 0;
	while (now - begun < seconds * NS) {
		uint64_t due = (uint64_t)((double)(now - begun) / NS * (double)rate);
		for (int i = 0; i < 64 && sent < due; i++, sent++) {
			size_t len = pli ? write_pli(bytes, pli)
					 : write_rtp(bytes, true, p->picture_seq++, (uint32_t)(sent / 10 * 3600), 200);
			fast_peer_send(p->peer, bytes, fast_peer_protect(p->peer, pli != 0, bytes, len));
		}
		if (sent >= due)
			(void)turn();
		now = now_ns(CLOCK_MONOTONIC);
	}
	printf("storm %llu\n", (unsigned long long)sent);
}

static void obey(char *line)
{
	g_auto(GStrv) words = g_strsplit(g_strchomp(line), " ", -1);
	guint n = g_strv_length(words);
	struct person *p = n > 1 ? find(words[1]) : NULL, *q = n > 2 ? find(words[2]) : NULL;
	if (n >= 2 && strcmp(words[0], "make") == 0)
		make(words[1], n > 2);
	else if (n == 5 && p && strcmp(words[0], "dial") == 0)
		fast_peer_dial(p->peer, words[2], words[3], (uint16_t)atoi(words[4]));
	else if (n == 3 && p && q && strcmp(words[0], "flow") == 0)
		begin(p, q);
	else if (n >= 4 && p && strcmp(words[0], "storm") == 0)
		storm(p, atol(words[2]), atol(words[3]), n > 4 ? (uint32_t)strtoul(words[4], NULL, 10) : 0);
	else if (strcmp(words[0], "state") == 0)
		tell_state();
	else if (strcmp(words[0], "end") == 0)
		end();
	else if (strcmp(words[0], "drop") == 0)
		g_ptr_array_set_size(all.persons, 0);
	else
		g_printerr("not understood: %s\n", line);
	fflush(stdout);
}

static void listen_to_orders(void)
{
	static char pending[65536];
	static size_t have;
	ssize_t n = read(STDIN_FILENO, pending + have, sizeof pending - 1 - have);
	all.over = n <= 0;
	have += n > 0 ? (size_t)n : 0;
	pending[have] = '\0';
	char *at = pending;
	for (char *newline; (newline = strchr(at, '\n')); at = newline + 1) {
		*newline = '\0';
		obey(at);
	}
	have -= (size_t)(at - pending);
	for (size_t i = 0; i < have; i++)
		pending[i] = at[i];
}

/* Who is measured stands for two other machines, whose time nobody takes; who floods takes nobody's. The kernel may divide
 * time by sessions first. */
static void take_place(int nice)
{
	char text[8];
	(void)!setpriority(PRIO_PROCESS, 0, nice);
	setsid();
	g_snprintf(text, sizeof text, "%d", nice);
	int group = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);
	if (group >= 0) {
		(void)!write(group, text, strlen(text));
		close(group);
	}
}

int main(int argc, char **argv)
{
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)!setrlimit(RLIMIT_NOFILE, &files);
	}
	take_place(argc > 1 && strcmp(argv[1], "behind") == 0 ? 10 : -15);
	fast_peer_start();
	all.persons = g_ptr_array_new_with_free_func(free_person);
	all.latencies = g_array_new(FALSE, FALSE, sizeof(int64_t));
	all.epoll = epoll_create1(EPOLL_CLOEXEC);
	watch(STDIN_FILENO, NULL);
	printf("ready\n");
	fflush(stdout);
	while (!all.over)
		if (turn())
			listen_to_orders();
	return 0;
}
