/* `aparte ledger save`: the whole log into a file that is verified offline, or what came since into one that is there. */
#pragma once

#include "cli/ledger_source.h"

/* `pinned` (may be NULL) is the log's key as known; else a file's that is there, else the one that is shown. */
int ap_ledger_save(struct ap_ledger_source *s, const char *path, const char *pinned, bool json);

struct ap_frontier; /* recorder/ledger/frontier.h */
/* Fetches leaves until the tree has `size`; each goes to `out` too where that is not NULL (FILE *). */
bool ap_ledger_fetch_leaves(struct ap_ledger_source *s, uint64_t size, struct ap_frontier *tree, void *out);
