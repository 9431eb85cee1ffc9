/* The copy of a person's data as texts: Markdown to be read, CSV to be taken elsewhere. */
#include "recorder/portability/copy.h"

#include "recorder/api/answer.h"

#include <string.h>

/* ---- Markdown ---- */

struct heading {
	const char *name, *fr, *en;
};

static const struct heading headings[] = {
	{"person", "Vous", "You"},
	{"controller", "Responsable du traitement", "Controller"},
	{"sessions", "Séances", "Sessions"},
	{"devices", "Appareils (clés publiques)", "Devices (public keys)"},
	{"statements", "Vos déclarations de consentement", "Your consent statements"},
	{"recordings", "Enregistrements", "Recordings"},
	{"accesses", "Qui a consulté", "Who had access"},
	{"grants", "Autorisations données à des superviseurs", "Grants to supervisors"},
	{"holds", "Conservations imposées", "Legal holds"},
	{"requests", "Vos demandes", "Your requests"},
	{"notes", "Notes prises sur les enregistrements", "Notes taken on the recordings"},
};

static const char *heading_of(const char *name, bool french)
{
	for (size_t i = 0; i < G_N_ELEMENTS(headings); i++)
		if (strcmp(headings[i].name, name) == 0)
			return french ? headings[i].fr : headings[i].en;
	return name;
}

/* What stands in a cell: texts as they are, all else as JSON; g_free. */
static char *cell(JsonNode *node)
{
	const char *text = JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING ?
				   json_node_get_string(node) :
				   NULL;
	return text ? g_strdup(text) : json_to_string(node, FALSE);
}

/* Nothing a person wrote becomes markup: each line's text stands in a code span with more back-quotes than it has. */
static void add_value(GString *text, const char *value)
{
	size_t longest = 0, run = 0;
	for (const char *c = value; *c; c++) {
		run = *c == '`' ? run + 1 : 0;
		longest = MAX(longest, run);
	}
	g_autofree char *fence = g_strnfill(longest + 1, '`');
	g_autofree char *line = g_strdelimit(g_strdup(value), "\r\n", ' ');
	g_string_append_printf(text, "%s %s %s", fence, line, fence);
}

static void add_members(GString *text, JsonObject *o, const char *first, const char *others)
{
	g_autoptr(GList) names = json_object_get_members(o);
	for (GList *name = names; name; name = name->next) {
		g_autofree char *value = cell(json_object_get_member(o, name->data));
		g_string_append_printf(text, "%s%s: ", name == names ? first : others, (const char *)name->data);
		add_value(text, value);
		g_string_append_c(text, '\n');
	}
}

static void add_rows(GString *text, JsonArray *rows, bool french)
{
	if (json_array_get_length(rows) == 0)
		g_string_append(text, french ? "Rien.\n" : "Nothing.\n");
	for (guint i = 0; i < json_array_get_length(rows); i++)
		add_members(text, json_array_get_object_element(rows, i), "- ", "  - ");
}

char *ap_copy_markdown(JsonObject *copy, const char *lang)
{
	bool french = strcmp(lang, "fr") == 0;
	GString *text = g_string_new(french ? "# Les données détenues sur vous\n" : "# The data held on you\n");
	g_autoptr(GList) names = json_object_get_members(copy);
	for (GList *name = names; name; name = name->next) {
		JsonNode *node = json_object_get_member(copy, name->data);
		if (JSON_NODE_HOLDS_VALUE(node))
			continue;
		g_string_append_printf(text, "\n## %s\n\n", heading_of(name->data, french));
		if (JSON_NODE_HOLDS_ARRAY(node))
			add_rows(text, json_node_get_array(node), french);
		else
			add_members(text, json_node_get_object(node), "- ", "- ");
	}
	return g_string_free(text, FALSE);
}

/* ---- CSV ---- */

static GPtrArray *columns_of(JsonArray *rows)
{
	GPtrArray *columns = g_ptr_array_new_with_free_func(g_free);
	for (guint i = 0; i < json_array_get_length(rows); i++) {
		g_autoptr(GList) names = json_object_get_members(json_array_get_object_element(rows, i));
		for (GList *name = names; name; name = name->next)
			if (!g_ptr_array_find_with_equal_func(columns, name->data, g_str_equal, NULL))
				g_ptr_array_add(columns, g_strdup(name->data));
	}
	return columns;
}

static void add_field(GString *text, const char *value, bool last)
{
	g_autofree char *safe = g_strconcat(*value && strchr("=+-@\t\r", *value) ? "'" : "", value, NULL);
	g_auto(GStrv) parts = g_strsplit(safe, "\"", -1);
	g_autofree char *quoted = g_strjoinv("\"\"", parts);
	g_string_append_printf(text, "\"%s\"%s", quoted, last ? "\r\n" : ",");
}

char *ap_copy_csv(JsonArray *rows)
{
	GString *text = g_string_new(NULL);
	g_autoptr(GPtrArray) columns = columns_of(rows);
	for (guint c = 0; c < columns->len; c++)
		add_field(text, columns->pdata[c], c + 1 == columns->len);
	for (guint i = 0; i < json_array_get_length(rows); i++) {
		JsonObject *row = json_array_get_object_element(rows, i);
		for (guint c = 0; c < columns->len; c++) {
			JsonNode *node = json_object_get_member(row, columns->pdata[c]);
			g_autofree char *value = node ? cell(node) : g_strdup("");
			add_field(text, value, c + 1 == columns->len);
		}
	}
	return g_string_free(text, FALSE);
}
