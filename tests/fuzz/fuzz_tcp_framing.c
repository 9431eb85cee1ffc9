/*
 * Frames from a byte stream, cut anywhere: packets never exceed their bound, every byte is consumed, and where the cuts
 * fall changes nothing about what is read. The first byte says how long the pieces are.
 */
#include "fuzz.h"

#include "gateway/framing.h"

#include <string.h>

/* What was read: the packets joined, each behind its length. */
struct outcome {
	size_t packets;
	bool broken;
	GByteArray *bytes; /* owned */
};

static enum ap_frame read_piece(struct ap_framer *f, struct ap_reader *piece, struct outcome *o)
{
	struct ap_reader packet;
	enum ap_frame got;
	while ((got = ap_framer_next(f, piece, &packet)) == AP_FRAME_READY) {
		uint8_t length[2] = {(uint8_t)(packet.len >> 8), (uint8_t)packet.len};
		g_assert_true(packet.len <= AP_FRAME_MAX && packet.off == 0 && !packet.bad);
		g_byte_array_append(o->bytes, length, 2);
		g_byte_array_append(o->bytes, packet.data, (guint)packet.len);
		o->packets++;
	}
	return got;
}

static void read_all(const uint8_t *data, size_t size, size_t cut, struct outcome *o)
{
	struct ap_framer f = {0};
	struct ap_reader all = ap_reader_over(data, size);
	o->packets = 0;
	o->broken = false;
	g_byte_array_set_size(o->bytes, 0);
	while (ap_reader_left(&all) > 0 && !o->broken) {
		size_t left = ap_reader_left(&all);
		struct ap_reader piece = ap_read_sub(&all, cut < left ? cut : left);
		o->broken = read_piece(&f, &piece, o) == AP_FRAME_BROKEN;
		g_assert_true(o->broken || ap_reader_left(&piece) == 0);
		g_assert_true(f.have <= sizeof f.data);
	}
	/* What was read, and what is held of the next, is the stream as it came. */
	g_assert_true(o->bytes->len + f.have <= size);
	g_assert_true(o->bytes->len == 0 || memcmp(o->bytes->data, data, o->bytes->len) == 0);
	g_assert_true(memcmp(f.data, data + o->bytes->len, f.have) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct outcome whole, cut; /* one for all runs */
	if (!whole.bytes) {
		whole.bytes = g_byte_array_new();
		cut.bytes = g_byte_array_new();
	}
	if (size == 0)
		return 0;
	read_all(data + 1, size - 1, SIZE_MAX, &whole);
	read_all(data + 1, size - 1, data[0] % 61 + 1u, &cut);
	g_assert_true(whole.packets == cut.packets && whole.broken == cut.broken);
	g_assert_true(whole.bytes->len == cut.bytes->len);
	return 0;
}
