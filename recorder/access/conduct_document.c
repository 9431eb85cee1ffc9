#include "recorder/access/conduct_document.h"

#include <aparte/jcs.h>
#include <glib.h>
#include <string.h>

#define MAX_DOCUMENT 65536

struct ap_conduct_document {
	JsonNode *node;	   /* owned */
	char *text;	   /* owned, canonical */
	JsonObject *o;	   /* borrowed from node, as what follows */
	JsonArray *questions; /* NULL: none */
};

static struct ap_result invalid(const char *detail)
{
	return ap_fail(AP_ERR_PROTOCOL, "invalid", detail);
}

static bool only_members(JsonObject *o, const char *const *names)
{
	g_autoptr(GList) members = json_object_get_members(o);
	for (GList *m = members; m; m = m->next)
		if (!g_strv_contains(names, m->data))
			return false;
	return true;
}

static bool is_text(JsonNode *node)
{
	return node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING &&
	       json_node_get_string(node)[0];
}

/* A list of between low and high texts. */
static JsonArray *texts(JsonObject *o, const char *name, guint low, guint high)
{
	JsonNode *node = json_object_get_member(o, name);
	if (!node || !JSON_NODE_HOLDS_ARRAY(node))
		return NULL;
	JsonArray *list = json_node_get_array(node);
	guint n = json_array_get_length(list);
	for (guint i = 0; i < n; i++)
		if (!is_text(json_array_get_element(list, i)))
			return NULL;
	return n >= low && n <= high ? list : NULL;
}

static bool question_fits(JsonNode *node)
{
	static const char *const members[] = {"text", "choices", "right", NULL};
	if (!JSON_NODE_HOLDS_OBJECT(node))
		return false;
	JsonObject *o = json_node_get_object(node);
	JsonArray *choices = texts(o, "choices", 2, AP_CONDUCT_CHOICES);
	JsonNode *right = json_object_get_member(o, "right");
	if (!only_members(o, members) || !is_text(json_object_get_member(o, "text")) || !choices || !right ||
	    !JSON_NODE_HOLDS_VALUE(right) || json_node_get_value_type(right) != G_TYPE_INT64)
		return false;
	int64_t n = json_node_get_int(right);
	return n >= 0 && n < json_array_get_length(choices);
}

static struct ap_result read_questions(struct ap_conduct_document *d)
{
	JsonNode *node = json_object_get_member(d->o, "questions");
	if (!node)
		return AP_SUCCESS;
	if (!JSON_NODE_HOLDS_ARRAY(node) || json_array_get_length(json_node_get_array(node)) > AP_CONDUCT_QUESTIONS)
		return invalid("questions: at most twenty");
	d->questions = json_node_get_array(node);
	for (guint i = 0; i < json_array_get_length(d->questions); i++)
		if (!question_fits(json_array_get_element(d->questions, i)))
			return invalid("questions: each has text, two to six choices, and the number of the right one");
	return AP_SUCCESS;
}

static struct ap_result check(struct ap_conduct_document *d)
{
	static const char *const members[] = {"lang", "title", "text", "questions", NULL};
	const char *lang = json_object_get_string_member_with_default(d->o, "lang", "");
	if (!only_members(d->o, members))
		return invalid("unknown member; config/conduct has the form");
	if (strcmp(lang, "fr") != 0 && strcmp(lang, "en") != 0)
		return invalid("lang: fr or en");
	if (!is_text(json_object_get_member(d->o, "title")) || !texts(d->o, "text", 1, AP_CONDUCT_TEXTS))
		return invalid("a code of conduct has a title and paragraphs");
	AP_TRY(read_questions(d));
	return ap_jcs_from_object(d->o, &d->text);
}

struct ap_result ap_conduct_document_parse(const char *json, struct ap_conduct_document **ret_document)
{
	g_autoptr(JsonNode) node = NULL;
	if (!ap_ok(ap_json_parse(json, strlen(json), MAX_DOCUMENT, &node)) || !JSON_NODE_HOLDS_OBJECT(node))
		return invalid("a code of conduct is a JSON object");
	struct ap_conduct_document *d = g_new0(struct ap_conduct_document, 1);
	d->node = g_steal_pointer(&node);
	d->o = json_node_get_object(d->node);
	struct ap_result r = check(d);
	if (ap_ok(r))
		*ret_document = d;
	else
		ap_conduct_document_free(d);
	return r;
}

void ap_conduct_document_free(struct ap_conduct_document *d)
{
	if (!d)
		return;
	json_node_unref(d->node);
	g_free(d->text);
	g_free(d);
}

const char *ap_conduct_document_lang(const struct ap_conduct_document *d)
{
	return json_object_get_string_member(d->o, "lang");
}

const char *ap_conduct_document_text(const struct ap_conduct_document *d)
{
	return d->text;
}

struct ap_hash ap_conduct_document_hash(const struct ap_conduct_document *d)
{
	return ap_sha256(d->text, strlen(d->text));
}

unsigned ap_conduct_document_questions(const struct ap_conduct_document *d)
{
	return d->questions ? json_array_get_length(d->questions) : 0;
}

unsigned ap_conduct_document_right(const struct ap_conduct_document *d, JsonArray *answers)
{
	unsigned right = 0, given = answers ? json_array_get_length(answers) : 0;
	for (unsigned i = 0; i < ap_conduct_document_questions(d) && i < given; i++) {
		JsonNode *answer = json_array_get_element(answers, i);
		JsonObject *question = json_array_get_object_element(d->questions, i);
		if (JSON_NODE_HOLDS_VALUE(answer) && json_node_get_value_type(answer) == G_TYPE_INT64 &&
		    json_node_get_int(answer) == json_object_get_int_member(question, "right"))
			right++;
	}
	return right;
}

JsonObject *ap_conduct_document_shown(const struct ap_conduct_document *d)
{
	JsonObject *o = json_object_new();
	JsonArray *questions = json_array_new();
	for (unsigned i = 0; i < ap_conduct_document_questions(d); i++) {
		JsonObject *from = json_array_get_object_element(d->questions, i), *to = json_object_new();
		for (const char *const *name = (const char *const[]){"text", "choices", NULL}; *name; name++)
			json_object_set_member(to, *name, json_node_copy(json_object_get_member(from, *name)));
		json_array_add_object_element(questions, to);
	}
	for (const char *const *name = (const char *const[]){"lang", "title", "text", NULL}; *name; name++)
		json_object_set_member(o, *name, json_node_copy(json_object_get_member(d->o, *name)));
	json_object_set_array_member(o, "questions", questions);
	return o;
}
