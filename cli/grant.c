/* aparte grant: what supervisors and sponsors may see, and accesses that wait for a second person's word. */
#include "cli/client.h"
#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

static const char usage[] = "add RECORDING --supervisor NAME --purpose P --expires TIME | list | revoke ID"
			    " | approvals | approve ID [--until TIME] | deny ID";

struct wish {
	char *supervisor, *purpose, *expires, *until;
};

static int add(struct ap_client *c, const struct ap_client_options *options, const char *recording,
	       const struct wish *w)
{
	g_autoptr(JsonNode) answer = NULL;
	if (!w->supervisor || !w->purpose || !w->expires) {
		fputs("--supervisor, --purpose and --expires (2026-12-31T00:00:00Z) are needed.\n", stderr);
		return AP_EXIT_USAGE;
	}
	if (!ap_client_call(c, "POST", "/v1/grants",
			    ap_client_object("recording", recording, "supervisor", w->supervisor, "purpose", w->purpose,
					     "expires", w->expires, NULL),
			    &answer))
		return AP_EXIT_FAILED;
	if (options->json)
		ap_client_print_json(answer);
	else
		printf("grant %s\n", json_object_get_string_member(json_node_get_object(answer), "id"));
	return AP_EXIT_OK;
}

static int list(struct ap_client *c, const struct ap_client_options *options)
{
	static const char *const columns[] = {"id", "recording", "supervisor", "purpose", "expires", "revoked", NULL};
	return ap_client_list(c, options, "/v1/grants", "grants", columns);
}

static int end_grant(struct ap_client *c, const char *id)
{
	g_autofree char *path = g_strconcat("/v1/grants/", id, NULL);
	return ap_client_call(c, "DELETE", path, NULL, NULL) ? AP_EXIT_OK : AP_EXIT_FAILED;
}

static int approvals(struct ap_client *c, const struct ap_client_options *options)
{
	static const char *const columns[] = {"id", "who", "recording", "purpose", "reason", "state", "until", NULL};
	return ap_client_list(c, options, "/v1/approvals", "approvals", columns);
}

static int decide(struct ap_client *c, const struct ap_client_options *options, const char *verb, const char *id,
		  const char *until)
{
	g_autoptr(JsonNode) answer = NULL;
	g_autofree char *path = g_strconcat("/v1/approvals/", id, "/", verb, NULL);
	if (!ap_client_call(c, "POST", path, ap_client_object("until", until, NULL), &answer))
		return AP_EXIT_FAILED;
	if (options->json)
		ap_client_print_json(answer);
	else
		puts(json_object_get_string_member(json_node_get_object(answer), "state"));
	return AP_EXIT_OK;
}

static int run(struct ap_client *c, const struct ap_client_options *options, int argc, char **argv,
	       const struct wish *w)
{
	const char *verb = argc > 1 ? argv[1] : "";
	if (argc == 2 && strcmp(verb, "list") == 0)
		return list(c, options);
	if (argc == 3 && strcmp(verb, "add") == 0)
		return add(c, options, argv[2], w);
	if (argc == 3 && strcmp(verb, "revoke") == 0)
		return end_grant(c, argv[2]);
	if (argc == 2 && strcmp(verb, "approvals") == 0)
		return approvals(c, options);
	if (argc == 3 && (strcmp(verb, "approve") == 0 || strcmp(verb, "deny") == 0))
		return decide(c, options, verb, argv[2], w->until);
	fprintf(stderr, "usage: aparte grant %s\n", usage);
	return AP_EXIT_USAGE;
}

int ap_cmd_grant(int argc, char **argv)
{
	struct wish w = {0};
	struct ap_client_options options = {0};
	const GOptionEntry entries[] = {
		{"supervisor", 0, 0, G_OPTION_ARG_STRING, &w.supervisor, "user who may see it: a supervisor, or a sponsor for disclosure", "NAME"},
		{"purpose", 0, 0, G_OPTION_ARG_STRING, &w.purpose, "one both persons consent to", "PURPOSE"},
		{"expires", 0, 0, G_OPTION_ARG_STRING, &w.expires, "when it ends, UTC", "TIME"},
		{"until", 0, 0, G_OPTION_ARG_STRING, &w.until, "when an approval ends, UTC; else in a day", "TIME"},
		{NULL, 0, 0, 0, NULL, NULL, NULL},
	};
	int status = ap_client_parse(&options, usage, "What supervisors may see, for which purpose, until when.",
				     entries, &argc, &argv);
	if (status < 0) {
		struct ap_client *c = ap_client_new(&options);
		status = run(c, &options, argc, argv, &w);
		ap_client_free(c);
	}
	g_free(w.supervisor);
	g_free(w.purpose);
	g_free(w.expires);
	g_free(w.until);
	ap_client_options_clear(&options);
	return status;
}
