/*
 * The real thing under the model: the vault's consents, gates, log and databases (on tmpfs), driven by the handlers that
 * answer the gateway; its gateway and captures are faked, its clock is the test's.
 *
 * One vault serves many sessions, one history each. Everything runs on the calling thread.
 */
#pragma once

#include "tests/model/calls.h"
#include "tests/model/script.h"
#include "tests/testlib/vault_world.h"

#define SUBJECT_TAPS 128
#define SUBJECT_DEVICES 32

struct subject_person {
	struct person p; /* its token, its present device's key, its share */
	uint8_t public[SUBJECT_DEVICES][32], secret[SUBJECT_DEVICES][64];
	unsigned device, devices;
	bool promise; /* of the last accepted give: its page says that it is there */
	char *given, *prepared, *taken; /* owned: bodies of statements put before */
	int64_t prepared_ms, given_ms, taken_ms;
};

struct subject {
	struct world *w; /* home, clock, configuration; its own vault is closed again */
	struct ap_link *link;
	GHashTable *seen_tokens;
	struct ap_rpc_env env;
	struct ap_db *blocker; /* holds vault.db while the log cannot be written; else NULL */
	struct subject_person person[2];
	uint64_t counter;
	uint64_t log; /* leaves read so far */
	/* the gateway */
	bool silent, refuse_next, pending;
	uint64_t pending_generation;
	int taps[SUBJECT_TAPS];
	uint64_t generations[SUBJECT_TAPS];
	unsigned tap_count;
	/* of the last event */
	struct call call;
	bool asked, open_at_answer;
	int64_t said_ms;
	const char *wrong; /* what can be seen to be wrong without any model; static */
};

struct subject *subject_new(void);
void subject_free(struct subject *s);
/* A new session with two new persons, a gateway in good order; what the last history left is gone. */
void subject_begin(struct subject *s);
void subject_apply(struct subject *s, const struct event *e);
/* The answer of PartyGet; NULL when it is refused. json_node_unref. */
JsonNode *subject_party(struct subject *s, unsigned who);
struct ap_gatekeeper *subject_keeper(struct subject *s);
/* Whether the newest descriptor still leads anywhere; *ret_old: any that is not the newest. */
bool subject_taps(struct subject *s, bool *ret_old);
