/*
 * The two things that a file writer knows of Opus (RFC 6716). Pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Duration of a packet in ms, by its first bytes (§3.1), rounded; 0 when malformed. */
unsigned ap_opus_packet_ms(const uint8_t *bytes, size_t len);

/* A packet of 20 ms of silence: CELT, full band, its one frame says "silence" (§4.3). */
#define AP_OPUS_SILENCE_MS 20
const uint8_t *ap_opus_silence(size_t *ret_len);
