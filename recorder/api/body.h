/*
 * Reading members of a JSON request body. Pure; any thread.
 */
#pragma once

#include <aparte/err.h>
#include <json-glib/json-glib.h>

/* A body of at most AP_MAX_BODY bytes that is one object; "malformed", "too-large". Unref the node. */
struct ap_result ap_body_parse(const char *json, JsonNode **ret_node, JsonObject **ret_object);
/* NULL when absent or of another type. Borrowed. */
const char *ap_body_text(JsonObject *o, const char *name);
/* "" then. */
const char *ap_body_text_or_empty(JsonObject *o, const char *name);
JsonObject *ap_body_object(JsonObject *o, const char *name);
/* False when absent or of another type. */
bool ap_body_bool(JsonObject *o, const char *name);
bool ap_body_int(JsonObject *o, const char *name, int64_t *ret_n);
