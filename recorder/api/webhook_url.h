/*
 * Where webhooks may be sent: https to hosts of the internet. A name that resolves inwards is the operator's network to
 * guard; an address is judged here, in every form that a C library reads as one ("127.1", "0x7f000001",
 * "[::ffff:127.0.0.1]").
 *
 * Pure; any thread. Test builds also allow http and https to literal loopback addresses.
 */
#pragma once

#include <stdbool.h>

bool ap_webhook_url_fits(const char *url);
