#include "recorder/policy/policy_diff.h"

#include <stdbool.h>

static void compare(JsonArray *list, const char *path, JsonNode *from, JsonNode *to);

static void say(JsonArray *list, const char *path, JsonNode *from, JsonNode *to)
{
	JsonObject *o = json_object_new();
	json_object_set_string_member(o, "path", path);
	if (from)
		json_object_set_member(o, "from", json_node_copy(from));
	if (to)
		json_object_set_member(o, "to", json_node_copy(to));
	json_array_add_object_element(list, o);
}

/* Names of both, each once, in order. */
static GList *names_of(JsonObject *a, JsonObject *b)
{
	GList *names = a ? json_object_get_members(a) : NULL;
	g_autoptr(GList) others = b ? json_object_get_members(b) : NULL;
	for (GList *m = others; m; m = m->next)
		if (!a || !json_object_has_member(a, m->data))
			names = g_list_prepend(names, m->data);
	return g_list_sort(names, (GCompareFunc)g_strcmp0);
}

static void compare_objects(JsonArray *list, const char *path, JsonObject *from, JsonObject *to)
{
	g_autoptr(GList) names = names_of(from, to);
	for (GList *m = names; m; m = m->next) {
		g_autofree char *inner = *path ? g_strconcat(path, ".", m->data, NULL) : g_strdup(m->data);
		compare(list, inner, from ? json_object_get_member(from, m->data) : NULL,
			to ? json_object_get_member(to, m->data) : NULL);
	}
}

static JsonObject *object_of(JsonNode *node)
{
	return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

/* An object that appears or goes is told by its members, so that each number stands on a line of its own. */
static void compare(JsonArray *list, const char *path, JsonNode *from, JsonNode *to)
{
	bool objects = (object_of(from) || !from) && (object_of(to) || !to);
	if (objects)
		compare_objects(list, path, object_of(from), object_of(to));
	else if (!from || !to || !json_node_equal(from, to))
		say(list, path, from, to);
}

JsonArray *ap_policy_diff(JsonObject *from, JsonObject *to)
{
	JsonArray *list = json_array_new();
	compare_objects(list, "", from, to);
	return list;
}
