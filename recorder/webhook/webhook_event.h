/*
 * The events a platform can ask for; there are no others. Data is ids, dates and words of ours, never a name.
 *
 * None tells that somebody refused or did not answer, nor who of the two withdrew: consent.changed says what both give,
 * and erasure.ordered has no cause (R34, R41). What each carries stands in docs/openapi.yaml, `webhooks`.
 *
 * Pure; any thread.
 */
#pragma once

#include <stdbool.h>

#define AP_WEBHOOK_EVENTS(X)       \
	X("session.created")       \
	X("session.ended")         \
	X("consent.changed")       \
	X("gate.opened")           \
	X("gate.closed")           \
	X("recording.started")     \
	X("recording.sealed")      \
	X("recording.archived")    \
	X("recording.erased")      \
	X("request.created")       \
	X("request.due")           \
	X("request.extended")      \
	X("request.refused")       \
	X("request.done")          \
	X("request.lifted")        \
	X("erasure.ordered")       \
	X("erasure.unrecoverable") \
	X("tenant.left")

#define AP_WEBHOOK_ALL "*" /* asks for every event there is */

bool ap_webhook_event_known(const char *name);
