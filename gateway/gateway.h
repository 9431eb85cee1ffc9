/*
 * The parts of the gateway process, as its handlers see them: made and torn down by main.c, one of each, all on the
 * main thread. Handlers get this as their context.
 */
#pragma once

#include "gateway/events.h"
#include "gateway/limiter.h"
#include "gateway/media.h"
#include "gateway/session.h"
#include "gateway/turn.h"
#include "gateway/vault_client.h"

#include <aparte/clock.h>
#include <aparte/config.h>
#include <aparte/http.h>
#include <aparte/static_files.h>

/* A decision that took recording away and could not be told to the vault yet. */
struct ap_undelivered {
	struct ap_uuid session;
	char *token; /* owned */
	char *json;  /* owned: the body of POST /v1/consents */
};

#define AP_UNDELIVERED_MAX 1024

struct ap_counters {
	uint64_t requests, refused; /* HTTP */
	uint64_t vault_calls_failed;
	uint64_t taps_opened, taps_dropped; /* dropped: by us, for a withdrawal or a lost vault */
};

struct ap_gateway {
	const struct ap_clock *clock; /* borrowed */

	/* owned */
	struct ap_config *config;
	struct ap_http *http;
	struct ap_media *media;
	struct ap_vault_client *vault;
	struct ap_sessions *sessions;
	struct ap_events *events;
	struct ap_limiter *by_address, *by_token;
	struct ap_turn *turn; /* NULL without TURN */
	struct ap_static_files *files;
	GQueue undelivered; /* of struct ap_undelivered */

	/* state */
	struct ap_counters counters;
	unsigned timers[2]; /* GSource ids: heartbeat, sweep */
};

/* Everything but HTTP, files, TURN and media, which main.c (or a test) puts in. `config` is owned from here on. */
void ap_gateway_init(struct ap_gateway *gw, struct ap_config *config, const struct ap_clock *clock);
void ap_gateway_clear(struct ap_gateway *gw);
/* The HTTP server with all routes; not listening yet. */
void ap_gateway_serve(struct ap_gateway *gw);

/* The routes, one table a file. */
void ap_http_platform_routes(struct ap_gateway *gw);
void ap_http_party_routes(struct ap_gateway *gw);
void ap_http_consent_routes(struct ap_gateway *gw);
void ap_http_rights_routes(struct ap_gateway *gw);
void ap_http_ledger_routes(struct ap_gateway *gw);
void ap_http_pages_routes(struct ap_gateway *gw);
void ap_whip_routes(struct ap_gateway *gw);
