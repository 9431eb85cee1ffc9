/*
 * One delivery as an HTTP request (Standard Webhooks: webhook-id, webhook-timestamp, webhook-signature) and what its answer
 * asks for. The signature is HMAC-SHA256 over "<id>.<timestamp>.<body>".
 *
 * Threads: main thread.
 */
#pragma once

#include "recorder/webhook/db_webhook.h"

#include <aparte/err.h>
#include <libsoup/soup.h>

struct ap_vault;

#define AP_WEBHOOK_LONGEST_WAIT_MS (4LL * 3600 * 1000)

/* "address": the URL is none that may be sent to, by what is configured now. g_object_unref. */
struct ap_result ap_webhook_message(struct ap_vault *v, const struct ap_delivery *d, SoupMessage **ret_message);
/* What Retry-After (RFC 9110 §10.2.3) asks for: 0 without one, at most AP_WEBHOOK_LONGEST_WAIT_MS. */
int64_t ap_webhook_asked_wait_ms(SoupMessage *message, int64_t wall_ms);
