/* aparte rotate: turns the key-encryption key over and waits until the old one is destroyed. */
#include "cli/client.h"
#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

#define LOOK_US 100000

static const char usage[] = "--reason TEXT [--no-wait] | --status";

static const char *member(JsonNode *node, const char *name)
{
	return json_object_get_string_member_with_default(json_node_get_object(node), name, "");
}

static int64_t number(JsonNode *node, const char *name)
{
	return json_object_get_int_member_with_default(json_node_get_object(node), name, 0);
}

static void print(const struct ap_client_options *options, JsonNode *answer)
{
	if (options->json)
		ap_client_print_json(answer);
	else if (strcmp(member(answer, "state"), "done") == 0)
		printf("turned over: %lld shares and seal keys are under the new key, the old one was destroyed at %s\n"
		       "erased before, unrecoverable from %s on (leaf %lld)\n",
		       (long long)number(answer, "wrapped"), member(answer, "destroyed"), member(answer, "unrecoverable_at"),
		       (long long)number(answer, "leaf"));
	else
		printf("under way: %s\n", member(answer, "id"));
}

static int wait_for(struct ap_client *c, const struct ap_client_options *options, JsonNode *begun)
{
	g_autoptr(JsonNode) answer = begun;
	g_autofree char *path = g_strconcat("/v1/turnovers/", member(begun, "id"), NULL);
	while (strcmp(member(answer, "state"), "done") != 0) {
		ap_client_progress("wrapping anew", (uint64_t)number(answer, "wrapped"), (uint64_t)number(answer, "total") + 1);
		g_usleep(LOOK_US);
		g_clear_pointer(&answer, json_node_unref);
		if (!ap_client_call(c, "GET", path, NULL, &answer))
			return AP_EXIT_FAILED;
	}
	ap_client_progress("wrapping anew", 1, 1);
	print(options, answer);
	return AP_EXIT_OK;
}

static int begin(struct ap_client *c, const struct ap_client_options *options, bool wait)
{
	g_autoptr(JsonNode) answer = NULL;
	if (!options->reason) {
		fputs("--reason is needed: it is kept with the turnover.\n", stderr);
		return AP_EXIT_USAGE;
	}
	if (!ap_client_call(c, "POST", "/v1/turnovers", ap_client_object("reason", options->reason, NULL), &answer))
		return AP_EXIT_FAILED;
	if (wait)
		return wait_for(c, options, g_steal_pointer(&answer));
	print(options, answer);
	return AP_EXIT_OK;
}

static int status(struct ap_client *c, const struct ap_client_options *options)
{
	static const char *const columns[] = { "id", "state", "cause", "begun", "wrapped", "destroyed", "unrecoverable_at", NULL };
	g_autoptr(JsonNode) answer = NULL;
	if (!ap_client_call(c, "GET", "/v1/turnovers", NULL, &answer))
		return AP_EXIT_FAILED;
	JsonObject *waiting = json_object_get_object_member(json_node_get_object(answer), "waiting");
	ap_client_print_table(options, answer, "turnovers", columns);
	if (!options->json && json_object_get_int_member(waiting, "erasures") > 0)
		printf("%lld erasures wait; due %s\n", (long long)json_object_get_int_member(waiting, "erasures"),
		       json_object_get_string_member_with_default(waiting, "due", ""));
	return AP_EXIT_OK;
}

int ap_cmd_rotate(int argc, char **argv)
{
	gboolean no_wait = FALSE, ask = FALSE;
	struct ap_client_options options = { 0 };
	const GOptionEntry entries[] = {
		{ "no-wait", 0, 0, G_OPTION_ARG_NONE, &no_wait, "return once it has begun", NULL },
		{ "status", 0, 0, G_OPTION_ARG_NONE, &ask, "list turnovers and what waits for one", NULL },
		{ NULL, 0, 0, 0, NULL, NULL, NULL },
	};
	int result = ap_client_parse(&options, usage,
				     "Wraps every share under a new key-encryption key and destroys the old one, so that copies made\n"
				     "before an erasure can never be opened. It happens by itself within a day of any erasure.",
				     entries, &argc, &argv);
	if (result < 0 && argc > 1) {
		fprintf(stderr, "usage: aparte rotate %s\n", usage);
		result = AP_EXIT_USAGE;
	}
	if (result < 0) {
		struct ap_client *c = ap_client_new(&options);
		result = ask ? status(c, &options) : begin(c, &options, !no_wait);
		ap_client_free(c);
	}
	ap_client_options_clear(&options);
	return result;
}
