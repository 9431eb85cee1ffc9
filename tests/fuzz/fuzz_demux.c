/* Demultiplexing: a pure function of the first two bytes and the length, with every kind's smallest size kept. */
#include "fuzz.h"

#include "gateway/demux.h"

/* RFC 7983 §7 and RFC 5761 §4, as a table of intervals. */
static enum ap_demux by_the_book(const uint8_t *data, size_t size)
{
	static const struct {
		unsigned low, high;
		enum ap_demux kind;
		size_t least;
	} kinds[] = {{0, 3, AP_DEMUX_STUN, 20}, {20, 63, AP_DEMUX_DTLS, 13}, {128, 191, AP_DEMUX_RTP, 12}};
	for (size_t i = 0; size >= 8 && i < G_N_ELEMENTS(kinds); i++) {
		if (data[0] < kinds[i].low || data[0] > kinds[i].high)
			continue;
		if (kinds[i].kind == AP_DEMUX_RTP && data[1] >= 192 && data[1] <= 223)
			return AP_DEMUX_RTCP;
		return size >= kinds[i].least ? kinds[i].kind : AP_DEMUX_DROP;
	}
	return AP_DEMUX_DROP;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_assert_cmpint(ap_demux(data, size), ==, by_the_book(data, size));
	return 0;
}
