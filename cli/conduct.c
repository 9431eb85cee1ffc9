/* aparte conduct: the code of conduct that staff acknowledge before they see any content. */
#include "cli/client.h"
#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

static const char usage[] = "status | show | set FILE FILE | acknowledge VERSION | record USER";

static int status_of(struct ap_client *c, const struct ap_client_options *options)
{
	static const char *const columns[] = {"user", "role", "version", "acknowledged", NULL};
	g_autoptr(JsonNode) answer = NULL;
	if (!ap_client_call(c, "GET", "/v1/conduct/status", NULL, &answer))
		return AP_EXIT_FAILED;
	if (!options->json)
		printf("version in force: %d\n", (int)json_object_get_int_member(json_node_get_object(answer), "version"));
	ap_client_print_table(options, answer, "users", columns);
	return AP_EXIT_OK;
}

static bool fetch(struct ap_client *c, const char *lang, JsonNode **ret_answer)
{
	g_autofree char *path = g_strconcat("/v1/conduct?lang=", lang && strcmp(lang, "fr") == 0 ? "fr" : "en", NULL);
	return ap_client_call(c, "GET", path, NULL, ret_answer);
}

static int show(struct ap_client *c, const struct ap_client_options *options, const char *lang)
{
	g_autoptr(JsonNode) answer = NULL;
	if (!fetch(c, lang, &answer))
		return AP_EXIT_FAILED;
	if (options->json) {
		ap_client_print_json(answer);
		return AP_EXIT_OK;
	}
	JsonObject *o = json_node_get_object(answer);
	JsonArray *text = json_object_get_array_member(o, "text");
	printf("%s (version %d)\n", json_object_get_string_member(o, "title"), (int)json_object_get_int_member(o, "version"));
	for (guint i = 0; i < json_array_get_length(text); i++)
		printf("\n%s\n", json_array_get_string_element(text, i));
	return AP_EXIT_OK;
}

/* The file as JSON; told on stderr when it is none. */
static JsonNode *read_file(const char *path)
{
	g_autofree char *text = NULL;
	g_autoptr(GError) error = NULL;
	JsonNode *node = NULL;
	if (g_file_get_contents(path, &text, NULL, &error))
		node = json_from_string(text, &error);
	if (!node)
		fprintf(stderr, "%s: %s\n", path, error ? error->message : "empty");
	return node;
}

static int set_version(struct ap_client *c, const struct ap_client_options *options, char **paths)
{
	g_autoptr(JsonNode) answer = NULL;
	JsonArray *documents = json_array_new();
	JsonObject *body = json_object_new();
	json_object_set_array_member(body, "documents", documents);
	JsonNode *node = json_node_init_object(json_node_alloc(), body);
	json_object_unref(body);
	for (int i = 0; i < 2; i++) {
		JsonNode *document = read_file(paths[i]);
		if (!document) {
			json_node_unref(node);
			return AP_EXIT_FAILED;
		}
		json_array_add_element(documents, document);
	}
	if (!ap_client_call(c, "PUT", "/v1/conduct", node, &answer))
		return AP_EXIT_FAILED;
	if (options->json)
		ap_client_print_json(answer);
	else
		printf("version %d is in force; everybody acknowledges it before their next access\n",
		       (int)json_object_get_int_member(json_node_get_object(answer), "version"));
	return AP_EXIT_OK;
}

/* As the admin one acts as, and only the version one says to have read. */
static int acknowledge(struct ap_client *c, const struct ap_client_options *options, const char *version)
{
	g_autoptr(JsonNode) shown = NULL, answer = NULL;
	if (!fetch(c, NULL, &shown))
		return AP_EXIT_FAILED;
	JsonObject *o = json_node_get_object(shown), *body = json_object_new();
	json_object_set_int_member(body, "version", g_ascii_strtoll(version, NULL, 10));
	json_object_set_string_member(body, "sha256", json_object_get_string_member(o, "sha256"));
	JsonNode *node = json_node_init_object(json_node_alloc(), body);
	json_object_unref(body);
	if (!ap_client_call(c, "POST", "/v1/conduct/acknowledgements", node, &answer))
		return AP_EXIT_FAILED;
	if (options->json)
		ap_client_print_json(answer);
	else
		puts("acknowledged");
	return AP_EXIT_OK;
}

static int record(struct ap_client *c, const char *user)
{
	g_autofree char *escaped = g_uri_escape_string(user, NULL, FALSE);
	g_autofree char *path = g_strconcat("/v1/users/", escaped, "/conduct", NULL);
	if (!ap_client_call(c, "POST", path, NULL, NULL))
		return AP_EXIT_FAILED;
	printf("%s: recorded as acknowledged outside the system\n", user);
	return AP_EXIT_OK;
}

static int run(struct ap_client *c, const struct ap_client_options *options, int argc, char **argv, const char *lang)
{
	const char *verb = argc > 1 ? argv[1] : "";
	if (argc == 2 && strcmp(verb, "status") == 0)
		return status_of(c, options);
	if (argc == 2 && strcmp(verb, "show") == 0)
		return show(c, options, lang);
	if (argc == 4 && strcmp(verb, "set") == 0)
		return set_version(c, options, argv + 2);
	if (argc == 3 && strcmp(verb, "acknowledge") == 0)
		return acknowledge(c, options, argv[2]);
	if (argc == 3 && strcmp(verb, "record") == 0)
		return record(c, argv[2]);
	fprintf(stderr, "usage: aparte conduct %s\n", usage);
	return AP_EXIT_USAGE;
}

int ap_cmd_conduct(int argc, char **argv)
{
	g_autofree char *lang = NULL;
	struct ap_client_options options = {0};
	const GOptionEntry entries[] = {
		{"lang", 0, 0, G_OPTION_ARG_STRING, &lang, "fr or en", "LANG"},
		{NULL, 0, 0, 0, NULL, NULL, NULL},
	};
	int status = ap_client_parse(&options, usage,
				     "The code of conduct staff acknowledge before they see any content; set takes the French and "
				     "the English file (config/conduct has the shipped ones).",
				     entries, &argc, &argv);
	if (status < 0) {
		struct ap_client *c = ap_client_new(&options);
		status = run(c, &options, argc, argv, lang);
		ap_client_free(c);
	}
	ap_client_options_clear(&options);
	return status;
}
