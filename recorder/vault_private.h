/*
 * The vault object as its own files see it: vault.c opens and owns, vault_calls.c carries what one thread asks of another.
 */
#pragma once

#include "recorder/keys/kek.h"
#include "recorder/vault_port.h"

#include <stdatomic.h>

struct ap_vault {
	/* borrowed */
	const struct ap_config *config;
	const struct ap_clock *clock;
	_Atomic(const struct ap_rights *) rights; /* NULL until the staff side is there */
	const struct ap_vault_port *port;
	void *port_ctx;
	GMainContext *gate; /* NULL until the gate thread is there */
	/* owned */
	int claim; /* of vault/lock, as long as these files are ours; -1 without */
	char *home, *web, *db_path, *public_url;
	char *kek_where;
	struct ap_kek_place kek_place;
	struct ap_db_keys *keys;
	struct ap_ledger *ledger;
	struct ap_blob *blob;
	struct ap_owed *owed;
	struct ap_vouched *vouched;
	GMainContext *main;
	GHashTable *connections; /* GThread * -> struct ap_db * */
	GHashTable *calls;	 /* GSource *: posted and not over; they end with the vault */
	GMutex lock;		 /* of connections, calls, and the believed reading */
	/* state */
	int64_t believed_wall_ms, believed_mono_ns; /* a reading of both clocks that is believed; under lock */
	atomic_bool lockdown;
};

/* Calls that still wait are let go unheard, their data released. Both threads have ended. */
void ap_vault_calls_free(struct ap_vault *v);
