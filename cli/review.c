/* aparte review: users and grants that somebody has to confirm now and then. */
#include "cli/client.h"
#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

static const char usage[] = "list | confirm ITEM… | confirm --all | expire ITEM…";

static bool fetch(struct ap_client *c, JsonNode **ret_answer)
{
	return ap_client_call(c, "GET", "/v1/review", NULL, ret_answer);
}

static int list(struct ap_client *c, const struct ap_client_options *options)
{
	static const char *const columns[] = {"item", "who", "role", "purpose", "since", "expires", "state", NULL};
	g_autoptr(JsonNode) answer = NULL;
	if (!fetch(c, &answer))
		return AP_EXIT_FAILED;
	ap_client_print_table(options, answer, "items", columns);
	return AP_EXIT_OK;
}

/* One's own account is another admin's to confirm. */
static bool is_own(const char *item, const char *admin)
{
	g_autofree char *own = g_strconcat("user:", admin ? admin : "", NULL);
	return strcmp(item, own) == 0;
}

static void add_all_due(JsonNode *answer, const char *admin, JsonArray *items)
{
	JsonArray *due = json_object_get_array_member(json_node_get_object(answer), "items");
	for (guint i = 0; i < json_array_get_length(due); i++) {
		const char *item = json_object_get_string_member(json_array_get_object_element(due, i), "item");
		if (is_own(item, admin))
			fprintf(stderr, "%s: left for another admin\n", item);
		else
			json_array_add_string_element(items, item);
	}
}

static int decide(struct ap_client *c, const struct ap_client_options *options, const char *verb, JsonArray *items)
{
	g_autofree char *path = g_strconcat("/v1/review/", verb, NULL);
	JsonObject *body = json_object_new();
	guint count = json_array_get_length(items);
	json_object_set_array_member(body, "items", json_array_ref(items));
	if (count > 0 && !ap_client_call(c, "POST", path, json_node_init_object(json_node_alloc(), body), NULL)) {
		json_object_unref(body);
		return AP_EXIT_FAILED;
	}
	json_object_unref(body);
	if (!options->json)
		printf("%s: %u\n", strcmp(verb, "confirm") == 0 ? "confirmed" : "expired", count);
	return AP_EXIT_OK;
}

static int run(struct ap_client *c, const struct ap_client_options *options, int argc, char **argv, bool all)
{
	const char *verb = argc > 1 ? argv[1] : "list";
	g_autoptr(JsonArray) items = json_array_new();
	g_autoptr(JsonNode) answer = NULL;
	bool confirm = strcmp(verb, "confirm") == 0;
	if (argc <= 2 && !all && strcmp(verb, "list") == 0)
		return list(c, options);
	for (int i = 2; i < argc; i++)
		json_array_add_string_element(items, argv[i]);
	if (all && confirm && argc == 2) {
		if (!fetch(c, &answer))
			return AP_EXIT_FAILED;
		add_all_due(answer, options->admin, items);
		return decide(c, options, verb, items);
	}
	if (argc > 2 && !all && (confirm || strcmp(verb, "expire") == 0))
		return decide(c, options, verb, items);
	fprintf(stderr, "usage: aparte review %s\n", usage);
	return AP_EXIT_USAGE;
}

int ap_cmd_review(int argc, char **argv)
{
	gboolean all = FALSE;
	struct ap_client_options options = {0};
	const GOptionEntry entries[] = {
		{"all", 0, 0, G_OPTION_ARG_NONE, &all, "everything that is due, but one's own account", NULL},
		{NULL, 0, 0, 0, NULL, NULL, NULL},
	};
	int status = ap_client_parse(&options, usage, "Users and grants that are due for review; what nobody confirms ends.",
				     entries, &argc, &argv);
	if (status < 0) {
		struct ap_client *c = ap_client_new(&options);
		status = run(c, &options, argc, argv, all);
		ap_client_free(c);
	}
	ap_client_options_clear(&options);
	return status;
}
