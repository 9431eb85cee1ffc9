/* aparte policy: retention policies, previewed before they are set. */
#include "cli/client.h"
#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

static const char usage[] = "list | show NAME | preview NAME FILE | set NAME FILE [--token TOKEN]";

static JsonNode *read_document(const char *path)
{
	g_autoptr(JsonParser) parser = json_parser_new();
	g_autoptr(GError) error = NULL;
	if (json_parser_load_from_file(parser, path, &error))
		return json_parser_steal_root(parser);
	fprintf(stderr, "%s\n", error->message);
	return NULL;
}

static int get(struct ap_client *c, const struct ap_client_options *options, const char *name)
{
	static const char *const columns[] = {"name", "version", "created", NULL};
	g_autoptr(JsonNode) answer = NULL;
	g_autofree char *escaped = name ? g_uri_escape_string(name, NULL, FALSE) : NULL;
	g_autofree char *path = g_strconcat("/v1/policies", escaped ? "/" : NULL, escaped, NULL);
	if (!ap_client_call(c, "GET", path, NULL, &answer))
		return AP_EXIT_FAILED;
	if (name)
		ap_client_print_json(answer);
	else
		ap_client_print_table(options, answer, "policies", columns);
	return AP_EXIT_OK;
}

static int put(struct ap_client *c, const char *verb, const char *name, const char *file, const char *token)
{
	g_autoptr(JsonNode) answer = NULL;
	g_autofree char *escaped = g_uri_escape_string(name, NULL, FALSE);
	bool preview = strcmp(verb, "preview") == 0;
	g_autofree char *query = token ? g_uri_escape_string(token, NULL, FALSE) : NULL;
	g_autofree char *path = g_strconcat("/v1/policies/", escaped,
					    preview ? "/preview"
					    : query ? "?preview="
						    : NULL,
					    preview ? NULL : query, NULL);
	JsonNode *document = read_document(file);
	if (!document || !ap_client_call(c, preview ? "POST" : "PUT", path, document, &answer))
		return AP_EXIT_FAILED;
	ap_client_print_json(answer);
	return AP_EXIT_OK;
}

static int run(struct ap_client *c, const struct ap_client_options *options, int argc, char **argv, const char *token)
{
	const char *verb = argc > 1 ? argv[1] : "";
	if (argc == 2 && strcmp(verb, "list") == 0)
		return get(c, options, NULL);
	if (argc == 3 && strcmp(verb, "show") == 0)
		return get(c, options, argv[2]);
	if (argc == 4 && (strcmp(verb, "preview") == 0 || strcmp(verb, "set") == 0))
		return put(c, verb, argv[2], argv[3], token);
	fprintf(stderr, "usage: aparte policy %s\n", usage);
	return AP_EXIT_USAGE;
}

int ap_cmd_policy(int argc, char **argv)
{
	g_autofree char *token = NULL;
	struct ap_client_options options = {0};
	const GOptionEntry entries[] = {
		{"token", 0, 0, G_OPTION_ARG_STRING, &token, "from the preview, when setting it erases at once",
		 "TOKEN"},
		{NULL, 0, 0, 0, NULL, NULL, NULL},
	};
	int status = ap_client_parse(&options, usage, "How long what is kept, and why.", entries, &argc, &argv);
	if (status < 0) {
		struct ap_client *c = ap_client_new(&options);
		status = run(c, &options, argc, argv, token);
		ap_client_free(c);
	}
	ap_client_options_clear(&options);
	return status;
}
