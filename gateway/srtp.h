/*
 * SRTP and SRTCP of one leg, over libsrtp2; nothing outside srtp.c sees that library.
 *
 * One object is one direction of one leg, for all SSRCs. Packets are changed in place. An SSRC is accepted inward
 * only while fewer than AP_SRTP_SSRCS were seen, so that an authenticated but hostile client cannot make state grow.
 *
 * Threads: one object, one thread. No allocation except at the first packet of an SSRC.
 * Source: RFC 3711, RFC 7714 (AEAD_AES_128_GCM), RFC 5764 §4.2 (keys from DTLS).
 */
#pragma once

#include <aparte/err.h>
#include <stddef.h>
#include <stdint.h>

#define AP_SRTP_TRAILER 24 /* bytes that protecting may add: tag, and SRTCP's index */
#define AP_SRTP_SSRCS 24

enum ap_srtp_profile { AP_SRTP_GCM128, AP_SRTP_CM128_SHA1_80 };
enum ap_srtp_direction { AP_SRTP_INWARD, AP_SRTP_OUTWARD };
enum ap_srtp_kind { AP_SRTP_RTP, AP_SRTP_RTCP };
enum ap_srtp_verdict { AP_SRTP_OK, AP_SRTP_FORGED, AP_SRTP_REPLAYED, AP_SRTP_REFUSED };

#define AP_SRTP_KEY 16
#define AP_SRTP_SALT_MAX 14

struct ap_srtp; /* opaque */

/* Starts the library, once per process; before anything else here, from any thread. */
struct ap_result ap_srtp_start(void);
/* 12 or 14 bytes of salt. */
size_t ap_srtp_salt(enum ap_srtp_profile profile);
/* `key` is the 16-byte key with its salt right behind; the caller wipes it. */
struct ap_result ap_srtp_new(enum ap_srtp_profile profile, enum ap_srtp_direction direction, const uint8_t *key,
			     struct ap_srtp **ret_srtp);
void ap_srtp_free(struct ap_srtp *s);

/* Authenticates and decrypts; *len shrinks. `data` holds at least the smallest packet of its kind. */
enum ap_srtp_verdict ap_srtp_unprotect(struct ap_srtp *s, enum ap_srtp_kind kind, uint8_t *data, size_t *len);
/* Encrypts; *len grows by at most AP_SRTP_TRAILER, for which there is room. A number already used is refused. */
enum ap_srtp_verdict ap_srtp_protect(struct ap_srtp *s, enum ap_srtp_kind kind, uint8_t *data, size_t *len);
