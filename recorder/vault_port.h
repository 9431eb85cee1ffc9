/*
 * How the gate thread plugs into the vault object: the vault forwards what other threads ask of the gates.
 * Until a port is set (tests, start) nothing can be open: closing succeeds at once and events go nowhere.
 */
#pragma once

#include "recorder/vault.h"

struct ap_vault_port {
	/* On the gate thread. */
	void (*close_gate)(void *ctx, const struct ap_uuid *session, unsigned reason, ap_vault_call done, void *data);
	void (*event)(void *ctx, const struct ap_uuid *session, enum ap_role role, const char *event, const char *json);
	/* The person withdraws by a request, not by a statement: `body` says what, and is kept. */
	void (*withdraw)(void *ctx, const struct ap_uuid *session, enum ap_role role, const char *body);
	void (*end_session)(void *ctx, const struct ap_uuid *session);
	void (*conditions_changed)(void *ctx); /* lockdown: all gates are to be looked at again */
	bool (*ready)(void *ctx);	       /* any thread */
	/* "none", or a word for what the disk's last look met. Any thread. */
	const char *(*disk_trouble)(void *ctx);
	/* On the gate thread: as ap_vault_compose, which owns the link. */
	void (*compose)(void *ctx, int link);
};

/* `gate` is the gate thread's context; all borrowed until it is set to NULL. Main thread, while the gate thread does
 * not run. */
void ap_vault_set_port(struct ap_vault *v, GMainContext *gate, const struct ap_vault_port *port, void *ctx);

const struct ap_rights *ap_vault_rights(struct ap_vault *v); /* NULL before the staff side is there */
/* What policy decisions depend on beside the session: configuration and lockdown. */
struct ap_policy_facts ap_vault_policy_facts(struct ap_vault *v);

/* Any thread, inside the caller's transaction: a webhook for that tenant. Success when nobody asked for it. */
struct ap_result ap_vault_webhook(struct ap_vault *v, struct ap_db *db, int64_t tenant, const char *event, const char *data);
