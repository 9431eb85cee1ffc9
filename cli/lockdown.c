/* aparte lockdown: shuts everything at once; enrols the admins who can lift it, and lifts it with two of them. */
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/passphrase.h"
#include "recorder/keys/escrow.h"

#include <aparte/encode.h>
#include <stdio.h>
#include <string.h>

static const char usage[] = "[--reason TEXT] | status | enrol | dismiss NAME | lift";

struct wish {
	int passphrase_fd;
};

/* ---- state ---- */

static void print_names(const char *label, JsonObject *o, const char *name)
{
	JsonArray *list = json_object_get_array_member(o, name);
	printf("%s", label);
	for (guint i = 0; i < json_array_get_length(list); i++)
		printf(" %s", json_array_get_string_element(list, i));
	puts(json_array_get_length(list) ? "" : " nobody");
}

static void print_state(const struct ap_client_options *options, JsonNode *answer)
{
	JsonObject *o = json_node_get_object(answer);
	bool locked = json_object_get_boolean_member(o, "locked"), covered = json_object_get_boolean_member(o, "covered");
	if (options->json) {
		ap_client_print_json(answer);
		return;
	}
	if (locked)
		printf("locked down since %s; %s\n", json_object_get_string_member_with_default(o, "since", "?"),
		       json_object_get_boolean_member(o, "sealed") ? "the key is destroyed, two admins' passphrases bring it back" :
		       covered ? "the key is out of memory, two admins' passphrases bring it back; the credential is yours to remove" :
				 "the key's file is still there: fewer than two admins had enrolled; two admins lift it by their word");
	else
		puts(covered ? "not locked down; two of the enrolled admins could lift a lockdown" :
			       "not locked down; enrol two admins, or a lockdown cannot destroy the key's file");
	print_names("enrolled:", o, "enrolled");
	if (locked)
		print_names("lifting: ", o, "given");
}

static int call(struct ap_client *c, const struct ap_client_options *options, const char *method, const char *path, JsonNode *body)
{
	g_autoptr(JsonNode) answer = NULL;
	if (!ap_client_call(c, method, path, body, &answer))
		return AP_EXIT_FAILED;
	print_state(options, answer);
	return AP_EXIT_OK;
}

/* ---- enrolling ---- */

static int send_public(struct ap_client *c, const struct ap_client_options *options, const struct ap_escrow_admin *admin)
{
	JsonNode *body = json_node_new(JSON_NODE_OBJECT);
	json_node_take_object(body, ap_escrow_admin_to_json(admin));
	return call(c, options, "POST", "/v1/lockdown/admins", body);
}

static int enrol(struct ap_client *c, const struct ap_client_options *options, const struct wish *w)
{
	struct ap_escrow_admin admin = { .method = ap_escrow_method_new(false) };
	struct ap_secret *private = NULL;
	struct ap_secret *passphrase = ap_passphrase_read(w->passphrase_fd, "your lockdown passphrase, 12 characters or more", true);
	if (!passphrase)
		return AP_EXIT_FAILED;
	struct ap_result r = ap_fail(AP_ERR_LIMIT, "invalid", "a lockdown passphrase has at least 12 bytes");
	if (ap_secret_len(passphrase) >= AP_ESCROW_PASSPHRASE_MIN)
		r = ap_escrow_pair(&admin.method, passphrase, admin.public, &private);
	ap_secret_free(passphrase);
	ap_secret_free(private);
	if (!ap_ok(r)) {
		fprintf(stderr, "%s\n", r.detail);
		return AP_EXIT_FAILED;
	}
	return send_public(c, options, &admin);
}

/* ---- lifting ---- */

/* One half, opened and sent; the vault joins it with the other admin's. */
static bool add_half(JsonArray *list, JsonObject *sealed, const uint8_t public[AP_ESCROW_PUBLIC], const struct ap_secret *private)
{
	struct ap_escrow_half half;
	struct ap_secret *opened = NULL;
	if (!ap_ok(ap_escrow_half_parse(sealed, &half)) || !ap_ok(ap_escrow_open(&half, public, private, &opened)))
		return false;
	char *text = ap_base64url(ap_secret_bytes(opened), ap_secret_len(opened));
	JsonObject *o = json_object_new();
	json_object_set_string_member(o, "with", half.with);
	json_object_set_string_member(o, "half", text);
	json_array_add_object_element(list, o);
	ap_wipe(text, strlen(text));
	g_free(text);
	ap_secret_free(opened);
	return true;
}

static bool open_all(JsonObject *kept, const struct ap_secret *passphrase, JsonArray *list)
{
	struct ap_escrow_admin admin;
	struct ap_secret *private = NULL;
	uint8_t public[AP_ESCROW_PUBLIC];
	JsonArray *halves = json_object_get_array_member(kept, "halves");
	if (!ap_ok(ap_escrow_admin_parse(json_object_get_object_member(kept, "admin"), &admin)) ||
	    !ap_ok(ap_escrow_pair(&admin.method, passphrase, public, &private)))
		return false;
	bool good = true;
	for (guint i = 0; good && i < json_array_get_length(halves); i++)
		good = add_half(list, json_array_get_object_element(halves, i), public, private);
	ap_secret_free(private);
	return good;
}

static int lift_sealed(struct ap_client *c, const struct ap_client_options *options, const struct wish *w)
{
	g_autoptr(JsonNode) kept = NULL;
	if (!ap_client_call(c, "GET", "/v1/lockdown/halves", NULL, &kept))
		return AP_EXIT_FAILED;
	struct ap_secret *passphrase = ap_passphrase_read(w->passphrase_fd, "your lockdown passphrase", false);
	JsonArray *list = json_array_new();
	bool opened = passphrase && open_all(json_node_get_object(kept), passphrase, list);
	ap_secret_free(passphrase);
	if (!opened) {
		json_array_unref(list);
		if (passphrase)
			fputs("This is not the passphrase.\n", stderr);
		return AP_EXIT_FAILED;
	}
	JsonNode *body = ap_client_object(NULL, (void *)NULL);
	json_object_set_array_member(json_node_get_object(body), "halves", list);
	return call(c, options, "POST", "/v1/lockdown/lift", body);
}

static int lift(struct ap_client *c, const struct ap_client_options *options, const struct wish *w)
{
	g_autoptr(JsonNode) state = NULL;
	if (!ap_client_call(c, "GET", "/v1/lockdown", NULL, &state))
		return AP_EXIT_FAILED;
	if (json_object_get_boolean_member(json_node_get_object(state), "covered"))
		return lift_sealed(c, options, w);
	return call(c, options, "POST", "/v1/lockdown/lift", NULL);
}

static int dismiss(struct ap_client *c, const struct ap_client_options *options, const char *name)
{
	g_autofree char *escaped = g_uri_escape_string(name, NULL, FALSE);
	g_autofree char *path = g_strconcat("/v1/lockdown/admins/", escaped, NULL);
	return call(c, options, "DELETE", path, NULL);
}

static int run(struct ap_client *c, const struct ap_client_options *options, int argc, char **argv, const struct wish *w)
{
	const char *verb = argc > 1 ? argv[1] : "";
	if (argc == 1)
		return call(c, options, "POST", "/v1/lockdown", ap_client_object("reason", options->reason, NULL));
	if (argc == 2 && strcmp(verb, "status") == 0)
		return call(c, options, "GET", "/v1/lockdown", NULL);
	if (argc == 2 && strcmp(verb, "enrol") == 0)
		return enrol(c, options, w);
	if (argc == 3 && strcmp(verb, "dismiss") == 0)
		return dismiss(c, options, argv[2]);
	if (argc == 2 && strcmp(verb, "lift") == 0)
		return lift(c, options, w);
	fprintf(stderr, "usage: aparte lockdown %s\n", usage);
	return AP_EXIT_USAGE;
}

int ap_cmd_lockdown(int argc, char **argv)
{
	struct wish w = { .passphrase_fd = -1 };
	struct ap_client_options options = { 0 };
	const GOptionEntry entries[] = {
		{ "passphrase-fd", 0, 0, G_OPTION_ARG_INT, &w.passphrase_fd, "read it from this descriptor, not from the terminal", "N" },
		{ NULL, 0, 0, 0, NULL, NULL, NULL },
	};
	int status = ap_client_parse(&options, usage,
				     "Closes every gate, ends every viewing and staff login, wipes the key-encryption key from memory and\n"
				     "destroys its file. Withdrawals and erasures go on. Two enrolled admins lift it, each with `aparte lockdown\n"
				     "lift --admin NAME` and their own passphrase, within a quarter of an hour. Enrol them before:\n"
				     "`aparte lockdown enrol --admin NAME`.",
				     entries, &argc, &argv);
	if (status < 0) {
		struct ap_client *c = ap_client_new(&options);
		status = run(c, &options, argc, argv, &w);
		ap_client_free(c);
	}
	ap_client_options_clear(&options);
	return status;
}
