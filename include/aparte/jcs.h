/*
 * JSON that is signed, hashed and logged: RFC 8785 canonical form, within the limits of docs/FORMAT.md.
 *
 * Members are sorted by the UTF-16 code units of their names; strings carry the shortest escapes; numbers are
 * integers within ±(2^53 - 1) (I-JSON, RFC 7493): there are no floats, so every number has exactly one text.
 * U+0000 inside a string is refused, since our strings end there.
 *
 * Ownership: results are the caller's. Threads: any; no state. Outputs untouched on failure. Errors: AP_ERR_PROTOCOL
 * "malformed" with the reason as detail, AP_ERR_LIMIT "too-large" above `max` bytes.
 */
#pragma once

#include <aparte/err.h>
#include <json-glib/json-glib.h>
#include <stddef.h>
#include <stdint.h>

#define AP_JSON_DEPTH 16 /* objects and arrays inside one another, at most */
#define AP_JSON_INTEGER_MAX INT64_C(9007199254740991) /* 2^53 - 1 */

/*
 * Is this text, byte for byte, its own canonical form, and an object or array without floats, nulls and duplicate
 * names? What is accepted from a person (statements) and what stands in a leaf's body must pass this.
 */
struct ap_result ap_jcs_check(const char *text, size_t len, size_t max);
/* ap_jcs_check, then the tree; *ret_node is freed by json_node_unref. */
struct ap_result ap_jcs_parse(const char *text, size_t len, size_t max, JsonNode **ret_node);
/*
 * The canonical text (g_free) of a tree: nulls are written, as RFC 8785 allows; a float, a number out of range or a
 * string that is not UTF-8 is refused.
 */
struct ap_result ap_jcs_from_node(JsonNode *node, char **ret_text);
/* The same for an object that stays the caller's. */
struct ap_result ap_jcs_from_object(JsonObject *object, char **ret_text);

/*
 * Any strict JSON text (RFC 8259 as I-JSON): white space and nulls are fine; duplicate names, bad UTF-8, lone
 * surrogates, floats and depth are refused. For request bodies, receipts and files from outside.
 */
struct ap_result ap_json_parse(const char *text, size_t len, size_t max, JsonNode **ret_node);
