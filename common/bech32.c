#include "bech32.h"

#include <aparte/buf.h>
#include <aparte/secret.h>
#include <stdlib.h>
#include <string.h>

#define DATA 52	    /* 5-bit groups in 32 bytes, the last padded */
#define CHECKSUM 6
#define GROUPS (DATA + CHECKSUM)

static const char alphabet[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static char lower(char c)
{
	return is_upper(c) ? (char)(c - 'A' + 'a') : c;
}

static char upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static uint32_t polymod_step(uint32_t sum, uint8_t group)
{
	static const uint32_t generator[5] = { 0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3 };
	uint32_t top = sum >> 25;
	sum = (sum & 0x1ffffff) << 5 ^ group;
	for (unsigned i = 0; i < 5; i++)
		sum ^= top >> i & 1 ? generator[i] : 0;
	return sum;
}

/* Checksum state over the human-readable part and all groups. */
static uint32_t polymod(const char *hrp, const uint8_t groups[GROUPS])
{
	uint32_t sum = 1;
	for (const char *c = hrp; *c; c++)
		sum = polymod_step(sum, (uint8_t)lower(*c) >> 5);
	sum = polymod_step(sum, 0);
	for (const char *c = hrp; *c; c++)
		sum = polymod_step(sum, (uint8_t)lower(*c) & 31);
	for (unsigned i = 0; i < GROUPS; i++)
		sum = polymod_step(sum, groups[i]);
	return sum;
}

static void to_groups(const uint8_t bytes[AP_BECH32_BYTES], uint8_t groups[DATA])
{
	for (unsigned g = 0; g < DATA; g++) {
		uint8_t value = 0;
		for (unsigned bit = g * 5; bit < g * 5 + 5; bit++) {
			uint8_t b = bit < AP_BECH32_BYTES * 8 ? bytes[bit / 8] >> (7 - bit % 8) & 1 : 0;
			value = (uint8_t)(value << 1 | b);
		}
		groups[g] = value;
	}
}

/* False when the padding bits are not zero. */
static bool from_groups(const uint8_t groups[DATA], uint8_t bytes[AP_BECH32_BYTES])
{
	memset(bytes, 0, AP_BECH32_BYTES);
	bool padding = false;
	for (unsigned bit = 0; bit < DATA * 5; bit++) {
		uint8_t b = groups[bit / 5] >> (4 - bit % 5) & 1;
		if (bit < AP_BECH32_BYTES * 8)
			bytes[bit / 8] |= (uint8_t)(b << (7 - bit % 8));
		else
			padding |= b;
	}
	return !padding;
}

void ap_bech32_encode(const char *hrp, const uint8_t bytes[AP_BECH32_BYTES], char *ret_text, size_t cap)
{
	uint8_t groups[GROUPS] = { 0 };
	to_groups(bytes, groups);
	uint32_t sum = polymod(hrp, groups) ^ 1;
	for (unsigned i = 0; i < CHECKSUM; i++)
		groups[DATA + i] = sum >> 5 * (CHECKSUM - 1 - i) & 31;
	bool capitals = is_upper(hrp[0]);
	struct ap_writer w = ap_writer_over(ret_text, cap);
	ap_write_label(&w, hrp);
	ap_write_u8(&w, '1');
	for (unsigned i = 0; i < GROUPS; i++)
		ap_write_u8(&w, (uint8_t)(capitals ? upper(alphabet[groups[i]]) : alphabet[groups[i]]));
	ap_write_u8(&w, 0);
	ap_wipe(groups, sizeof groups);
	if (w.bad)
		abort();
}

/* The groups behind "<hrp>1"; false on any character of another case or alphabet, or another length. */
static bool read_groups(const char *hrp, const char *text, uint8_t groups[GROUPS])
{
	size_t prefix = strlen(hrp);
	if (strlen(text) != prefix + 1 + GROUPS || strncmp(text, hrp, prefix) != 0 || text[prefix] != '1')
		return false;
	bool capitals = is_upper(hrp[0]);
	for (unsigned i = 0; i < GROUPS; i++) {
		char c = text[prefix + 1 + i];
		const char *at = c == (capitals ? upper(c) : lower(c)) ? strchr(alphabet, lower(c)) : NULL;
		if (!at || !*at)
			return false;
		groups[i] = (uint8_t)(at - alphabet);
	}
	return true;
}

bool ap_bech32_decode(const char *hrp, const char *text, uint8_t ret_bytes[AP_BECH32_BYTES])
{
	uint8_t groups[GROUPS];
	uint8_t bytes[AP_BECH32_BYTES];
	bool good = text && read_groups(hrp, text, groups) && polymod(hrp, groups) == 1 && from_groups(groups, bytes) &&
		    ap_copy(ret_bytes, AP_BECH32_BYTES, bytes, AP_BECH32_BYTES);
	ap_wipe(groups, sizeof groups);
	ap_wipe(bytes, sizeof bytes);
	return good;
}
