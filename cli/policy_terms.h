/*
 * The parts of `aparte policy` that tell what policies do: to recordings (preview), purpose by purpose (explain), at a
 * decision, and for a tenant. Each returns an exit status.
 */
#pragma once

#include "cli/client.h"

/* A preview's answer: counts by day, what changes, the token. */
void ap_policy_print_preview(const struct ap_client_options *options, JsonNode *answer);
/* [{"path","from","to"}] under "changes". */
void ap_policy_print_changes(const struct ap_client_options *options, JsonNode *answer);

/* Exactly one of both ids. */
int ap_policy_explain(struct ap_client *c, const struct ap_client_options *options, const char *session, const char *recording);
/* decided: a time in UTC, NULL for now. */
int ap_policy_decision(struct ap_client *c, const struct ap_client_options *options, const char *recording, const char *decided);

struct ap_policy_move {
	const char *tenant, *policy, *region, *token; /* NULL: as it is; region "none": none */
	bool dry_run;
};
int ap_policy_tenant(struct ap_client *c, const struct ap_client_options *options, const struct ap_policy_move *move);
