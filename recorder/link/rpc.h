/*
 * The answering half of the contract with the gateway (include/aparte/vault.xml, fr.aparte.Vault1): one permit table
 * (method, state, size, thread, handler) is looked at before any handler; a call outside it ends the link. Calls wait in
 * order and are taken one at a time between what else the threads have to do.
 *
 * Threads: gate thread, but for the handlers that the table sends to the main thread.
 */
#pragma once

#include "recorder/consent/consent.h"
#include "recorder/gate/gatekeeper.h"
#include "recorder/link/link.h"
#include "recorder/vault.h"

struct ap_rpc; /* one connection; opaque */

/* What handlers work with; all borrowed. */
struct ap_rpc_env {
	struct ap_vault *v;
	struct ap_gatekeepers *keepers;
	struct ap_consents *consents;
	struct ap_link *link;
	GHashTable *seen_tokens; /* token hash (struct ap_hash *) -> struct ap_party *: so that a withdrawal needs no database */
};

/* An empty table for `seen_tokens`; g_hash_table_unref. Gate thread. */
GHashTable *ap_rpc_seen_new(void);

/* Whether the contract has such a method with these arguments, whatever the state. Any thread. */
bool ap_rpc_permits(const char *method, const char *signature);

/* Serves the connection until it is freed. */
struct ap_result ap_rpc_new(const struct ap_rpc_env *env, GDBusConnection *connection, struct ap_rpc **ret_rpc);
void ap_rpc_free(struct ap_rpc *rpc);
