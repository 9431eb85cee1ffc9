#include "recorder/api/answer.h"

#include <aparte/clock.h>

void ap_answer_id(JsonObject *o, const char *name, const struct ap_uuid *id)
{
	char text[AP_UUID_TEXT];
	ap_uuid_text(id, text);
	json_object_set_string_member(o, name, text);
}

void ap_answer_time(JsonObject *o, const char *name, int64_t ms)
{
	char text[AP_TIME_TEXT];
	if (ms == 0)
		return;
	ap_time_text(ms, text);
	json_object_set_string_member(o, name, text);
}

void ap_answer_text(JsonObject *o, const char *name, const char *text)
{
	if (text)
		json_object_set_string_member(o, name, text);
}

void ap_answer_row_id(JsonObject *o, const char *name, struct ap_rows *rows, int column)
{
	struct ap_uuid id = ap_row_uuid(rows, column);
	ap_answer_id(o, name, &id);
}

void ap_answer_row_time(JsonObject *o, const char *name, struct ap_rows *rows, int column)
{
	ap_answer_time(o, name, ap_row_int(rows, column));
}

void ap_answer_row_text(JsonObject *o, const char *name, struct ap_rows *rows, int column)
{
	ap_answer_text(o, name, ap_row_text(rows, column));
}

void ap_answer_row_int(JsonObject *o, const char *name, struct ap_rows *rows, int column)
{
	json_object_set_int_member(o, name, ap_row_int(rows, column));
}

void ap_answer_json(JsonObject *o, const char *name, const char *json)
{
	JsonNode *node = json ? json_from_string(json, NULL) : NULL;
	if (node)
		json_object_set_member(o, name, node);
}

struct ap_result ap_answer_rows(struct ap_rows *rows, const struct ap_answer_column *columns, size_t count,
				JsonArray **ret_list)
{
	g_autoptr(JsonArray) list = json_array_new();
	while (ap_rows_next(rows)) {
		JsonObject *o = json_object_new();
		for (size_t i = 0; i < count; i++)
			columns[i].add(o, columns[i].name, rows, (int)i);
		json_array_add_object_element(list, o);
	}
	AP_TRY(ap_rows_end(rows));
	*ret_list = g_steal_pointer(&list);
	return AP_SUCCESS;
}

JsonNode *ap_answer_object(JsonObject *o)
{
	JsonNode *node = json_node_new(JSON_NODE_OBJECT);
	json_node_take_object(node, o);
	return node;
}

JsonNode *ap_answer_list(const char *name, JsonArray *array)
{
	JsonObject *o = json_object_new();
	json_object_set_array_member(o, name, array);
	return ap_answer_object(o);
}

char *ap_answer_take_text(JsonNode *node)
{
	char *text = json_to_string(node, FALSE);
	json_node_unref(node);
	return text;
}
