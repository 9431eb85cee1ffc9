/*
 * Who is calling: a party's bearer token, asked of the vault at each call (PartyOpen), so that a revoked token ends
 * at once; only while the vault is away the answer remembered from before counts, so that running calls can
 * reconnect. Also the plain pass-through of a call to the vault.
 *
 * Threads: main thread.
 */
#pragma once

#include "gateway/gateway.h"

/* `party` is borrowed. The call is still to be answered. */
typedef void (*ap_authenticated)(struct ap_gateway *gw, struct ap_http_call *call, const struct ap_party *party);

/* Calls `then`, or answers the call with what is wrong (401, 410, 503). */
void ap_authenticate(struct ap_gateway *gw, struct ap_http_call *call, ap_authenticated then);

/* The bearer token; NULL after it answered 401 because there is none. */
const char *ap_require_bearer(struct ap_http_call *call);

/* Calls the vault and answers with what it says: `status` with JSON when it gives text, 204 when it gives nothing. */
void ap_proxy(struct ap_gateway *gw, struct ap_http_call *call, const char *method, GVariant *arguments, unsigned status);
/* The same with the body as JSON text appended to (token, …): checks that it is a JSON object. */
void ap_proxy_body(struct ap_gateway *gw, struct ap_http_call *call, const char *method, const char *token,
		   unsigned status);
