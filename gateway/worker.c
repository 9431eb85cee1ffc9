#include "gateway/worker.h"

#include "gateway/call.h"
#include "gateway/commands.h"
#include "gateway/relay.h"

#include <sodium.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 64, ROUNDS = 8, NAPS = 8, TCP_CLOSINGS = 64, TICK_MS = 250, SHAKING_TICK_MS = 50, NS_PER_MS = 1000000 };
enum { SLICE_NS = 500000, SLACK_NS = 1000 };

/* What an epoll event is about: a connection's address, or one of these small numbers. */
enum { ON_INBOX = 1, ON_MEDIA, ON_CONTROL = ON_MEDIA + AP_FAMILIES, ON_LISTENER = ON_CONTROL + AP_FAMILIES,
       ON_TCP = ON_LISTENER + AP_FAMILIES };

static bool watch(struct ap_worker *w, int fd, uint32_t events, uint64_t about, int operation)
{
	struct epoll_event e = {.events = events, .data.u64 = about};
	return epoll_ctl(w->epoll, operation, fd, &e) == 0;
}

static uint64_t about_tcp(const struct ap_tcp *tcp)
{
	return (uintptr_t)tcp;
}

static void close_tcp(struct ap_worker *w, struct ap_tcp *tcp)
{
	struct ap_leg *leg = ap_tcp_leg(tcp);
	if (leg)
		ap_leg_lose_path(leg, ap_tcp_path(tcp));
	else
		ap_count(&w->counters, AP_COUNT_TCP_REFUSED);
	ap_tcp_close(tcp);
}

/* Full: of those that have proved nothing, the one that took longest so far gives way. What is closed is freed at the next
 * tick only, because events of this round may still name it; meanwhile there are at most as many of these. */
static bool make_room(struct ap_worker *w)
{
	struct ap_tcp *oldest = NULL;
	size_t open = 0;
	if (w->tcps->len < AP_TCP_MAX)
		return true;
	for (guint i = 0; i < w->tcps->len; i++) {
		struct ap_tcp *tcp = g_ptr_array_index(w->tcps, i);
		open += !ap_tcp_closed(tcp);
		if (!ap_tcp_closed(tcp) && !ap_tcp_leg(tcp) &&
		    (!oldest || ap_tcp_since_ns(tcp) < ap_tcp_since_ns(oldest)))
			oldest = tcp;
	}
	if (w->tcps->len >= 2 * AP_TCP_MAX)
		return false;
	if (open >= AP_TCP_MAX && oldest)
		close_tcp(w, oldest);
	return open < AP_TCP_MAX || oldest;
}

static void accept_tcp(struct ap_worker *w, enum ap_family family)
{
	struct ap_tcp *tcp = ap_tcp_accept(w->listeners[family], w->now_ns);
	if (!tcp)
		return;
	if (make_room(w) &&
	    watch(w, ap_tcp_fd(tcp), EPOLLIN | EPOLLOUT | EPOLLET, about_tcp(tcp), EPOLL_CTL_ADD)) {
		ap_count(&w->counters, AP_COUNT_TCP_ACCEPTED);
		g_ptr_array_add(w->tcps, tcp);
	} else {
		ap_count(&w->counters, AP_COUNT_TCP_REFUSED);
		ap_tcp_free(tcp);
	}
}

static bool take_frame(struct ap_worker *w, struct ap_tcp *tcp, const struct ap_reader *frame, size_t *count)
{
	struct ap_packet *p = &w->packets[*count];
	p->data = p->buffer + AP_PACKET_ROOM;
	p->path = *ap_tcp_path(tcp);
	p->len = frame->len;
	ap_count(&w->counters, AP_COUNT_PACKETS_IN);
	ap_count_add(&w->counters, AP_COUNT_BYTES_IN, frame->len);
	*count += frame->len > 0 && ap_copy(p->data, AP_PACKET_MAX, frame->data, frame->len);
	return *count < AP_BATCH;
}

/* One batch of frames; what else is there comes with the next event, which is asked for. */
static void read_tcp(struct ap_worker *w, struct ap_tcp *tcp)
{
	size_t count = 0;
	struct ap_reader frame;
	enum ap_tcp_read got;
	bool room = true;
	while (room && (got = ap_tcp_next(tcp, &frame)) == AP_TCP_PACKET)
		room = take_frame(w, tcp, &frame, &count);
	ap_relay_batch(w, count);
	if (ap_tcp_closed(tcp))
		return;
	if (!room)
		(void)watch(w, ap_tcp_fd(tcp), EPOLLIN | EPOLLOUT | EPOLLET, about_tcp(tcp), EPOLL_CTL_MOD);
	else if (got == AP_TCP_OVER)
		close_tcp(w, tcp);
}

static void on_tcp(struct ap_worker *w, struct ap_tcp *tcp, uint32_t events)
{
	if (ap_tcp_closed(tcp))
		return;
	if (events & EPOLLOUT)
		(void)ap_tcp_drain(tcp);
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		read_tcp(w, tcp);
}

/* As long as batches come full, but not so long that timers and the other sockets wait. Returns how many came; *more is
 * set when there is more. */
static size_t read_media(struct ap_worker *w, enum ap_family family, bool *more)
{
	size_t total = 0, count = ap_net_fd(w->net, family, AP_DOOR_MEDIA) < 0 ? 0 : AP_BATCH;
	for (int round = 0; round < ROUNDS && count == AP_BATCH; round++) {
		count = ap_net_receive(w->net, family, AP_DOOR_MEDIA, w->packets, AP_BATCH);
		if (count > 0)
			ap_relay_batch(w, count);
		total += count;
	}
	*more |= count == AP_BATCH;
	return total;
}

/* Whatever else there is to do, and however much of it: calls come first. True when nothing is left. */
static bool media_first(struct ap_worker *w, size_t *ret_count)
{
	bool more = false;
	w->now_ns = ap_mono_ns(w->clock);
	*ret_count = read_media(w, AP_IPV4, &more) + read_media(w, AP_IPV6, &more);
	ap_pace_note(&w->pace, *ret_count, w->now_ns);
	return !more;
}

static void look_at_media(struct ap_worker *w)
{
	size_t count;
	(void)media_first(w, &count);
}

/* While packets are many they gather between looks. Timers and the other sockets get their turn after a few. */
static void gather(struct ap_worker *w)
{
	const struct timespec nap = {.tv_nsec = w->gather_ns};
	bool drained = true;
	size_t count = 1;
	for (int i = 0; i < NAPS && w->gather_ns > 0 && !w->crowded && count > 0 && ap_pace_gathers(&w->pace); i++) {
		if (drained)
			(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL);
		drained = media_first(w, &count);
	}
}

/* A step of a handshake costs as much as a hundred packets: media are looked at after each. */
static void read_control(struct ap_worker *w, enum ap_family family)
{
	size_t count = AP_CONTROL_BATCH;
	for (int round = 0; round < ROUNDS && count == AP_CONTROL_BATCH; round++) {
		look_at_media(w);
		count = ap_net_receive(w->net, family, AP_DOOR_CONTROL, w->control, AP_CONTROL_BATCH);
		for (size_t i = 0; i < count; i++)
			if (ap_relay_control(w, &w->control[i]))
				look_at_media(w);
	}
	w->crowded |= count == AP_CONTROL_BATCH;
}

static void run_commands(struct ap_worker *w)
{
	struct ap_command *command;
	ap_inbox_awake(w->inbox);
	while ((command = ap_inbox_take(w->inbox))) {
		ap_command_run(w, command);
		ap_command_free(command);
		look_at_media(w);
	}
}

static void on_event(struct ap_worker *w, const struct epoll_event *e)
{
	uint64_t about = e->data.u64;
	look_at_media(w);
	if (about == ON_INBOX)
		run_commands(w);
	else if (about >= ON_CONTROL && about < ON_LISTENER)
		read_control(w, (enum ap_family)(about - ON_CONTROL));
	else if (about >= ON_LISTENER && about < ON_TCP)
		accept_tcp(w, (enum ap_family)(about - ON_LISTENER));
	else if (about >= ON_TCP)
		on_tcp(w, (struct ap_tcp *)(uintptr_t)about, e->events);
}

/* Not all at once: closing a connection takes the kernel longer than passing on a packet. */
static void sweep_tcp(struct ap_worker *w)
{
	int left = TCP_CLOSINGS;
	for (guint i = w->tcps->len; i-- > 0;) {
		struct ap_tcp *tcp = g_ptr_array_index(w->tcps, i);
		bool late = w->now_ns - ap_tcp_since_ns(tcp) > AP_TCP_PATIENCE_NS;
		if (left > 0 && late && !ap_tcp_closed(tcp) && !ap_tcp_leg(tcp)) {
			close_tcp(w, tcp);
			left--;
		}
		if (ap_tcp_closed(tcp))
			g_ptr_array_remove_index_fast(w->tcps, i);
	}
}

static void publish_gauges(struct ap_worker *w)
{
	unsigned legs = 0, connected = 0, taps = 0;
	GHashTableIter it;
	void *value;
	g_hash_table_iter_init(&it, w->calls);
	while (g_hash_table_iter_next(&it, NULL, &value)) {
		const struct ap_call *call = value;
		taps += call->tap != NULL;
		for (int side = 0; side < 2; side++) {
			legs += call->legs[side] != NULL;
			connected += call->legs[side] && call->legs[side]->connected;
		}
	}
	ap_gauge_set(&w->counters, AP_GAUGE_CALLS, g_hash_table_size(w->calls));
	ap_gauge_set(&w->counters, AP_GAUGE_LEGS, legs);
	ap_gauge_set(&w->counters, AP_GAUGE_CONNECTED, connected);
	ap_gauge_set(&w->counters, AP_GAUGE_TAPS, taps);
	ap_gauge_set(&w->counters, AP_GAUGE_TCP, w->tcps->len);
	ap_gauge_set(&w->counters, AP_GAUGE_HANDSHAKES, w->handshakes);
}

static void tick(struct ap_worker *w)
{
	GHashTableIter it;
	void *value;
	g_hash_table_iter_init(&it, w->calls);
	while (g_hash_table_iter_next(&it, NULL, &value)) {
		struct ap_call *call = value;
		for (int side = 0; side < 2; side++)
			if (call->legs[side])
				(void)ap_leg_tick(call->legs[side]);
		ap_call_tick_tap(w, call);
		if (!call->legs[0] && !call->legs[1] && !call->tap)
			g_hash_table_iter_remove(&it);
	}
	sweep_tcp(w);
	publish_gauges(w);
}

static int wait_ms(const struct ap_worker *w, int64_t next_tick_ns)
{
	int64_t left = (next_tick_ns - w->now_ns + NS_PER_MS - 1) / NS_PER_MS;
	return left > 0 ? (int)left : 0;
}

/*
 * A packet waits for us longer than for anything else of a relay, so: in short slices, which a kernel from 6.12 on takes
 * as "soon"; with the nice value that the launcher gave, which the main thread gives up once we are there (main.c).
 */
static void come_first(void)
{
	/* sched_setattr(2), whose header does not go with <sched.h> on Debian 12. */
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} attr = {.size = sizeof attr, .nice = getpriority(PRIO_PROCESS, 0), .runtime = SLICE_NS};
	(void)!syscall(SYS_sched_setattr, 0, &attr, 0); /* as it was, then */
	(void)prctl(PR_SET_TIMERSLACK, SLACK_NS);       /* a nap of 120 µs is no 170 */
}

static void *run(void *worker)
{
	struct ap_worker *w = worker;
	struct epoll_event events[EVENTS];
	int64_t next_tick_ns = 0;
	come_first();
	while (!w->stopping) {
		w->now_ns = ap_mono_ns(w->clock);
		if (w->now_ns >= next_tick_ns) {
			tick(w);
			next_tick_ns = w->now_ns + (w->handshakes ? SHAKING_TICK_MS : TICK_MS) * (int64_t)NS_PER_MS;
		}
		gather(w);
		w->crowded = false;
		int n = epoll_wait(w->epoll, events, EVENTS, ap_net_holds(w->net) ? 0 : wait_ms(w, next_tick_ns));
		w->now_ns = ap_mono_ns(w->clock);
		for (int i = 0; i < n; i++)
			on_event(w, &events[i]);
		if (n == 0 && ap_net_holds(w->net))
			look_at_media(w);
	}
	g_hash_table_remove_all(w->calls);
	return NULL;
}

static bool watch_all(struct ap_worker *w)
{
	bool watched = watch(w, ap_inbox_fd(w->inbox), EPOLLIN, ON_INBOX, EPOLL_CTL_ADD);
	for (int f = 0; f < AP_FAMILIES; f++) {
		int media = ap_net_fd(w->net, (enum ap_family)f, AP_DOOR_MEDIA);
		int control = ap_net_fd(w->net, (enum ap_family)f, AP_DOOR_CONTROL);
		w->listeners[f] = ap_net_listen(w->net, (enum ap_family)f);
		if (media >= 0)
			watched &= watch(w, media, EPOLLIN, (uint64_t)(ON_MEDIA + f), EPOLL_CTL_ADD);
		if (control >= 0)
			watched &= watch(w, control, EPOLLIN, (uint64_t)(ON_CONTROL + f), EPOLL_CTL_ADD);
		if (w->listeners[f] >= 0)
			watched &= watch(w, w->listeners[f], EPOLLIN, (uint64_t)(ON_LISTENER + f), EPOLL_CTL_ADD);
	}
	return watched;
}

static guint uuid_hash(gconstpointer id)
{
	guint h;
	ap_copy(&h, sizeof h, id, sizeof h); /* random already */
	return h;
}

static gboolean uuid_equal(gconstpointer a, gconstpointer b)
{
	return ap_uuid_equal(a, b);
}

static void free_tcp(void *tcp)
{
	ap_tcp_free(tcp);
}

static struct ap_worker *new_worker(const struct ap_worker_settings *settings)
{
	struct ap_worker *w = g_new0(struct ap_worker, 1);
	uint64_t seed = 0;
	randombytes_buf(&seed, sizeof seed);
	w->index = settings->index;
	w->clock = settings->clock;
	w->identity = settings->identity;
	w->outbox = settings->outbox;
	w->idle_ns = settings->idle_seconds * 1000 * NS_PER_MS;
	w->max_handshakes = settings->max_handshakes;
	w->gather_ns = settings->gather_ns;
	w->now_ns = ap_mono_ns(w->clock);
	w->listeners[AP_IPV4] = w->listeners[AP_IPV6] = -1;
	w->ice = ap_ice_new();
	w->taps = ap_tap_batch_new();
	w->packets = g_new0(struct ap_packet, AP_BATCH);
	w->control = g_new0(struct ap_packet, AP_CONTROL_BATCH);
	w->calls = g_hash_table_new_full(uuid_hash, uuid_equal, NULL, ap_call_free);
	w->ufrags = g_hash_table_new(g_str_hash, g_str_equal);
	w->sources = g_hash_table_new(g_direct_hash, g_direct_equal);
	w->paths = ap_path_table_new(seed);
	w->tcps = g_ptr_array_new_with_free_func(free_tcp);
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	return w;
}

static void free_worker(struct ap_worker *w)
{
	g_hash_table_unref(w->calls);
	g_ptr_array_unref(w->tcps);
	g_hash_table_unref(w->ufrags);
	g_hash_table_unref(w->sources);
	ap_path_table_free(w->paths);
	for (int f = 0; f < AP_FAMILIES; f++)
		if (w->listeners[f] >= 0)
			close(w->listeners[f]);
	if (w->epoll >= 0)
		close(w->epoll);
	ap_net_close(w->net);
	ap_inbox_free(w->inbox);
	ap_ice_free(w->ice);
	ap_tap_batch_free(w->taps);
	g_free(w->packets);
	g_free(w->control);
	g_free(w);
}

static struct ap_result open_worker(struct ap_worker *w, const struct ap_worker_settings *settings)
{
	AP_TRY(ap_inbox_new(&w->inbox));
	AP_TRY(ap_net_open(settings->advertised, settings->port, &w->counters, &w->net));
	if (w->epoll < 0 || !watch_all(w))
		return ap_fail(AP_ERR_IO, "epoll", "too many open files");
	return AP_SUCCESS;
}

struct ap_result ap_worker_start(const struct ap_worker_settings *settings, struct ap_worker **ret_worker)
{
	struct ap_worker *w = new_worker(settings);
	struct ap_result result = open_worker(w, settings);
	if (!ap_ok(result)) {
		free_worker(w);
		return result;
	}
	w->thread = g_thread_new("media", run, w);
	*ret_worker = w;
	return AP_SUCCESS;
}

void ap_worker_stop(struct ap_worker *w)
{
	if (!w)
		return;
	ap_inbox_push(w->inbox, &(struct ap_command){.type = AP_COMMAND_STOP, .fd = -1});
	g_thread_join(w->thread);
	free_worker(w);
}

struct ap_inbox *ap_worker_inbox(struct ap_worker *w)
{
	return w->inbox;
}

const struct ap_counters *ap_worker_counters(const struct ap_worker *w)
{
	return &w->counters;
}

bool ap_worker_has_tcp(const struct ap_worker *w)
{
	return w->listeners[AP_IPV4] >= 0 || w->listeners[AP_IPV6] >= 0;
}
