/*
 * May this actor see this recording for this purpose, now? A pure decision over facts; any thread.
 */
#pragma once

#include "recorder/access/access.h"
#include "recorder/consent/purpose.h"

struct ap_access_facts {
	enum ap_actor_kind kind;
	enum ap_staff_role staff; /* AP_ACTOR_STAFF */
	bool own;		  /* a person's own session, or that of the coach this user is */
	bool known;		  /* a supervisor or sponsor who was ever given a grant to this recording */
	bool sponsored;		  /* a sponsor, and this recording is of what they pay for */
	bool granted;		  /* a grant for this purpose is in force */
	ap_purposes both;	  /* what both persons consent to now */
	ap_purposes other;	  /* AP_ACTOR_PARTY: what the other person does */
	enum ap_purpose purpose;
	bool recording;		  /* its capture still runs */
	bool restricted;
	bool erased;		  /* or ordered to be */
	bool lockdown;
};

/* Errors in this order: "role" (staff that never sees content), "not-found", "lockdown", "erased", "conflict",
 * "restricted", "role" (no consent to this purpose, or no grant). */
struct ap_result ap_access_decide(const struct ap_access_facts *f);
