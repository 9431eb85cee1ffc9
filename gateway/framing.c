#include "gateway/framing.h"

/* Moves bytes until `want` are there; false when `in` ran dry. */
static bool collect(struct ap_framer *f, struct ap_reader *in, size_t want)
{
	size_t missing = want > f->have ? want - f->have : 0, left = ap_reader_left(in);
	size_t n = missing < left ? missing : left;
	ap_read_bytes(in, f->data + f->have, n);
	f->have += n;
	return f->have >= want;
}

enum ap_frame ap_framer_next(struct ap_framer *f, struct ap_reader *in, struct ap_reader *ret_packet)
{
	if (!collect(f, in, AP_FRAME_HEADER))
		return AP_FRAME_MORE;
	size_t len = (size_t)f->data[0] << 8 | f->data[1];
	if (len > AP_FRAME_MAX)
		return AP_FRAME_BROKEN;
	if (!collect(f, in, AP_FRAME_HEADER + len))
		return AP_FRAME_MORE;
	*ret_packet = ap_reader_over(f->data + AP_FRAME_HEADER, len);
	f->have = 0;
	return AP_FRAME_READY;
}
