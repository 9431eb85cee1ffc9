/* aparte doctor: what is wrong with this instance, and what to do. Exit status 1 when something is bad. */
#include "cli/client.h"
#include "cli/commands.h"

#include <stdio.h>

static int run(struct ap_client *c, const struct ap_client_options *options)
{
	static const char *const columns[] = {"state", "check", "detail", NULL};
	g_autoptr(JsonNode) answer = NULL;
	if (!ap_client_call(c, "GET", "/v1/doctor", NULL, &answer))
		return AP_EXIT_FAILED;
	ap_client_print_table(options, answer, "checks", columns);
	return json_object_get_boolean_member(json_node_get_object(answer), "ok") ? AP_EXIT_OK : AP_EXIT_FAILED;
}

int ap_cmd_doctor(int argc, char **argv)
{
	struct ap_client_options options = {0};
	int status =
		ap_client_parse(&options, "", "Checks the running instance and says what to do.", NULL, &argc, &argv);
	if (status < 0 && argc > 1) {
		fputs("aparte doctor takes no arguments.\n", stderr);
		status = AP_EXIT_USAGE;
	}
	if (status < 0) {
		struct ap_client *c = ap_client_new(&options);
		status = run(c, &options);
		ap_client_free(c);
	}
	ap_client_options_clear(&options);
	return status;
}
