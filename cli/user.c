/* aparte user: staff who may log in to the vault. */
#include "cli/client.h"
#include "cli/commands.h"

#include <qrencode.h>
#include <stdio.h>
#include <string.h>

static const char usage[] = "add NAME --role ROLE | list | disable NAME | enable NAME | reset NAME | logins | logout NAME";

static bool dark(const QRcode *code, int x, int y)
{
	return x >= 0 && y >= 0 && x < code->width && y < code->width && (code->data[y * code->width + x] & 1);
}

/* Two rows a line, light on dark, with the quiet zone readers need. */
static void print_qr(const char *text)
{
	QRcode *code = QRcode_encodeString(text, 0, QR_ECLEVEL_L, QR_MODE_8, 1);
	if (!code)
		return;
	for (int y = -2; y < code->width + 2; y += 2) {
		fputs("\033[40;97m", stdout);
		for (int x = -2; x < code->width + 2; x++) {
			bool top = dark(code, x, y), bottom = dark(code, x, y + 1);
			fputs(top ? (bottom ? " " : "▄") : (bottom ? "▀" : "█"), stdout);
		}
		puts("\033[0m");
	}
	QRcode_free(code);
}

static void print_credentials(const struct ap_client_options *options, JsonNode *answer)
{
	JsonObject *o = json_node_get_object(answer);
	if (options->json) {
		ap_client_print_json(answer);
		return;
	}
	const char *uri = json_object_get_string_member(o, "otpauth");
	printf("user      %s (%s)\npassword  %s\nTOTP      %s\n%s\n", json_object_get_string_member(o, "user"),
	       json_object_get_string_member(o, "role"), json_object_get_string_member(o, "password"),
	       json_object_get_string_member(o, "totp_secret"), uri);
	print_qr(uri);
	puts("This is shown once. Scan the code with an authenticator app.");
}

struct wish {
	char *role, *tenant, *party_id;
};

static int add(struct ap_client *c, const struct ap_client_options *options, const char *name, const struct wish *w)
{
	g_autoptr(JsonNode) answer = NULL;
	if (!w->role) {
		fputs("--role is needed: platform, coach, supervisor, admin, auditor or sponsor.\n", stderr);
		return AP_EXIT_USAGE;
	}
	if (!ap_client_call(
		    c, "POST", "/v1/users",
		    ap_client_object("user", name, "role", w->role, "tenant", w->tenant, "party_id", w->party_id, NULL),
		    &answer))
		return AP_EXIT_FAILED;
	print_credentials(options, answer);
	return AP_EXIT_OK;
}

static int change(struct ap_client *c, const struct ap_client_options *options, const char *action, const char *name)
{
	g_autoptr(JsonNode) answer = NULL;
	g_autofree char *escaped = g_uri_escape_string(name, NULL, FALSE);
	g_autofree char *path = g_strconcat("/v1/users/", escaped, "/", action, NULL);
	if (!ap_client_call(c, "POST", path, NULL, &answer))
		return AP_EXIT_FAILED;
	if (answer)
		print_credentials(options, answer);
	else
		printf("%s: %sd\n", name, action);
	return AP_EXIT_OK;
}

static int list(struct ap_client *c, const struct ap_client_options *options)
{
	static const char *const columns[] = {"user", "role", "tenant", "party_id", "created", "disabled", NULL};
	return ap_client_list(c, options, "/v1/users", "users", columns);
}

static int logins(struct ap_client *c, const struct ap_client_options *options)
{
	static const char *const columns[] = {"user", "role", "created", "expires", NULL};
	return ap_client_list(c, options, "/v1/logins", "logins", columns);
}

static int log_out(struct ap_client *c, const char *name)
{
	g_autofree char *escaped = g_uri_escape_string(name, NULL, FALSE);
	g_autofree char *path = g_strconcat("/v1/logins/", escaped, NULL);
	if (!ap_client_call(c, "DELETE", path, NULL, NULL))
		return AP_EXIT_FAILED;
	printf("%s: logged out everywhere\n", name);
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
	if (argc == 3 && (strcmp(verb, "disable") == 0 || strcmp(verb, "enable") == 0 || strcmp(verb, "reset") == 0))
		return change(c, options, verb, argv[2]);
	if (argc == 2 && strcmp(verb, "logins") == 0)
		return logins(c, options);
	if (argc == 3 && strcmp(verb, "logout") == 0)
		return log_out(c, argv[2]);
	fprintf(stderr, "usage: aparte user %s\n", usage);
	return AP_EXIT_USAGE;
}

int ap_cmd_user(int argc, char **argv)
{
	struct wish w = {0};
	struct ap_client_options options = {0};
	const GOptionEntry entries[] = {
		{"role", 0, 0, G_OPTION_ARG_STRING, &w.role, "platform, coach, supervisor, admin, auditor or sponsor",
		 "ROLE"},
		{"tenant", 0, 0, G_OPTION_ARG_STRING, &w.tenant, "the tenant they belong to (else all)", "NAME"},
		{"party-id", 0, 0, G_OPTION_ARG_STRING, &w.party_id, "a coach's id with the platform, or for a sponsor the coachee's", "ID"},
		{NULL, 0, 0, 0, NULL, NULL, NULL},
	};
	int status = ap_client_parse(&options, usage, "Staff who may log in to the vault.", entries, &argc, &argv);
	if (status < 0) {
		struct ap_client *c = ap_client_new(&options);
		status = run(c, &options, argc, argv, &w);
		ap_client_free(c);
	}
	g_free(w.role);
	g_free(w.tenant);
	g_free(w.party_id);
	ap_client_options_clear(&options);
	return status;
}
