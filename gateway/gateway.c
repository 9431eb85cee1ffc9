#include "gateway.h"

#include "gateway/switchboard.h"

#include <sodium.h>
#include <string.h>

#define HEARTBEAT_SECONDS 5 /* pages take 12 s of silence for a lost way: web/call/events.js */
#define SWEEP_SECONDS 10

static void on_stream_gone(void *ctx, const struct ap_uuid *id)
{
	struct ap_gateway *gw = ctx;
	struct ap_session *session = ap_sessions_find(gw->sessions, id);
	if (!session)
		return;
	session->streams -= session->streams > 0;
	session->seen_ns = ap_mono_ns(gw->clock);
}

static gboolean heartbeat(void *ctx)
{
	ap_events_heartbeat(((struct ap_gateway *)ctx)->events);
	return G_SOURCE_CONTINUE;
}

static gboolean sweep(void *ctx)
{
	ap_switchboard_sweep(ctx);
	return G_SOURCE_CONTINUE;
}

void ap_gateway_init(struct ap_gateway *gw, struct ap_config *config, const struct ap_clock *clock)
{
	unsigned rate = (unsigned)ap_config_int(config, "gateway.rate_per_minute");
	*gw = (struct ap_gateway){ .clock = clock, .config = config };
	g_queue_init(&gw->undelivered);
	gw->sessions = ap_sessions_new((size_t)ap_config_int(config, "gateway.max_sessions"));
	gw->events = ap_events_new((size_t)ap_config_int(config, "gateway.max_sse_clients"), on_stream_gone, gw);
	gw->by_address = ap_limiter_new(rate);
	gw->by_token = ap_limiter_new(rate);
	gw->vault = ap_vault_client_new(&ap_switchboard_vault, gw);
	gw->timers[0] = g_timeout_add_seconds(HEARTBEAT_SECONDS, heartbeat, gw);
	gw->timers[1] = g_timeout_add_seconds(SWEEP_SECONDS, sweep, gw);
}

void ap_gateway_clear(struct ap_gateway *gw)
{
	for (size_t i = 0; i < G_N_ELEMENTS(gw->timers); i++)
		g_source_remove(gw->timers[i]);
	ap_vault_client_free(gw->vault);
	ap_events_free(gw->events);
	ap_http_free(gw->http);
	ap_media_free(gw->media);
	ap_sessions_free(gw->sessions);
	ap_limiter_free(gw->by_address);
	ap_limiter_free(gw->by_token);
	ap_turn_free(gw->turn);
	ap_static_files_free(gw->files);
	ap_config_free(gw->config);
}

/* What may take recording away. */
static bool is_decision(const struct ap_http_call *call)
{
	const char *path = ap_http_path(call);
	return strcmp(ap_http_method(call), "POST") == 0 &&
	       (strcmp(path, "/v1/consents") == 0 || strcmp(path, "/v1/party/pause") == 0);
}

/* A decision has buckets of its own, so that nothing else that was asked holds a withdrawal up; and whose token is known
 * has no limit by address, where an office full of others may stand. */
static bool fits(struct ap_gateway *gw, const struct ap_http_call *call, unsigned *ret_retry_after)
{
	int64_t now = ap_mono_ns(gw->clock);
	const char *token = ap_http_bearer(call), *kind = is_decision(call) ? "decide " : "";
	uint8_t hash[AP_TOKEN_HASH];
	struct ap_party party;
	char address[48], hex[17], key[64];
	if (token)
		ap_token_hash(token, hash);
	if (!*kind || !token || !ap_sessions_recall(gw->sessions, hash, &party)) {
		ap_limiter_address_key(ap_http_client(call), address);
		g_snprintf(key, sizeof key, "%s%s", kind, address);
		if (!ap_limiter_take(gw->by_address, key, now, ret_retry_after))
			return false;
	}
	if (!token)
		return true;
	g_snprintf(key, sizeof key, "%s%s", kind, sodium_bin2hex(hex, sizeof hex, hash, 8));
	return ap_limiter_take(gw->by_token, key, now, ret_retry_after);
}

/* The API is limited per address and per token; pages and health come from memory and cost next to nothing. */
static struct ap_result guard(struct ap_http_call *call, void *ctx, unsigned *ret_retry_after)
{
	struct ap_gateway *gw = ctx;
	if (!g_str_has_prefix(ap_http_path(call), "/v1/"))
		return AP_SUCCESS;
	gw->counters.requests++;
	if (fits(gw, call, ret_retry_after))
		return AP_SUCCESS;
	gw->counters.refused++;
	return ap_fail(AP_ERR_LIMIT, "rate", "Too many requests; wait as long as Retry-After says.");
}

void ap_gateway_serve(struct ap_gateway *gw)
{
	struct ap_http_options options = { .cors_origins = ap_config_list(gw->config, "gateway.cors_origins"),
					   .max_connections =
						   (size_t)ap_config_int(gw->config, "gateway.max_sse_clients") + 2048,
					   .guard = guard,
					   .ctx = gw };
	gw->http = ap_http_new(&options);
	ap_http_pages_routes(gw);
	ap_http_platform_routes(gw);
	ap_http_party_routes(gw);
	ap_http_consent_routes(gw);
	ap_http_rights_routes(gw);
	ap_http_ledger_routes(gw);
	ap_whip_routes(gw);
}
