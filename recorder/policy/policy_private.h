/* The parsed document, shared by policy.c and policy_parse.c alone. */
#pragma once

#include "recorder/policy/policy.h"

enum ap_policy_minors { AP_MINORS_UNSAID, AP_MINORS_ALLOWED, AP_MINORS_FORBIDDEN };

struct ap_policy_entry {
	bool listed, off;
	struct ap_period keep, after_decision, archive_after;
	char *reason; /* owned; NULL without one */
};

struct ap_policy {
	int references; /* atomic */
	char *name, *reason, *storage; /* owned */
	enum ap_policy_kind kind;
	struct ap_policy_entry purpose[AP_PURPOSE_COUNT];
	struct ap_period archive, protected, access_log;
	bool archive_reason, protected_reason, access_log_reason; /* stated, or there is nothing to state */
	bool four_eyes;
	enum ap_policy_minors minors;
	int64_t proof_ms, request_ms, conduct_pass;
};
