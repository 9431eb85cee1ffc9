#include "opus.h"

static unsigned frame_us(unsigned config)
{
	static const unsigned silk[] = { 10000, 20000, 40000, 60000 }, hybrid[] = { 10000, 20000 },
			      celt[] = { 2500, 5000, 10000, 20000 };
	if (config < 12)
		return silk[config & 3];
	return config < 16 ? hybrid[config & 1] : celt[config & 3];
}

unsigned ap_opus_packet_ms(const uint8_t *bytes, size_t len)
{
	if (len < 1)
		return 0;
	unsigned frames = (bytes[0] & 3) == 0 ? 1 : 2;
	if ((bytes[0] & 3) == 3) {
		if (len < 2)
			return 0;
		frames = bytes[1] & 0x3F;
	}
	unsigned us = frames * frame_us(bytes[0] >> 3);
	return us > 120000 ? 0 : (us + 500) / 1000;
}

const uint8_t *ap_opus_silence(size_t *ret_len)
{
	static const uint8_t packet[] = { 0xF8, 0xFF, 0xFE };
	*ret_len = sizeof packet;
	return packet;
}
