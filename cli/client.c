#include "cli/client.h"

#include "cli/commands.h"
#include "cli/instance.h"

#include <gio/gunixsocketaddress.h>
#include <libsoup/soup.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct ap_client {
	SoupSession *session;
	char *admin, *reason; /* owned; admin may be NULL */
	unsigned status;
};

/* ---- options ---- */

static int report_wrong(const GError *error)
{
	fprintf(stderr, "%s\nTry --help.\n", error->message);
	return AP_EXIT_USAGE;
}

int ap_client_parse(struct ap_client_options *ret_options, const char *usage, const char *about,
		    const GOptionEntry *entries, int *argc, char ***argv)
{
	struct ap_client_options *o = ret_options;
	gboolean help = FALSE;
	g_autoptr(GError) error = NULL;
	const GOptionEntry common[] = {
		{"home", 0, 0, G_OPTION_ARG_FILENAME, &o->home, "the instance (else $APARTE_HOME, else ./var)", "DIR"},
		{"admin", 0, 0, G_OPTION_ARG_STRING, &o->admin, "the admin you act as (else $APARTE_ADMIN, else the first one)", "NAME"},
		{"reason", 0, 0, G_OPTION_ARG_STRING, &o->reason, "why; it is logged", "TEXT"},
		{"json", 0, 0, G_OPTION_ARG_NONE, &o->json, "answer as JSON", NULL},
		{"help", 'h', 0, G_OPTION_ARG_NONE, &help, "this text", NULL},
		{NULL, 0, 0, 0, NULL, NULL, NULL},
	};
	g_autofree char *program = g_strconcat("aparte ", (*argv)[0], NULL);
	g_autoptr(GOptionContext) context = g_option_context_new(usage);
	g_set_prgname(program);
	g_option_context_set_help_enabled(context, FALSE);
	g_option_context_set_summary(context, about);
	if (entries)
		g_option_context_add_main_entries(context, entries, NULL);
	g_option_context_add_main_entries(context, common, NULL);
	if (!g_option_context_parse(context, argc, argv, &error))
		return report_wrong(error);
	if (help) {
		g_autofree char *text = g_option_context_get_help(context, TRUE, NULL);
		fputs(text, stdout);
		return AP_EXIT_OK;
	}
	if (!o->admin)
		o->admin = g_strdup(g_getenv("APARTE_ADMIN"));
	return -1;
}

void ap_client_options_clear(struct ap_client_options *options)
{
	g_clear_pointer(&options->home, g_free);
	g_clear_pointer(&options->admin, g_free);
	g_clear_pointer(&options->reason, g_free);
}

/* ---- calls ---- */

struct ap_client *ap_client_new(const struct ap_client_options *options)
{
	struct ap_client *c = g_new0(struct ap_client, 1);
	g_autofree char *home = ap_instance_home(options->home);
	g_autofree char *path = g_build_filename(home, "run", "admin.sock", NULL);
	g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);
	c->session = soup_session_new_with_options("remote-connectable", address, "timeout", 120, NULL);
	c->admin = g_strdup(options->admin);
	c->reason = g_strdup(options->reason ? options->reason : "command line");
	return c;
}

void ap_client_free(struct ap_client *c)
{
	if (!c)
		return;
	g_object_unref(c->session);
	g_free(c->admin);
	g_free(c->reason);
	g_free(c);
}

unsigned ap_client_status(const struct ap_client *c)
{
	return c->status;
}

static SoupMessage *message_for(const struct ap_client *c, const char *method, const char *path)
{
	g_autofree char *url = g_strconcat("http://vault", path, NULL);
	g_autofree char *reason = g_uri_escape_string(c->reason, " ", TRUE);
	SoupMessage *message = soup_message_new(method, url);
	SoupMessageHeaders *headers = soup_message_get_request_headers(message);
	if (c->admin)
		soup_message_headers_replace(headers, "Aparte-Admin", c->admin);
	soup_message_headers_replace(headers, "Aparte-Reason", reason);
	return message;
}

/* The problem's own words, which say what to do. */
static void tell_problem(unsigned status, GBytes *body)
{
	gsize len = 0;
	const char *text = body ? g_bytes_get_data(body, &len) : NULL;
	g_autoptr(JsonParser) parser = json_parser_new();
	if (text && json_parser_load_from_data(parser, text, (gssize)len, NULL) &&
	    JSON_NODE_HOLDS_OBJECT(json_parser_get_root(parser))) {
		JsonObject *o = json_node_get_object(json_parser_get_root(parser));
		fprintf(stderr, "%s: %s\n", json_object_get_string_member_with_default(o, "title", "Refused"),
			json_object_get_string_member_with_default(o, "detail", ""));
		return;
	}
	fprintf(stderr, "The vault answered %u.\n", status);
}

static bool send(struct ap_client *c, SoupMessage *message, GBytes **ret_body)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GBytes) body = soup_session_send_and_read(c->session, message, NULL, &error);
	c->status = body ? soup_message_get_status(message) : 0;
	if (!body) {
		fprintf(stderr, "The vault cannot be reached (%s). Does `aparte serve` run with this home?\n",
			error->message);
		return false;
	}
	if (!SOUP_STATUS_IS_SUCCESSFUL(c->status)) {
		tell_problem(c->status, body);
		return false;
	}
	*ret_body = g_steal_pointer(&body);
	return true;
}

static void set_body(SoupMessage *message, JsonNode *node)
{
	char *text = json_to_string(node, FALSE);
	g_autoptr(GBytes) bytes = g_bytes_new_take(text, strlen(text));
	soup_message_set_request_body_from_bytes(message, "application/json", bytes);
	json_node_unref(node);
}

bool ap_client_call(struct ap_client *c, const char *method, const char *path, JsonNode *body, JsonNode **ret_answer)
{
	g_autoptr(SoupMessage) message = message_for(c, method, path);
	g_autoptr(GBytes) answer = NULL;
	if (body || strcmp(method, "GET") != 0)
		set_body(message, body ? body : ap_client_object(NULL, (void *)NULL));
	if (!send(c, message, &answer))
		return false;
	gsize len;
	const char *text = g_bytes_get_data(answer, &len);
	g_autoptr(JsonParser) parser = json_parser_new();
	bool parsed = len > 0 && json_parser_load_from_data(parser, text, (gssize)len, NULL);
	if (ret_answer)
		*ret_answer = parsed ? json_parser_steal_root(parser) : NULL;
	return true;
}

bool ap_client_fetch(struct ap_client *c, const char *path, GBytes **ret_bytes)
{
	g_autoptr(SoupMessage) message = message_for(c, "GET", path);
	return send(c, message, ret_bytes);
}

/* ---- words ---- */

JsonNode *ap_client_object(const char *name, ...)
{
	JsonObject *o = json_object_new();
	JsonNode *node = json_node_new(JSON_NODE_OBJECT);
	va_list args;
	va_start(args, name);
	for (; name; name = va_arg(args, const char *)) {
		const char *value = va_arg(args, const char *);
		if (value)
			json_object_set_string_member(o, name, value);
	}
	va_end(args);
	json_node_take_object(node, o);
	return node;
}

void ap_client_print_json(JsonNode *node)
{
	g_autofree char *text = node ? json_to_string(node, TRUE) : g_strdup("{}");
	puts(text);
}

/* A member as text, whatever its kind; "" without it. */
static char *cell(JsonObject *row, const char *name)
{
	JsonNode *node = json_object_get_member(row, name);
	if (!node)
		return g_strdup("");
	if (json_node_get_value_type(node) == G_TYPE_STRING)
		return g_strdup(json_node_get_string(node));
	return json_to_string(node, FALSE);
}

static void print_row(JsonObject *row, const char *const *columns, const size_t *widths)
{
	for (size_t i = 0; columns[i]; i++) {
		g_autofree char *text = row ? cell(row, columns[i]) : g_ascii_strup(columns[i], -1);
		printf("%-*s%s", columns[i + 1] ? (int)widths[i] : 0, text, columns[i + 1] ? "  " : "\n");
	}
}

void ap_client_print_table(const struct ap_client_options *options, JsonNode *answer, const char *array,
			   const char *const *columns)
{
	if (options->json) {
		ap_client_print_json(answer);
		return;
	}
	JsonArray *rows = json_object_get_array_member(json_node_get_object(answer), array);
	size_t widths[16] = {0};
	for (size_t i = 0; i < G_N_ELEMENTS(widths) && columns[i]; i++) {
		widths[i] = strlen(columns[i]);
		for (guint n = 0; n < json_array_get_length(rows); n++) {
			g_autofree char *text = cell(json_array_get_object_element(rows, n), columns[i]);
			widths[i] = MAX(widths[i], (size_t)g_utf8_strlen(text, -1));
		}
	}
	print_row(NULL, columns, widths);
	for (guint n = 0; n < json_array_get_length(rows); n++)
		print_row(json_array_get_object_element(rows, n), columns, widths);
}

int ap_client_list(struct ap_client *c, const struct ap_client_options *options, const char *path, const char *array,
		   const char *const *columns)
{
	g_autoptr(JsonNode) answer = NULL;
	if (!ap_client_call(c, "GET", path, NULL, &answer))
		return AP_EXIT_FAILED;
	ap_client_print_table(options, answer, array, columns);
	return AP_EXIT_OK;
}

void ap_client_progress(const char *what, uint64_t done, uint64_t total)
{
	char bar[31];
	if (!isatty(STDERR_FILENO) || total == 0)
		return;
	size_t full = (size_t)(30 * done / total);
	for (size_t i = 0; i < 30; i++)
		bar[i] = i < full ? '#' : '.';
	bar[30] = '\0';
	fprintf(stderr, "\r%s [%s] %llu/%llu%s", what, bar, (unsigned long long)done, (unsigned long long)total,
		done == total ? "\n" : "");
}
