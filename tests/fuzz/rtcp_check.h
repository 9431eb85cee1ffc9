/*
 * What leaves us as RTCP must be well-formed and speak of nothing but what its receiver knows: read here by code that
 * shares nothing with the translation.
 */
#pragma once

#include <aparte/buf.h>
#include <glib.h>

/* SSRCs that the receiver may hear of: whom it hears (speakers), and of what (what it sends itself). */
struct rtcp_known {
	uint32_t speakers[16], sources[16];
	size_t speaker_count, source_count;
};

static inline bool rtcp_is_in(const uint32_t *list, size_t count, uint32_t ssrc)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] == ssrc)
			return true;
	return false;
}

static inline void rtcp_check_speaker(struct ap_reader *body, const struct rtcp_known *known)
{
	g_assert_true(rtcp_is_in(known->speakers, known->speaker_count, ap_read_u32(body)));
}

static inline void rtcp_check_source(struct ap_reader *body, const struct rtcp_known *known)
{
	g_assert_true(rtcp_is_in(known->sources, known->source_count, ap_read_u32(body)));
}

static inline void rtcp_check_blocks(struct ap_reader *body, unsigned count, const struct rtcp_known *known)
{
	for (unsigned i = 0; i < count; i++) {
		rtcp_check_source(body, known);
		ap_read_skip(body, 20);
	}
	g_assert_true(!body->bad && ap_reader_left(body) == 0);
}

static inline void rtcp_check_description(struct ap_reader *body, unsigned count, const struct rtcp_known *known)
{
	g_assert_true(count > 0);
	for (unsigned i = 0; i < count; i++) {
		size_t start = body->off + 4;
		rtcp_check_speaker(body, known);
		while (!body->bad && ap_read_u8(body) != 0)
			ap_read_skip(body, ap_read_u8(body));
		while (!body->bad && (body->off - start) % 4)
			ap_read_u8(body);
	}
	g_assert_true(!body->bad && ap_reader_left(body) == 0);
}

static inline void rtcp_check_feedback(struct ap_reader *body, unsigned type, unsigned format,
				       const struct rtcp_known *known)
{
	rtcp_check_speaker(body, known);
	if (type == 205 || format == 1) {
		rtcp_check_source(body, known);
		g_assert_true(format == 1 || format == 15);
		g_assert_true(type == 206 || format == 15 || (ap_reader_left(body) > 0 && ap_reader_left(body) % 4 == 0));
		g_assert_true(type == 205 || ap_reader_left(body) == 0);
		return;
	}
	g_assert_true(format == 15 && ap_read_u32(body) == 0 && ap_read_u32(body) == 0x52454d42 /* REMB */);
	unsigned listed = ap_read_u8(body);
	ap_read_skip(body, 3);
	for (unsigned i = 0; i < listed; i++)
		rtcp_check_source(body, known);
	g_assert_true(listed > 0 && !body->bad && ap_reader_left(body) == 0);
}

/* The packet after its header, without the padding that only transport-cc may have. */
static inline struct ap_reader rtcp_body(struct ap_reader *all, size_t words, bool padded, unsigned type, unsigned format)
{
	struct ap_reader body = ap_read_sub(all, words * 4);
	g_assert_true(!all->bad && (!padded || (type == 205 && format == 15)));
	if (!padded)
		return body;
	g_assert_true(body.len > 0 && body.data[body.len - 1] > 0 && body.data[body.len - 1] < 4);
	body.len -= body.data[body.len - 1];
	return body;
}

static inline void rtcp_check(const uint8_t *data, size_t len, const struct rtcp_known *known)
{
	struct ap_reader all = ap_reader_over(data, len);
	while (ap_reader_left(&all) > 0) {
		unsigned first = ap_read_u8(&all), type = ap_read_u8(&all), count = first & 31;
		size_t words = ap_read_u16(&all);
		g_assert_true((first & 0xc0) == 0x80 && type >= 200 && type <= 206 && type != 203 && type != 204);
		struct ap_reader body = rtcp_body(&all, words, first & 0x20, type, count);
		if (type >= 205) {
			rtcp_check_feedback(&body, type, count, known);
		} else if (type == 202) {
			rtcp_check_description(&body, count, known);
		} else {
			rtcp_check_speaker(&body, known);
			ap_read_skip(&body, type == 200 ? 20 : 0);
			rtcp_check_blocks(&body, count, known);
		}
	}
}
