/*
 * `aparte tenant offboard | status | export | erase | certificate`: a platform leaves (R30).
 */
#pragma once

#include "cli/client.h"

bool ap_tenant_leave_verb(const char *word);
int ap_cmd_tenant_leave(int argc, char **argv);

/* Everything of a leaving tenant into `dir`, which is new, empty, or of an export of the same that broke off: that one
 * goes on. At the end SHA256SUMS lies there, and the vault is told its hash. The exit status. */
int ap_tenant_export(struct ap_client *c, const struct ap_client_options *options, const char *tenant, const char *dir);
