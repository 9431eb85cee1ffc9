/*
 * What db_keys.c, db_keys_proof.c and db_keys_turnover.c share.
 */
#pragma once

#include "recorder/db/db.h"
#include "recorder/keys/db_keys.h"

#include <glib.h>

/* In the order of a turnover's pass. */
enum ap_turn_kind { AP_TURN_SHARES, AP_TURN_SEALS, AP_TURN_PROOFS, AP_TURN_KINDS };

/* Where a pass of a turnover stands: the last row looked at. */
struct ap_turn_cursor {
	enum ap_turn_kind kind;
	struct ap_uuid owner;
	int slot;
	uint8_t public[32];
};

struct ap_db_keys {
	const struct ap_clock *clock; /* borrowed */
	/* owned; under the mutex */
	struct ap_db *db;
	struct ap_secret *kek; /* wraps what comes; NULL: erasure alone */
	struct ap_secret *old; /* what lies there may be under this one still; NULL but in a turnover */
	/* state, under the mutex */
	bool locked; /* down: there is no KEK on purpose */
	bool defer;  /* single destructions are purged later */
	bool owed;   /* something was destroyed and not purged */
	struct ap_turn_cursor cursor;
	GMutex mutex;
	unsigned lent;	/* copies of the KEK that others have */
	bool recalled;	/* they are wanted back */
	GCond returned; /* lent became 0 */
};

/* Under the mutex: "kek" or "lockdown" without one. */
struct ap_result ap_db_keys_need_kek(const struct ap_db_keys *k);
/* kek_id, nonce, wrapped in columns 0 to 2. */
bool ap_db_keys_row(struct ap_rows *rows, struct ap_wrapped *ret);
/* Of the two keys there may be, the one that such a row is under; the present one when it is neither, which then says so. */
const struct ap_secret *ap_db_keys_kek_of(const struct ap_db_keys *k, const struct ap_wrapped *wrapped);
/* Rewrites the file and empties its log. */
struct ap_result ap_db_keys_purge_held(struct ap_db_keys *k);
