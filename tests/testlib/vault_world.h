/*
 * A vault over a temporary directory with a test clock, a session in it, and two persons who can sign: what the vault's
 * tests have in common. Everything runs on the calling thread.
 */
#pragma once

#include "recorder/consent/consent.h"
#include "recorder/gate/gatekeeper.h"
#include "recorder/consent/session.h"
#include "recorder/vault_port.h"

struct person {
	enum ap_role role;
	char token[AP_MAX_TOKEN];
	uint8_t public[32], secret[64];
	uint8_t share[32];
};

/* What a fake gateway was told. */
struct told {
	unsigned taps_opened, taps_closed;
	int tap; /* writing end of the last one; -1 */
	uint64_t generation;
	GString *events; /* "role event json\n" */
};

struct world {
	char *home;
	struct ap_config *config;
	int64_t wall_ms, mono_ns; /* the clock */
	struct ap_clock clock;
	struct ap_vault *v;
	int64_t tenant;
	char *api_key;
	struct ap_uuid session;
	struct person coach, coachee;
	struct ap_captures *captures;
	struct ap_gatekeepers *keepers;
	struct ap_consents *consents;
	struct told told;
	unsigned erasures_ordered, kicks;
	bool hold_erasures; /* answer "held" */
};

/* Session options: NULL for the plain one, or members to add ("\"sensitivity\":\"unrecorded\"). */
struct world *world_new(const char *session_extra);
void world_free(struct world *w);
/* Another session with persons of its own, from now on the one that is meant. */
void world_session(struct world *w, const char *session_extra);
/* The vault dies and is started again over the same files. */
void world_crash(struct world *w);
struct ap_gatekeeper *world_keeper(struct world *w);
struct ap_party world_party(struct world *w, const struct person *p); /* ap_party_clear */
void world_enrol(struct world *w, const struct person *p);
/* Passes time in steps with ticks, and lets what is pending run. */
void world_pass(struct world *w, int64_t ms);
void world_settle(struct world *w);

/* What a test changes in a statement before it is signed. */
typedef void (*world_twist)(JsonObject *statement, void *data);
/* The body of POST /v1/consents. `purposes` is a comma-separated list. */
char *world_statement(struct world *w, struct person *p, const char *event, const char *purposes, world_twist twist, void *data);
/* Puts it; the error's name ("ok"), and the receipt if wanted (g_free). */
const char *world_put(struct world *w, const struct person *p, const char *body, char **ret_receipt);
/* Give `recording` with everything right. */
void world_give(struct world *w, struct person *p);
/* Parts of a staff side that does nothing (struct ap_rights). */
void world_consents_changed(struct ap_vault *v, const struct ap_uuid *session);
struct ap_result world_webhook_enqueue(struct ap_vault *v, struct ap_db *db, int64_t tenant, const char *name,
				       const char *data);
/* What a query that counts says. */
int64_t world_count(const struct world *w, const char *sql);
/* Both enrolled, given, connected and the gate open. */
void world_open(struct world *w);
/* A signed presence. */
struct ap_presence world_presence(struct world *w, const struct person *p, uint64_t generation, uint64_t counter);
