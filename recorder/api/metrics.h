/*
 * The vault's /metrics: Prometheus text, read from the database when asked. No names, no ids. Main thread.
 */
#pragma once

#include "recorder/api/api.h"

struct ap_result ap_metrics_text(const struct ap_api *api, char **ret_text);
