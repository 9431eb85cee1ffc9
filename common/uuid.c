#include <aparte/uuid.h>

#include <glib.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

struct ap_uuid ap_uuid_random(void)
{
	struct ap_uuid id;
	randombytes_buf(id.b, sizeof id.b);
	id.b[6] = (uint8_t)((id.b[6] & 0x0f) | 0x40);
	id.b[8] = (uint8_t)((id.b[8] & 0x3f) | 0x80);
	return id;
}

bool ap_uuid_parse(const char *text, struct ap_uuid *ret_id)
{
	struct ap_uuid id;
	size_t at = 0;
	if (!text || strnlen(text, AP_UUID_TEXT) != AP_UUID_TEXT - 1)
		return false;
	for (size_t i = 0; i < sizeof id.b; i++) {
		if ((at == 8 || at == 13 || at == 18 || at == 23) && text[at++] != '-')
			return false;
		int high = g_ascii_xdigit_value(text[at]);
		int low = g_ascii_xdigit_value(text[at + 1]);
		if (high < 0 || low < 0)
			return false;
		id.b[i] = (uint8_t)(high << 4 | low);
		at += 2;
	}
	*ret_id = id;
	return true;
}

void ap_uuid_text(const struct ap_uuid *id, char ret_text[AP_UUID_TEXT])
{
	const uint8_t *b = id->b;
	snprintf(ret_text, AP_UUID_TEXT, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
		 b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

bool ap_uuid_equal(const struct ap_uuid *a, const struct ap_uuid *b)
{
	return memcmp(a->b, b->b, sizeof a->b) == 0;
}

const char *ap_role_text(enum ap_role role)
{
	return role == AP_COACH ? "coach" : "coachee";
}

bool ap_role_parse(const char *text, enum ap_role *ret_role)
{
	if (g_strcmp0(text, "coach") == 0)
		*ret_role = AP_COACH;
	else if (g_strcmp0(text, "coachee") == 0)
		*ret_role = AP_COACHEE;
	else
		return false;
	return true;
}
