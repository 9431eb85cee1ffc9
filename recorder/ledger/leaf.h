/*
 * A leaf of the log: 34 bytes that say nothing by themselves (docs/FORMAT.md, Log). Body and salt lie beside it in
 * the database; once they are destroyed, the leaf is unlinkable but for its place and time.
 *
 * Pure; any thread.
 */
#pragma once

#include <aparte/encode.h>

#define AP_LEAF 34
#define AP_LEAF_SALT 32
#define AP_LEAF_VERSION 1

enum ap_leaf_type {
	AP_LEAF_CONSENT = 0x01,
	AP_LEAF_GATE_OPENED = 0x02,
	AP_LEAF_GATE_CLOSED = 0x03,
	AP_LEAF_SEALED = 0x04,
	AP_LEAF_ACCESS_BEGUN = 0x05,
	AP_LEAF_ACCESS_ENDED = 0x06,
	AP_LEAF_GRANT = 0x07,
	AP_LEAF_POLICY = 0x08,
	AP_LEAF_REQUEST = 0x09,
	AP_LEAF_ERASURE_ORDERED = 0x0a,
	AP_LEAF_ERASED = 0x0b,
	AP_LEAF_HOLD = 0x0c,
	AP_LEAF_KEY_TURNOVER = 0x0d,
	AP_LEAF_LOCKDOWN = 0x0e,
	AP_LEAF_LOG_CONTINUED = 0x0f,
	AP_LEAF_OTHER = 0x10,
};

struct ap_leaf {
	uint8_t b[AP_LEAF];
};

/* From type, salt and body (canonical JSON text). The salt is random per leaf; the caller draws and keeps it. */
struct ap_leaf ap_leaf_make(enum ap_leaf_type type, const uint8_t salt[AP_LEAF_SALT], const char *body, size_t body_len);
/* RFC 6962 leaf hash: SHA-256(00 ‖ leaf). This is "leafhash" in key derivations too. */
struct ap_hash ap_leaf_hash(const struct ap_leaf *leaf);
bool ap_leaf_type_known(int64_t type);
/* "consent", "gate opened", …; never NULL ("unknown"). Not part of any hash. */
const char *ap_leaf_type_text(enum ap_leaf_type type);
