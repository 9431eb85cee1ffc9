#include "capture.h"

#include "confine.h"
#include "ingest.h"
#include "tracks.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef AP_TEST_HOOKS
#include "hooks.h"
#endif

#define BATCH 32 /* datagrams in one call */
#define REST_BATCHES 4
#define MOST_BATCHES 16 /* between two looks for an order: a gateway that never stops writing keeps no gate open */
/* Packets are let gather this long: a wake-up for each costs more than taking it. Their times stand in the datagrams. */
#define GATHER_MS 20
#define GIVE_UP_MS 50 /* how exactly packets that are missing are given up */

struct capture {
	int socket;
	int gate; /* -1: closed */
	bool confined;

	struct ap_tracks *tracks; /* NULL before START */
	struct ap_ingest *ingest;

	struct ap_capture_open_msg epoch;
	int64_t lease_ns; /* media are taken until then */
	bool lapsed;	  /* the epoch was closed without an order */
	bool epoch_open, gate_ended, first_told;
	bool gathering; /* packets come, and are left to wait a little */
	bool missing;	/* some are waited for */
	bool ending; /* nothing is read any more; the tracks end by themselves */
	uint8_t batch[BATCH][AP_GATE_DATAGRAM + 1];
};

/* More than a real one needs by far. A segment is at most what may be reported, and its age file's overhead. */
static const struct ap_confine_bounds bounds = {
	.file_bytes = 65u << 20,
	.descriptors = 128,
	.memory = 1u << 30,
	.processes = 16384, /* all captures together: gateway.max_sessions of 1,000 takes 2,000 threads */
};

struct ap_result ap_capture_confine(int socket, int null_fd, bool landlock)
{
	return ap_confine(socket, null_fd, landlock, &bounds);
}

/* ---- answers: never wait; a vault that takes none for so long has lost this recording anyway ---- */

static struct ap_result tell(struct capture *c, const struct ap_capture_message *m)
{
	return ap_capture_send(c->socket, m, false);
}

static struct ap_result tell_generation(struct capture *c, enum ap_capture_type type, uint64_t generation)
{
	const struct ap_capture_message m = { .type = type, .fd = -1, .generation = generation };
	return tell(c, &m);
}

/* ---- the gate ---- */

static void close_gate(struct capture *c)
{
	if (c->gate >= 0) {
		shutdown(c->gate, SHUT_RD); /* the vault has a copy: the gateway is to see it closed all the same */
		close(c->gate);
	}
	c->gate = -1;
}

static bool lease_is_over(const struct capture *c)
{
	return ap_mono_ns(ap_clock_system()) >= c->lease_ns;
}

static void renew_until(struct capture *c, int64_t until_ns)
{
	int64_t most = ap_mono_ns(ap_clock_system()) + AP_CAPTURE_LEASE_MS * INT64_C(1000000);
	c->lease_ns = MIN(until_ns, most);
}

static void end_epoch(struct capture *c, bool discard)
{
	struct ap_capture_epoch_report lines = { .epoch = c->epoch.epoch };
	int64_t now = ap_mono_ns(ap_clock_system());
	c->epoch_open = false;
	ap_ingest_close(c->ingest, discard, &lines);
	ap_tracks_close(c->tracks, &lines, now, discard);
}

static struct ap_result take_datagram(struct capture *c, const uint8_t *bytes, size_t len, int64_t now_ns)
{
	if (!ap_ingest_datagram(c->ingest, bytes, len, now_ns) || c->first_told)
		return AP_SUCCESS;
	c->first_told = true;
	return tell_generation(c, AP_CAPTURE_FIRST_FRAME, c->epoch.generation);
}

/* One batch; *ret_count datagrams came. */
static struct ap_result read_batch(struct capture *c, int *ret_count)
{
	struct iovec parts[BATCH];
	struct mmsghdr messages[BATCH];
	for (int i = 0; i < BATCH; i++) {
		parts[i] = (struct iovec){ c->batch[i], sizeof c->batch[i] };
		messages[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &parts[i], .msg_iovlen = 1 } };
	}
	int n = recvmmsg(c->gate, messages, BATCH, MSG_DONTWAIT, NULL);
	int64_t now_ns = ap_mono_ns(ap_clock_system());
	*ret_count = n < 0 ? 0 : n;
	for (int i = 0; i < n; i++) {
		if (messages[i].msg_len == 0) { /* the gateway closed its end; the epoch ends when the vault says so */
			c->gate_ended = true;
			break;
		}
		AP_TRY(take_datagram(c, c->batch[i], messages[i].msg_len, now_ns));
	}
	return AP_SUCCESS;
}

/* What lay in the socket when the order to close came: bounded, a gateway that goes on writing is cut off. */
static struct ap_result read_rest(struct capture *c)
{
	int n = BATCH;
	for (int i = 0; i < REST_BATCHES && n == BATCH && !c->gate_ended; i++)
		AP_TRY(read_batch(c, &n));
	return AP_SUCCESS;
}

/* ---- orders ---- */

static struct ap_result out_of_order(void)
{
	return ap_fail(AP_ERR_PROTOCOL, "capture-message", "the vault's order does not fit the state");
}

static struct ap_result on_start(struct capture *c, struct ap_capture_message *m)
{
	if (c->tracks)
		return out_of_order();
	if (m->start.require_sandbox && !c->confined)
		return ap_fail(AP_ERR_DENIED, "sandbox", "this kernel cannot confine a capture");
	c->tracks = ap_tracks_new(&m->start, c->socket, ap_clock_system());
	c->ingest = ap_ingest_new(m->start.video, c->tracks);
	return AP_SUCCESS;
}

static struct ap_result on_segment(struct capture *c, struct ap_capture_message *m)
{
	ap_tracks_descriptor(c->tracks, &m->want, m->fd);
	m->fd = -1;
	return AP_SUCCESS;
}

static struct ap_result on_open(struct capture *c, struct ap_capture_message *m)
{
	if (c->epoch_open)
		return out_of_order();
	c->gate = m->fd;
	m->fd = -1;
	c->epoch = m->open;
	c->epoch_open = true;
	c->gate_ended = c->first_told = c->lapsed = c->gathering = c->missing = false;
	renew_until(c, INT64_MAX);
	ap_ingest_open(c->ingest, m->open.generation);
	ap_tracks_open(c->tracks, &m->open, ap_mono_ns(ap_clock_system()));
	return AP_SUCCESS;
}

static struct ap_result on_close(struct capture *c, struct ap_capture_message *m)
{
	if (c->lapsed && m->close.generation == c->epoch.generation)
		return AP_SUCCESS; /* crossed: it was told */
	if (!c->epoch_open || m->close.generation != c->epoch.generation)
		return out_of_order();
	if (!m->close.discard && !lease_is_over(c))
		AP_TRY(read_rest(c));
	close_gate(c);
	AP_TRY(tell_generation(c, AP_CAPTURE_CLOSED, c->epoch.generation));
	end_epoch(c, m->close.discard);
	return AP_SUCCESS;
}

/* One that came too late renews nothing: what the gate gave meanwhile nobody vouched for. */
static struct ap_result on_renew(struct capture *c, struct ap_capture_message *m)
{
	if (c->epoch_open && m->renew.generation == c->epoch.generation)
		renew_until(c, (int64_t)m->renew.until_ns);
	return AP_SUCCESS;
}

/* The vault hangs, or is slow beyond what the persons were promised. */
static struct ap_result lapse(struct capture *c)
{
	close_gate(c);
	c->lapsed = true;
	AP_TRY(tell_generation(c, AP_CAPTURE_LAPSED, c->epoch.generation));
	end_epoch(c, false);
	return AP_SUCCESS;
}

static struct ap_result on_seal(struct capture *c, struct ap_capture_message *m)
{
	(void)m;
	if (c->epoch_open)
		return out_of_order();
	ap_tracks_seal(c->tracks);
	return AP_SUCCESS;
}

static struct ap_result on_hook(struct capture *c, struct ap_capture_message *m)
{
#ifdef AP_TEST_HOOKS
	if (m->hook.what == AP_HOOK_STALL && c->tracks)
		ap_tracks_stall(c->tracks, m->hook.value);
	else
		m->hook.value = ap_hook_try(m->hook.what);
	return tell(c, m);
#else
	(void)c;
	(void)m;
	return out_of_order();
#endif
}

static const struct order {
	struct ap_result (*handle)(struct capture *c, struct ap_capture_message *m);
	bool before_start; /* may come before START */
} orders[AP_CAPTURE_TYPES] = {
	[AP_CAPTURE_START] = { on_start, true },
	[AP_CAPTURE_SEGMENT] = { on_segment, false },
	[AP_CAPTURE_OPEN] = { on_open, false },
	[AP_CAPTURE_CLOSE] = { on_close, false },
	[AP_CAPTURE_SEAL] = { on_seal, false },
	[AP_CAPTURE_RENEW] = { on_renew, false },
	[AP_CAPTURE_HOOK] = { on_hook, true },
};

static struct ap_result read_control(struct capture *c)
{
	struct ap_capture_message m;
	struct ap_result result = ap_capture_receive(c->socket, false, &m);
	if (result.err == AP_ERR_LIMIT)
		return AP_SUCCESS;
	AP_TRY(result);
	const struct order *order = &orders[m.type];
	if (!order->handle || (!order->before_start && !c->tracks))
		result = out_of_order();
	else
		result = order->handle(c, &m);
	if (m.fd >= 0)
		close(m.fd);
	return result;
}

/* ---- the loop ---- */

/* How long nothing need be done, ms; -1: for ever. */
static int patience(const struct capture *c)
{
	int64_t left = c->lease_ns - ap_mono_ns(ap_clock_system());
	if (c->gathering)
		return GATHER_MS;
	if (!c->epoch_open)
		return -1;
	int until_lapse = (int)(MAX(left, 0) / 1000000) + 1;
	return c->missing ? MIN(until_lapse, GIVE_UP_MS) : until_lapse;
}

/* What came, if anything did. While something comes each time, the gate itself need not be watched. */
static struct ap_result read_gate(struct capture *c)
{
	int n = BATCH, all = 0;
	for (int i = 0; i < MOST_BATCHES && c->gate >= 0 && !c->gate_ended && n == BATCH; i++, all += n)
		AP_TRY(read_batch(c, &n));
	c->gathering = all > 0;
	return AP_SUCCESS;
}

static struct ap_result turn(struct capture *c)
{
	struct pollfd waits[] = {
		{ .fd = c->socket, .events = POLLIN },
		{ .fd = c->tracks ? ap_tracks_ended_fd(c->tracks) : -1, .events = POLLIN },
		{ .fd = c->gate_ended || c->gathering ? -1 : c->gate, .events = POLLIN },
	};
	int ready = poll(waits, 3, patience(c));
	if (ready < 0)
		return errno == EINTR ? AP_SUCCESS : ap_fail(AP_ERR_IO, "poll", "waiting failed");
	if (waits[0].revents)
		AP_TRY(read_control(c));
	else if (c->epoch_open && lease_is_over(c)) /* and no order waits that would say otherwise */
		return lapse(c);
	if (waits[1].revents)
		c->ending = true;
	if (waits[2].revents && c->first_told)
		c->gathering = true;
	else if (waits[2].revents || (c->gathering && ready == 0))
		AP_TRY(read_gate(c));
	if (c->epoch_open && (c->missing || ready == 0))
		c->missing = ap_ingest_tick(c->ingest, ap_mono_ns(ap_clock_system()));
	return AP_SUCCESS;
}

/* The vault is gone, or broke the protocol: the gate first, then what is open is closed as well as it can be. */
static void end_early(struct capture *c, struct ap_result why)
{
	close_gate(c);
	if (c->epoch_open)
		end_epoch(c, false);
	struct ap_capture_message m = { .type = AP_CAPTURE_FAILED, .fd = -1 };
	g_strlcpy(m.word, why.name, sizeof m.word);
	if (why.err != AP_ERR_IO)
		AP_IGNORE(tell(c, &m)); /* ends either way */
	struct pollfd wait = { .fd = c->tracks ? ap_tracks_ended_fd(c->tracks) : -1, .events = POLLIN };
	if (c->tracks) {
		ap_tracks_end(c->tracks);
		poll(&wait, 1, 10000);
	}
}

int ap_capture_run(int socket, bool confined)
{
	struct capture *c = g_new0(struct capture, 1);
	c->socket = socket;
	c->gate = -1;
	c->confined = confined;
	struct ap_capture_message ready = { .type = AP_CAPTURE_READY, .fd = -1 };
	struct ap_result result = tell(c, &ready);
	while (ap_ok(result) && !c->ending)
		result = turn(c);
	if (!ap_ok(result))
		end_early(c, result);
	close_gate(c);
	ap_ingest_free(c->ingest);
	ap_tracks_free(c->tracks);
	g_free(c);
	return ap_ok(result) ? 0 : 1;
}
