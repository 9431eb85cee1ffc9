/*
 * Where webhooks may be sent: https to hosts of the internet, unless the operator configured otherwise. An address is
 * judged in every form that a C library reads as one ("127.1", "0x7f000001", "[::ffff:127.0.0.1]"); what a name resolves
 * to is judged when it is connected to (webhook_address_fits), not before: it may have changed by then.
 *
 * Pure; any thread.
 */
#pragma once

#include <gio/gio.h>
#include <stdbool.h>

/* The operator's exceptions, from webhooks.allow_http and webhooks.private_hosts. Borrowed. */
struct ap_webhook_reach {
	bool http;			  /* also without TLS */
	const char *const *private_hosts; /* as they stand in URLs; may lead inward. NULL: none */
};

/* `reach` NULL: no exceptions. */
bool ap_webhook_url_fits(const char *url, const struct ap_webhook_reach *reach);
/* May this host lead inward? */
bool ap_webhook_host_is_private(const char *host, const struct ap_webhook_reach *reach);
/* Is this an address of the internet? */
bool ap_webhook_address_fits(GInetAddress *address);
