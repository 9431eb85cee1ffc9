/*
 * Counters of the gateway in Prometheus' text format: numbers only, nothing about any person or session.
 * Threads: main thread.
 */
#pragma once

#include "gateway/gateway.h"

/* g_free. */
char *ap_metrics_text(struct ap_gateway *gw);
