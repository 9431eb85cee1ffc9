/*
 * A worker's whole way of a packet, from the datagram to the one that leaves: demultiplexing, checks, classification,
 * RTCP, RTX, numbering, header rewriting, taps. Sockets, SRTP and DTLS are replaced here (their own targets have them):
 * what comes is taken for authenticated, what leaves is looked at.
 *
 * The input is a list of (what, length, bytes); see enum. Every packet that leaves goes to the other side, in its
 * terms, with a payload that came in; every datagram of the tap is what a gate takes; nothing is written outside of
 * the packet's own buffer.
 */
#include "fuzz.h"

#include "gateway/call.h"
#include "gateway/demux.h"
#include "gateway/media_queue.h"
#include "gateway/relay.h"
#include "gateway/rtcp.h"
#include "rtcp_check.h"
#include "stun_tools.h"

#include <sys/socket.h>

/* The low three bits of `what`; bit 3: which side, bits 4 and 5: from which address, bit 6: the batch ends here. */
enum what { RAW, RAW_TOO, SIGNED_CHECK, DTLS_STATE, TIME, LEG, TAP, RESTART };

enum { DTLS_FAKE_MIN = 13, ADDRESSES = 4, SECOND_NS = 1000000000 };

static struct ap_worker worker; /* one for all runs; its calls are taken away after each */
static struct ap_leg_desc descs[2];
static size_t batch;
static uint64_t next_leg;

/* What stands in for the crypto, the sockets and the main thread. */

struct ap_srtp {
	int unused;
};

struct ap_dtls {
	enum ap_dtls_state state;
};

struct ap_result ap_srtp_new(enum ap_srtp_profile profile, enum ap_srtp_direction direction, const uint8_t *key,
			     struct ap_srtp **ret_srtp)
{
	(void)profile, (void)direction, (void)key;
	*ret_srtp = g_new0(struct ap_srtp, 1);
	return AP_SUCCESS;
}

void ap_srtp_free(struct ap_srtp *s)
{
	g_free(s);
}

enum ap_srtp_verdict ap_srtp_unprotect(struct ap_srtp *s, enum ap_srtp_kind kind, uint8_t *data, size_t *len)
{
	(void)s, (void)kind, (void)data;
	g_assert_true(*len >= (kind == AP_SRTP_RTP ? 12u : 8u));
	return AP_SRTP_OK;
}

/* The trailer is written to show that there is room for it, and left out of what is looked at. */
enum ap_srtp_verdict ap_srtp_protect(struct ap_srtp *s, enum ap_srtp_kind kind, uint8_t *data, size_t *len)
{
	(void)s, (void)kind;
	for (size_t i = 0; i < AP_BATCH; i++) {
		struct ap_packet *p = &worker.packets[i];
		if (data < p->buffer || data >= p->buffer + sizeof p->buffer)
			continue;
		g_assert_true(data == p->data && data + *len + AP_SRTP_TRAILER <= p->buffer + sizeof p->buffer);
	}
	for (size_t i = 0; i < AP_SRTP_TRAILER; i++)
		data[*len + i] = 0xee;
	return AP_SRTP_OK;
}

struct ap_result ap_dtls_new(struct ap_dtls_identity *identity, const uint8_t fingerprint[32], ap_dtls_send send,
			     void *ctx, struct ap_dtls **ret_dtls)
{
	(void)identity, (void)fingerprint, (void)send, (void)ctx;
	*ret_dtls = g_new0(struct ap_dtls, 1);
	return AP_SUCCESS;
}

void ap_dtls_free(struct ap_dtls *d)
{
	g_free(d);
}

enum ap_dtls_state ap_dtls_receive(struct ap_dtls *d, const uint8_t *data, size_t len)
{
	g_assert_true(len >= DTLS_FAKE_MIN);
	if (d->state < AP_DTLS_CLOSED && data[1] % 4 >= d->state)
		d->state = (enum ap_dtls_state)(data[1] % 4);
	return d->state;
}

enum ap_dtls_state ap_dtls_tick(struct ap_dtls *d)
{
	return d->state;
}

void ap_dtls_close(struct ap_dtls *d)
{
	d->state = AP_DTLS_CLOSED;
}

struct ap_result ap_dtls_export(struct ap_dtls *d, struct ap_dtls_keys *ret_keys)
{
	*ret_keys = (struct ap_dtls_keys){0};
	return d->state == AP_DTLS_ESTABLISHED ? AP_SUCCESS : ap_fail(AP_ERR_CRYPTO, "dtls", "not there yet");
}

void ap_outbox_push(struct ap_outbox *outbox, const struct ap_report *report)
{
	(void)outbox;
	g_assert_true(report->type == AP_REPORT_LEG || report->type == AP_REPORT_TAP_LOST);
}

/* What leaves. */

static struct {
	const struct ap_path *path;
	const uint8_t *data;
	size_t len;
} queued[2 * AP_BATCH];
static size_t queued_count;

static const struct ap_leg *receiver_of(const struct ap_path *path)
{
	const struct ap_leg *leg = ap_path_table_find(worker.paths, path);
	g_assert_true(leg && leg->selected >= 0 && ap_path_equal(path, &leg->paths[leg->selected].path));
	return leg;
}

static bool same_payload(const struct ap_packet *p, const uint8_t *payload, size_t len, size_t skip)
{
	struct ap_rtp rtp;
	return p->kind == AP_SRTP_RTP && ap_rtp_parse(p->data, p->len, &rtp) && rtp.payload == len &&
	       (len <= skip || memcmp(p->data + rtp.header + skip, payload + skip, len - skip) == 0);
}

static void check_rtp_out(const struct ap_leg *leg, const uint8_t *data, size_t len)
{
	struct ap_rtp rtp;
	struct ap_rtp_exts exts;
	bool came = false;
	g_assert_true(ap_rtp_parse(data, len, &rtp));
	const struct ap_leg_line *line = NULL;
	for (int i = 0; i < AP_LINES; i++)
		if (leg->lines[i].local_ssrc == rtp.ssrc || leg->lines[i].local_rtx_ssrc == rtp.ssrc)
			line = &leg->lines[i];
	g_assert_true(line && line->present && line->to_client);
	bool rtx = rtp.ssrc == line->local_rtx_ssrc;
	g_assert_true(rtp.pt == (rtx ? line->rtx_pt : line->pt));
	for (size_t i = 0; i < AP_BATCH && !came; i++)
		came = same_payload(&worker.packets[i], data + rtp.header, rtp.payload, rtx ? 2 : 0);
	g_assert_true(came);
	ap_rtp_find_exts(&rtp, line->ext, &exts);
	size_t mid = strlen(line->mid);
	g_assert_true(!exts.value[AP_EXT_MID] || (exts.len[AP_EXT_MID] == mid && !memcmp(exts.value[AP_EXT_MID], line->mid, mid)));
	g_assert_true(!exts.value[AP_EXT_RID]);
	/* A block that is there holds whole elements and nothing else. */
	struct ap_reader block = rtp.ext;
	while (rtp.profile == 0xbede && ap_reader_left(&block) > 0) {
		uint8_t b = ap_read_u8(&block);
		g_assert_true(b >> 4 != 15);
		ap_read_skip(&block, b >> 4 ? (b & 15u) + 1u : 0);
		g_assert_false(block.bad);
	}
}

static void check_rtcp_out(const struct ap_leg *leg, const uint8_t *data, size_t len)
{
	struct rtcp_known known = {.speakers = {0}};
	for (int i = 0; i < AP_LINES; i++) {
		known.speakers[known.speaker_count++] = leg->lines[i].local_ssrc;
		known.speakers[known.speaker_count++] = leg->lines[i].local_rtx_ssrc;
		known.sources[known.source_count++] = leg->sources.of[i].ssrc;
		known.sources[known.source_count++] = leg->sources.of[i].rtx_ssrc;
	}
	rtcp_check(data, len, &known);
}

void ap_net_queue(struct ap_net *net, const struct ap_path *path, const uint8_t *data, size_t len)
{
	(void)net;
	g_assert_true(queued_count < G_N_ELEMENTS(queued) && len > 0);
	queued[queued_count].path = path;
	queued[queued_count].data = data;
	queued[queued_count++].len = len;
}

void ap_net_flush(struct ap_net *net)
{
	(void)net;
	for (size_t i = 0; i < queued_count; i++) {
		const uint8_t *data = queued[i].data;
		switch (ap_demux(data, queued[i].len)) {
		case AP_DEMUX_RTP:
			check_rtp_out(receiver_of(queued[i].path), data, queued[i].len);
			break;
		case AP_DEMUX_RTCP:
			check_rtcp_out(receiver_of(queued[i].path), data, queued[i].len);
			break;
		default: /* an answer to a check, which may be to one that changed nothing */
			g_assert_true(data == worker.check.answer && ap_demux(data, queued[i].len) == AP_DEMUX_STUN);
			break;
		}
	}
	queued_count = 0;
}

/* The tap's datagrams, instead of the kernel's: see include/aparte/gate.h. */
int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
	(void)fd, (void)flags;
	for (unsigned i = 0; i < count; i++) {
		uint8_t datagram[AP_GATE_DATAGRAM];
		struct ap_writer w = ap_writer_over(datagram, sizeof datagram);
		struct ap_gate_header header = {.generation = 0};
		struct ap_rtp rtp;
		for (size_t part = 0; part < messages[i].msg_hdr.msg_iovlen; part++)
			ap_write_bytes(&w, messages[i].msg_hdr.msg_iov[part].iov_base, messages[i].msg_hdr.msg_iov[part].iov_len);
		struct ap_reader r = ap_reader_over(datagram, w.len);
		g_assert_true(!w.bad && ap_gate_header_read(&r, &header) && header.generation == 7);
		if (header.kind == AP_GATE_RTCP_SR) {
			g_assert_true(ap_reader_left(&r) == AP_RTCP_SR_SIZE && datagram[AP_GATE_HEADER + 1] == 200);
			continue;
		}
		g_assert_true(ap_rtp_parse(datagram + AP_GATE_HEADER, ap_reader_left(&r), &rtp) && !rtp.padded && rtp.ssrc);
		g_assert_true(rtp.pt == (header.line == AP_LINE_AUDIO ? AP_GATE_PT_AUDIO : AP_GATE_PT_VIDEO));
	}
	return (int)count;
}

/* The world. */

static void describe_side(unsigned side)
{
	static const char *const mids[2][AP_LINES] = {{"0", "1", "2"}, {"audio", "", "0123456789abcdef"}};
	static const uint8_t exts[2][AP_EXTS] = {{4, 3, 2, 1, 13, 0}, {9, 5, 14, 7, 6, 10}};
	struct ap_leg_desc *d = &descs[side];
	*d = (struct ap_leg_desc){.session = {{1}}, .role = side ? AP_COACHEE : AP_COACH, .remote_ufrag = "theirs"};
	g_strlcpy(d->local_ufrag, side ? "aLocalLocal2" : "aLocalLocal1", sizeof d->local_ufrag);
	g_strlcpy(d->local_pwd, "0123456789abcdef0123456789abcdef", sizeof d->local_pwd);
	for (unsigned i = 0; i < AP_LINES; i++) {
		struct ap_leg_line *line = &d->lines[i];
		*line = (struct ap_leg_line){.present = true,
					     .from_client = !(side == 1 && i == 2),
					     .to_client = true,
					     .pt = (uint8_t)(i ? 96 + 2 * i + 20 * side : 111 - 2 * side),
					     .rtx_pt = (uint8_t)(i && !(side && i == 2) ? 97 + 2 * i + 20 * side : 0),
					     .clock_rate = i ? 90000 : 48000,
					     .nack = i > 0,
					     .pli = true,
					     .local_ssrc = 0x70u + 0x10u * side + i};
		line->local_rtx_ssrc = line->rtx_pt ? line->local_ssrc + 8 : 0;
		line->remote_ssrc = i == 1 ? 1 + side : 0;
		g_strlcpy(line->mid, mids[side][i], sizeof line->mid);
		for (int e = 0; e < AP_EXTS; e++)
			line->ext[e] = exts[side][e];
	}
}

static guint hash_session(gconstpointer id)
{
	return *(const uint8_t *)id;
}

static gboolean same_session(gconstpointer a, gconstpointer b)
{
	return ap_uuid_equal(a, b);
}

static void make_worker(void)
{
	worker.ice = ap_ice_new();
	worker.taps = ap_tap_batch_new();
	worker.packets = g_new0(struct ap_packet, AP_BATCH);
	worker.calls = g_hash_table_new_full(hash_session, same_session, NULL, ap_call_free);
	worker.ufrags = g_hash_table_new(g_str_hash, g_str_equal);
	worker.sources = g_hash_table_new(g_direct_hash, g_direct_equal);
	worker.paths = ap_path_table_new(1);
	worker.idle_ns = 60ll * SECOND_NS;
	worker.max_handshakes = 1;
	for (unsigned side = 0; side < 2; side++)
		describe_side(side);
}

static struct ap_path path_of(unsigned which)
{
	struct ap_path path = {0};
	path.remote.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = (in_port_t)(1000 + which)};
	return path;
}

/* A leg that has done with ICE and DTLS. */
static void put_ready(unsigned side)
{
	const struct ap_ice_check check = {.valid = true, .nominated = true, .priority = 5};
	struct ap_path path = path_of(side);
	descs[side].id = ++next_leg;
	struct ap_leg *leg = ap_leg_put(&worker, &descs[side]);
	ap_leg_checked(leg, &path, &check);
	g_assert_true(ap_ok(ap_dtls_new(NULL, NULL, NULL, NULL, &leg->dtls)));
	leg->dtls->state = AP_DTLS_ESTABLISHED;
	ap_leg_established(leg);
}

static struct ap_call *the_call(void)
{
	return ap_call_find(&worker, &descs[0].session);
}

static void run_batch(void)
{
	ap_relay_batch(&worker, batch);
	batch = 0;
}

static struct ap_packet *next_packet(unsigned address, const uint8_t *bytes, size_t len)
{
	if (batch == AP_BATCH)
		run_batch();
	struct ap_packet *p = &worker.packets[batch++];
	p->data = p->buffer + AP_PACKET_ROOM;
	p->len = len;
	p->path = path_of(address);
	g_assert_true(ap_copy(p->data, AP_PACKET_MAX, bytes, len));
	return p;
}

/* A check that the other side could send: with the leg's own name and password whatever its attributes. */
static void add_check(unsigned side, unsigned address, const uint8_t *bytes, size_t len)
{
	uint8_t message[AP_PACKET_MAX];
	struct ap_writer w = ap_writer_over(message, sizeof message - STUN_TAIL);
	ap_write_u16(&w, 1);
	ap_write_u16(&w, 0);
	ap_write_u32(&w, STUN_COOKIE);
	ap_write_zero(&w, 12);
	ap_write_u16(&w, 6); /* USERNAME */
	ap_write_u16(&w, AP_LOCAL_UFRAG + 7);
	ap_write_label(&w, descs[side].local_ufrag);
	ap_write_label(&w, ":theirs");
	ap_write_zero(&w, 1);
	ap_write_bytes(&w, bytes, MIN(len, 256));
	size_t n = stun_sign(message, w.len, descs[side].local_pwd);
	next_packet(address, message, n);
}

static void act(enum what what, unsigned side, const uint8_t *bytes, size_t len)
{
	struct ap_call *call = the_call();
	uint64_t packets, dropped;
	run_batch();
	call = the_call();
	if (what == TIME && call) {
		worker.now_ns += (int64_t)(len ? bytes[0] : 1) * SECOND_NS / 4;
		for (int s = 0; s < 2; s++)
			if (call->legs[s])
				(void)ap_leg_tick(call->legs[s]);
		ap_call_tick_tap(&worker, call);
		ap_call_sweep(&worker, call);
	} else if (what == LEG) {
		put_ready(side);
	} else if (what == RESTART && call && call->legs[side]) {
		descs[side].local_ufrag[1] ^= 1;
		ap_leg_restart(call->legs[side], &descs[side]);
	} else if (what == TAP && call) {
		if (!side)
			ap_call_open_tap(&worker, call, -1, 7);
		else
			ap_call_close_tap(call, &packets, &dropped);
		ap_call_sweep(&worker, call);
	}
}

static void check_world(void)
{
	const struct ap_call *call = the_call();
	for (int side = 0; call && side < 2; side++) {
		const struct ap_leg *leg = call->legs[side];
		if (!leg)
			continue;
		g_assert_true(leg->path_count <= AP_LEG_PATHS && leg->selected < (int)leg->path_count);
		for (size_t i = 0; i < leg->path_count; i++)
			g_assert_true(ap_path_table_find(worker.paths, &leg->paths[i].path) == leg);
		g_assert_true(g_hash_table_lookup(worker.ufrags, leg->now.ufrag) == leg);
	}
	g_assert_true(worker.handshakes <= worker.max_handshakes);
}

/* Nothing of a run is left for the next. */
static void clean_up(void)
{
	g_hash_table_remove_all(worker.calls);
	g_assert_true(g_hash_table_size(worker.ufrags) == 0 && worker.handshakes == 0);
	g_assert_true(g_hash_table_size(worker.sources) == 0);
	for (unsigned i = 0; i < ADDRESSES; i++) {
		struct ap_path path = path_of(i);
		g_assert_null(ap_path_table_find(worker.paths, &path));
	}
	worker.now_ns = 0;
}

/* RTCP goes alone: what it may speak of is known when it leaves, before another packet changes a source. */
static void take_item(uint8_t what, const uint8_t *bytes, size_t len)
{
	unsigned side = what >> 3 & 1, address = what >> 4 & 3;
	bool alone = ap_demux(bytes, len) == AP_DEMUX_RTCP;
	if (alone)
		run_batch();
	switch ((enum what)(what & 7)) {
	case RAW:
	case RAW_TOO:
	case DTLS_STATE:
		next_packet(address, bytes, len);
		break;
	case SIGNED_CHECK:
		add_check(side, address, bytes, len);
		break;
	default:
		act((enum what)(what & 7), side, bytes, len);
		break;
	}
	if (alone || what & 64)
		run_batch();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ap_reader r = ap_reader_over(data, size);
	if (!worker.packets)
		make_worker();
	describe_side(0);
	describe_side(1);
	next_leg = 0;
	put_ready(0);
	put_ready(1);
	while (ap_reader_left(&r) > 0) {
		uint8_t what = ap_read_u8(&r);
		size_t len = ap_read_u16(&r);
		len = MIN(MIN(len, ap_reader_left(&r)), AP_PACKET_MAX);
		const uint8_t *bytes = ap_read_span(&r, len);
		take_item(what, bytes, len);
	}
	run_batch();
	check_world();
	clean_up();
	return 0;
}
