/* aparte proof: the archive of proofs of consent (R40); two admins open one. */
#include "cli/client.h"
#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

static const char usage[] = "list [--after SESSION] | open SESSION --reason TEXT | confirm PROPOSAL [--to FILE]";

static int list(struct ap_client *c, const struct ap_client_options *options, const char *after)
{
	static const char *const columns[] = {"session", "tenant", "kept", "until", NULL};
	static const char *const waiting[] = {"id", "session", "proposed_by", "expires", "reason", NULL};
	g_autoptr(JsonNode) answer = NULL;
	g_autofree char *escaped = after ? g_uri_escape_string(after, NULL, FALSE) : NULL;
	g_autofree char *path = g_strconcat("/v1/proofs", escaped ? "?after=" : NULL, escaped, NULL);
	if (!ap_client_call(c, "GET", path, NULL, &answer))
		return AP_EXIT_FAILED;
	ap_client_print_table(options, answer, "proofs", columns);
	JsonObject *o = json_node_get_object(answer);
	if (options->json)
		return AP_EXIT_OK;
	printf("%lld in all\n", (long long)json_object_get_int_member_with_default(o, "total", 0));
	if (json_object_has_member(o, "proposals") && json_array_get_length(json_object_get_array_member(o, "proposals")) > 0) {
		puts("waiting for another admin (aparte proof confirm ID):");
		ap_client_print_table(options, answer, "proposals", waiting);
	}
	return AP_EXIT_OK;
}

static int propose(struct ap_client *c, const struct ap_client_options *options, const char *session)
{
	g_autoptr(JsonNode) answer = NULL;
	if (!options->reason) {
		fputs("--reason is needed: it is kept in the log.\n", stderr);
		return AP_EXIT_USAGE;
	}
	if (!ap_client_call(c, "POST", "/v1/proofs", ap_client_object("session", session, "reason", options->reason, NULL), &answer))
		return AP_EXIT_FAILED;
	if (options->json)
		ap_client_print_json(answer);
	else
		printf("proposed; another admin opens it: aparte proof confirm %s\n",
		       json_object_get_string_member(json_node_get_object(answer), "proposal"));
	return AP_EXIT_OK;
}

/* For its owner alone: it names both persons. */
static int save(JsonNode *proof, const char *to)
{
	g_autoptr(JsonGenerator) generator = json_generator_new();
	g_autoptr(GError) error = NULL;
	json_generator_set_root(generator, proof);
	json_generator_set_pretty(generator, TRUE);
	g_autofree char *text = json_generator_to_data(generator, NULL);
	if (g_file_set_contents_full(to, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, &error))
		return AP_EXIT_OK;
	fprintf(stderr, "%s\n", error->message);
	return AP_EXIT_FAILED;
}

static int confirm(struct ap_client *c, const char *proposal, const char *to)
{
	g_autoptr(JsonNode) answer = NULL;
	if (!ap_client_call(c, "POST", "/v1/proofs", ap_client_object("proposal", proposal, NULL), &answer))
		return AP_EXIT_FAILED;
	if (to)
		return save(answer, to);
	ap_client_print_json(answer);
	return AP_EXIT_OK;
}

static int run(struct ap_client *c, const struct ap_client_options *options, int argc, char **argv, const char *after,
	       const char *to)
{
	const char *verb = argc > 1 ? argv[1] : "";
	if (argc == 2 && strcmp(verb, "list") == 0)
		return list(c, options, after);
	if (argc == 3 && strcmp(verb, "open") == 0)
		return propose(c, options, argv[2]);
	if (argc == 3 && strcmp(verb, "confirm") == 0)
		return confirm(c, argv[2], to);
	fprintf(stderr, "usage: aparte proof %s\n", usage);
	return AP_EXIT_USAGE;
}

int ap_cmd_proof(int argc, char **argv)
{
	g_autofree char *after = NULL, *to = NULL;
	struct ap_client_options options = {0};
	const GOptionEntry entries[] = {
		{"after", 0, 0, G_OPTION_ARG_STRING, &after, "list those behind this one", "SESSION"},
		{"to", 0, 0, G_OPTION_ARG_FILENAME, &to, "write what was opened to this file", "FILE"},
		{NULL, 0, 0, 0, NULL, NULL, NULL},
	};
	int status = ap_client_parse(&options, usage, "Proofs of consent that outlive their recordings; two admins open one.",
				     entries, &argc, &argv);
	if (status < 0) {
		struct ap_client *c = ap_client_new(&options);
		status = run(c, &options, argc, argv, after, to);
		ap_client_free(c);
	}
	ap_client_options_clear(&options);
	return status;
}
