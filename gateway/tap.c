#include "gateway/tap.h"

#include <errno.h>
#include <glib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 64, FIXED = 12, PARTS = 3, OSN = 2, SR_MAX = 32 };

struct ap_tap {
	int fd; /* owned */
	uint64_t generation, packets, dropped;
	bool lost;
};

/* One datagram: our own bytes (gate header, then RTP's fixed header or a whole report), then borrowed ones. */
struct entry {
	struct ap_tap *tap; /* borrowed */
	struct ap_writer own;
	uint8_t bytes[AP_GATE_HEADER + SR_MAX];
	struct iovec parts[PARTS];
};

struct ap_tap_batch {
	size_t count;
	uint64_t written, dropped; /* since the last flush asked for by the worker */
	bool lost;
	struct entry entries[BATCH];
	struct mmsghdr messages[BATCH];
};

struct ap_tap *ap_tap_new(int fd, uint64_t generation)
{
	struct ap_tap *tap = g_new0(struct ap_tap, 1);
	tap->fd = fd;
	tap->generation = generation;
	return tap;
}

void ap_tap_free(struct ap_tap *tap)
{
	if (!tap)
		return;
	close(tap->fd);
	g_free(tap);
}

uint64_t ap_tap_generation(const struct ap_tap *tap)
{
	return tap->generation;
}

uint64_t ap_tap_packets(const struct ap_tap *tap)
{
	return tap->packets;
}

uint64_t ap_tap_dropped(const struct ap_tap *tap)
{
	return tap->dropped;
}

bool ap_tap_lost(const struct ap_tap *tap)
{
	return tap->lost;
}

struct ap_tap_batch *ap_tap_batch_new(void)
{
	return g_new0(struct ap_tap_batch, 1);
}

void ap_tap_batch_free(struct ap_tap_batch *b)
{
	g_free(b);
}

/* Entries [from, to) belong to one tap: written together as far as the gate takes them. */
static void write_run(struct ap_tap_batch *b, size_t from, size_t to)
{
	struct ap_tap *tap = b->entries[from].tap;
	while (from < to && !tap->lost) {
		int n = sendmmsg(tap->fd, b->messages + from, (unsigned)(to - from), MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0) {
			tap->packets += (uint64_t)n;
			b->written += (uint64_t)n;
			from += (size_t)n;
		} else if (errno == EMSGSIZE) {
			tap->dropped++;
			b->dropped++;
			from++;
		} else if (errno == EAGAIN || errno == ENOBUFS) {
			break;
		} else if (errno != EINTR) {
			tap->lost = b->lost = true;
		}
	}
	tap->dropped += to - from;
	b->dropped += to - from;
}

static void write_all(struct ap_tap_batch *b)
{
	for (size_t from = 0, to; from < b->count; from = to) {
		for (to = from + 1; to < b->count && b->entries[to].tap == b->entries[from].tap; to++)
			;
		write_run(b, from, to);
	}
	b->count = 0;
}

static struct entry *begin(struct ap_tap_batch *b, struct ap_tap *tap, const struct ap_tap_from *from,
			   enum ap_gate_kind kind)
{
	if (b->count == BATCH)
		write_all(b);
	struct entry *e = &b->entries[b->count];
	struct ap_gate_header header = {.kind = kind,
					.role = from->role,
					.line = from->line,
					.generation = tap->generation,
					.arrival_ns = (uint64_t)from->arrival_ns};
	e->tap = tap;
	e->own = ap_writer_over(e->bytes, sizeof e->bytes);
	ap_gate_header_write(&e->own, &header);
	return e;
}

/* Takes the entry when its datagram fits; the two borrowed parts may be empty. */
static void end(struct ap_tap_batch *b, struct entry *e, const void *second, size_t second_len, const void *third,
		size_t third_len)
{
	if (e->own.bad || e->own.len + second_len + third_len > AP_GATE_DATAGRAM) {
		e->tap->dropped++;
		b->dropped++;
		return;
	}
	e->parts[0] = (struct iovec){e->bytes, e->own.len};
	e->parts[1] = (struct iovec){(void *)second, second_len};
	e->parts[2] = (struct iovec){(void *)third, third_len};
	b->messages[b->count++] = (struct mmsghdr){.msg_hdr = {.msg_iov = e->parts, .msg_iovlen = PARTS}};
}

static void write_fixed(struct ap_writer *w, uint8_t first, const struct ap_rtp *rtp, enum ap_line line, uint16_t seq,
			uint32_t ssrc)
{
	uint8_t pt = line == AP_LINE_AUDIO ? AP_GATE_PT_AUDIO : AP_GATE_PT_VIDEO;
	ap_write_u8(w, first);
	ap_write_u8(w, (uint8_t)((rtp->marker ? 0x80 : 0) | pt));
	ap_write_u16(w, seq);
	ap_write_u32(w, rtp->ts);
	ap_write_u32(w, ssrc);
}

/* Padding is left behind: it says nothing, and a restored packet never has any. */
static uint8_t unpadded(const uint8_t *data)
{
	return data[0] & (uint8_t)~0x20;
}

void ap_tap_rtp(struct ap_tap_batch *b, struct ap_tap *tap, const struct ap_tap_from *from, const uint8_t *data,
		const struct ap_rtp *rtp)
{
	struct entry *e = begin(b, tap, from, AP_GATE_RTP);
	write_fixed(&e->own, unpadded(data), rtp, from->line, rtp->seq, rtp->ssrc);
	end(b, e, data + FIXED, rtp->header - FIXED + rtp->payload, NULL, 0);
}

void ap_tap_rtx(struct ap_tap_batch *b, struct ap_tap *tap, const struct ap_tap_from *from, const uint8_t *data,
		const struct ap_rtp *rtp, uint32_t ssrc)
{
	struct ap_reader r = ap_reader_over(data + rtp->header, rtp->payload);
	uint16_t seq = ap_read_u16(&r);
	if (r.bad || ap_reader_left(&r) == 0)
		return;
	struct entry *e = begin(b, tap, from, AP_GATE_RTP);
	write_fixed(&e->own, unpadded(data), rtp, from->line, seq, ssrc);
	end(b, e, data + FIXED, rtp->header - FIXED, data + rtp->header + OSN, rtp->payload - OSN);
}

void ap_tap_sr(struct ap_tap_batch *b, struct ap_tap *tap, const struct ap_tap_from *from, const uint8_t *sr,
	       size_t len)
{
	struct entry *e = begin(b, tap, from, AP_GATE_RTCP_SR);
	ap_write_bytes(&e->own, sr, len);
	end(b, e, NULL, 0, NULL, 0);
}

struct ap_tap_flushed ap_tap_flush(struct ap_tap_batch *b)
{
	write_all(b);
	struct ap_tap_flushed flushed = {.written = b->written, .dropped = b->dropped, .lost = b->lost};
	b->written = b->dropped = 0;
	b->lost = false;
	return flushed;
}
