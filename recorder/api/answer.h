/*
 * Small pieces of JSON answers: ids and times in the API's forms. Pure; any thread.
 */
#pragma once

#include "recorder/db/db.h"

#include <aparte/encode.h>
#include <json-glib/json-glib.h>

void ap_answer_id(JsonObject *o, const char *name, const struct ap_uuid *id);
/* RFC 3339; left out when ms is 0. */
void ap_answer_time(JsonObject *o, const char *name, int64_t ms);
/* Left out when text is NULL. */
void ap_answer_text(JsonObject *o, const char *name, const char *text);
/* Columns of a row: an id, a time (left out when NULL), a text (left out when NULL), a number. */
void ap_answer_row_id(JsonObject *o, const char *name, struct ap_rows *rows, int column);
void ap_answer_row_time(JsonObject *o, const char *name, struct ap_rows *rows, int column);
void ap_answer_row_text(JsonObject *o, const char *name, struct ap_rows *rows, int column);
void ap_answer_row_int(JsonObject *o, const char *name, struct ap_rows *rows, int column);
/* Parses `json` (our own text) and sets it as a member; nothing when it is NULL. */
void ap_answer_json(JsonObject *o, const char *name, const char *json);
/* What the columns of a query are called in an answer, in the query's order. */
struct ap_answer_column {
	const char *name;
	void (*add)(JsonObject *o, const char *name, struct ap_rows *rows, int column); /* one of the above */
};
/* Reads all rows, then ends: an array of objects; json_array_unref. */
struct ap_result ap_answer_rows(struct ap_rows *rows, const struct ap_answer_column *columns, size_t count,
				JsonArray **ret_list);
/* {name: array} or the object as a node; both take their argument. */
JsonNode *ap_answer_list(const char *name, JsonArray *array);
JsonNode *ap_answer_object(JsonObject *o);
/* As text; takes the node. g_free. */
char *ap_answer_take_text(JsonNode *node);
