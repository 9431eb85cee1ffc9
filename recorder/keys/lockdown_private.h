/*
 * What lockdown.c (set-up, shutting) and lockdown_lift.c share.
 */
#pragma once

#include "recorder/keys/lockdown.h"

#include "recorder/access/access.h"
#include "recorder/vault.h"

struct ap_lockdown {
	/* borrowed */
	struct ap_vault *v;
	/* owned */
	GHashTable *given; /* name -> struct ap_given * */
	GSource *timer;	   /* while somebody's word is there; else NULL */
};

/* The file, or an empty object when there is none. The caller frees it. */
struct ap_result ap_lockdown_load(struct ap_vault *v, struct ap_escrow **ret_escrow);
/* Two passphrases bring the present key back (in a lockdown: the one that was). */
bool ap_lockdown_covered(struct ap_vault *v, const struct ap_escrow *e);
/* Only what two admins can bring back is destroyed: success, and nothing done, where they cannot. */
struct ap_result ap_lockdown_destroy_file(struct ap_vault *v, bool covered);
