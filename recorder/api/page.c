#include "recorder/api/page.h"

#include "recorder/api/answer.h"

static struct ap_result read_limit(const struct ap_api_call *c, int64_t usual, int64_t *ret_limit)
{
	const char *text = ap_http_query(c->http, "limit");
	guint64 limit = (guint64)usual;
	if (text && !g_ascii_string_to_unsigned(text, 10, 1, AP_PAGE_MOST, &limit, NULL))
		return ap_fail(AP_ERR_PROTOCOL, "malformed", "limit is a number from 1 to 1000");
	*ret_limit = (int64_t)limit;
	return AP_SUCCESS;
}

struct ap_result ap_page_asked(const struct ap_api_call *c, int64_t usual, struct ap_page *ret_page)
{
	const char *after = ap_http_query(c->http, "after");
	AP_TRY(read_limit(c, usual, &ret_page->limit));
	ret_page->after = NULL;
	if (!after)
		return AP_SUCCESS;
	if (!ap_uuid_parse(after, &ret_page->id))
		return ap_fail(AP_ERR_PROTOCOL, "malformed", "after is an id: the next of the page before");
	ret_page->after = &ret_page->id;
	return AP_SUCCESS;
}

static const char *text_of(JsonArray *list, guint i, const char *key)
{
	return json_object_get_string_member_with_default(json_array_get_object_element(list, i), key, "");
}

static void cut_behind(JsonArray *list, guint count)
{
	while (json_array_get_length(list) > count)
		json_array_remove_element(list, json_array_get_length(list) - 1);
}

JsonNode *ap_page_answer(const char *name, JsonArray *list, const struct ap_page *page)
{
	JsonNode *answer = ap_answer_list(name, list);
	if (json_array_get_length(list) <= (guint64)page->limit)
		return answer;
	cut_behind(list, (guint)page->limit);
	ap_answer_text(json_node_get_object(answer), "next", text_of(list, (guint)page->limit - 1, "id"));
	return answer;
}

/* The place behind the row of that key; the end when there is none. */
static guint place_behind(JsonArray *list, const char *key, const char *after)
{
	guint i = 0, n = json_array_get_length(list);
	if (!after)
		return 0;
	while (i < n && strcmp(text_of(list, i, key), after) != 0)
		i++;
	return MIN(i + 1, n);
}

struct ap_result ap_page_cut(struct ap_api_call *c, const char *name, const char *key)
{
	int64_t limit;
	AP_TRY(read_limit(c, AP_PAGE_MOST, &limit));
	JsonObject *answer = json_node_get_object(c->answer);
	JsonArray *all = json_object_get_array_member(answer, name), *page = json_array_new();
	guint from = place_behind(all, key, ap_http_query(c->http, "after")), n = json_array_get_length(all);
	guint end = MIN(n, from + (guint)limit);
	for (guint i = from; i < end; i++)
		json_array_add_element(page, json_node_ref(json_array_get_element(all, i)));
	if (end < n)
		ap_answer_text(answer, "next", text_of(all, end - 1, key));
	json_object_set_array_member(answer, name, page);
	return AP_SUCCESS;
}
