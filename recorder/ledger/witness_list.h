/*
 * The witnesses of the configuration: `witness.list`, each "<verifier key> <submission prefix>", and what is known of them
 * at a start.
 *
 * Threads: parsing any; the rest with that thread's connection. Errors: AP_ERR_PROTOCOL "witness-list".
 */
#pragma once

#include "recorder/db/db_witness.h"
#include "recorder/ledger/cosignature.h"
#include "recorder/ledger/ledger.h"

#include <aparte/config.h>

struct ap_witness {
	struct ap_log_key key;
	char *vkey;   /* owned */
	char *prefix; /* owned: https://…, without a slash at its end */
};

struct ap_witness_list {
	struct ap_witness at[AP_WITNESSES_MAX];
	size_t count;
	unsigned quorum; /* witness.quorum; 0: none is asked for */
};

/* At most AP_WITNESSES_MAX, no key or address twice, a quorum that they can reach; http only with witness.allow_http. */
struct ap_result ap_witness_list_parse(const struct ap_config *config, struct ap_witness_list *ret_list);
void ap_witness_list_clear(struct ap_witness_list *list);

/* At a start: a configured witness told that it knows more than vault.db holds, or other, and has not cosigned since: the
 * ledger is doubted until it does. Sets the ledger's quorum too. */
struct ap_result ap_witness_compare(const struct ap_config *config, struct ap_ledger *ledger, struct ap_db *db);

/* How it stands, for doctor and metrics. */
struct ap_witness_state {
	unsigned configured, quorum;
	unsigned fresh;	  /* cosigned within `fresh_ms` */
	unsigned doubting;
	uint64_t lag;	  /* leaves that the least informed of them has not seen */
	char trouble[AP_WITNESS_WORD]; /* of one that is not fresh */
};
struct ap_result ap_witness_state(const struct ap_config *config, const struct ap_ledger *ledger, struct ap_db *db, int64_t now_ms,
				  int64_t fresh_ms, struct ap_witness_state *ret_state);
/* For anyone: {"witnesses":[{"key","name","size","at"}]}; g_free. */
struct ap_result ap_witness_list_json(const struct ap_config *config, const struct ap_ledger *ledger, struct ap_db *db,
				      char **ret_json);
