/* aparte tenant offboard, status, export, erase, certificate: a platform that leaves takes its data along, and goes. */
#include "cli/tenant_leave.h"

#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

static const char usage[] =
	"offboard NAME --recipient age1… --reason TEXT | offboard NAME --confirm PROPOSAL |\n"
	"  status NAME | export NAME --to DIR | erase NAME [--without-export WHY] | certificate NAME";

struct wish {
	char *recipient, *proposal, *to, *without_export;
};

static const char *const verbs[] = {"offboard", "status", "export", "erase", "certificate", NULL};

bool ap_tenant_leave_verb(const char *word)
{
	return g_strv_contains(verbs, word);
}

static char *path_of(const char *tenant, const char *rest)
{
	g_autofree char *name = g_uri_escape_string(tenant, NULL, FALSE);
	return g_strconcat("/v1/tenants/", name, "/offboard", rest, NULL);
}

/* ---- telling ---- */

static const char *text_of(JsonObject *o, const char *name)
{
	return json_object_get_string_member_with_default(o, name, "");
}

static void print_waiting(JsonObject *o)
{
	JsonArray *waiting = json_object_get_array_member(o, "waiting");
	for (guint i = 0; i < json_array_get_length(waiting); i++) {
		JsonObject *one = json_array_get_object_element(waiting, i);
		printf("  waits: %s  %s %s %s\n", text_of(one, "recording"), text_of(one, "why"),
		       text_of(one, "ground"), text_of(one, "until"));
	}
}

static void print_status(const struct ap_client_options *options, JsonNode *answer)
{
	JsonObject *o = json_node_get_object(answer);
	if (options->json) {
		ap_client_print_json(answer);
		return;
	}
	printf("tenant %s: %s; recordings erased: %lld of %lld, in %lld sessions\n", text_of(o, "tenant"),
	       text_of(o, "state"), (long long)json_object_get_int_member(o, "recordings_erased"),
	       (long long)json_object_get_int_member(o, "recordings"),
	       (long long)json_object_get_int_member(o, "sessions"));
	if (*text_of(o, "export_sha256"))
		printf("  exported %s, SHA-256 of SHA256SUMS %s\n", text_of(o, "exported"),
		       text_of(o, "export_sha256"));
	if (strcmp(text_of(o, "state"), "erasing") == 0)
		print_waiting(o);
	if (*text_of(o, "unrecoverable_at"))
		printf("  no copy can be opened from %s on\n", text_of(o, "unrecoverable_at"));
}

/* One call whose answer is how the leaving stands. */
static int tell(struct ap_client *c, const struct ap_client_options *options, const char *method, const char *path,
		JsonNode *body)
{
	g_autoptr(JsonNode) answer = NULL;
	if (!ap_client_call(c, method, path, body, &answer))
		return AP_EXIT_FAILED;
	print_status(options, answer);
	return AP_EXIT_OK;
}

/* ---- verbs ---- */

static int propose(struct ap_client *c, const struct ap_client_options *options, const char *tenant,
		   const struct wish *w)
{
	g_autoptr(JsonNode) answer = NULL;
	g_autofree char *path = path_of(tenant, "");
	JsonNode *body = ap_client_object("recipient", w->recipient, "reason", options->reason, NULL);
	if (!ap_client_call(c, "POST", path, body, &answer))
		return AP_EXIT_FAILED;
	if (options->json)
		ap_client_print_json(answer);
	else
		printf("Proposed. Another admin confirms it within a day:\n  aparte tenant offboard %s --confirm %s "
		       "--admin NAME\n",
		       tenant, text_of(json_node_get_object(answer), "proposal"));
	return AP_EXIT_OK;
}

static int offboard(struct ap_client *c, const struct ap_client_options *options, const char *tenant,
		    const struct wish *w)
{
	g_autofree char *path = path_of(tenant, "");
	if (w->proposal)
		return tell(c, options, "POST", path, ap_client_object("proposal", w->proposal, NULL));
	if (w->recipient && options->reason)
		return propose(c, options, tenant, w);
	fputs("--recipient and --reason say for whom and why; --confirm is the second admin's word.\n", stderr);
	return AP_EXIT_USAGE;
}

static int certificate(struct ap_client *c, const char *tenant)
{
	g_autoptr(JsonNode) answer = NULL;
	g_autofree char *path = path_of(tenant, "/certificate");
	if (!ap_client_call(c, "GET", path, NULL, &answer))
		return AP_EXIT_FAILED;
	ap_client_print_json(answer);
	return AP_EXIT_OK;
}

static int run(struct ap_client *c, const struct ap_client_options *options, const char *verb, const char *tenant,
	       const struct wish *w)
{
	g_autofree char *here = path_of(tenant, ""), *erase = path_of(tenant, "/erase");
	if (strcmp(verb, "offboard") == 0)
		return offboard(c, options, tenant, w);
	if (strcmp(verb, "status") == 0)
		return tell(c, options, "GET", here, NULL);
	if (strcmp(verb, "erase") == 0)
		return tell(c, options, "POST", erase, ap_client_object("without_export", w->without_export, NULL));
	if (strcmp(verb, "certificate") == 0)
		return certificate(c, tenant);
	if (w->to)
		return ap_tenant_export(c, options, tenant, w->to);
	fputs("--to says which directory it goes to.\n", stderr);
	return AP_EXIT_USAGE;
}

int ap_cmd_tenant_leave(int argc, char **argv)
{
	struct wish w = {0};
	struct ap_client_options options = {0};
	const GOptionEntry entries[] = {
		{"recipient", 0, 0, G_OPTION_ARG_STRING, &w.recipient, "the leaver's age recipient", "age1…"},
		{"confirm", 0, 0, G_OPTION_ARG_STRING, &w.proposal, "as the second admin", "PROPOSAL"},
		{"to", 0, 0, G_OPTION_ARG_FILENAME, &w.to, "export: new, empty, or to be gone on with", "DIR"},
		{"without-export", 0, 0, G_OPTION_ARG_STRING, &w.without_export, "erase: why nothing is exported",
		 "TEXT"},
		{NULL, 0, 0, 0, NULL, NULL, NULL},
	};
	int status = ap_client_parse(&options, usage, "A platform leaves: export to its key, erasure, one certificate.",
				     entries, &argc, &argv);
	if (status < 0 && argc != 3) {
		fprintf(stderr, "usage: aparte tenant %s\n", usage);
		status = AP_EXIT_USAGE;
	} else if (status < 0) {
		struct ap_client *c = ap_client_new(&options);
		status = run(c, &options, argv[1], argv[2], &w);
		ap_client_free(c);
	}
	for (size_t i = 0; entries[i].long_name; i++)
		g_free(*(char **)entries[i].arg_data);
	ap_client_options_clear(&options);
	return status;
}
