/* aparte webhook: which platforms are told what, and what could not be delivered. */
#include "cli/client.h"
#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

static const char usage[] = "list | dead | retry ID|all | drop ID | remove TENANT NAME";

static char *path_of(const char *before, const char *part, const char *after)
{
	g_autofree char *escaped = g_uri_escape_string(part, NULL, FALSE);
	return g_strconcat(before, escaped, after, NULL);
}

static int retry(struct ap_client *c, const struct ap_client_options *options, const char *id)
{
	g_autoptr(JsonNode) answer = NULL;
	bool all = strcmp(id, "all") == 0;
	g_autofree char *path = all ? g_strdup("/v1/deliveries/retry") : path_of("/v1/deliveries/", id, "/retry");
	if (!ap_client_call(c, "POST", path, NULL, &answer))
		return AP_EXIT_FAILED;
	if (options->json)
		ap_client_print_json(answer);
	else
		printf("%" G_GINT64_FORMAT " to be sent again\n",
		       json_object_get_int_member(json_node_get_object(answer), "retried"));
	return AP_EXIT_OK;
}

static int drop(struct ap_client *c, const char *id)
{
	g_autofree char *path = path_of("/v1/deliveries/", id, "");
	return ap_client_call(c, "DELETE", path, NULL, NULL) ? AP_EXIT_OK : AP_EXIT_FAILED;
}

static int remove_one(struct ap_client *c, const char *tenant, const char *name)
{
	g_autofree char *of = path_of("/v1/tenants/", tenant, "/webhooks/"), *path = path_of(of, name, "");
	return ap_client_call(c, "DELETE", path, NULL, NULL) ? AP_EXIT_OK : AP_EXIT_FAILED;
}

static int run(struct ap_client *c, const struct ap_client_options *options, int argc, char **argv)
{
	static const char *const hooks[] = {"tenant", "name", "host", "waiting", "dead", "disabled", NULL};
	static const char *const letters[] = {"id", "tenant", "webhook", "event", "died", "attempts", "problem", NULL};
	const char *verb = argc > 1 ? argv[1] : "list";
	if (argc <= 2 && strcmp(verb, "list") == 0)
		return ap_client_list(c, options, "/v1/webhooks", "webhooks", hooks);
	if (argc == 2 && strcmp(verb, "dead") == 0)
		return ap_client_list(c, options, "/v1/deliveries", "deliveries", letters);
	if (argc == 3 && strcmp(verb, "retry") == 0)
		return retry(c, options, argv[2]);
	if (argc == 3 && strcmp(verb, "drop") == 0)
		return drop(c, argv[2]);
	if (argc == 4 && strcmp(verb, "remove") == 0)
		return remove_one(c, argv[2], argv[3]);
	fprintf(stderr, "usage: aparte webhook %s\n", usage);
	return AP_EXIT_USAGE;
}

int ap_cmd_webhook(int argc, char **argv)
{
	struct ap_client_options options = {0};
	int status = ap_client_parse(&options, usage, "Webhooks of platforms, and deliveries given up.", NULL, &argc, &argv);
	if (status < 0) {
		struct ap_client *c = ap_client_new(&options);
		status = run(c, &options, argc, argv);
		ap_client_free(c);
	}
	ap_client_options_clear(&options);
	return status;
}
