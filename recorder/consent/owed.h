/*
 * Withdrawals and refusals that were taken and answered while vault.db could not be written: one small file next to it,
 * whose whole room is reserved when it is made, so that a full disk does not lose them either. Whoever decides on a use
 * asks here as well as vault.db; after a crash they are carried over at the start, before any gate opens.
 *
 * Any thread.
 */
#pragma once

#include "recorder/consent/consent_state.h"

#include <aparte/encode.h>
#include <aparte/err.h>
#include <aparte/uuid.h>
#include <glib.h>

#define AP_OWED_SLOTS 512
#define AP_OWED_NONE AP_OWED_SLOTS /* the slot of an entry that found no room */

struct ap_owed; /* opaque */

struct ap_owed_entry {
	struct ap_uuid session;
	enum ap_role role;
	enum ap_decision event; /* refused or withdrawn */
	ap_purposes purposes;
	int64_t received_ms; /* wall clock */
	struct ap_hash statement;
	unsigned slot; /* where it stands */
};

/* Makes the file when there is none, else reads what a crash left in it. "owed": it cannot be read or written. */
struct ap_result ap_owed_open(const char *path, struct ap_owed **ret_owed);
void ap_owed_free(struct ap_owed *o);

/* Durable on success. On failure it still counts until this process ends; `slot` is set in every case. */
struct ap_result ap_owed_put(struct ap_owed *o, struct ap_owed_entry *entry);
/* vault.db holds it now. AP_OWED_NONE is allowed. */
void ap_owed_settle(struct ap_owed *o, unsigned slot);
/* All of them, of struct ap_owed_entry. The caller frees it. */
GArray *ap_owed_list(struct ap_owed *o);
/* What either person of that session took back: all purposes, when `recording` is among them. */
ap_purposes ap_owed_taken(struct ap_owed *o, const struct ap_uuid *session);
