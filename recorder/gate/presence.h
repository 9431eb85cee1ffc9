/*
 * Presence: a person's page signs, every 5 s while the gate is open, that it is still there.
 * Signed bytes: "aparte/presence/v1" ‖ 00 ‖ session ‖ generation(8) ‖ counter(8), big endian, Ed25519.
 *
 * Pure; any thread.
 */
#pragma once

#include <aparte/err.h>
#include <aparte/uuid.h>

struct ap_presence {
	uint64_t generation, counter;
	uint8_t signature[64];
};

/* The body of POST /v1/party/presence; generation as decimal text or number. "malformed". */
struct ap_result ap_presence_parse(const char *json, struct ap_presence *ret_presence);
/* By that device, for that session: the signature alone. "statement-signature". */
struct ap_result ap_presence_verify(const struct ap_presence *p, const struct ap_uuid *session, const uint8_t device[32]);
