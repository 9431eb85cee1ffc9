/*
 * Secret bytes in guarded memory (libsodium's sodium_malloc: guard pages, mlock, no core dump, wiped on free).
 *
 * All keys, shares, passwords and derived identities live in one of these, and nowhere else for longer than
 * the call that reads them. Comparison is in constant time.
 *
 * Ownership: the caller owns what _new and _from return; free accepts NULL. Threads: one at a time per object.
 */
#pragma once

#include <aparte/err.h>
#include <stddef.h>
#include <stdint.h>

struct ap_secret; /* opaque */

/* Uninitialised-to-zero secret of len bytes (1..65536). Never NULL: exits the process when memory cannot be locked. */
struct ap_secret *ap_secret_new(size_t len);
/* Copies bytes; the caller still has to wipe its own copy (ap_wipe). */
struct ap_secret *ap_secret_from(const void *bytes, size_t len);
struct ap_secret *ap_secret_random(size_t len);
void ap_secret_free(struct ap_secret *s);

size_t ap_secret_len(const struct ap_secret *s);
const uint8_t *ap_secret_bytes(const struct ap_secret *s);
uint8_t *ap_secret_bytes_rw(struct ap_secret *s);
bool ap_secret_equal(const struct ap_secret *a, const struct ap_secret *b);

/* Wipes memory in a way the compiler keeps. */
void ap_wipe(void *bytes, size_t len);

/* sodium_init, no core dumps (RLIMIT_CORE 0, PR_SET_DUMPABLE 0). First call of every process. */
struct ap_result ap_secret_init(void);
