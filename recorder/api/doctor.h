/*
 * What is wrong with this instance, seen from the running vault: each finding says what to do. Main thread.
 */
#pragma once

#include "recorder/vault.h"

#include <json-glib/json-glib.h>

struct ap_backups; /* recorder/backup/backup.h */

/* {"ok","checks":[{"check","state":"good|warn|bad","detail"}],"backup":{…}}; the last as GET /v1/backups has it. */
struct ap_result ap_doctor_examine(struct ap_vault *v, struct ap_backups *backups, bool clock_frozen, JsonNode **ret_answer);
