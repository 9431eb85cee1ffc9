/*
 * One process under the launcher: started, watched, started again with back-off, stopped in bounded time.
 *
 * What happens in which state stands in one table (serve_child.c), drawn in docs/PROCESSES.md. The child gets one
 * descriptor beyond 0, 1 and 2: its control socket (include/aparte/handoff.h).
 *
 * Units: ms. Threads: the main thread and its default GMainContext; callbacks come from there, never from within a
 * call of this module but ap_child_start and ap_child_stop.
 */
#pragma once

#include "cli/instance.h"

#include <aparte/handoff.h>

struct ap_child; /* opaque */

struct ap_child_params {
	const char *program;	   /* "aparte-gateway"; borrowed for life */
	enum ap_account account;   /* whom it runs as */
	unsigned stop_ms;	   /* after STOP it is killed when it lasts longer */
	bool first;		   /* comes before other processes where the kernel divides time; as root */
};

/* All borrowed for the child's life; `ctx` is the owner's. */
struct ap_child_events {
	/* A process was made: hand it its equipment now. */
	void (*spawned)(void *ctx, struct ap_child *child);
	void (*ready)(void *ctx, struct ap_child *child);
	/* It said why it cannot start. */
	void (*failed)(void *ctx, struct ap_child *child, const char *why);
	/* After ap_child_stop: it is gone and stays so. */
	void (*ended)(void *ctx, struct ap_child *child);
	/* It says that its link is over, the one of this number. */
	void (*unlinked)(void *ctx, struct ap_child *child, const char *number);
};

struct ap_child *ap_child_new(const struct ap_instance *i, const struct ap_child_params *params,
			      const struct ap_child_events *events, void *ctx);
/* The process must have ended or never started. */
void ap_child_free(struct ap_child *c);

void ap_child_start(struct ap_child *c);
void ap_child_stop(struct ap_child *c);

/* There is a process that can be sent messages (starting or ready). */
bool ap_child_alive(const struct ap_child *c);
bool ap_child_is_ready(const struct ap_child *c);
const char *ap_child_program(const struct ap_child *c);
/* A failed send is no error here: the process is about to be found dead. */
void ap_child_send(struct ap_child *c, enum ap_handoff_type type, const char *text, int fd);

/* Wait before the n-th restart in a row (n from 0): 100 ms doubled each time, at most 30 s. Pure. */
unsigned ap_child_backoff_ms(unsigned n);
