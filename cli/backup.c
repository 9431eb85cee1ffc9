/* aparte backup: makes one now and waits for its proof. */
#include "cli/client.h"
#include "cli/commands.h"

#include "cli/backup.h"

#include <stdio.h>
#include <string.h>

#define LOOK_US 250000

JsonNode *ap_backup_await(struct ap_client *c)
{
	for (;;) {
		JsonNode *answer = NULL;
		if (!ap_client_call(c, "GET", "/v1/backups", NULL, &answer))
			return NULL;
		if (!json_object_get_boolean_member_with_default(json_node_get_object(answer), "running", FALSE))
			return answer;
		json_node_unref(answer);
		g_usleep(LOOK_US);
	}
}

static JsonObject *part_of(JsonNode *answer, const char *name)
{
	JsonNode *node = json_object_get_member(json_node_get_object(answer), name);
	return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

static bool is_good(JsonObject *run)
{
	return run && json_object_get_boolean_member_with_default(run, "ok", FALSE);
}

static long long number(JsonObject *o, const char *name)
{
	return o ? (long long)json_object_get_int_member_with_default(o, name, 0) : 0;
}

static const char *text(JsonObject *o, const char *name)
{
	return o ? json_object_get_string_member_with_default(o, name, "") : "";
}

static void print_problems(JsonObject *proof)
{
	JsonNode *node = proof ? json_object_get_member(proof, "problems") : NULL;
	JsonArray *list = node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
	for (guint i = 0; list && i < json_array_get_length(list); i++)
		printf("            %s\n", json_array_get_string_element(list, i));
}

static void print_report(JsonNode *answer)
{
	JsonObject *last = part_of(answer, "last"), *proof = part_of(answer, "proof"), *journal = part_of(answer, "journal");
	printf("backup      %s  %s  %s\n", text(last, "at"), is_good(last) ? "made" : last ? "FAILED" : "none yet", text(last, "problem"));
	printf("recordings  %lld, %lld files copied, %lld kept, %lld erased ones removed\n", number(last, "recordings"),
	       number(last, "files_copied"), number(last, "files_kept"), number(last, "recordings_removed"));
	printf("proof       %s  %s  %lld recordings open  %s\n", text(proof, "at"),
	       is_good(proof) ? "restored" : proof ? "FAILED" : "none yet", number(proof, "living"), text(proof, "problem"));
	print_problems(proof);
	printf("journal     %s\n", text(journal, "directory"));
}

static int run(struct ap_client *c, const struct ap_client_options *options, gboolean show)
{
	g_autoptr(JsonNode) begun = NULL;
	if (!show && !ap_client_call(c, "POST", "/v1/backups", NULL, &begun))
		return AP_EXIT_FAILED;
	g_autoptr(JsonNode) answer = ap_backup_await(c);
	if (!answer)
		return AP_EXIT_FAILED;
	if (options->json)
		ap_client_print_json(answer);
	else
		print_report(answer);
	return show || (is_good(part_of(answer, "last")) && is_good(part_of(answer, "proof"))) ? AP_EXIT_OK : AP_EXIT_FAILED;
}

int ap_cmd_backup(int argc, char **argv)
{
	gboolean show = FALSE;
	struct ap_client_options options = {0};
	const GOptionEntry entries[] = {
		{"show", 0, 0, G_OPTION_ARG_NONE, &show, "only tell of the last one", NULL},
		{NULL, 0, 0, 0, NULL, NULL, NULL},
	};
	int status = ap_client_parse(&options, "[--show]",
				     "Makes a backup in backup.directory and proves it by restoring it to a scratch place.", entries,
				     &argc, &argv);
	if (status < 0 && argc > 1) {
		fputs("aparte backup takes no directory: backup.directory in aparte.conf says where.\n", stderr);
		status = AP_EXIT_USAGE;
	}
	if (status < 0) {
		struct ap_client *c = ap_client_new(&options);
		status = run(c, &options, show);
		ap_client_free(c);
	}
	ap_client_options_clear(&options);
	return status;
}
