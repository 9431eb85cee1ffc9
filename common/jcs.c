#include <aparte/jcs.h>

#include <string.h>

static struct ap_result malformed(const char *detail)
{
	return ap_fail(AP_ERR_PROTOCOL, "malformed", detail);
}

static struct ap_result write_node(GString *out, JsonNode *node, unsigned depth);

/* ---- order of names ---- */

/* The first UTF-16 code unit of a character: beyond U+FFFF a surrogate, which sorts below U+E000. */
static gunichar first_unit(gunichar c)
{
	return c < 0x10000 ? c : 0xd800 + ((c - 0x10000) >> 10);
}

static gint by_utf16(gconstpointer left, gconstpointer right)
{
	const char *a = left, *b = right;
	while (*a && g_utf8_get_char(a) == g_utf8_get_char(b)) {
		a = g_utf8_next_char(a);
		b = g_utf8_next_char(b);
	}
	gunichar ca = g_utf8_get_char(a), cb = g_utf8_get_char(b);
	gunichar ua = first_unit(ca), ub = first_unit(cb);
	if (ua == ub) /* the same lead, or the same character */
		return ca < cb ? -1 : ca > cb;
	return ua < ub ? -1 : 1;
}

/* ---- writing ---- */

static void write_character(GString *out, char c)
{
	static const char plain[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt";
	const char *at = c ? strchr(plain, c) : NULL;
	if (at)
		g_string_append_printf(out, "\\%c", names[at - plain]);
	else if ((unsigned char)c < 0x20)
		g_string_append_printf(out, "\\u%04x", (unsigned)c);
	else
		g_string_append_c(out, c);
}

static struct ap_result write_string(GString *out, const char *text)
{
	if (!g_utf8_validate(text, -1, NULL))
		return malformed("not UTF-8");
	g_string_append_c(out, '"');
	for (const char *c = text; *c; c++)
		write_character(out, *c);
	g_string_append_c(out, '"');
	return AP_SUCCESS;
}

static struct ap_result write_members(GString *out, JsonObject *object, GList *names, unsigned depth)
{
	for (GList *l = names; l; l = l->next) {
		if (l != names)
			g_string_append_c(out, ',');
		AP_TRY(write_string(out, l->data));
		g_string_append_c(out, ':');
		AP_TRY(write_node(out, json_object_get_member(object, l->data), depth));
	}
	return AP_SUCCESS;
}

static struct ap_result write_object(GString *out, JsonObject *object, unsigned depth)
{
	g_autoptr(GList) names = json_object_get_members(object);
	for (GList *l = names; l; l = l->next)
		if (!g_utf8_validate(l->data, -1, NULL))
			return malformed("not UTF-8");
	names = g_list_sort(names, by_utf16);
	g_string_append_c(out, '{');
	AP_TRY(write_members(out, object, names, depth));
	g_string_append_c(out, '}');
	return AP_SUCCESS;
}

static struct ap_result write_array(GString *out, JsonArray *array, unsigned depth)
{
	g_string_append_c(out, '[');
	for (guint i = 0; i < json_array_get_length(array); i++) {
		if (i > 0)
			g_string_append_c(out, ',');
		AP_TRY(write_node(out, json_array_get_element(array, i), depth));
	}
	g_string_append_c(out, ']');
	return AP_SUCCESS;
}

static struct ap_result write_integer(GString *out, int64_t value)
{
	if (value > AP_JSON_INTEGER_MAX || value < -AP_JSON_INTEGER_MAX)
		return malformed("a number beyond 2^53 - 1");
	g_string_append_printf(out, "%" G_GINT64_FORMAT, (gint64)value);
	return AP_SUCCESS;
}

static struct ap_result write_scalar(GString *out, JsonNode *node)
{
	switch (json_node_get_value_type(node)) {
	case G_TYPE_STRING:
		return write_string(out, json_node_get_string(node));
	case G_TYPE_INT64:
		return write_integer(out, json_node_get_int(node));
	case G_TYPE_BOOLEAN:
		g_string_append(out, json_node_get_boolean(node) ? "true" : "false");
		return AP_SUCCESS;
	default:
		return malformed("numbers are integers here");
	}
}

static struct ap_result write_node(GString *out, JsonNode *node, unsigned depth)
{
	if (depth > AP_JSON_DEPTH)
		return malformed("nested too deep");
	switch (json_node_get_node_type(node)) {
	case JSON_NODE_OBJECT:
		return write_object(out, json_node_get_object(node), depth + 1);
	case JSON_NODE_ARRAY:
		return write_array(out, json_node_get_array(node), depth + 1);
	case JSON_NODE_VALUE:
		return write_scalar(out, node);
	default:
		g_string_append(out, "null");
		return AP_SUCCESS;
	}
}

struct ap_result ap_jcs_from_node(JsonNode *node, char **ret_text)
{
	g_autoptr(GString) out = g_string_new(NULL);
	AP_TRY(write_node(out, node, 0));
	*ret_text = g_string_free(g_steal_pointer(&out), FALSE);
	return AP_SUCCESS;
}

struct ap_result ap_jcs_from_object(JsonObject *object, char **ret_text)
{
	g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), object);
	return ap_jcs_from_node(node, ret_text);
}

/* ---- checking ---- */

static bool has_null(JsonNode *node);

static bool object_has_null(JsonObject *object)
{
	g_autoptr(GList) values = json_object_get_values(object);
	bool found = false;
	for (GList *l = values; l && !found; l = l->next)
		found = has_null(l->data);
	return found;
}

static bool array_has_null(JsonArray *array)
{
	bool found = false;
	for (guint i = 0; i < json_array_get_length(array) && !found; i++)
		found = has_null(json_array_get_element(array, i));
	return found;
}

static bool has_null(JsonNode *node)
{
	if (JSON_NODE_HOLDS_OBJECT(node))
		return object_has_null(json_node_get_object(node));
	if (JSON_NODE_HOLDS_ARRAY(node))
		return array_has_null(json_node_get_array(node));
	return JSON_NODE_HOLDS_NULL(node);
}

struct ap_result ap_jcs_parse(const char *text, size_t len, size_t max, JsonNode **ret_node)
{
	g_autoptr(JsonNode) node = NULL;
	g_autofree char *canonical = NULL;
	AP_TRY(ap_json_parse(text, len, max, &node));
	if (!JSON_NODE_HOLDS_OBJECT(node) && !JSON_NODE_HOLDS_ARRAY(node))
		return malformed("not an object or array");
	if (has_null(node))
		return malformed("nulls are not allowed here");
	AP_TRY(ap_jcs_from_node(node, &canonical));
	if (strlen(canonical) != len || memcmp(canonical, text, len) != 0)
		return malformed("not in canonical form (RFC 8785)");
	*ret_node = g_steal_pointer(&node);
	return AP_SUCCESS;
}

struct ap_result ap_jcs_check(const char *text, size_t len, size_t max)
{
	g_autoptr(JsonNode) node = NULL;
	return ap_jcs_parse(text, len, max, &node);
}
