/* Translating RTCP: what comes out must be well-formed, no longer than what came in, and translate again. */
#include "fuzz.h"

#include "gateway/rtcp.h"

static void number(struct ap_seqmap *m, uint16_t first, uint16_t last)
{
	uint16_t out;
	(void)ap_seqmap_forward(m, first, &out);
	(void)ap_seqmap_forward(m, last, &out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ap_seqmap seq = {0}, rtx = {0}, twcc = {0};
	struct ap_rtcp_map map = {
		.sent = {{1, 0xa1, 500, AP_LINE_CAMERA, false}, {2, 0xa2, 500, AP_LINE_CAMERA, true}},
		.sents = 2,
		.got = {{1, 0x21, &seq, AP_LINE_CAMERA, false, true}, {2, 0x22, &rtx, AP_LINE_CAMERA, true, false}},
		.gots = 2,
		.twcc = &twcc,
		.our_ssrc = 0xa0};
	struct ap_rtcp_seen seen;
	uint8_t once[2048], twice[2048];
	number(&seq, 0, 30000);
	number(&rtx, 0, 30000);
	number(&twcc, 0, 30000);
	if (size > sizeof once)
		return 0;
	struct ap_writer w = ap_writer_over(once, sizeof once), again = ap_writer_over(twice, sizeof twice);
	if (!ap_rtcp_translate(data, size, &map, &w, &seen))
		return 0;
	if (w.bad || w.len > size || w.len % 4)
		__builtin_trap();
	if (w.len > 0 && !ap_rtcp_translate(once, w.len, &map, &again, &seen))
		__builtin_trap();
	return 0;
}
