/*
 * STUN made and checked without the library that the gateway uses: a message given its integrity and fingerprint
 * (RFC 8489 §14.5, §14.7), and whether one carries the right integrity.
 */
#pragma once

#include <aparte/buf.h>
#include <glib.h>
#include <string.h>

#define STUN_HEADER 20
#define STUN_INTEGRITY 0x0008
#define STUN_FINGERPRINT 0x8028
#define STUN_COOKIE 0x2112a442
#define STUN_TAIL (24 + 8) /* bytes that signing adds */

/* Bit by bit: messages are short, and a table would be one more thing to get wrong. */
static inline uint32_t stun_crc(const uint8_t *data, size_t len)
{
	uint32_t crc = UINT32_MAX;
	for (size_t i = 0; i < len; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

static inline void stun_hmac(const uint8_t *data, size_t len, const char *pwd, uint8_t ret_digest[20])
{
	gsize n = 20;
	GHmac *hmac = g_hmac_new(G_CHECKSUM_SHA1, (const uint8_t *)pwd, strlen(pwd));
	g_hmac_update(hmac, data, (gssize)len);
	g_hmac_get_digest(hmac, ret_digest, &n);
	g_hmac_unref(hmac);
}

/* Cuts the message to whole words, corrects length and cookie, appends integrity and fingerprint: its new length.
 * `message` has room for STUN_TAIL more; 0 when it is shorter than a header. */
static inline size_t stun_sign(uint8_t *message, size_t len, const char *pwd)
{
	uint8_t digest[20];
	len &= ~(size_t)3;
	if (len < STUN_HEADER)
		return 0;
	struct ap_writer w = ap_writer_over(message, len + STUN_TAIL);
	w.len = 2;
	ap_write_u16(&w, (uint16_t)(len - STUN_HEADER + 24));
	ap_write_u32(&w, STUN_COOKIE);
	stun_hmac(message, len, pwd, digest);
	w.len = len;
	ap_write_u16(&w, STUN_INTEGRITY);
	ap_write_u16(&w, sizeof digest);
	ap_write_bytes(&w, digest, sizeof digest);
	ap_write_u16_at(&w, 2, (uint16_t)(len - STUN_HEADER + STUN_TAIL));
	uint32_t crc = stun_crc(message, w.len) ^ 0x5354554e;
	ap_write_u16(&w, STUN_FINGERPRINT);
	ap_write_u16(&w, 4);
	ap_write_u32(&w, crc);
	g_assert_true(!w.bad && w.len == len + STUN_TAIL);
	return w.len;
}

/* Where the first attribute of that type begins; 0 without one. */
static inline size_t stun_attribute(const uint8_t *message, size_t len, uint16_t wanted)
{
	struct ap_reader r = ap_reader_over(message, len);
	ap_read_skip(&r, STUN_HEADER);
	while (!r.bad && ap_reader_left(&r) >= 4) {
		size_t at = r.off;
		uint16_t type = ap_read_u16(&r), n = ap_read_u16(&r);
		if (type == wanted)
			return at;
		ap_read_skip(&r, ((size_t)n + 3) & ~(size_t)3);
	}
	return 0;
}

/* The message's integrity was made with this password, over everything before it. */
static inline bool stun_is_signed(const uint8_t *message, size_t len, const char *pwd)
{
	uint8_t copy[2048], digest[20];
	size_t at = stun_attribute(message, len, STUN_INTEGRITY);
	if (at == 0 || len - at < 24 || !ap_copy(copy, sizeof copy, message, at))
		return false;
	struct ap_writer w = ap_writer_over(copy, sizeof copy);
	w.len = 4;
	ap_write_u16_at(&w, 2, (uint16_t)(at - STUN_HEADER + 24));
	stun_hmac(copy, at, pwd, digest);
	return memcmp(digest, message + at + 4, sizeof digest) == 0;
}
