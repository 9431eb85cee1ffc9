/* Parsing RTP and writing its header anew: what is written must parse to the same again. */
#include "fuzz.h"

#include "gateway/rtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t from[AP_EXTS] = {4, 3, 2, 1, 13, 10}, to[AP_EXTS] = {1, 20, 3, 14, 15, 2};
	struct ap_rtp rtp, again;
	struct ap_rtp_exts exts, found;
	uint8_t header[AP_RTP_HEADER_MAX];
	if (!ap_rtp_parse(data, size, &rtp))
		return 0;
	ap_rtp_find_exts(&rtp, from, &exts);
	struct ap_writer w = ap_writer_over(header, sizeof header);
	rtp.padded = false;
	ap_rtp_write_header(&w, &rtp, &exts, to);
	if (w.bad || !ap_rtp_parse(header, w.len, &again) || again.ssrc != rtp.ssrc || again.header != w.len)
		__builtin_trap();
	ap_rtp_find_exts(&again, to, &found);
	for (int i = 0; i < AP_EXTS; i++)
		if (found.len[i] != exts.len[i])
			__builtin_trap();
	return 0;
}
