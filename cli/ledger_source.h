/*
 * Where `aparte ledger` asks for what anyone may know of the log: the running instance, or with --url any gateway or vault,
 * as outsiders do.
 *
 * Ownership: as named. Threads: one. Failures are told on stderr.
 */
#pragma once

#include "cli/client.h"

struct ap_ledger_source; /* opaque */

/* `url` (may be NULL: the instance of the options) is https://host, without a path. */
struct ap_ledger_source *ap_ledger_source_new(const struct ap_client_options *options, const char *url);
void ap_ledger_source_free(struct ap_ledger_source *s);

/* GET /v1/ledger/<what>: g_free; NULL on failure. One that gives pages only so fast is waited for. */
char *ap_ledger_source_text(struct ap_ledger_source *s, const char *what);
/* The same as JSON; an object, or NULL. */
JsonNode *ap_ledger_source_object(struct ap_ledger_source *s, const char *what);
