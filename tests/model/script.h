/*
 * A history: what two persons, their gateway, their capture and the vault's machine do, one event after the other.
 * Made at random from a seed, printed for whoever has to repeat it, cut down to its shortest failing form.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* kind, its name; what `a` and `b` mean stands behind. `who` is 0 for the coach, 1 for the coachee. */
#define EVENTS(X)                                                                                             \
	X(ENROL, "enrol")	      /* a device never seen before */                                        \
	X(RETURN, "return")	      /* back to the first device */                                          \
	X(GIVE, "give")		      /* a: purposes, b: flaws | PROMISE */                                   \
	X(REPLAY, "replay")	      /* the last accepted give once more */                                  \
	X(PREPARE, "prepare")	      /* signs a give of `recording`, keeps it back */                        \
	X(SEND, "send")		      /* … and puts it now */                                                 \
	X(TAKE, "take")		      /* a: purposes, b: flaws | REFUSED */                                   \
	X(RETAKE, "retake")	      /* the last withdrawal or refusal once more */                          \
	X(PAUSE, "pause")                                                                                     \
	X(RESUME, "resume")                                                                                   \
	X(LEG, "leg")		      /* a: 1 connects, 0 is gone */                                          \
	X(SILENCE, "silence")	      /* 12.2 s in which only those in a (bits) say that they are there */    \
	X(PRESENCE, "presence")	      /* b: 0 good, 1 old counter, 2 another generation, 3 another's key */   \
	X(STORAGE, "storage")	      /* a: 1 below its floor, 0 above */                                     \
	X(LEDGER, "ledger")	      /* a: 1 cannot be written, 0 can again */                               \
	X(SANDBOX, "sandbox")	      /* a: 1 missing, 0 there */                                             \
	X(LINK, "link")		      /* a: 1 a gateway comes, 0 it goes */                                   \
	X(GATEWAY, "gateway")	      /* a: 1 says nothing to TapOpen, 0 answers; 2: refuses the next one */  \
	X(TAP_LOST, "tap-lost")	      /* a: 0 the present generation, 1 an old one */                         \
	X(DIES, "capture-dies")                                                                               \
	X(DEAF, "capture-deaf")	      /* a: 1 acknowledges nothing from now on, 0 does */                     \
	X(SEGMENT, "segment")	      /* the capture reports one */                                           \
	X(RESTART, "restart")	      /* a: 0 killed, 1 in good order */                                      \
	X(LOCKDOWN, "lockdown")	      /* a: 1 on, 0 off */                                                    \
	X(RESTRICT, "restrict")	      /* this person asks for restriction (R20) */                            \
	X(LIFT, "lift")		      /* the first restriction in force is lifted */                          \
	X(END, "end")

enum kind {
#define X(id, name) EV_##id,
	EVENTS(X)
#undef X
		EV_KINDS
};

enum purpose_bit { P_RECORDING = 1, P_SUPERVISION = 2, P_QUALITY = 4, P_ALL = 7, PURPOSES = 3 };
/* What is wrong with a statement, in the order in which the API says that gives are checked. */
enum flaw {
	F_MALFORMED = 1, /* of a withdrawal: no JSON at all */
	F_PARTY = 2,
	F_KEY = 4,
	F_SIGNATURE = 8,
	F_STALE = 16,
	F_NOTICE = 32,
	F_PURPOSE = 64,
	F_SHARE = 128,
	F_ALL = 255,
	PROMISE = 256, /* a give with "presence":5 */
	REFUSED = 512, /* a take that refuses; otherwise it withdraws */
};

struct event {
	enum kind kind;
	unsigned who, a, b;
};

/* Of struct event; g_array_unref. */
GArray *script_random(GRand *rand);
/* "coach give a=1 b=256"; g_free. */
char *script_text(const struct event *e);
const char *script_kind(enum kind kind);

/* The shortest history found that still fails: `fails` is asked about ever smaller ones. Consumes nothing. */
typedef bool (*script_fails)(const GArray *events, void *data);
GArray *script_shrink(const GArray *events, script_fails fails, void *data);
