/*
 * Bech32 (BIP 173) of exactly 32 bytes, as age writes its keys. The human-readable part's case is the text's case.
 *
 * Pure; any thread. Working memory is wiped, since one of the two uses is an identity.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AP_BECH32_BYTES 32

/* cap >= strlen(hrp) + 60; aborts otherwise (our own mistake). */
void ap_bech32_encode(const char *hrp, const uint8_t bytes[AP_BECH32_BYTES], char *ret_text, size_t cap);
/* False unless the text is exactly hrp, '1', data and checksum in hrp's case. Output untouched then. */
bool ap_bech32_decode(const char *hrp, const char *text, uint8_t ret_bytes[AP_BECH32_BYTES]);
