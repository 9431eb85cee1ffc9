#include "gateway/srtp.h"

#include <aparte/buf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct pair {
	struct ap_srtp *out, *in;
};

static struct pair open_pair(enum ap_srtp_profile profile)
{
	uint8_t key[AP_SRTP_KEY + AP_SRTP_SALT_MAX] = {1, 2, 3};
	struct pair p;
	assert_true(ap_ok(ap_srtp_start()));
	assert_true(ap_ok(ap_srtp_new(profile, AP_SRTP_OUTWARD, key, &p.out)));
	assert_true(ap_ok(ap_srtp_new(profile, AP_SRTP_INWARD, key, &p.in)));
	return p;
}

static void close_pair(struct pair *p)
{
	ap_srtp_free(p->out);
	ap_srtp_free(p->in);
}

static size_t make_rtp(uint8_t bytes[200], uint16_t seq, uint32_t ssrc)
{
	struct ap_writer w = ap_writer_over(bytes, 200);
	ap_write_u16(&w, 0x8060);
	ap_write_u16(&w, seq);
	ap_write_u32(&w, 0);
	ap_write_u32(&w, ssrc);
	ap_write_label(&w, "payload");
	return w.len;
}

static void what_goes_out_comes_in_once(void **state)
{
	(void)state;
	for (enum ap_srtp_profile profile = AP_SRTP_GCM128; profile <= AP_SRTP_CM128_SHA1_80; profile++) {
		struct pair p = open_pair(profile);
		_Alignas(8) uint8_t bytes[200], copy[200];
		size_t clear = make_rtp(bytes, 5, 77), len = clear;
		assert_int_equal(ap_srtp_protect(p.out, AP_SRTP_RTP, bytes, &len), AP_SRTP_OK);
		assert_true(len > clear && len <= clear + AP_SRTP_TRAILER);
		assert_memory_not_equal(bytes + 12, "payload", 7);
		assert_true(ap_copy(copy, sizeof copy, bytes, len));
		size_t again = len;
		assert_int_equal(ap_srtp_unprotect(p.in, AP_SRTP_RTP, bytes, &len), AP_SRTP_OK);
		assert_int_equal(len, clear);
		assert_memory_equal(bytes + 12, "payload", 7);
		assert_int_equal(ap_srtp_unprotect(p.in, AP_SRTP_RTP, copy, &again), AP_SRTP_REPLAYED);
		clear = len = make_rtp(bytes, 5, 77);
		assert_int_equal(ap_srtp_protect(p.out, AP_SRTP_RTP, bytes, &len), AP_SRTP_REPLAYED);
		assert_int_equal(len, clear);
		close_pair(&p);
	}
}

static void a_changed_bit_is_a_forgery(void **state)
{
	(void)state;
	struct pair p = open_pair(AP_SRTP_GCM128);
	for (size_t i = 1; i < 20; i++) {
		_Alignas(8) uint8_t bytes[200];
		size_t len = make_rtp(bytes, (uint16_t)i, 77);
		assert_int_equal(ap_srtp_protect(p.out, AP_SRTP_RTP, bytes, &len), AP_SRTP_OK);
		bytes[i] ^= 1;
		assert_int_not_equal(ap_srtp_unprotect(p.in, AP_SRTP_RTP, bytes, &len), AP_SRTP_OK);
	}
	close_pair(&p);
}

/* Also where nothing is encrypted but the tag stands for the header. */
static void a_forgery_spoils_no_genuine_packet(void **state)
{
	(void)state;
	for (enum ap_srtp_profile profile = AP_SRTP_GCM128; profile <= AP_SRTP_CM128_SHA1_80; profile++) {
		struct pair p = open_pair(profile);
		for (uint16_t seq = 1; seq <= 4; seq++) {
			_Alignas(8) uint8_t bytes[200], forged[200];
			size_t clear = make_rtp(bytes, seq, 77) - (seq % 2 ? 7 : 0), len = clear, n;
			assert_int_equal(ap_srtp_protect(p.out, AP_SRTP_RTP, bytes, &len), AP_SRTP_OK);
			for (size_t at = 12; at < len; at++) {
				assert_true(ap_copy(forged, sizeof forged, bytes, len));
				forged[at] ^= 0x40;
				n = len;
				assert_int_equal(ap_srtp_unprotect(p.in, AP_SRTP_RTP, forged, &n), AP_SRTP_FORGED);
			}
			n = 12; /* less than a tag */
			assert_true(ap_copy(forged, sizeof forged, bytes, n));
			assert_int_not_equal(ap_srtp_unprotect(p.in, AP_SRTP_RTP, forged, &n), AP_SRTP_OK);
			assert_int_equal(ap_srtp_unprotect(p.in, AP_SRTP_RTP, bytes, &len), AP_SRTP_OK);
			assert_int_equal(len, clear);
		}
		close_pair(&p);
	}
}

static void rtcp_has_its_own_trailer(void **state)
{
	(void)state;
	for (enum ap_srtp_profile profile = AP_SRTP_GCM128; profile <= AP_SRTP_CM128_SHA1_80; profile++) {
		struct pair p = open_pair(profile);
		_Alignas(8) uint8_t bytes[64] = {0x80, 201, 0, 1, 0, 0, 0, 9};
		size_t len = 8;
		assert_int_equal(ap_srtp_protect(p.out, AP_SRTP_RTCP, bytes, &len), AP_SRTP_OK);
		assert_true(len <= 8 + AP_SRTP_TRAILER);
		assert_int_equal(ap_srtp_unprotect(p.in, AP_SRTP_RTCP, bytes, &len), AP_SRTP_OK);
		assert_int_equal(len, 8);
		close_pair(&p);
	}
}

static void a_client_cannot_open_streams_without_end(void **state)
{
	(void)state;
	struct pair p = open_pair(AP_SRTP_GCM128);
	for (uint32_t ssrc = 1; ssrc <= AP_SRTP_SSRCS + 5; ssrc++) {
		_Alignas(8) uint8_t bytes[200];
		size_t len = make_rtp(bytes, 1, ssrc);
		assert_int_equal(ap_srtp_protect(p.out, AP_SRTP_RTP, bytes, &len), AP_SRTP_OK);
		assert_int_equal(ap_srtp_unprotect(p.in, AP_SRTP_RTP, bytes, &len),
				 ssrc <= AP_SRTP_SSRCS ? AP_SRTP_OK : AP_SRTP_REFUSED);
	}
	close_pair(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_goes_out_comes_in_once),
		cmocka_unit_test(a_changed_bit_is_a_forgery),
		cmocka_unit_test(a_forgery_spoils_no_genuine_packet),
		cmocka_unit_test(rtcp_has_its_own_trailer),
		cmocka_unit_test(a_client_cannot_open_streams_without_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
