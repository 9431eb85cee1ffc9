/* aparte doctor: what is wrong with this instance, and what to do. Exit status 1 when something is bad. */
#include "cli/backup.h"
#include "cli/client.h"
#include "cli/commands.h"

#include <stdio.h>

static bool has_backup(JsonNode *answer)
{
	JsonObject *o = json_node_get_object(answer);
	JsonNode *last = json_object_get_member(o, "last");
	return last && JSON_NODE_HOLDS_OBJECT(last) &&
	       json_object_get_boolean_member_with_default(json_node_get_object(last), "ok", FALSE);
}

/* Restores the last backup to a scratch place. What hinders it is told by the check. */
static bool prove(struct ap_client *c)
{
	g_autoptr(JsonNode) before = ap_backup_await(c);
	if (!before || !has_backup(before))
		return before != NULL;
	if (!ap_client_call(c, "POST", "/v1/backups/proof", NULL, NULL))
		return ap_client_status(c) != 0;
	g_autoptr(JsonNode) after = ap_backup_await(c);
	return after != NULL;
}

static int run(struct ap_client *c, const struct ap_client_options *options)
{
	static const char *const columns[] = {"state", "check", "detail", NULL};
	g_autoptr(JsonNode) answer = NULL;
	if (!prove(c))
		return AP_EXIT_FAILED;
	if (!ap_client_call(c, "GET", "/v1/doctor", NULL, &answer))
		return AP_EXIT_FAILED;
	ap_client_print_table(options, answer, "checks", columns);
	return json_object_get_boolean_member(json_node_get_object(answer), "ok") ? AP_EXIT_OK : AP_EXIT_FAILED;
}

int ap_cmd_doctor(int argc, char **argv)
{
	struct ap_client_options options = {0};
	int status =
		ap_client_parse(&options, "", "Checks the running instance, restores its last backup to a scratch place, and says what to do.", NULL, &argc, &argv);
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
