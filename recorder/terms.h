/*
 * Retention terms of recordings that exist: they follow what both persons still consent to and the policy, and only
 * ever become shorter (what a person consented to is never kept longer).
 *
 * Threads: main thread.
 */
#pragma once

#include "recorder/access.h"
#include "recorder/policy.h"

struct ap_vault;

/* The consents of a session changed: recordings end with the latest term of the purposes both still give. */
struct ap_result ap_terms_shorten(struct ap_vault *v, const struct ap_uuid *session);

/* What the terms say about an access to a recording for one purpose, now (believed time). */
struct ap_term_access {
	int64_t ends_ms; /* when this purpose ends for it; grants and viewings for it end then */
	bool ended;	 /* it has: no access, whatever was granted */
	struct ap_access_needs needs;
};
/* "not-found" when there is no such recording. */
struct ap_result ap_terms_access(struct ap_vault *v, const struct ap_uuid *recording, enum ap_purpose purpose,
				 struct ap_term_access *ret_access);

/* {"policies":[…]}; {"name","version","document"}. */
struct ap_result ap_terms_list(struct ap_vault *v, JsonNode **ret_answer);
struct ap_result ap_terms_get(struct ap_vault *v, const char *name, JsonNode **ret_answer);
/* What a document would do: {"token","at_once","recordings":[{"recording","expires","would_expire"}]}. */
struct ap_result ap_terms_preview(struct ap_vault *v, const char *name, const char *document, JsonNode **ret_answer);
/* A new version, with leaf 08, applied to what exists. "conflict" when it would erase at once and `token` (may be
 * NULL) is not the preview's. */
struct ap_result ap_terms_put(struct ap_vault *v, const struct ap_actor *by, const char *name, const char *document,
			      const char *token, JsonNode **ret_answer);
