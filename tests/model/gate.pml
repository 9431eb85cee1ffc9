/*
 * The gate between gateway, vault and capture, searched by spin for a way around it (DESIGN, Recording path).
 *
 * The vault's moves are recorder/gate/gate_table.def itself. Around them: two persons who give and take back, the staff's
 * thread that freezes a session behind the gate thread's back, a gateway that may lie (keeps descriptors it was told to
 * drop, sends old generations, sends while it may not), captures that may crash or turn deaf, a vault that may die and
 * start again while its old capture is still running.
 *
 * A datagram is accepted when a capture takes it for its recording while the vault that started it lives: what an
 * orphan writes is reported to nobody and never in a recording. It must then belong to an epoch
 *   - that both persons had consented to when it was opened (`agreed`),
 *   - whose closing nobody was told of yet (`over`),
 *   - in which it was made (`made`).
 * What a gateway that was taken over can do unseen is left out, as docs/THREATS.md says: put what was said outside an
 * epoch into packets of the present one.
 *
 * Each name below takes one safeguard away; the tests (model.cmake) see to it that spin finds the hole:
 * NO_GENERATION_CHECK, ANSWER_FIRST, NO_FOLD, ORPHANS_COUNT, NO_KILL.
 */
#define P_CLOSED 0
#define P_OPENING 1
#define P_OPEN 2
#define P_CLOSING 3
#define I_HOLD 0
#define I_FAIL 1
#define I_OPENED 2
#define I_SHUT 3
#define A_NONE 0
#define A_OPEN 1
#define A_CLOSE 2

#define EPOCHS 2     /* openings looked at */
#define WORDS(me) (me == 0 -> 3 : 1) /* what each person says, at most: one of them changes their mind twice */
#define CAPTURES 2
#define NOBODY 255

#ifndef CRASHES
#define CRASHES 0
#endif
#ifndef DEAFNESS
#define DEAFNESS 0
#endif
#ifndef RESTARTS
#define RESTARTS 0
#endif

mtype = { GIVE, TAKE, OPENED, LOOK, OPEN, CLOSE, CLOSED, DEAD };

/* the vault's memory */
byte phase = P_CLOSED, input, action;
byte generation;	/* of the last opening; 0: none since the start */
bool waits[2];		/* a withdrawal on its way: blocked, not answered */
bool staff_waits, frozen_seen;
byte capture = NOBODY;	/* the one under way */
byte life;		/* which start of the vault this is */
bool up = true;

/* vault.db */
bool consent[2], frozen;
byte drawn;		/* generations drawn so far; they never come again */

/* what nobody in the system knows, for the claims */
bool agreed[EPOCHS + 1], over[EPOCHS + 1];
bool asked[2];		/* a person waits for the answer to a withdrawal */

/* the wires */
chan to_vault = [2] of { mtype, byte };
chan to_gateway = [2] of { mtype, byte };
chan to_capture[CAPTURES] = [2] of { mtype, byte };
chan from_capture[CAPTURES] = [2] of { mtype, byte };
chan gate[EPOCHS + 1] = [1] of { byte, byte }; /* one pair per opening: label, epoch it was made in */

/* captures */
bool alive[CAPTURES], deaf[CAPTURES];
byte reading[CAPTURES], lifetime[CAPTURES];
byte crashes = CRASHES, deafness = DEAFNESS, restarts = RESTARTS; /* how many of each: -D, or none */

inline move(in)
{
	input = in;
	if
#define AP_GATE_MOVE(p, i, n, a) :: phase == P_##p && input == I_##i -> phase = P_##n; action = A_##a;
#include "../../recorder/gate/gate_table.def"
	fi
}

/* Both consents folded anew, in the transaction that draws the generation. */
#ifdef NO_FOLD
#define MAY_COMMIT true
#else
#define MAY_COMMIT (consent[0] && consent[1] && !frozen)
#endif
#define HOLDS (drawn < EPOCHS && !frozen_seen && consent[0] && consent[1] && !waits[0] && !waits[1])

inline find_capture()
{
	if
	:: capture != NOBODY && alive[capture] -> skip;
	:: else ->
		if
		:: !alive[0] && empty(to_capture[0]) -> capture = 0; /* a control socket of its own */
		:: alive[0] && !alive[1] && empty(to_capture[1]) -> capture = 1;
		:: (alive[0] || nempty(to_capture[0])) && (alive[1] || nempty(to_capture[1]) || !alive[0]) -> capture = NOBODY;
		fi
		if
		:: capture != NOBODY ->
			alive[capture] = true;
			deaf[capture] = false;
			reading[capture] = 0;
			lifetime[capture] = life;
		:: else -> skip;
		fi
	fi
}

inline open_gate()
{
	if
	:: MAY_COMMIT ->
		drawn++;
		generation = drawn;
		agreed[generation] = consent[0] && consent[1] && !frozen && !waits[0] && !waits[1];
		find_capture();
		if
		:: capture != NOBODY ->
			to_capture[capture]!OPEN(generation);
			to_gateway!OPEN(generation);
		:: else -> /* no capture can be had: what was opened in the log is closed in it */
			phase = P_CLOSED;
			over[generation] = true;
		fi
	:: else -> phase = P_CLOSED;
	fi
}

/* Who asked is told: from here on not one more datagram may enter. */
inline answer_all()
{
	if
	:: generation -> over[generation] = true;
	:: else -> skip;
	fi
	if :: waits[0] -> consent[0] = false; waits[0] = false; asked[0] = false; :: else -> skip; fi
	if :: waits[1] -> consent[1] = false; waits[1] = false; asked[1] = false; :: else -> skip; fi
	staff_waits = false;
}

inline begin_closing()
{
	if
	:: nfull(to_gateway) -> to_gateway!CLOSE(generation);
	:: full(to_gateway) -> skip;
	fi
	if
	:: capture != NOBODY -> to_capture[capture]!CLOSE(generation);
	:: capture == NOBODY -> skip;
	fi
#ifdef ANSWER_FIRST
	answer_all();
#endif
}

inline evaluate()
{
	if
	:: HOLDS -> move(I_HOLD);
	:: else -> move(I_FAIL);
	fi
	if
	:: action == A_OPEN -> open_gate();
	:: action == A_CLOSE -> begin_closing();
	:: else -> skip;
	fi
	if
	:: phase == P_CLOSED && (waits[0] || waits[1] || staff_waits) -> answer_all();
	:: else -> skip;
	fi
	action = A_NONE;
}

inline shut()
{
	if
	:: phase == P_CLOSING ->
		move(I_SHUT);
		answer_all();
		evaluate();
	:: else -> skip;
	fi
}

inline lose_capture()
{
	capture = NOBODY;
	if
	:: phase == P_OPENING || phase == P_OPEN ->
		move(I_FAIL);
		begin_closing();
		action = A_NONE;
	:: else -> skip;
	fi
	shut();
}

inline die()
{
	up = false;
	phase = P_CLOSED;
	generation = 0;
	capture = NOBODY;
	frozen_seen = false;
	staff_waits = false;
	waits[0] = false;
	waits[1] = false;
	life++;
}

proctype Vault()
{
	byte x;
end:	do
	:: atomic { up && to_vault?[GIVE, _] -> to_vault?GIVE(x);
		if
		:: !waits[x] -> consent[x] = true; evaluate();
		:: else -> skip;
		fi }
	:: atomic { up && to_vault?[TAKE, _] -> to_vault?TAKE(x); waits[x] = true; evaluate() }
	:: atomic { up && to_vault?[OPENED, _] -> to_vault?OPENED(x);
		if
		:: x == generation -> move(I_OPENED); action = A_NONE;
		:: else -> skip;
		fi }
	:: atomic { up && to_vault?[LOOK, _] -> to_vault?LOOK(x); frozen_seen = frozen; staff_waits = true; evaluate() }
	:: atomic { up && capture != NOBODY && from_capture[capture]?[CLOSED, _] -> from_capture[capture]?CLOSED(x);
		if
		:: x == generation -> shut();
		:: else -> skip;
		fi }
	:: atomic { up && capture != NOBODY && from_capture[capture]?[DEAD, _] -> from_capture[capture]?DEAD(x);
		if
		:: !alive[capture] -> lose_capture();
		:: else -> skip; /* of the process before it */
		fi }
#ifndef NO_KILL
	:: atomic { up && phase == P_CLOSING && capture != NOBODY -> /* 200 ms are over */
		alive[capture] = false;
		reading[capture] = 0;
		capture = NOBODY;
		shut() }
#endif
	/* Killed at any moment: all memory is gone, calls under way are answered by nobody, and asked again. */
	:: atomic { up && restarts > 0 -> restarts--; die() }
	:: atomic { !up -> up = true; frozen_seen = frozen; evaluate() }
	od
}

inline accept(label, made)
{
#ifdef ORPHANS_COUNT
	assert(label <= EPOCHS && agreed[label] && !over[label] && made == label && label == generation);
#else
	if
	:: up && lifetime[me] == life ->
		assert(agreed[label] && !over[label] && made == label && label == generation);
	:: else -> skip;
	fi
#endif
}

proctype Capture(byte me)
{
	byte x, label, made;
end:	do
	:: atomic { alive[me] && !deaf[me] && to_capture[me]?[OPEN, _] -> to_capture[me]?OPEN(x); reading[me] = x }
	:: atomic { alive[me] && !deaf[me] && to_capture[me]?[CLOSE, _] -> to_capture[me]?CLOSE(x);
		if
		:: reading[me] == x -> reading[me] = 0; /* what is queued goes with the descriptor */
		:: else -> skip;
		fi
		if
		:: nfull(from_capture[me]) -> from_capture[me]!CLOSED(x);
		:: full(from_capture[me]) -> skip;
		fi }
	:: atomic { alive[me] && reading[me] && nempty(gate[reading[me]]) -> gate[reading[me]]?label, made;
#ifdef NO_GENERATION_CHECK
		accept(label, made);
#else
		if
		:: label == reading[me] -> accept(label, made);
		:: else -> skip;
		fi
#endif
		label = 0; made = 0 }
	/* The end of the control socket: the vault that started it is gone. */
	:: atomic { alive[me] && !deaf[me] && lifetime[me] != life -> alive[me] = false; reading[me] = 0 }
	:: atomic { alive[me] && crashes > 0 && nfull(from_capture[me]) ->
		crashes--; alive[me] = false; reading[me] = 0; from_capture[me]!DEAD(0) }
	:: atomic { alive[me] && !deaf[me] && deafness > 0 -> deafness--; deaf[me] = true }
	/* A dead process leaves nothing unread behind. */
	:: atomic { !alive[me] && nempty(to_capture[me]) -> to_capture[me]?_, _ }
	od
}

/* The epoch that is, by the vault's word; 0: none. */
#define NOW (phase == P_CLOSED -> 0 : generation)

inline label_it()
{
	if
	:: held[1] || drawn >= 1 -> label = 1;
	:: held[2] -> label = 2;
	fi
}

/* Lies as it likes: what it holds it may keep, what it has it may label with any generation it ever saw. */
proctype Gateway()
{
	bool held[EPOCHS + 1];
	byte x, label;
end:	do
	:: atomic { to_gateway?OPEN(x) -> held[x] = true;
		if
		:: nfull(to_vault) -> to_vault!OPENED(x);
		:: skip; /* never says so */
		fi }
	:: atomic { to_gateway?CLOSE(x) ->
		if
		:: held[x] = false;
		:: skip;
		fi }
	:: atomic { held[1] && nfull(gate[1]) -> label_it(); gate[1]!label, NOW; label = 0 }
	:: atomic { held[2] && nfull(gate[2]) -> label_it(); gate[2]!label, NOW; label = 0 }
	od
}

proctype Person(byte me)
{
	byte said = 0;
end:	do
	:: said < WORDS(me) && !asked[me] -> to_vault!GIVE(me); said++;
	:: said < WORDS(me) && !asked[me] -> atomic { asked[me] = true; said++ } to_vault!TAKE(me);
	/* The vault died before it answered: whoever asked asks again. */
	:: asked[me] && up && !waits[me] && empty(to_vault) -> to_vault!TAKE(me);
	od
}

/* A restriction: committed by another thread, then told to the gate thread. */
proctype Staff()
{
	if
	:: atomic { frozen = true }
		to_vault!LOOK(0);
	:: skip;
	fi
}

init
{
	atomic {
		run Vault();
		run Gateway();
		run Capture(0);
		run Capture(1);
		run Person(0);
		run Person(1);
#ifdef STAFF
		run Staff();
#endif
	}
}

ltl answered { [] ((asked[0] -> <> !asked[0]) && (asked[1] -> <> !asked[1])) }
