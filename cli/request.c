/* aparte request: what persons asked for, with its dates. */
#include "cli/client.h"
#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

static const char usage[] =
	"list [--due] | show ID | copy ID [--markdown] | open SESSION coach|coachee TYPE [--detail TEXT] | execute ID | extend ID --reason TEXT |\n"
	"  refuse ID --reason TEXT --article TEXT | lift ID --reason TEXT | tick ID ITEM [--note TEXT]";

/* What this subcommand has beside the common options; owned. */
struct words {
	char *detail, *article, *note, *name, *locale, *purposes;
	gboolean due, markdown;
};

static int list(struct ap_client *c, const struct ap_client_options *options, bool due)
{
	static const char *const columns[] = {"id", "party", "type", "state", "created", "due", "days_left", "detail", NULL};
	return ap_client_list(c, options, due ? "/v1/requests?due=1" : "/v1/requests", "requests", columns);
}

static int show(struct ap_client *c, const char *id)
{
	g_autoptr(JsonNode) answer = NULL;
	g_autofree char *path = g_strconcat("/v1/requests/", id, NULL);
	if (!ap_client_call(c, "GET", path, NULL, &answer))
		return AP_EXIT_FAILED;
	ap_client_print_json(answer);
	return AP_EXIT_OK;
}

/* All data held on the person, to standard output. */
static int copy(struct ap_client *c, const char *id, bool markdown)
{
	g_autoptr(GBytes) bytes = NULL;
	g_autofree char *path = g_strconcat("/v1/requests/", id, "/copy?format=", markdown ? "markdown" : "json", NULL);
	if (!ap_client_fetch(c, path, &bytes))
		return AP_EXIT_FAILED;
	size_t len;
	const void *data = g_bytes_get_data(bytes, &len);
	return fwrite(data, 1, len, stdout) == len && fflush(stdout) == 0 ? AP_EXIT_OK : AP_EXIT_FAILED;
}

/* Adds what a rectification changes and what an objection is to, where they are given. */
static JsonNode *with_wish(JsonNode *body, const struct words *w)
{
	JsonObject *o = json_node_get_object(body);
	if (w->name || w->locale)
		json_object_set_member(o, "changes", ap_client_object("name", w->name, "locale", w->locale, NULL));
	if (w->purposes) {
		JsonArray *purposes = json_array_new();
		g_auto(GStrv) parts = g_strsplit(w->purposes, ",", -1);
		for (char **part = parts; *part; part++)
			json_array_add_string_element(purposes, g_strstrip(*part));
		json_object_set_array_member(o, "purposes", purposes);
	}
	return body;
}

/* Takes the body; prints one member of the answer, or all of it with --json. */
static int post(struct ap_client *c, const struct ap_client_options *options, const char *path, JsonNode *body,
		const char *member)
{
	g_autoptr(JsonNode) answer = NULL;
	if (!ap_client_call(c, "POST", path, body, &answer))
		return AP_EXIT_FAILED;
	if (options->json)
		ap_client_print_json(answer);
	else
		printf("%s\n", json_object_get_string_member(json_node_get_object(answer), member));
	return AP_EXIT_OK;
}

static int open_for(struct ap_client *c, const struct ap_client_options *options, char **argv, const struct words *w)
{
	JsonNode *body = ap_client_object("session", argv[2], "party", argv[3], "type", argv[4], "detail", w->detail, NULL);
	return post(c, options, "/v1/requests", with_wish(body, w), "id");
}

static int decide(struct ap_client *c, const struct ap_client_options *options, char **argv, const struct words *w)
{
	g_autofree char *path = g_strconcat("/v1/requests/", argv[2], "/", argv[1], NULL);
	JsonNode *body = ap_client_object("reason", options->reason, "article", w->article, NULL);
	return post(c, options, path, with_wish(body, w), "state");
}

static int tick(struct ap_client *c, const struct ap_client_options *options, char **argv, const struct words *w)
{
	g_autofree char *path = g_strconcat("/v1/requests/", argv[2], "/checklist/", argv[3], NULL);
	return post(c, options, path, ap_client_object("note", w->note, NULL), "id");
}

static int run(struct ap_client *c, const struct ap_client_options *options, int argc, char **argv, const struct words *w)
{
	static const char *const actions[] = {"execute", "extend", "refuse", "lift"};
	const char *verb = argc > 1 ? argv[1] : "";
	if (argc == 2 && strcmp(verb, "list") == 0)
		return list(c, options, w->due);
	if (argc == 3 && strcmp(verb, "show") == 0)
		return show(c, argv[2]);
	if (argc == 3 && strcmp(verb, "copy") == 0)
		return copy(c, argv[2], w->markdown);
	if (argc == 5 && strcmp(verb, "open") == 0)
		return open_for(c, options, argv, w);
	if (argc == 4 && strcmp(verb, "tick") == 0)
		return tick(c, options, argv, w);
	for (size_t i = 0; argc == 3 && i < G_N_ELEMENTS(actions); i++)
		if (strcmp(verb, actions[i]) == 0)
			return decide(c, options, argv, w);
	fprintf(stderr, "usage: aparte request %s\n", usage);
	return AP_EXIT_USAGE;
}

static void clear(struct words *w)
{
	g_free(w->detail);
	g_free(w->article);
	g_free(w->note);
	g_free(w->name);
	g_free(w->locale);
	g_free(w->purposes);
}

int ap_cmd_request(int argc, char **argv)
{
	struct words w = {0};
	struct ap_client_options options = {0};
	const GOptionEntry entries[] = {
		{"due", 0, 0, G_OPTION_ARG_NONE, &w.due, "only what ends within a week or is overdue", NULL},
		{"markdown", 0, 0, G_OPTION_ARG_NONE, &w.markdown, "a copy to be read, not to be processed", NULL},
		{"detail", 0, 0, G_OPTION_ARG_STRING, &w.detail, "what the person asks for, in their words", "TEXT"},
		{"article", 0, 0, G_OPTION_ARG_STRING, &w.article, "the article a refusal rests on", "TEXT"},
		{"note", 0, 0, G_OPTION_ARG_STRING, &w.note, "how an item of the checklist was dealt with", "TEXT"},
		{"name", 0, 0, G_OPTION_ARG_STRING, &w.name, "a rectification: the right name", "NAME"},
		{"locale", 0, 0, G_OPTION_ARG_STRING, &w.locale, "a rectification: fr or en", "LOCALE"},
		{"purposes", 0, 0, G_OPTION_ARG_STRING, &w.purposes, "an objection: to these purposes", "LIST"},
		{NULL, 0, 0, 0, NULL, NULL, NULL},
	};
	int status = ap_client_parse(&options, usage, "Requests of persons, each with its date.", entries, &argc, &argv);
	if (status < 0) {
		struct ap_client *c = ap_client_new(&options);
		status = run(c, &options, argc, argv, &w);
		ap_client_free(c);
	}
	ap_client_options_clear(&options);
	clear(&w);
	return status;
}
