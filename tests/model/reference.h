/*
 * What must be so: a model of consents, gate, recordings and log, written from the design, the API and the requirements
 * and from nothing else. It knows no database, no process and no clock but the times it is told.
 *
 * Where the documents leave room the model leaves it too: `may` are reasons that may or may not be told, `loose` says
 * that a step's leaves may come in any order (what was owed while the log could not be written).
 */
#pragma once

#include "tests/model/script.h"

#include <aparte/gate.h>

#define REF_LEAVES 64	  /* in one step, at most */
#define REF_LEAF_TEXT 112
#define REF_RECORDINGS 64

/* Everything that counts of one signed statement. */
struct said {
	bool exists;
	unsigned device; /* that signed: its number; 0: a stranger's key */
	unsigned purposes, flaws;
	int64_t at_ms;
	unsigned seal;	 /* which of the person's seal keys the share was sealed to */
	bool refused, known; /* known: its record_id stands in vault.db */
};

enum ref_decision { REF_UNKNOWN, REF_GIVEN, REF_REFUSED, REF_WITHDRAWN, REF_NOT_GIVEN };

struct ref_person {
	unsigned device, devices, give_device; /* numbers, from 1; 0: none */
	bool promise, absent, connected;
	enum ref_decision state[PURPOSES];
	int64_t last_ms;
	unsigned seal;
	unsigned owed; /* decisions taken that vault.db does not hold */
	bool blocked;  /* one of them is about `recording` */
	uint64_t give_leaf;
	struct said given, prepared, taken;
};

struct ref_leaf {
	char text[REF_LEAF_TEXT];
};

struct expected {
	const char *answer; /* the API's error name, "ok", or NULL when nothing was asked */
	const char *or_else; /* another one that is as right; NULL: none */
	bool is_unsigned;   /* the answer says so */
	bool closed_at_answer;
	bool loose;
	struct ref_leaf leaves[REF_LEAVES];
	unsigned leaf_count;
};

struct reference {
	struct ref_person person[2];
	unsigned paused, paused_row;
	bool storage_low, no_sandbox, link, lockdown, ended, broken;
	unsigned restrictions;
	bool silent, refuse_next, deaf;
	/* the gate */
	bool live;	   /* open or opening */
	bool opening;	   /* the gateway has not said that it writes */
	bool unlogged;	   /* a closing that the log does not hold yet */
	unsigned epoch;
	unsigned descriptors; /* handed out, ever */
	bool generation;      /* there was an opening since the vault started */
	/* recordings */
	bool run, capture, segments;
	unsigned recordings;
	unsigned orphans;  /* dropped, and vault.db still calls them under way */
	unsigned unsealed; /* over, and vault.db could not be told: sealed at the next start, or when the disk allows */
	bool ordered[REF_RECORDINGS];
	uint64_t leaves;
	struct ref_leaf pending[REF_LEAVES];
	unsigned pending_count;
};

/* `leaves`: how many the log holds when the history begins. */
void reference_begin(struct reference *r, uint64_t leaves);
/* Whether this can happen at all now: nobody calls through a gateway that is gone. */
bool reference_applies(const struct reference *r, const struct event *e);
/* `said_ms`: the time on the statement that this event made, if it did; `now_ms`: the vault's, after the event. */
void reference_apply(struct reference *r, const struct event *e, int64_t said_ms, int64_t now_ms, struct expected *ret);
/* AP_GATE_REASON bits that must be told now, and those that may. */
void reference_reasons(const struct reference *r, unsigned *ret_must, unsigned *ret_may);
/* `recording` and the rest as others see this person's consents (purpose bits). */
unsigned reference_shown(const struct reference *r, unsigned who);
bool reference_gives(const struct reference *r, unsigned who);
