#include "recorder/api/body.h"

#include <aparte/jcs.h>
#include <aparte/limits.h>
#include <string.h>

struct ap_result ap_body_parse(const char *json, JsonNode **ret_node, JsonObject **ret_object)
{
	g_autoptr(JsonNode) node = NULL;
	AP_TRY(ap_json_parse(json, strlen(json), AP_MAX_BODY, &node));
	if (!JSON_NODE_HOLDS_OBJECT(node))
		return ap_fail(AP_ERR_PROTOCOL, "malformed", "the body must be a JSON object");
	*ret_object = json_node_get_object(node);
	*ret_node = g_steal_pointer(&node);
	return AP_SUCCESS;
}

static JsonNode *value(JsonObject *o, const char *name, GType type)
{
	JsonNode *node = json_object_get_member(o, name);
	return node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == type ? node : NULL;
}

const char *ap_body_text(JsonObject *o, const char *name)
{
	JsonNode *node = value(o, name, G_TYPE_STRING);
	return node ? json_node_get_string(node) : NULL;
}

const char *ap_body_text_or_empty(JsonObject *o, const char *name)
{
	const char *text = ap_body_text(o, name);
	return text ? text : "";
}

JsonObject *ap_body_object(JsonObject *o, const char *name)
{
	JsonNode *node = json_object_get_member(o, name);
	return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

bool ap_body_bool(JsonObject *o, const char *name)
{
	JsonNode *node = value(o, name, G_TYPE_BOOLEAN);
	return node && json_node_get_boolean(node);
}

bool ap_body_int(JsonObject *o, const char *name, int64_t *ret_n)
{
	JsonNode *node = value(o, name, G_TYPE_INT64);
	if (!node)
		return false;
	*ret_n = json_node_get_int(node);
	return true;
}
