/*
 * SRTP and SRTCP of one direction: the first byte says profile, kind and what happens on the way. What was protected
 * comes back as it was, once; anything else that is not what our peer protected is refused.
 */
#include "fuzz.h"

#include "gateway/demux.h"
#include "gateway/srtp.h"

#include <aparte/buf.h>
#include <string.h>

enum { GCM = 1, TAMPER = 4, BARE = 8 };
enum { PACKET_MAX = 1500 };

static const uint8_t key[AP_SRTP_KEY + AP_SRTP_SALT_MAX] = "0123456789abcdef0123456789abc";

/* Both directions of each profile live for all runs: making keys costs more than using them. */
static struct ap_srtp *outward[2], *inward[2];

static void make_once(void)
{
	g_assert_true(ap_ok(ap_srtp_start()));
	for (int gcm = 0; gcm < 2; gcm++) {
		enum ap_srtp_profile profile = gcm ? AP_SRTP_GCM128 : AP_SRTP_CM128_SHA1_80;
		g_assert_true(ap_ok(ap_srtp_new(profile, AP_SRTP_OUTWARD, key, &outward[gcm])));
		g_assert_true(ap_ok(ap_srtp_new(profile, AP_SRTP_INWARD, key, &inward[gcm])));
	}
}

/* A number is protected once only, and state is kept by source: every run takes the next number of one source. */
static void renumber(uint8_t *packet, size_t len, enum ap_srtp_kind kind)
{
	static uint16_t seq;
	struct ap_writer w = ap_writer_over(packet, len);
	if (kind == AP_SRTP_RTP) {
		w.len = 2;
		ap_write_u16(&w, ++seq);
		w.len = 8;
	} else {
		w.len = 4;
	}
	ap_write_u32(&w, 7);
	g_assert_false(w.bad);
}

static void there_and_back(struct ap_srtp *out, struct ap_srtp *in, enum ap_srtp_kind kind, const uint8_t *data, size_t len,
			   uint8_t how)
{
	_Alignas(8) uint8_t packet[PACKET_MAX + AP_SRTP_TRAILER], again[sizeof packet], clear[PACKET_MAX];
	size_t n = len, m;
	g_assert_true(ap_copy(clear, sizeof clear, data, len));
	renumber(clear, len, kind);
	g_assert_true(ap_copy(packet, PACKET_MAX, clear, len));
	if (ap_srtp_protect(out, kind, packet, &n) != AP_SRTP_OK)
		return;
	g_assert_true(n > len && n <= len + AP_SRTP_TRAILER);
	m = n;
	g_assert_true(ap_copy(again, sizeof again, packet, n));
	if (how & TAMPER) {
		packet[data[len / 2] % n] ^= (uint8_t)(1 << how / 16 % 8);
		g_assert_true(ap_srtp_unprotect(in, kind, packet, &n) != AP_SRTP_OK);
	}
	/* What was tampered with does not keep the true one out. */
	g_assert_true(ap_copy(packet, sizeof packet, again, m));
	n = m;
	g_assert_true(ap_srtp_unprotect(in, kind, packet, &n) == AP_SRTP_OK);
	g_assert_true(n == len && memcmp(packet, clear, len) == 0);
	g_assert_true(ap_srtp_unprotect(in, kind, again, &m) != AP_SRTP_OK);
}

static void refuse(struct ap_srtp *in, enum ap_srtp_kind kind, const uint8_t *data, size_t len)
{
	/* On the heap in its exact size: what reads beyond it is seen. */
	g_autofree uint8_t *packet = g_memdup2(data, len);
	size_t n = len;
	g_assert_true(ap_srtp_unprotect(in, kind, packet, &n) != AP_SRTP_OK && n == len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1 || --size > PACKET_MAX)
		return 0;
	uint8_t how = *data++;
	enum ap_demux is = ap_demux(data, size);
	enum ap_srtp_kind kind = is == AP_DEMUX_RTCP ? AP_SRTP_RTCP : AP_SRTP_RTP;
	if (is != AP_DEMUX_RTP && is != AP_DEMUX_RTCP)
		return 0;
	if (!outward[0])
		make_once();
	if (how & BARE)
		refuse(inward[how & GCM], kind, data, size);
	else
		there_and_back(outward[how & GCM], inward[how & GCM], kind, data, size, how);
	return 0;
}
