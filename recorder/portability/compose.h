/*
 * The vault's hand on a composer (recorder/capture/composer.h): feeds it two persons' files, takes the film back, and ends
 * it when it does not get on. Whatever it says is the word of a process that decodes what a browser sent: it is bounded in
 * size, time and what is remembered of it, and its film's clusters are kept unread.
 *
 * Nothing here waits: _step does what can be done now. Threads: the main thread.
 */
#pragma once

#include "recorder/portability/film.h"

#include <aparte/clock.h>

struct ap_compose; /* opaque */

struct ap_compose_setup {
	const struct ap_clock *clock; /* borrowed */
	const char *directory;	      /* where the film is kept meanwhile */
	uint64_t duration_ms;	      /* of the film: 1 to AP_FILM_MS */
	bool require_sandbox;
	/* Up to max bytes of a file (0 coach, 1 coachee) at offset; *ret_len is 0 only at its end. */
	struct ap_result (*read)(void *ctx, int which, uint64_t offset, uint8_t *ret_bytes, size_t max, size_t *ret_len);
	void *ctx; /* borrowed */
};

/* *ret_child: the composer's end of its control link, for the zygote; owned by the caller. */
struct ap_result ap_compose_new(const struct ap_compose_setup *setup, int *ret_child, struct ap_compose **ret_compose);

enum ap_compose_state { AP_COMPOSE_MOVED, AP_COMPOSE_WAITS, AP_COMPOSE_DONE };

/* A bounded piece of work. "composition": it failed, hung or broke the protocol; what `read` answered otherwise. Then only
 * _free follows, and whoever started the composer ends it. */
struct ap_result ap_compose_step(struct ap_compose *c, enum ap_compose_state *ret_state);
/* Bytes of both files that were read so far. */
uint64_t ap_compose_fed(const struct ap_compose *c);
/* After DONE: the film, owned by the caller. */
struct ap_film *ap_compose_take_film(struct ap_compose *c);
/* Closes what ties the composer to life. NULL is fine. */
void ap_compose_free(struct ap_compose *c);
