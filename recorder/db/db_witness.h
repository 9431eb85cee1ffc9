/*
 * Witnesses and their cosignatures in vault.db. `origin` is the log's name, `key` a witness's verifier key: what stands
 * under another name of the log says nothing about this one.
 *
 * Threads: any, with that thread's connection. Outputs untouched on failure.
 */
#pragma once

#include "recorder/db/db.h"

#define AP_WITNESS_WORD 24 /* bytes of `trouble` and `doubt`, with the zero */

struct ap_witness_row {
	uint64_t size;	     /* 0: none known */
	int64_t seen_ms;     /* 0: never */
	int64_t trouble_ms;  /* 0: none */
	int64_t doubt_ms;    /* 0: none */
	uint64_t doubt_size;
	char trouble[AP_WITNESS_WORD], doubt[AP_WITNESS_WORD]; /* "" for none; doubt is "ahead" or "other" */
};

/* Zeroes for one that was never heard of. */
struct ap_result ap_db_witness_get(struct ap_db *db, const char *origin, const char *key, struct ap_witness_row *ret_row);
/* In one transaction: the line is kept, the witness has `size`, and neither trouble nor doubt stays. */
struct ap_result ap_db_witness_cosigned(struct ap_db *db, const char *origin, const char *key, uint64_t size, const char *line,
					int64_t now_ms);
/* What it told of its newest checkpoint, without a signature: only to know where to begin. */
struct ap_result ap_db_witness_size(struct ap_db *db, const char *origin, const char *key, uint64_t size);
struct ap_result ap_db_witness_trouble(struct ap_db *db, const char *origin, const char *key, const char *word, int64_t now_ms);
struct ap_result ap_db_witness_doubt(struct ap_db *db, const char *origin, const char *key, const char *word, uint64_t size,
				     int64_t now_ms);

/* The newest size above `above` that at least `quorum` (1…) witnesses cosigned; "not-found". */
struct ap_result ap_db_cosigned_newest(struct ap_db *db, const char *origin, uint64_t above, unsigned quorum, uint64_t *ret_size);
/* The lines under the checkpoint of that size, one after the other, "" for none; g_free. */
struct ap_result ap_db_cosigned_lines(struct ap_db *db, const char *origin, uint64_t size, char **ret_lines);
/* Of those older than `before_ms` one a day and witness is kept. */
struct ap_result ap_db_cosigned_thin_out(struct ap_db *db, int64_t before_ms);
