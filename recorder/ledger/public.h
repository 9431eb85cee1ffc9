/*
 * What anyone may ask of the log, at both HTTP listeners: ap_ledger_get, and who vouches for it ("witnesses").
 *
 * Threads: any, with that thread's connection. Texts are g_free'd.
 */
#pragma once

#include <aparte/err.h>
#include <stdbool.h>

struct ap_vault;

struct ap_result ap_ledger_public(struct ap_vault *v, bool bounded, const char *what, const char *query,
				  const char **ret_content_type, char **ret_answer);
