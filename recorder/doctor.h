/*
 * What is wrong with this instance, seen from the running vault: each finding says what to do. Main thread.
 */
#pragma once

#include "recorder/vault.h"

#include <json-glib/json-glib.h>

/* {"ok","checks":[{"check","state":"good|warn|bad","detail"}]}. */
struct ap_result ap_doctor_examine(struct ap_vault *v, bool clock_frozen, JsonNode **ret_answer);
