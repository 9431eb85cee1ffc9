/* aparte hold: legal holds, which need two admins. */
#include "cli/client.h"
#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

static const char usage[] = "add RECORDING --ground TEXT --ends TIME --reason TEXT | confirm PROPOSAL | list | lift ID";

static int post(struct ap_client *c, const struct ap_client_options *options, JsonNode *body)
{
	g_autoptr(JsonNode) answer = NULL;
	if (!ap_client_call(c, "POST", "/v1/holds", body, &answer))
		return AP_EXIT_FAILED;
	JsonObject *o = json_node_get_object(answer);
	if (options->json)
		ap_client_print_json(answer);
	else if (json_object_has_member(o, "proposal"))
		printf("proposed; another admin confirms it: aparte hold confirm %s\n",
		       json_object_get_string_member(o, "proposal"));
	else
		printf("hold %s\n", json_object_get_string_member(o, "id"));
	return AP_EXIT_OK;
}

static int lift(struct ap_client *c, const struct ap_client_options *options, const char *id)
{
	g_autoptr(JsonNode) answer = NULL;
	g_autofree char *path = g_strconcat("/v1/holds/", id, NULL);
	if (!ap_client_call(c, "DELETE", path, ap_client_object("reason", options->reason, NULL), &answer))
		return AP_EXIT_FAILED;
	if (options->json)
		ap_client_print_json(answer);
	else
		puts(answer ? "proposed; another admin lifts it with the same command" : "lifted");
	return AP_EXIT_OK;
}

static int list(struct ap_client *c, const struct ap_client_options *options)
{
	static const char *const columns[] = {"id", "recording", "ground", "state", "ends", "lifted", "reason", NULL};
	return ap_client_list(c, options, "/v1/holds", "holds", columns);
}

static int run(struct ap_client *c, const struct ap_client_options *options, int argc, char **argv, const char *ground,
	       const char *ends)
{
	const char *verb = argc > 1 ? argv[1] : "";
	if (argc == 2 && strcmp(verb, "list") == 0)
		return list(c, options);
	if (argc == 3 && strcmp(verb, "add") == 0)
		return post(c, options,
			    ap_client_object("recording", argv[2], "ground", ground, "ends", ends, "reason",
					     options->reason, NULL));
	if (argc == 3 && strcmp(verb, "confirm") == 0)
		return post(c, options, ap_client_object("proposal", argv[2], NULL));
	if (argc == 3 && strcmp(verb, "lift") == 0)
		return lift(c, options, argv[2]);
	fprintf(stderr, "usage: aparte hold %s\n", usage);
	return AP_EXIT_USAGE;
}

int ap_cmd_hold(int argc, char **argv)
{
	g_autofree char *ground = NULL, *ends = NULL;
	struct ap_client_options options = {0};
	const GOptionEntry entries[] = {
		{"ground", 0, 0, G_OPTION_ARG_STRING, &ground, "the legal ground", "TEXT"},
		{"ends", 0, 0, G_OPTION_ARG_STRING, &ends, "when it ends, UTC", "TIME"},
		{NULL, 0, 0, 0, NULL, NULL, NULL},
	};
	int status = ap_client_parse(&options, usage, "Legal holds stop erasure; two admins make and lift them.",
				     entries, &argc, &argv);
	if (status < 0) {
		struct ap_client *c = ap_client_new(&options);
		status = run(c, &options, argc, argv, ground, ends);
		ap_client_free(c);
	}
	ap_client_options_clear(&options);
	return status;
}
