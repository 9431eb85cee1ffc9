/*
 * One session as a vCon (IETF draft-ietf-vcon-vcon-core-04): parties, one dialog per track that the archive holds, and as
 * attachments the person's consents, in the form that draft-howe-vcon-consent began and draft-howe-vcon-lawful-basis now
 * has. Tracks lie beside it in the archive and are named by file and SHA-512. The other person is a party without a name.
 *
 * Pure; any thread.
 */
#pragma once

#include <aparte/uuid.h>
#include <glib.h>
#include <json-glib/json-glib.h>
#include <stdint.h>

struct ap_vcon_track {
	const char *file; /* borrowed: within the archive */
	uint8_t sha512[64];
	int64_t start_ms, duration_ms;
	bool both; /* the two persons side by side, not the own track */
};

struct ap_vcon_facts {
	const char *session; /* as text */
	enum ap_role role;
	int64_t now_ms;
	JsonObject *copy; /* recorder/portability/copy.h: person, sessions, statements */
	const struct ap_vcon_track *tracks;
	size_t count;
};

/* Unref. */
JsonObject *ap_vcon_build(const struct ap_vcon_facts *facts);
