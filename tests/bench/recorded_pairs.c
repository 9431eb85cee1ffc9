/*
 * Many calls with real media at once, measured, for the recording's rows of scripts/bench: fast clients
 * (tests/attack/floods_peer.h) that send what recorded_media.h makes, told what to do by lines on standard input.
 *
 *     make <name>                          then "made <name> <ufrag> <pwd> <fingerprint>"
 *     dial <name> <ufrag> <pwd> <port>
 *     state                                then "state <persons> <with ICE> <ready>"
 *     go                                   all send from here on; who is made n-th hears the (n^1)-th
 *     window <seconds>                     then "begin", "end", and, once what was under way has come: "window <sent>
 *                                          <received> <dropped here> <p50> <p99> <p99.9> <max> <late>"
 *     drop                                 all persons
 *
 * A packet is counted in the window it was sent in. Its time runs from before it is protected until the kernel has it at
 * the other end, in µs; `late` is the 99th percentile of how much later than due it was sent, which is this program's or
 * the machine's fault. It ends with its input.
 */
#include "recorded_media.h"

#include "tests/attack/floods_peer.h"

#include <aparte/buf.h>
#include <gst/gst.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define NS INT64_C(1000000000)
#define TICK_NS (NS / 2000)
#define READ_NS (NS / 500)
#define CHECK_NS (NS / 50)
#define SETTLE_NS (NS / 2)
#define TABLE 4096 /* packets that may be under way in one stream */

/* When a packet was sent, by its number. */
struct sent {
	int64_t ns;
	unsigned window;
	uint16_t seq;
};

struct person {
	char *name;
	struct fast_peer *peer;
	struct person *other;
	struct recorded_sender sender;
	struct sent table[2][TABLE]; /* of sound, of pictures */
	uint32_t asked, overflowed;
};

static struct {
	GPtrArray *persons;
	struct recorded_media *media;
	GArray *latencies, *lateness; /* int64_t, ns */
	unsigned window, windows;     /* the one under way, 0: none; so far */
	uint64_t sent, received;
	int64_t read_due, check_due;
	int epoll;
	bool going, over;
} all;

static int64_t now_ns(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return t.tv_sec * NS + t.tv_nsec;
}

/* ---- media ---- */

static void heard(void *ctx, const uint8_t *rtp, size_t len, int64_t arrival_ns)
{
	struct person *p = ctx;
	struct ap_reader r = ap_reader_over(rtp, len);
	ap_read_skip(&r, 1);
	bool picture = (ap_read_u8(&r) & 0x7F) == RECORDED_VIDEO_PT;
	uint16_t seq = ap_read_u16(&r);
	if (!p->other || r.bad)
		return;
	struct sent *s = &p->other->table[picture][seq % TABLE];
	if (s->ns == 0 || s->seq != seq)
		return; /* twice, or not ours */
	int64_t took = arrival_ns - s->ns;
	if (s->window && s->window == all.windows) {
		all.received++;
		g_array_append_val(all.latencies, took);
	}
	s->ns = 0;
}

static void send_packet(struct person *p, struct recorded_packet *packet)
{
	int64_t now = now_ns(CLOCK_REALTIME);
	recorded_packet_stamp(packet, now);
	p->table[packet->picture][packet->seq % TABLE] = (struct sent){ now, all.window, packet->seq };
	fast_peer_send(p->peer, packet->bytes, fast_peer_protect(p->peer, false, packet->bytes, packet->len));
	all.sent += all.window > 0;
}

static void send_due(struct person *p, int64_t now)
{
	static struct recorded_packet packet;
	int64_t due = MIN(p->sender.sound_due, p->sender.picture_due), late = now - due;
	if (fast_peer_keyframes_asked(p->peer) != p->asked)
		p->sender.keyframe = true;
	p->asked = fast_peer_keyframes_asked(p->peer);
	if (due <= now && all.window)
		g_array_append_val(all.lateness, late);
	while (recorded_sender_next(&p->sender, now, &packet))
		send_packet(p, &packet);
}

/* ---- turns ---- */

static void each(void (*f)(struct person *p, int64_t now), int64_t now)
{
	for (guint i = 0; i < all.persons->len; i++)
		f(all.persons->pdata[i], now);
}

static void check(struct person *p, int64_t now)
{
	fast_peer_tick(p->peer, now);
}

/* Reads what waits, at most `wait_ms`; whether there is something on standard input. */
static bool read_all(int wait_ms)
{
	struct epoll_event events[128];
	bool input = false;
	int n = epoll_wait(all.epoll, events, 128, wait_ms);
	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr)
			fast_peer_read(((struct person *)events[i].data.ptr)->peer);
		else
			input = true;
	}
	return input;
}

static void sleep_until_next(int64_t now)
{
	int64_t next = (now / TICK_NS + 1) * TICK_NS;
	const struct timespec at = { next / NS, next % NS };
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

static bool turn(void)
{
	int64_t now = now_ns(CLOCK_MONOTONIC);
	bool input = false;
	if (now >= all.check_due) {
		all.check_due = now + CHECK_NS;
		each(check, now);
	}
	if (!all.going)
		return read_all(5);
	each(send_due, now);
	if (now >= all.read_due) {
		all.read_due = now + READ_NS;
		input = read_all(0);
	}
	sleep_until_next(now_ns(CLOCK_MONOTONIC));
	return input;
}

static void turns_for(int64_t ns)
{
	for (int64_t end = now_ns(CLOCK_MONOTONIC) + ns; now_ns(CLOCK_MONOTONIC) < end;)
		(void)turn();
}

/* ---- orders ---- */

static void watch(int fd, struct person *p)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = p };
	g_assert_true(epoll_ctl(all.epoll, EPOLL_CTL_ADD, fd, &e) == 0);
}

static void make(const char *name)
{
	struct person *p = g_new0(struct person, 1);
	p->name = g_strdup(name);
	p->peer = fast_peer_new(false, heard, p);
	if (all.persons->len % 2 == 1) {
		p->other = all.persons->pdata[all.persons->len - 1];
		p->other->other = p;
	}
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

static void start(struct person *p, int64_t now)
{
	recorded_sender_start(&p->sender, all.media, now);
}

static void go(void)
{
	each(start, now_ns(CLOCK_MONOTONIC));
	all.going = true;
	printf("going %.1f\n", recorded_media_rate(all.media));
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static long long percentile(const GArray *sorted, double share)
{
	guint n = sorted->len, at = n ? MIN((guint)(share * n), n - 1) : 0;
	return n ? g_array_index(sorted, int64_t, at) / 1000 : -1;
}

static unsigned dropped_here(void)
{
	unsigned dropped = 0;
	for (guint i = 0; i < all.persons->len; i++)
		dropped += fast_peer_overflowed(((struct person *)all.persons->pdata[i])->peer);
	return dropped;
}

static void window(double seconds)
{
	unsigned dropped = dropped_here();
	g_array_set_size(all.latencies, 0);
	g_array_set_size(all.lateness, 0);
	all.sent = all.received = 0;
	all.window = ++all.windows;
	printf("begin\n");
	fflush(stdout);
	turns_for((int64_t)(seconds * (double)NS));
	all.window = 0;
	printf("end\n");
	fflush(stdout);
	turns_for(SETTLE_NS);
	g_array_sort(all.latencies, compare);
	g_array_sort(all.lateness, compare);
	printf("window %llu %llu %u %lld %lld %lld %lld %lld\n", (unsigned long long)all.sent, (unsigned long long)all.received,
	       dropped_here() - dropped, percentile(all.latencies, 0.5), percentile(all.latencies, 0.99),
	       percentile(all.latencies, 0.999), percentile(all.latencies, 1), percentile(all.lateness, 0.99));
}

static struct person *find(const char *name)
{
	for (guint i = 0; i < all.persons->len; i++)
		if (strcmp(((struct person *)all.persons->pdata[i])->name, name) == 0)
			return all.persons->pdata[i];
	return NULL;
}

static void obey(char *line)
{
	g_auto(GStrv) words = g_strsplit(g_strchomp(line), " ", -1);
	guint n = g_strv_length(words);
	struct person *p = n > 1 ? find(words[1]) : NULL;
	if (n == 2 && strcmp(words[0], "make") == 0)
		make(words[1]);
	else if (n == 5 && p && strcmp(words[0], "dial") == 0)
		fast_peer_dial(p->peer, words[2], words[3], (uint16_t)atoi(words[4]));
	else if (n == 2 && strcmp(words[0], "window") == 0)
		window(g_ascii_strtod(words[1], NULL));
	else if (n == 1 && strcmp(words[0], "state") == 0)
		tell_state();
	else if (n == 1 && strcmp(words[0], "go") == 0)
		go();
	else if (n == 1 && strcmp(words[0], "drop") == 0)
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

int main(void)
{
	gst_init(NULL, NULL);
	prctl(PR_SET_TIMERSLACK, 1000ul);
	fast_peer_start();
	all.media = recorded_media_make();
	if (!all.media) {
		g_printerr("an encoder for VP8 or Opus is missing\n");
		return 77;
	}
	all.persons = g_ptr_array_new_with_free_func(free_person);
	all.latencies = g_array_new(FALSE, FALSE, sizeof(int64_t));
	all.lateness = g_array_new(FALSE, FALSE, sizeof(int64_t));
	all.epoll = epoll_create1(EPOLL_CLOEXEC);
	watch(STDIN_FILENO, NULL);
	printf("ready\n");
	fflush(stdout);
	while (!all.over)
		if (turn())
			listen_to_orders();
	g_ptr_array_unref(all.persons);
	g_array_unref(all.latencies);
	g_array_unref(all.lateness);
	recorded_media_free(all.media);
	return 0;
}
