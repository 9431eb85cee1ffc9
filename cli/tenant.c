/* aparte tenant: platforms and their API keys. */
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/tenant_leave.h"

#include <stdio.h>
#include <string.h>

static const char usage[] =
	"add NAME | list | key NAME [--label L] | keys NAME | revoke NAME --label L |\n"
	"  set NAME --capacity controller|processor|joint [--controller NAME --contact TEXT --agreement TEXT] |\n"
	"  offboard, status, export, erase, certificate: a platform that leaves (aparte tenant offboard --help)";

static char *keys_path(const char *tenant, const char *label)
{
	g_autofree char *name = g_uri_escape_string(tenant, NULL, FALSE);
	g_autofree char *escaped = label ? g_uri_escape_string(label, NULL, FALSE) : NULL;
	return g_strconcat("/v1/tenants/", name, "/keys", escaped ? "/" : NULL, escaped, NULL);
}

static int add(struct ap_client *c, const struct ap_client_options *options, const char *name, const char *policy)
{
	g_autoptr(JsonNode) answer = NULL;
	if (!ap_client_call(c, "POST", "/v1/tenants", ap_client_object("name", name, "policy", policy, NULL), &answer))
		return AP_EXIT_FAILED;
	if (options->json)
		ap_client_print_json(answer);
	else
		printf("tenant %s is there; give it a key: aparte tenant key %s\n", name, name);
	return AP_EXIT_OK;
}

static int key(struct ap_client *c, const struct ap_client_options *options, const char *name, const char *label)
{
	g_autoptr(JsonNode) answer = NULL;
	g_autofree char *path = keys_path(name, NULL);
	if (!ap_client_call(c, "POST", path, ap_client_object("label", label, NULL), &answer))
		return AP_EXIT_FAILED;
	if (options->json)
		ap_client_print_json(answer);
	else
		printf("%s\n", json_object_get_string_member(json_node_get_object(answer), "api_key"));
	return AP_EXIT_OK;
}

static int end_key(struct ap_client *c, const char *name, const char *label)
{
	g_autofree char *path = keys_path(name, label);
	if (!label) {
		fputs("--label says which key.\n", stderr);
		return AP_EXIT_USAGE;
	}
	return ap_client_call(c, "DELETE", path, NULL, NULL) ? AP_EXIT_OK : AP_EXIT_FAILED;
}

static int list(struct ap_client *c, const struct ap_client_options *options, const char *tenant)
{
	static const char *const tenants[] = {"name", "policy", "created", NULL};
	static const char *const keys[] = {"label", "created", "revoked", NULL};
	g_autofree char *path = tenant ? keys_path(tenant, NULL) : g_strdup("/v1/tenants");
	return ap_client_list(c, options, path, tenant ? "keys" : "tenants", tenant ? keys : tenants);
}

/* What options say beside the tenant's name. */
struct wish {
	char *label, *policy, *capacity, *controller, *contact, *agreement;
};

static int set(struct ap_client *c, const struct ap_client_options *options, const char *tenant, const struct wish *w)
{
	g_autoptr(JsonNode) answer = NULL;
	g_autofree char *name = g_uri_escape_string(tenant, NULL, FALSE);
	g_autofree char *path = g_strconcat("/v1/tenants/", name, "/roles", NULL);
	JsonNode *body = ap_client_object("capacity", w->capacity, "controller", w->controller, "contact", w->contact,
					  "agreement", w->agreement, NULL);
	if (!ap_client_call(c, "PUT", path, body, &answer))
		return AP_EXIT_FAILED;
	if (options->json)
		ap_client_print_json(answer);
	return AP_EXIT_OK;
}

static int run(struct ap_client *c, const struct ap_client_options *options, int argc, char **argv, const struct wish *w)
{
	const char *verb = argc > 1 ? argv[1] : "";
	if (argc == 2 && strcmp(verb, "list") == 0)
		return list(c, options, NULL);
	if (argc == 3 && strcmp(verb, "add") == 0)
		return add(c, options, argv[2], w->policy);
	if (argc == 3 && strcmp(verb, "key") == 0)
		return key(c, options, argv[2], w->label);
	if (argc == 3 && strcmp(verb, "keys") == 0)
		return list(c, options, argv[2]);
	if (argc == 3 && strcmp(verb, "revoke") == 0)
		return end_key(c, argv[2], w->label);
	if (argc == 3 && strcmp(verb, "set") == 0)
		return set(c, options, argv[2], w);
	fprintf(stderr, "usage: aparte tenant %s\n", usage);
	return AP_EXIT_USAGE;
}

int ap_cmd_tenant(int argc, char **argv)
{
	if (argc > 1 && ap_tenant_leave_verb(argv[1]))
		return ap_cmd_tenant_leave(argc, argv);
	struct wish w = {0};
	struct ap_client_options options = {0};
	const GOptionEntry entries[] = {
		{"label", 0, 0, G_OPTION_ARG_STRING, &w.label, "what the key is for", "TEXT"},
		{"policy", 0, 0, G_OPTION_ARG_STRING, &w.policy, "retention policy (default)", "NAME"},
		{"capacity", 0, 0, G_OPTION_ARG_STRING, &w.capacity, "what the operator is toward it: controller, processor, joint", "WORD"},
		{"controller", 0, 0, G_OPTION_ARG_STRING, &w.controller, "the tenant as controller", "NAME"},
		{"contact", 0, 0, G_OPTION_ARG_STRING, &w.contact, "how persons reach it", "TEXT"},
		{"agreement", 0, 0, G_OPTION_ARG_STRING, &w.agreement, "reference of the agreement (art. 26 or 28)", "TEXT"},
		{NULL, 0, 0, 0, NULL, NULL, NULL},
	};
	int status = ap_client_parse(&options, usage, "Platforms, their API keys, and who answers for them.", entries, &argc, &argv);
	if (status < 0) {
		struct ap_client *c = ap_client_new(&options);
		status = run(c, &options, argc, argv, &w);
		ap_client_free(c);
	}
	for (size_t i = 0; entries[i].long_name; i++)
		g_free(*(char **)entries[i].arg_data);
	ap_client_options_clear(&options);
	return status;
}
