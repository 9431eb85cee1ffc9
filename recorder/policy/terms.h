/*
 * Retention terms of recordings that exist, and the documents they follow from: read, previewed, set, explained. Terms
 * follow what both persons still consent to and the policies; they only ever become shorter (what a person consented
 * to is never kept longer).
 *
 * Threads: main thread. JSON answers are the caller's.
 */
#pragma once

#include "recorder/access/access.h"
#include "recorder/policy/policy.h"

struct ap_vault;

/* The consents of a session changed: recordings end with the latest term of the purposes both still give. */
struct ap_result ap_terms_shorten(struct ap_vault *v, const struct ap_uuid *session);
/* Terms for recordings that have none yet (made by an older version), and what a crash left of a change. */
struct ap_result ap_terms_catch_up(struct ap_vault *v, bool without);

/* What the terms say about an access to a recording for one purpose, now (believed time). */
struct ap_term_access {
	int64_t ends_ms; /* when this purpose ends for it; grants and viewings for it end then */
	bool ended;	 /* it has: no access, whatever was granted */
	struct ap_access_needs needs;
};
/* "not-found" when there is no such recording. */
struct ap_result ap_terms_access(struct ap_vault *v, const struct ap_uuid *recording, enum ap_purpose purpose,
				 struct ap_term_access *ret_access);

/* {"policies":[…]}: the newest versions. */
struct ap_result ap_terms_list(struct ap_vault *v, JsonNode **ret_answer);
/* {"name","version","kind","created","set_by","document","versions":[…]}; version 0: the newest. "not-found". */
struct ap_result ap_terms_get(struct ap_vault *v, const char *name, int64_t version, JsonNode **ret_answer);
/* {"name","from","to","changes":[…]} between two versions; 0: the newest. */
struct ap_result ap_terms_diff(struct ap_vault *v, const char *name, int64_t from, int64_t to, JsonNode **ret_answer);

/* What a document would do, to all tenants' recordings ("role" for an admin of one): {"token","as_of","at_once","held",
 * "total","days":[{"day","count"}],"recordings":[…],"changes":[…],"notice":{…}}. "invalid". */
struct ap_result ap_terms_preview(struct ap_vault *v, const struct ap_actor *by, const char *name, const char *document,
				  JsonNode **ret_answer);
/* A new version, with leaf 08, applied to what exists. "conflict" when it would erase at once and `token` (may be
 * NULL) is not that of a preview of the last hour with the very same outcome. Answers as ap_terms_get. */
struct ap_result ap_terms_put(struct ap_vault *v, const struct ap_actor *by, const char *name, const char *document,
			      const char *token, JsonNode **ret_answer);

/* The same for a tenant's policy and region: body {"policy"?,"region"?}, region "" for none; what is absent stays. */
struct ap_result ap_terms_tenant_preview(struct ap_vault *v, const struct ap_actor *by, const char *tenant, JsonObject *body,
					 JsonNode **ret_answer);
struct ap_result ap_terms_tenant_put(struct ap_vault *v, const struct ap_actor *by, const char *tenant, JsonObject *body,
				     const char *token, JsonNode **ret_answer);

/* Which rule decides, purpose by purpose: for a recording with its terms as kept; for a session as it would be for a
 * recording sealed now. "not-found" also for another tenant's. */
struct ap_result ap_terms_explain_recording(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *recording,
					    JsonNode **ret_answer);
struct ap_result ap_terms_explain_session(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *session,
					  JsonNode **ret_answer);

/* The certification a recording serves was decided at decided_ms (0: now): its purpose ends so long after. By an admin or
 * the recording's coach. "conflict" when an earlier decision stands or nothing is kept for certification, "invalid" for a
 * time before the recording or to come. Answers as ap_terms_explain_recording. */
struct ap_result ap_terms_decide(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *recording,
				 int64_t decided_ms, JsonNode **ret_answer);
