/* aparte incident: breaches with their 72-hour clock, and the report of who was affected. */
#include "cli/client.h"
#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

static const char usage[] = "open TEXT [--aware TIME] | list | show ID | note ID TEXT | report ID [--from --to --user --lang] |"
			    " close ID --outcome notified|no-risk|false-alarm --reason TEXT [--notified TIME]";

struct wish {
	char *aware, *from, *to, *user, *lang, *outcome, *notified;
};

static int list(struct ap_client *c, const struct ap_client_options *options)
{
	static const char *const columns[] = { "id", "state", "due", "hours_left", "overdue", "lockdown", "outcome", "summary", NULL };
	g_autoptr(JsonNode) answer = NULL;
	if (!ap_client_call(c, "GET", "/v1/incidents", NULL, &answer))
		return AP_EXIT_FAILED;
	ap_client_print_table(options, answer, "incidents", columns);
	return AP_EXIT_OK;
}

static void print_one(const struct ap_client_options *options, JsonNode *answer)
{
	JsonObject *o = json_node_get_object(answer);
	if (options->json) {
		ap_client_print_json(answer);
		return;
	}
	printf("%s  %s\n", json_object_get_string_member(o, "id"), json_object_get_string_member(o, "summary"));
	if (strcmp(json_object_get_string_member(o, "state"), "open") == 0)
		printf("open; the authority is to be notified by %s (%lld hours left)\n", json_object_get_string_member(o, "due"),
		       (long long)json_object_get_int_member(o, "hours_left"));
	else
		printf("closed: %s\n", json_object_get_string_member_with_default(o, "outcome", ""));
	JsonArray *notes = json_object_get_array_member(o, "notes");
	for (guint i = 0; i < json_array_get_length(notes); i++) {
		JsonObject *note = json_array_get_object_element(notes, i);
		printf("  %s  %s  %s\n", json_object_get_string_member(note, "at"), json_object_get_string_member(note, "by"),
		       json_object_get_string_member(note, "text"));
	}
}

static int call(struct ap_client *c, const struct ap_client_options *options, const char *method, const char *id, const char *what,
		JsonNode *body)
{
	g_autoptr(JsonNode) answer = NULL;
	g_autofree char *path = g_strconcat("/v1/incidents", id ? "/" : "", id ? id : "", what, NULL);
	if (!ap_client_call(c, method, path, body, &answer))
		return AP_EXIT_FAILED;
	print_one(options, answer);
	return AP_EXIT_OK;
}

static void add_query(GString *path, const char *name, const char *value)
{
	g_autofree char *escaped = value ? g_uri_escape_string(value, NULL, FALSE) : NULL;
	if (value)
		g_string_append_printf(path, "%c%s=%s", strchr(path->str, '?') ? '&' : '?', name, escaped);
}

static int report(struct ap_client *c, const struct ap_client_options *options, const char *id, const struct wish *w)
{
	g_autoptr(GBytes) bytes = NULL;
	g_autoptr(GString) path = g_string_new("/v1/incidents/");
	g_string_append_printf(path, "%s/report", id);
	add_query(path, "from", w->from);
	add_query(path, "to", w->to);
	add_query(path, "user", w->user);
	add_query(path, "lang", w->lang);
	add_query(path, "format", options->json ? NULL : "md");
	if (!ap_client_fetch(c, path->str, &bytes))
		return AP_EXIT_FAILED;
	gsize len;
	const char *text = g_bytes_get_data(bytes, &len);
	fwrite(text, 1, len, stdout);
	if (options->json)
		putchar('\n');
	return AP_EXIT_OK;
}

static int run(struct ap_client *c, const struct ap_client_options *options, int argc, char **argv, const struct wish *w)
{
	const char *verb = argc > 1 ? argv[1] : "";
	if (argc == 2 && strcmp(verb, "list") == 0)
		return list(c, options);
	if (argc == 3 && strcmp(verb, "open") == 0)
		return call(c, options, "POST", NULL, "", ap_client_object("summary", argv[2], "aware", w->aware, NULL));
	if (argc == 3 && strcmp(verb, "show") == 0)
		return call(c, options, "GET", argv[2], "", NULL);
	if (argc == 4 && strcmp(verb, "note") == 0)
		return call(c, options, "POST", argv[2], "/notes", ap_client_object("text", argv[3], NULL));
	if (argc == 3 && strcmp(verb, "report") == 0)
		return report(c, options, argv[2], w);
	if (argc == 3 && strcmp(verb, "close") == 0)
		return call(c, options, "POST", argv[2], "/close",
			    ap_client_object("outcome", w->outcome, "reason", options->reason, "notified", w->notified, NULL));
	fprintf(stderr, "usage: aparte incident %s\n", usage);
	return AP_EXIT_USAGE;
}

static void clear(struct wish *w)
{
	g_free(w->aware);
	g_free(w->from);
	g_free(w->to);
	g_free(w->user);
	g_free(w->lang);
	g_free(w->outcome);
	g_free(w->notified);
}

int ap_cmd_incident(int argc, char **argv)
{
	struct wish w = { 0 };
	struct ap_client_options options = { 0 };
	const GOptionEntry entries[] = {
		{ "aware", 0, 0, G_OPTION_ARG_STRING, &w.aware, "when it became known (else now); the 72 hours run from then", "TIME" },
		{ "from", 0, 0, G_OPTION_ARG_STRING, &w.from, "report accesses from then on (else 30 days before it became known)", "TIME" },
		{ "to", 0, 0, G_OPTION_ARG_STRING, &w.to, "until then (else now)", "TIME" },
		{ "user", 0, 0, G_OPTION_ARG_STRING, &w.user, "only this member of staff's", "NAME" },
		{ "lang", 0, 0, G_OPTION_ARG_STRING, &w.lang, "the report's language, fr or en", "LANG" },
		{ "outcome", 0, 0, G_OPTION_ARG_STRING, &w.outcome, "notified, no-risk or false-alarm", "WORD" },
		{ "notified", 0, 0, G_OPTION_ARG_STRING, &w.notified, "when the authority was notified (else now)", "TIME" },
		{ NULL, 0, 0, 0, NULL, NULL, NULL },
	};
	int status = ap_client_parse(&options, usage, "Incidents, their 72-hour clock, and the recordings and persons affected.", entries,
				     &argc, &argv);
	if (status < 0) {
		struct ap_client *c = ap_client_new(&options);
		status = run(c, &options, argc, argv, &w);
		ap_client_free(c);
	}
	clear(&w);
	ap_client_options_clear(&options);
	return status;
}
