/*
 * A capture that is owned: the real zygote and the real sandbox, and in place of what takes media, an attacker's
 * script. Test builds only, an executable of its own (aparte-capture-owned).
 *
 * A recording whose id begins with OWNED_MARK is owned, its next byte says how (enum owned_way); any other is recorded
 * by the honest code, so that one zygote holds both.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define OWNED_MARK "OWN"

enum owned_way {
	OWNED_CALLS = 1, /* tries every system call of owned_calls.h, each answered to the tester */
	OWNED_EXHAUST,	 /* takes what it can get of memory, threads, descriptors, file size, and tells how much */
	OWNED_LIES,	 /* and from here on: the honest capture with one lie, by enum owned_lie as the byte after */
};

/* What an owned capture does to the traffic between the honest code and the vault. */
enum owned_lie {
	LIE_NONE, /* the proxy alone: to see that it changes nothing */
	LIE_SIZE,
	LIE_PLAIN_SIZE,
	LIE_HASH,
	LIE_CLUSTER_COUNT,
	LIE_NUMBER_AGAIN,
	LIE_NUMBER_AHEAD,
	LIE_EPOCH_BACK,
	LIE_UNWRITTEN,	   /* a segment it was given and did not write */
	LIE_OVERWRITE,	   /* a copy of a closed segment's descriptor, written to after it was reported */
	LIE_CLOSED_EARLY,  /* the gate is closed, it says, and nobody asked */
	LIE_NEVER_CLOSES,  /* no answer to the order to close */
	LIE_GOES_ON,	   /* says closed and goes on reading */
	LIE_SEALED_EARLY,
	LIE_EPOCH_LONGER,  /* the epoch lasted a month, it says */
	LIE_AFTER_SEAL,	   /* another segment after the end */
	LIE_GARBAGE,
	LIE_OVERSIZED,
	LIE_UNKNOWN_TYPE,
	LIE_ORDER,	   /* an order of the vault's, sent back */
	LIE_TWICE,	   /* each report twice */
	LIE_DESCRIPTOR,	   /* a descriptor comes with a report */
	LIE_MANY_DESCRIPTORS,
	LIE_FLOOD,	   /* asks and reports as fast as it can */
	LIE_ENDLESS,	   /* a segment without end */
	LIE_SPINS,	   /* all its threads spin; orders are not read */
	LIE_STAYS,	   /* ignores signals, and the end of its socket */
	LIE_COUNT,
};

/* What OWNED_CALLS is told before it begins. */
struct owned_targets {
	pid_t zygote, sibling, vault;
	char recordings[200], keys[200];
};

/* One answer of OWNED_CALLS: index into the table, errno or 0. */
struct owned_answer {
	uint32_t call;
	int32_t error;
};

/* What OWNED_EXHAUST got. */
struct owned_loot {
	uint64_t memory_mib, threads, descriptors, file_mib;
};

/* In place of ap_capture_run, by the build. */
int ap_owned_run(int socket, bool confined);
/* The original. */
int ap_capture_run(int socket, bool confined);

int owned_try_calls(int socket);
int owned_exhaust(int socket);
int owned_lie(int socket, bool confined, enum owned_lie lie);
