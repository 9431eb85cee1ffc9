#include "gateway/demux.h"

enum { STUN_MIN = 20, DTLS_MIN = 13, RTP_MIN = 12, RTCP_MIN = 8 };

enum ap_demux ap_demux(const uint8_t *data, size_t len)
{
	if (len < RTCP_MIN)
		return AP_DEMUX_DROP;
	if (data[0] <= 3)
		return len >= STUN_MIN ? AP_DEMUX_STUN : AP_DEMUX_DROP;
	if (data[0] >= 20 && data[0] <= 63)
		return len >= DTLS_MIN ? AP_DEMUX_DTLS : AP_DEMUX_DROP;
	if (data[0] < 128 || data[0] > 191)
		return AP_DEMUX_DROP;
	if (data[1] >= 192 && data[1] <= 223)
		return AP_DEMUX_RTCP;
	return len >= RTP_MIN ? AP_DEMUX_RTP : AP_DEMUX_DROP;
}
