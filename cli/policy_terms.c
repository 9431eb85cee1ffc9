#include "cli/policy_terms.h"

#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

static JsonObject *root(JsonNode *node)
{
	return json_node_get_object(node);
}

static const char *text(JsonObject *o, const char *name)
{
	return json_object_get_string_member_with_default(o, name, "");
}

/* ---- previews ---- */

static char *value_text(JsonObject *change, const char *name)
{
	JsonNode *node = json_object_get_member(change, name);
	return node ? json_to_string(node, FALSE) : g_strdup("-");
}

void ap_policy_print_changes(const struct ap_client_options *options, JsonNode *answer)
{
	if (options->json) {
		ap_client_print_json(answer);
		return;
	}
	JsonArray *changes = json_object_get_array_member(root(answer), "changes");
	if (json_array_get_length(changes) == 0)
		puts("nothing differs");
	for (guint i = 0; i < json_array_get_length(changes); i++) {
		JsonObject *change = json_array_get_object_element(changes, i);
		g_autofree char *from = value_text(change, "from"), *to = value_text(change, "to");
		printf("%s: %s -> %s\n", text(change, "path"), from, to);
	}
}

static void print_notice(JsonObject *answer)
{
	if (!json_object_has_member(answer, "notice"))
		return;
	JsonArray *purposes = json_object_get_array_member(json_object_get_object_member(answer, "notice"), "purposes");
	for (guint i = 0; i < json_array_get_length(purposes); i++) {
		JsonObject *one = json_array_get_object_element(purposes, i);
		const char *change = text(one, "change");
		bool wider = strcmp(change, "added") == 0 || strcmp(change, "longer") == 0;
		printf("%s: %s%s\n", text(one, "purpose"), change,
		       wider ? " (for sessions made from now on, under a new notice)" : "");
	}
}

void ap_policy_print_preview(const struct ap_client_options *options, JsonNode *answer)
{
	static const char *const columns[] = {"day", "count", NULL};
	if (options->json) {
		ap_client_print_json(answer);
		return;
	}
	JsonObject *o = root(answer);
	if (json_object_has_member(o, "changes"))
		ap_policy_print_changes(options, answer);
	print_notice(o);
	gint64 total = json_object_get_int_member(o, "total");
	printf("%" G_GINT64_FORMAT " recordings end sooner, %" G_GINT64_FORMAT " of them at once, %" G_GINT64_FORMAT
	       " when nothing holds them any more\n",
	       total, json_object_get_int_member(o, "at_once"), json_object_get_int_member(o, "held"));
	if (total > 0)
		ap_client_print_table(options, answer, "days", columns);
	printf("token: %s\n", text(o, "token"));
}

/* ---- which rule decides ---- */

static void print_purpose(JsonObject *one)
{
	JsonObject *rule = json_object_get_object_member(one, "rule");
	bool offered = json_object_get_boolean_member(one, "offered"), given = json_object_get_boolean_member(one, "given");
	printf("%-14s %-12s %-25s %s %s version %" G_GINT64_FORMAT " (%s)\n", text(one, "purpose"),
	       !offered ? "not offered" : given ? "given" : "not given", offered ? text(one, "ends") : "-", text(rule, "level"),
	       text(rule, "name"), json_object_get_int_member(rule, "version"), text(rule, "because"));
}

static void print_terms(const struct ap_client_options *options, JsonNode *answer)
{
	if (options->json) {
		ap_client_print_json(answer);
		return;
	}
	JsonObject *o = root(answer);
	printf("%s session %s, sealed %s%s%s\n", text(o, "sensitivity"), text(o, "session"), text(o, "sealed"),
	       *text(o, "region") ? ", region " : "", text(o, "region"));
	printf("archived %s, erased %s%s%s\n\n", text(o, "archives"), text(o, "expires"),
	       *text(o, "expires_with") ? " with " : "", text(o, "expires_with"));
	printf("%-14s %-12s %-25s %s\n", "purpose", "consent", "ends", "decided by");
	JsonArray *purposes = json_object_get_array_member(o, "purposes");
	for (guint i = 0; i < json_array_get_length(purposes); i++)
		print_purpose(json_array_get_object_element(purposes, i));
}

int ap_policy_explain(struct ap_client *c, const struct ap_client_options *options, const char *session, const char *recording)
{
	g_autoptr(JsonNode) answer = NULL;
	if (!session == !recording) {
		fputs("--session ID or --recording ID says what to explain.\n", stderr);
		return AP_EXIT_USAGE;
	}
	g_autofree char *id = g_uri_escape_string(session ? session : recording, NULL, FALSE);
	g_autofree char *path = g_strconcat(session ? "/v1/sessions/" : "/v1/recordings/", id, "/terms", NULL);
	if (!ap_client_call(c, "GET", path, NULL, &answer))
		return AP_EXIT_FAILED;
	print_terms(options, answer);
	return AP_EXIT_OK;
}

int ap_policy_decision(struct ap_client *c, const struct ap_client_options *options, const char *recording, const char *decided)
{
	g_autoptr(JsonNode) answer = NULL;
	if (!recording) {
		fputs("--recording ID says which one was decided.\n", stderr);
		return AP_EXIT_USAGE;
	}
	g_autofree char *id = g_uri_escape_string(recording, NULL, FALSE);
	g_autofree char *path = g_strconcat("/v1/recordings/", id, "/decision", NULL);
	if (!ap_client_call(c, "POST", path, ap_client_object("decided", decided, NULL), &answer))
		return AP_EXIT_FAILED;
	print_terms(options, answer);
	return AP_EXIT_OK;
}

/* ---- a tenant's policy and region ---- */

int ap_policy_tenant(struct ap_client *c, const struct ap_client_options *options, const struct ap_policy_move *move)
{
	g_autoptr(JsonNode) answer = NULL;
	const char *region = move->region && strcmp(move->region, "none") == 0 ? "" : move->region;
	g_autofree char *name = g_uri_escape_string(move->tenant, NULL, FALSE);
	g_autofree char *token = move->token ? g_uri_escape_string(move->token, NULL, FALSE) : NULL;
	g_autofree char *path = g_strconcat("/v1/tenants/", name, "/rules", move->dry_run ? "/preview" : token ? "?preview=" : NULL,
					    move->dry_run ? NULL : token, NULL);
	JsonNode *body = ap_client_object("policy", move->policy, "region", region, NULL);
	if (!ap_client_call(c, move->dry_run ? "POST" : "PUT", path, body, &answer))
		return AP_EXIT_FAILED;
	if (move->dry_run)
		ap_policy_print_preview(options, answer);
	else if (options->json)
		ap_client_print_json(answer);
	else
		printf("%s: policy %s, region %s\n", move->tenant, text(root(answer), "policy"), text(root(answer), "region"));
	return AP_EXIT_OK;
}
