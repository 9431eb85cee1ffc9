/* aparte policy: what is kept how long and why; previewed before it is set, explained afterwards. */
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/policy_terms.h"

#include <stdio.h>
#include <string.h>

static const char usage[] = "list | show NAME [--version N] | diff NAME [FILE | --from N --to N] | preview NAME FILE"
			    " | set NAME FILE [--token TOKEN] | explain --session ID | explain --recording ID"
			    " | decision --recording ID [--decided TIME]"
			    " | tenant NAME [--policy P] [--region R|none] [--dry-run] [--token TOKEN]";

struct wish {
	char *token, *session, *recording, *decided, *policy, *region; /* owned */
	gint version, from, to;
	gboolean dry_run;
};

static JsonNode *read_document(const char *path)
{
	g_autoptr(JsonParser) parser = json_parser_new();
	g_autoptr(GError) error = NULL;
	if (json_parser_load_from_file(parser, path, &error))
		return json_parser_steal_root(parser);
	fprintf(stderr, "%s\n", error->message);
	return NULL;
}

static char *path_of(const char *name, const char *rest)
{
	g_autofree char *escaped = g_uri_escape_string(name, NULL, FALSE);
	return g_strconcat("/v1/policies/", escaped, rest, NULL);
}

static int list(struct ap_client *c, const struct ap_client_options *options)
{
	static const char *const columns[] = {"name", "kind", "version", "created", "set_by", "reason", NULL};
	g_autoptr(JsonNode) answer = NULL;
	if (!ap_client_call(c, "GET", "/v1/policies", NULL, &answer))
		return AP_EXIT_FAILED;
	ap_client_print_table(options, answer, "policies", columns);
	return AP_EXIT_OK;
}

/* Without --json the document alone, so that it can be edited and set again. */
static int show(struct ap_client *c, const struct ap_client_options *options, const char *name, int version)
{
	g_autoptr(JsonNode) answer = NULL;
	g_autofree char *query = version > 0 ? g_strdup_printf("?version=%d", version) : NULL;
	g_autofree char *path = path_of(name, query);
	if (!ap_client_call(c, "GET", path, NULL, &answer))
		return AP_EXIT_FAILED;
	ap_client_print_json(options->json ? answer : json_object_get_member(json_node_get_object(answer), "document"));
	return AP_EXIT_OK;
}

static int preview(struct ap_client *c, const struct ap_client_options *options, const char *name, const char *file, bool changes)
{
	g_autoptr(JsonNode) answer = NULL;
	g_autofree char *path = path_of(name, "/preview");
	JsonNode *document = read_document(file);
	if (!document || !ap_client_call(c, "POST", path, document, &answer))
		return AP_EXIT_FAILED;
	if (changes)
		ap_policy_print_changes(options, answer);
	else
		ap_policy_print_preview(options, answer);
	return AP_EXIT_OK;
}

static int set(struct ap_client *c, const struct ap_client_options *options, const char *name, const char *file, const char *token)
{
	g_autoptr(JsonNode) answer = NULL;
	g_autofree char *escaped = token ? g_uri_escape_string(token, NULL, FALSE) : NULL;
	g_autofree char *query = escaped ? g_strconcat("?preview=", escaped, NULL) : NULL;
	g_autofree char *path = path_of(name, query);
	JsonNode *document = read_document(file);
	if (!document || !ap_client_call(c, "PUT", path, document, &answer))
		return AP_EXIT_FAILED;
	if (options->json)
		ap_client_print_json(answer);
	else
		printf("%s is version %" G_GINT64_FORMAT " now\n", name,
		       json_object_get_int_member(json_node_get_object(answer), "version"));
	return AP_EXIT_OK;
}

/* The newest version before the newest, when no other is asked for. */
static int diff(struct ap_client *c, const struct ap_client_options *options, const char *name, const struct wish *w)
{
	g_autoptr(JsonNode) newest = NULL, answer = NULL;
	g_autofree char *shown = path_of(name, NULL);
	if (!ap_client_call(c, "GET", shown, NULL, &newest))
		return AP_EXIT_FAILED;
	gint64 version = json_object_get_int_member(json_node_get_object(newest), "version");
	gint64 to = w->to > 0 ? w->to : version, from = w->from > 0 ? w->from : MAX(to - 1, 1);
	g_autofree char *query = g_strdup_printf("/diff?from=%" G_GINT64_FORMAT "&to=%" G_GINT64_FORMAT, from, to);
	g_autofree char *path = path_of(name, query);
	if (!ap_client_call(c, "GET", path, NULL, &answer))
		return AP_EXIT_FAILED;
	ap_policy_print_changes(options, answer);
	return AP_EXIT_OK;
}

/* -1 when the verb is none of these. */
static int run_documents(struct ap_client *c, const struct ap_client_options *options, int argc, char **argv, const struct wish *w)
{
	const char *verb = argc > 1 ? argv[1] : "";
	if (argc == 2 && strcmp(verb, "list") == 0)
		return list(c, options);
	if (argc == 3 && strcmp(verb, "show") == 0)
		return show(c, options, argv[2], w->version);
	if (argc == 3 && strcmp(verb, "diff") == 0)
		return diff(c, options, argv[2], w);
	if (argc == 4 && (strcmp(verb, "preview") == 0 || strcmp(verb, "diff") == 0))
		return preview(c, options, argv[2], argv[3], verb[0] == 'd');
	if (argc == 4 && strcmp(verb, "set") == 0)
		return set(c, options, argv[2], argv[3], w->token);
	return -1;
}

static int run(struct ap_client *c, const struct ap_client_options *options, int argc, char **argv, const struct wish *w)
{
	const char *verb = argc > 1 ? argv[1] : "";
	int status = run_documents(c, options, argc, argv, w);
	if (status >= 0)
		return status;
	if (argc == 2 && strcmp(verb, "explain") == 0)
		return ap_policy_explain(c, options, w->session, w->recording);
	if (argc == 2 && strcmp(verb, "decision") == 0)
		return ap_policy_decision(c, options, w->recording, w->decided);
	if (argc == 3 && strcmp(verb, "tenant") == 0) {
		const struct ap_policy_move move = {argv[2], w->policy, w->region, w->token, w->dry_run};
		return ap_policy_tenant(c, options, &move);
	}
	fprintf(stderr, "usage: aparte policy %s\n", usage);
	return AP_EXIT_USAGE;
}

static void wish_clear(struct wish *w)
{
	char *const texts[] = {w->token, w->session, w->recording, w->decided, w->policy, w->region};
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
		g_free(texts[i]);
}

int ap_cmd_policy(int argc, char **argv)
{
	struct wish w = {0};
	struct ap_client_options options = {0};
	const GOptionEntry entries[] = {
		{"token", 0, 0, G_OPTION_ARG_STRING, &w.token, "from the preview, when setting it erases at once", "TOKEN"},
		{"version", 0, 0, G_OPTION_ARG_INT, &w.version, "an older version", "N"},
		{"from", 0, 0, G_OPTION_ARG_INT, &w.from, "compare from this version", "N"},
		{"to", 0, 0, G_OPTION_ARG_INT, &w.to, "compare to this version", "N"},
		{"session", 0, 0, G_OPTION_ARG_STRING, &w.session, "explain what binds a session", "ID"},
		{"recording", 0, 0, G_OPTION_ARG_STRING, &w.recording, "a recording", "ID"},
		{"decided", 0, 0, G_OPTION_ARG_STRING, &w.decided, "when the decision was taken (now)", "TIME"},
		{"policy", 0, 0, G_OPTION_ARG_STRING, &w.policy, "the tenant's policy", "NAME"},
		{"region", 0, 0, G_OPTION_ARG_STRING, &w.region, "the tenant's region, or none", "NAME"},
		{"dry-run", 0, 0, G_OPTION_ARG_NONE, &w.dry_run, "what a tenant's change would do, and its token", NULL},
		{NULL, 0, 0, 0, NULL, NULL, NULL},
	};
	int status = ap_client_parse(&options, usage, "How long what is kept, and why.", entries, &argc, &argv);
	if (status < 0) {
		struct ap_client *c = ap_client_new(&options);
		status = run(c, &options, argc, argv, &w);
		ap_client_free(c);
	}
	wish_clear(&w);
	ap_client_options_clear(&options);
	return status;
}
