/*
 * The API's error names with their HTTP status and D-Bus name: one table for gateway and vault.
 * A problem travels as application/problem+json (RFC 9457) with type "urn:aparte:error:<name>".
 */
#pragma once

#include <stddef.h>

struct ap_problem {
	const char *name; /* "token-invalid" */
	unsigned status;  /* 401 */
	const char *dbus; /* "fr.aparte.Error.TokenInvalid" */
};

/* The row of a name; that of "internal" (500) when unknown, so never NULL. */
const struct ap_problem *ap_problem_by_name(const char *name);
const struct ap_problem *ap_problem_by_dbus(const char *dbus_name);

/* {"type","title","status","detail"} as JSON text; g_free. */
char *ap_problem_json(const struct ap_problem *problem, const char *detail);
