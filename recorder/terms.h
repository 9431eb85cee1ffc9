/*
 * Retention terms of recordings that exist: they follow what both persons still consent to and the policy, and only
 * ever become shorter (what a person consented to is never kept longer).
 *
 * Threads: main thread.
 */
#pragma once

#include "recorder/access.h"

struct ap_vault;

/* The consents of a session changed: recordings end with the latest term of the purposes both still give. */
struct ap_result ap_terms_shorten(struct ap_vault *v, const struct ap_uuid *session);

/* {"policies":[…]}; {"name","version","document"}. */
struct ap_result ap_terms_list(struct ap_vault *v, JsonNode **ret_answer);
struct ap_result ap_terms_get(struct ap_vault *v, const char *name, JsonNode **ret_answer);
/* What a document would do: {"token","at_once","recordings":[{"recording","expires","would_expire"}]}. */
struct ap_result ap_terms_preview(struct ap_vault *v, const char *name, const char *document, JsonNode **ret_answer);
/* A new version, with leaf 08, applied to what exists. "conflict" when it would erase at once and `token` (may be
 * NULL) is not the preview's. */
struct ap_result ap_terms_put(struct ap_vault *v, const struct ap_actor *by, const char *name, const char *document,
			      const char *token, JsonNode **ret_answer);
