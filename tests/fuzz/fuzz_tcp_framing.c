/* Frames from a byte stream, cut anywhere: packets never exceed their bound, and every byte is consumed. */
#include "fuzz.h"

#include "gateway/framing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ap_framer f = {0};
	struct ap_reader all = ap_reader_over(data, size);
	size_t cut = size ? data[0] % 61 + 1u : 1;
	while (ap_reader_left(&all) > 0) {
		size_t left = ap_reader_left(&all);
		struct ap_reader piece = ap_read_sub(&all, cut < left ? cut : left), packet;
		enum ap_frame got;
		while ((got = ap_framer_next(&f, &piece, &packet)) == AP_FRAME_READY)
			if (packet.len > AP_FRAME_MAX)
				__builtin_trap();
		if (got == AP_FRAME_BROKEN)
			return 0;
		if (ap_reader_left(&piece) > 0)
			__builtin_trap();
	}
	return 0;
}
