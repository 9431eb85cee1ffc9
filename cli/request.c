/* aparte request: what persons asked for, with its dates. */
#include "cli/client.h"
#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

static const char usage[] =
	"list | execute ID | extend ID --reason TEXT | refuse ID --reason TEXT | lift ID --reason TEXT";

static int list(struct ap_client *c, const struct ap_client_options *options)
{
	static const char *const columns[] = {"id", "party", "type", "state", "created", "due", "detail", NULL};
	g_autoptr(JsonNode) answer = NULL;
	if (!ap_client_call(c, "GET", "/v1/requests", NULL, &answer))
		return AP_EXIT_FAILED;
	ap_client_print_table(options, answer, "requests", columns);
	return AP_EXIT_OK;
}

static int decide(struct ap_client *c, const struct ap_client_options *options, const char *action, const char *id)
{
	g_autoptr(JsonNode) answer = NULL;
	g_autofree char *path = g_strconcat("/v1/requests/", id, "/", action, NULL);
	if (!ap_client_call(c, "POST", path, ap_client_object("reason", options->reason, NULL), &answer))
		return AP_EXIT_FAILED;
	if (options->json)
		ap_client_print_json(answer);
	else
		printf("%s\n", json_object_get_string_member(json_node_get_object(answer), "state"));
	return AP_EXIT_OK;
}

static int run(struct ap_client *c, const struct ap_client_options *options, int argc, char **argv)
{
	static const char *const actions[] = {"execute", "extend", "refuse", "lift"};
	if (argc == 2 && strcmp(argv[1], "list") == 0)
		return list(c, options);
	for (size_t i = 0; argc == 3 && i < G_N_ELEMENTS(actions); i++)
		if (strcmp(argv[1], actions[i]) == 0)
			return decide(c, options, argv[1], argv[2]);
	fprintf(stderr, "usage: aparte request %s\n", usage);
	return AP_EXIT_USAGE;
}

int ap_cmd_request(int argc, char **argv)
{
	struct ap_client_options options = {0};
	int status = ap_client_parse(&options, usage, "Requests of persons, each with its date.", NULL, &argc, &argv);
	if (status < 0) {
		struct ap_client *c = ap_client_new(&options);
		status = run(c, &options, argc, argv);
		ap_client_free(c);
	}
	ap_client_options_clear(&options);
	return status;
}
