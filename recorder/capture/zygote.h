/*
 * The zygote: warmed up, with one thread, it forks a capture for each SPAWN of the vault, waits for it, kills it when
 * told. It never reads media and holds no key.
 */
#pragma once

#include <aparte/err.h>

struct ap_zygote; /* opaque */

/* signals: a signalfd for SIGCHLD, borrowed. */
struct ap_zygote *ap_zygote_new(int signals);
void ap_zygote_free(struct ap_zygote *z);

/* Another vault is there: its link, owned from here on. Captures of the one before end by themselves, or are killed. */
struct ap_result ap_zygote_link(struct ap_zygote *z, int link);
/* -1: no link. */
int ap_zygote_link_fd(const struct ap_zygote *z);
/* One message waits on the link. In a forked capture this does not return. */
void ap_zygote_on_link(struct ap_zygote *z);
/* Children ended. */
void ap_zygote_on_child(struct ap_zygote *z);
/* Kills those that outstay their vault; returns the ms until it is to be called again, -1: there is none. */
int ap_zygote_kill_late(struct ap_zygote *z);
unsigned ap_zygote_children(const struct ap_zygote *z);
