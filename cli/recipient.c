/* aparte recipient: who else receives or processes; a change makes a new notice. */
#include "cli/client.h"
#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

static const char usage[] = "list | end ID | add NAME --role recipient|processor|sub_processor --place TEXT --purpose "
			    "TEXT [--since TIME] [--tenant NAME]";

struct wish {
	char *role, *place, *purpose, *since, *tenant;
};

static void wish_clear(struct wish *w)
{
	g_free(w->role);
	g_free(w->place);
	g_free(w->purpose);
	g_free(w->since);
	g_free(w->tenant);
}

static int add(struct ap_client *c, const struct ap_client_options *options, const char *name, const struct wish *w)
{
	g_autoptr(JsonNode) answer = NULL;
	JsonNode *body = ap_client_object("name", name, "role", w->role, "place", w->place, "purpose", w->purpose,
					  "since", w->since, "tenant", w->tenant, NULL);
	if (!ap_client_call(c, "POST", "/v1/recipients", body, &answer))
		return AP_EXIT_FAILED;
	if (options->json)
		ap_client_print_json(answer);
	else
		printf("%" G_GINT64_FORMAT "\n", json_object_get_int_member(json_node_get_object(answer), "id"));
	return AP_EXIT_OK;
}

static int end(struct ap_client *c, const char *id)
{
	g_autofree char *escaped = g_uri_escape_string(id, NULL, FALSE);
	g_autofree char *path = g_strconcat("/v1/recipients/", escaped, NULL);
	return ap_client_call(c, "DELETE", path, NULL, NULL) ? AP_EXIT_OK : AP_EXIT_FAILED;
}

static int run(struct ap_client *c, const struct ap_client_options *options, int argc, char **argv,
	       const struct wish *w)
{
	static const char *const columns[] = {"id",    "name",  "role",   "place", "purpose",
					      "since", "ended", "tenant", NULL};
	const char *verb = argc > 1 ? argv[1] : "list";
	if (argc <= 2 && strcmp(verb, "list") == 0)
		return ap_client_list(c, options, "/v1/recipients", "recipients", columns);
	if (argc == 3 && strcmp(verb, "add") == 0)
		return add(c, options, argv[2], w);
	if (argc == 3 && strcmp(verb, "end") == 0)
		return end(c, argv[2]);
	fprintf(stderr, "usage: aparte recipient %s\n", usage);
	return AP_EXIT_USAGE;
}

int ap_cmd_recipient(int argc, char **argv)
{
	struct wish w = {0};
	struct ap_client_options options = {0};
	const GOptionEntry entries[] = {
		{"role", 0, 0, G_OPTION_ARG_STRING, &w.role, "recipient, processor or sub_processor", "ROLE"},
		{"place", 0, 0, G_OPTION_ARG_STRING, &w.place, "where it processes", "TEXT"},
		{"purpose", 0, 0, G_OPTION_ARG_STRING, &w.purpose, "what for", "TEXT"},
		{"since", 0, 0, G_OPTION_ARG_STRING, &w.since, "from when (now); a time to come is announced", "TIME"},
		{"tenant", 0, 0, G_OPTION_ARG_STRING, &w.tenant, "for this tenant alone", "NAME"},
		{NULL, 0, 0, 0, NULL, NULL, NULL},
	};
	int status =
		ap_client_parse(&options, usage, "Recipients, processors and sub-processors.", entries, &argc, &argv);
	if (status < 0) {
		struct ap_client *c = ap_client_new(&options);
		status = run(c, &options, argc, argv, &w);
		ap_client_free(c);
	}
	wish_clear(&w);
	ap_client_options_clear(&options);
	return status;
}
