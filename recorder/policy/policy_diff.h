/*
 * What differs between two documents, member by member. Pure; any thread.
 */
#pragma once

#include <json-glib/json-glib.h>

/* [{"path":"purposes.recording.days","from":30,"to":7},…], by path; "from" or "to" is absent where the member is. The
 * array is the caller's. `from` may be NULL: everything is new. */
JsonArray *ap_policy_diff(JsonObject *from, JsonObject *to);
