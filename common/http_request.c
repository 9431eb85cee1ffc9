#include "http_internal.h"

#include <aparte/limits.h>
#include <string.h>

#define JSON_DEPTH 32

const char *ap_http_method(const struct ap_http_call *call)
{
	return soup_server_message_get_method(call->msg);
}

const char *ap_http_path(const struct ap_http_call *call)
{
	return call->path ? call->path : "";
}

const char *ap_http_param(const struct ap_http_call *call, size_t n)
{
	return n < call->params->len ? call->params->pdata[n] : NULL;
}

const char *ap_http_query(const struct ap_http_call *call, const char *name)
{
	const char *value = call->query ? g_hash_table_lookup(call->query, name) : NULL;
	return value && g_utf8_validate(value, -1, NULL) ? value : NULL;
}

const char *ap_http_query_text(const struct ap_http_call *call)
{
	GUri *uri = soup_server_message_get_uri(call->msg);
	const char *query = uri ? g_uri_get_query(uri) : NULL;
	return query && g_utf8_validate(query, -1, NULL) ? query : "";
}

const char *ap_http_header(const struct ap_http_call *call, const char *name)
{
	const char *value = soup_message_headers_get_one(soup_server_message_get_request_headers(call->msg), name);
	return value && g_utf8_validate(value, -1, NULL) ? value : NULL;
}

const char *ap_http_cookie(const struct ap_http_call *call, const char *name)
{
	struct ap_http_call *cache = (struct ap_http_call *)call; /* the value found is kept for the caller to borrow */
	const char *header = ap_http_header(call, "Cookie");
	g_auto(GStrv) pairs = g_strsplit(header ? header : "", ";", 64);
	for (char **pair = pairs; *pair; pair++) {
		char *value = strchr(g_strstrip(*pair), '=');
		if (!value)
			continue;
		*value++ = '\0';
		if (strcmp(*pair, name) != 0)
			continue;
		g_free(cache->cookie);
		return cache->cookie = g_strdup(value);
	}
	return NULL;
}

/* RFC 6750 §2.1: b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"=" */
static bool is_b64token(const char *text)
{
	size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/");
	return n > 0 && text[n + strspn(text + n, "=")] == '\0' && strlen(text) <= AP_MAX_TOKEN;
}

const char *ap_http_bearer(const struct ap_http_call *call)
{
	struct ap_http_call *cache = (struct ap_http_call *)call;
	const char *header = ap_http_header(call, "Authorization");
	if (!header || g_ascii_strncasecmp(header, "Bearer ", 7) != 0)
		return NULL;
	if (!cache->bearer)
		cache->bearer = g_strstrip(g_strdup(header + 7));
	return is_b64token(cache->bearer) ? cache->bearer : NULL;
}

const char *ap_http_client(const struct ap_http_call *call)
{
	return call->connection ? call->connection->client : "gone";
}

GSocket *ap_http_socket(const struct ap_http_call *call)
{
	return call->connection ? call->connection->socket : NULL;
}

GBytes *ap_http_body(const struct ap_http_call *call)
{
	struct ap_http_call *cache = (struct ap_http_call *)call;
	if (!cache->body_bytes) {
		/* The terminator is not part of the bytes, but makes them a string. */
		size_t len = cache->body->len;
		g_byte_array_append(cache->body, (const uint8_t *)"", 1);
		g_autoptr(GBytes) all = g_byte_array_free_to_bytes(g_steal_pointer(&cache->body));
		cache->body_bytes = g_bytes_new_from_bytes(all, 0, len);
	}
	return cache->body_bytes;
}

const char *ap_http_body_text(const struct ap_http_call *call)
{
	size_t len;
	const char *text = g_bytes_get_data(ap_http_body(call), &len);
	return g_utf8_validate_len(text ? text : "", len, NULL) ? (text ? text : "") : NULL;
}

/* The parser recurses: its depth is bounded before it sees the text. */
static bool is_shallow(const char *text)
{
	int depth = 0;
	bool in_string = false;
	for (const char *at = text; *at; at++) {
		if (in_string && *at == '\\' && at[1])
			at++;
		else if (*at == '"')
			in_string = !in_string;
		else if (!in_string && (*at == '{' || *at == '['))
			depth++;
		else if (!in_string && (*at == '}' || *at == ']'))
			depth--;
		if (depth > JSON_DEPTH)
			return false;
	}
	return true;
}

struct ap_result ap_http_body_json(const struct ap_http_call *call, JsonObject **ret_object)
{
	const struct ap_result bad = ap_fail(AP_ERR_PROTOCOL, "malformed", "The body must be one JSON object in UTF-8.");
	const char *text = ap_http_body_text(call);
	if (!text || !is_shallow(text))
		return bad;
	g_autoptr(JsonNode) root = json_from_string(text, NULL);
	if (!root || !JSON_NODE_HOLDS_OBJECT(root))
		return bad;
	*ret_object = json_node_dup_object(root);
	return AP_SUCCESS;
}

struct ap_result ap_http_json_text(JsonObject *object, const char *name, const char **ret_text)
{
	JsonNode *node = json_object_get_member(object, name);
	if (!node || !JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_STRING)
		return ap_fail(AP_ERR_PROTOCOL, "malformed", "A text member that this call needs is missing.");
	*ret_text = json_node_get_string(node);
	return AP_SUCCESS;
}
