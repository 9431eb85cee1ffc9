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
};

/* The file, or an empty object when there is none. The caller frees it. */
struct ap_result ap_lockdown_load(struct ap_vault *v, struct ap_escrow **ret_escrow);
/* Two passphrases bring the present key back (in a lockdown: the one that was). */
bool ap_lockdown_covered(struct ap_vault *v, const struct ap_escrow *e);
/* Drops words that are too old. */
void ap_lockdown_expire(struct ap_lockdown *l);
