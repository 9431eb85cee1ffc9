/* aparte clock: whether the vault believes the wall clock, and an admin's word that it is right. */
#include "cli/client.h"
#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

static const char usage[] = "show | confirm";

static int run(struct ap_client *c, const struct ap_client_options *options, int argc, char **argv)
{
	g_autoptr(JsonNode) answer = NULL;
	bool confirm = argc == 2 && strcmp(argv[1], "confirm") == 0;
	if (argc != 2 || (!confirm && strcmp(argv[1], "show") != 0)) {
		fprintf(stderr, "usage: aparte clock %s\n", usage);
		return AP_EXIT_USAGE;
	}
	if (!ap_client_call(c, confirm ? "POST" : "GET", confirm ? "/v1/clock/confirm" : "/v1/clock", NULL, &answer))
		return AP_EXIT_FAILED;
	JsonObject *o = json_node_get_object(answer);
	if (options->json)
		ap_client_print_json(answer);
	else
		printf("%s  %s\n", json_object_get_string_member(o, "time"),
		       json_object_get_boolean_member(o, "frozen")
			       ? "not believed: nothing is erased until it is confirmed"
			       : "believed");
	return AP_EXIT_OK;
}

int ap_cmd_clock(int argc, char **argv)
{
	struct ap_client_options options = {0};
	int status = ap_client_parse(&options, usage,
				     "A wall clock that jumped stops erasure until an admin says it is right.", NULL,
				     &argc, &argv);
	if (status < 0) {
		struct ap_client *c = ap_client_new(&options);
		status = run(c, &options, argc, argv);
		ap_client_free(c);
	}
	ap_client_options_clear(&options);
	return status;
}
