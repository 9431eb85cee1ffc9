/* aparte erase: destroys shares and bytes, and prints the certificate. */
#include "cli/client.h"
#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

static const char usage[] = "--recording ID | --session ID | --subject ID | --proposal ID";

#define LOOK_US 200000

struct wish {
	char *recording, *session, *subject, *proposal;
};

static int64_t number(JsonNode *node, const char *name)
{
	return json_object_get_int_member_with_default(json_node_get_object(node), name, 0);
}

/* Many are erased after the answer: looks until the last has its certificate. */
static int wait_for(struct ap_client *c, const struct ap_client_options *options, JsonNode *ordered)
{
	g_autoptr(JsonNode) answer = ordered;
	g_autofree char *path = g_strconcat(
		"/v1/erasures?batch=", json_object_get_string_member(json_node_get_object(ordered), "batch"), NULL);
	while (number(answer, "done") < number(answer, "recordings")) {
		ap_client_progress("erasing", (uint64_t)number(answer, "done"), (uint64_t)number(answer, "recordings"));
		g_usleep(LOOK_US);
		g_clear_pointer(&answer, json_node_unref);
		if (!ap_client_call(c, "GET", path, NULL, &answer))
			return AP_EXIT_FAILED;
	}
	ap_client_progress("erasing", (uint64_t)number(answer, "done"), (uint64_t)number(answer, "recordings"));
	if (options->json)
		ap_client_print_json(answer);
	else
		printf("%lld recordings erased; each has its certificate (GET /v1/erasures/ID)\n", (long long)number(answer, "done"));
	return AP_EXIT_OK;
}

static int run(struct ap_client *c, const struct ap_client_options *options, const struct wish *w)
{
	g_autoptr(JsonNode) answer = NULL;
	if ((w->recording != NULL) + (w->session != NULL) + (w->subject != NULL) + (w->proposal != NULL) != 1) {
		fprintf(stderr, "usage: aparte erase %s (exactly one)\n", usage);
		return AP_EXIT_USAGE;
	}
	if (!ap_client_call(c, "POST", "/v1/erasures",
			    ap_client_object("recording", w->recording, "session", w->session, "subject", w->subject,
					     "proposal", w->proposal, NULL),
			    &answer))
		return AP_EXIT_FAILED;
	JsonObject *o = json_node_get_object(answer);
	if (json_object_has_member(o, "batch"))
		return wait_for(c, options, g_steal_pointer(&answer));
	if (json_object_has_member(o, "proposal") && !options->json)
		printf("proposed (%lld recordings; %lld more are held or frozen and stay); another admin confirms it: aparte erase --proposal %s\n",
		       (long long)number(answer, "recordings"), (long long)number(answer, "kept"),
		       json_object_get_string_member(o, "proposal"));
	else
		ap_client_print_json(answer);
	return AP_EXIT_OK;
}

int ap_cmd_erase(int argc, char **argv)
{
	struct wish w = {0};
	struct ap_client_options options = {0};
	const GOptionEntry entries[] = {
		{"recording", 0, 0, G_OPTION_ARG_STRING, &w.recording, "one recording", "ID"},
		{"session", 0, 0, G_OPTION_ARG_STRING, &w.session, "all of a session", "ID"},
		{"subject", 0, 0, G_OPTION_ARG_STRING, &w.subject, "all in which this person speaks", "ID"},
		{"proposal", 0, 0, G_OPTION_ARG_STRING, &w.proposal, "confirm another admin's proposal", "ID"},
		{NULL, 0, 0, 0, NULL, NULL, NULL},
	};
	int status = ap_client_parse(&options, usage, "Erases for good and prints the certificate; keep it.", entries,
				     &argc, &argv);
	if (status < 0) {
		struct ap_client *c = ap_client_new(&options);
		status = run(c, &options, &w);
		ap_client_free(c);
	}
	g_free(w.recording);
	g_free(w.session);
	g_free(w.subject);
	g_free(w.proposal);
	ap_client_options_clear(&options);
	return status;
}
