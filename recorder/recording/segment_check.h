/*
 * Is a file that a capture reported what it reported, and will it stay so? A capture parses strangers' media: its word
 * for size and hash is not enough, and a descriptor it kept would let it write into a segment that counts as closed.
 *
 * So a file is taken only when nobody has it open for writing (a read lease is only given then: fcntl(2), F_SETLEASE),
 * and its bytes have the size and the SHA-256 that were reported. Where a file system knows no leases (some network
 * and user-space ones) a kept descriptor goes unseen here; playback compares the hash anyway.
 *
 * Threads: any. Waits for the disk.
 */
#pragma once

#include <aparte/err.h>
#include <stdint.h>

/* fd: open for reading, borrowed. AP_ERR_PROTOCOL "capture-report" when it is not so, AP_ERR_IO "storage". */
struct ap_result ap_segment_check(int fd, uint64_t size, const uint8_t sha256[32]);
