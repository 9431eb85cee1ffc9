/*
 * Token buckets by key (an address, a token's hash): `per_minute` requests a minute, as many at once. Pure: time is
 * an argument (monotonic ns). IPv6 clients count by /64, which is what one of them has.
 *
 * Bounded: with more than 65536 keys, those that are full again are forgotten; when none is, all are.
 * Threads: one at a time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ap_limiter; /* opaque */

struct ap_limiter *ap_limiter_new(unsigned per_minute);
void ap_limiter_free(struct ap_limiter *l);
/* Takes one from the bucket. False: *ret_retry_after says in how many seconds there is one again (at least 1). */
bool ap_limiter_take(struct ap_limiter *l, const char *key, int64_t now_ns, unsigned *ret_retry_after);
size_t ap_limiter_keys(const struct ap_limiter *l);
/* The bucket's key of an address: itself, or its /64. */
void ap_limiter_address_key(const char *address, char ret_key[48]);
