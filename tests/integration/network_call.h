/*
 * One recorded call over a bad network: two test clients, a relay between each and the real media plane, the real
 * capture behind the gate. Run once per process, since it may move into network namespaces of its own.
 */
#pragma once

#include "tests/testlib/lossy.h"

#include <stdbool.h>
#include <stdint.h>

enum network_place { PLACE_LOOPBACK, PLACE_MTU_1280, PLACE_IPV6, PLACE_NO_UDP };

struct network_person {
	bool tcp, no_rtx;
	int ntp_offset_s, drift_ppm;
	/* what happens to this person's way, ms after the gate opened; 0: never */
	int rebind_ms, restart_ms, reload_ms;
	int deaf_ms, deaf_for_ms; /* nothing but STUN reaches this person from then on, so long */
};

struct network_scenario {
	const char *name;
	const char *way;	 /* all four ways, as ap_lossy_parse() reads it */
	const char *later;	 /* all four ways from a second after the opening of the gate on; NULL: as before */
	unsigned outage_ms; /* nothing gets through from the opening of the gate on, so long */
	bool outage_up;	    /* only towards the gateway: it is heard all the time */
	enum network_place place; /* other than loopback: real, without relays */
	struct network_person persons[2];
	int seconds; /* of recording */
	int patience_ms; /* what the other shows is at most so old; 0: AP_NUMBERED_PATIENCE_MS */
	bool full;   /* not in the bounded run */
};

/* What came of one person's media. */
struct network_figures {
	unsigned sent, shown, recorded, missing; /* frames; missing: shown but not recorded, though they could be */
	unsigned spoilt;			 /* recorded with another length than sent, twice, or out of order */
	unsigned heard, heard_missing;		 /* sounds that came in time, and those of them not recorded */
	double worst_av_ms, length_off_s;
	double first_ms; /* file time of the first frame */
	double at_ms; /* median of file time - time taken, of sounds */
};

struct network_result {
	struct network_figures of[2];
	double across_ms;
	double connect_s;
	uint64_t tap_dropped;
	const char *trouble; /* the call did not come about or ended; NULL: it did */
};

/* False when this machine cannot do the place (no root, no namespaces). */
bool network_enter(enum network_place place);
void network_call(const struct network_scenario *s, uint64_t seed, uint16_t port, struct network_result *ret);
