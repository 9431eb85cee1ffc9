/*
 * A UUID as its 16 raw bytes (docs/FORMAT.md), and its text form (RFC 9562 §4, lowercase).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct ap_uuid {
	uint8_t b[16];
};

#define AP_UUID_TEXT 37

/* Version 4, from libsodium's generator. */
struct ap_uuid ap_uuid_random(void);
/* Accepts exactly the 36-character form, either case. Output untouched on failure. */
bool ap_uuid_parse(const char *text, struct ap_uuid *ret_id);
void ap_uuid_text(const struct ap_uuid *id, char ret_text[AP_UUID_TEXT]);
bool ap_uuid_equal(const struct ap_uuid *a, const struct ap_uuid *b);

/* A person's place in a session; the numbers are those of docs/FORMAT.md. */
enum ap_role { AP_COACH = 1, AP_COACHEE = 2 };

/* "coach" or "coachee". */
const char *ap_role_text(enum ap_role role);
bool ap_role_parse(const char *text, enum ap_role *ret_role);
static inline enum ap_role ap_role_peer(enum ap_role role)
{
	return role == AP_COACH ? AP_COACHEE : AP_COACH;
}
