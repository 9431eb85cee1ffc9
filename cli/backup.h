/*
 * What `aparte backup` and `aparte doctor` share.
 */
#pragma once

#include "cli/client.h"

/* Waits until no backup or proof is under way: the answer of GET /v1/backups, or NULL (told on stderr). */
JsonNode *ap_backup_await(struct ap_client *c);
