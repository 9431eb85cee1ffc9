/*
 * A demonstration on the running instance: staff logins and a tenant once, a session each time. What was made stands
 * in $APARTE_HOME/demo.json (0600), which is also how the next run knows the logins again.
 */
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/instance.h"
#include "cli/serve_config.h"
#include "cli/serve_tls.h"

#include <libsoup/soup.h>
#include <string.h>

static const struct {
	const char *name, *role;
} logins[] = { { "admin", "admin" }, { "admin2", "admin" }, { "supervisor", "supervisor" }, { "auditor", "auditor" } };

struct demo {
	struct ap_client *client; /* owned */
	JsonObject *file;	  /* owned: demo.json */
	char *path;		  /* owned */
	bool json;
};

static bool has_login(const struct demo *d, const char *name)
{
	return json_object_has_member(d->file, name);
}

/* Keeps the three members of a login that demo.json promises. */
static bool keep_login(struct demo *d, const char *name, JsonNode *answer)
{
	static const char *const members[] = { "user", "password", "totp_secret" };
	g_autoptr(JsonObject) login = json_object_new();
	JsonObject *from = json_node_get_object(answer);
	for (size_t m = 0; m < G_N_ELEMENTS(members); m++)
		json_object_set_string_member(login, members[m],
					      json_object_get_string_member_with_default(from, members[m], ""));
	json_object_set_object_member(d->file, name, g_steal_pointer(&login));
	return true;
}

static bool user_exists(JsonNode *users, const char *name)
{
	JsonArray *list = json_object_get_array_member(json_node_get_object(users), "users");
	for (guint u = 0; list && u < json_array_get_length(list); u++)
		if (g_strcmp0(json_object_get_string_member_with_default(json_array_get_object_element(list, u), "user",
									  NULL),
			      name) == 0)
			return true;
	return false;
}

/* Nobody reads the code of conduct for a demonstration: it is recorded as acknowledged elsewhere, and who did so. */
static bool record_conduct(struct demo *d, const char *name)
{
	g_autofree char *path = g_strdup_printf("/v1/users/%s/conduct", name);
	return ap_client_call(d->client, "POST", path, NULL, NULL);
}

/* Makes the login, or gives a known user a new password when demo.json was lost. */
static bool make_login(struct demo *d, JsonNode *users, const char *name, const char *role)
{
	g_autoptr(JsonNode) answer = NULL;
	if (has_login(d, name))
		return true;
	if (user_exists(users, name)) {
		g_autofree char *reset = g_strdup_printf("/v1/users/%s/reset", name);
		return ap_client_call(d->client, "POST", reset, NULL, &answer) && keep_login(d, name, answer);
	}
	return ap_client_call(d->client, "POST", "/v1/users", ap_client_object("user", name, "role", role, NULL),
			      &answer) &&
	       keep_login(d, name, answer) && record_conduct(d, name);
}

static bool make_logins(struct demo *d)
{
	g_autoptr(JsonNode) users = NULL;
	if (!ap_client_call(d->client, "GET", "/v1/users", NULL, &users))
		return false;
	for (size_t l = 0; l < G_N_ELEMENTS(logins); l++)
		if (!make_login(d, users, logins[l].name, logins[l].role))
			return false;
	return true;
}

static bool tenant_exists(JsonNode *tenants, const char *name)
{
	JsonArray *list = json_object_get_array_member(json_node_get_object(tenants), "tenants");
	for (guint t = 0; list && t < json_array_get_length(list); t++)
		if (g_strcmp0(json_object_get_string_member_with_default(json_array_get_object_element(list, t), "name",
									  NULL),
			      name) == 0)
			return true;
	return false;
}

static bool make_api_key(struct demo *d)
{
	g_autoptr(JsonNode) tenants = NULL;
	g_autoptr(JsonNode) answer = NULL;
	if (json_object_has_member(d->file, "api_key"))
		return true;
	if (!ap_client_call(d->client, "GET", "/v1/tenants", NULL, &tenants))
		return false;
	if (!tenant_exists(tenants, "demo") &&
	    !ap_client_call(d->client, "POST", "/v1/tenants", ap_client_object("name", "demo", NULL), NULL))
		return false;
	g_autofree char *label = g_strdup_printf("demo-%" G_GINT64_FORMAT, g_get_real_time() / 1000);
	if (!ap_client_call(d->client, "POST", "/v1/tenants/demo/keys", ap_client_object("label", label, NULL), &answer))
		return false;
	json_object_set_string_member(d->file, "api_key",
				      json_object_get_string_member(json_node_get_object(answer), "api_key"));
	return true;
}

static char *session_body(void)
{
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *reference = g_date_time_format(now, "demo-%Y%m%d-%H%M%S");
	return g_strdup_printf("{\"reference\":\"%s\",\"coach\":{\"id\":\"demo-coach\",\"name\":\"Claire\","
			       "\"locale\":\"fr\"},\"coachee\":{\"id\":\"demo-coachee\",\"name\":\"Sam\","
			       "\"locale\":\"en\"},\"policy\":\"default\",\"sensitivity\":\"standard\","
			       "\"e2ee\":\"off\"}",
			       reference);
}

/* {"token","join_url"} of one party, as demo.json has it. */
static void keep_party(JsonObject *session, JsonObject *parties, const char *role)
{
	json_object_set_object_member(session, role,
				      json_object_ref(json_object_get_object_member(parties, role)));
}

static bool keep_session(struct demo *d, GBytes *body)
{
	g_autoptr(JsonParser) parser = json_parser_new();
	gsize len = 0;
	const char *text = g_bytes_get_data(body, &len);
	if (!json_parser_load_from_data(parser, text, (gssize)len, NULL) ||
	    !JSON_NODE_HOLDS_OBJECT(json_parser_get_root(parser)))
		return false;
	JsonObject *answer = json_node_get_object(json_parser_get_root(parser));
	if (!json_object_has_member(answer, "parties"))
		return false;
	JsonObject *parties = json_object_get_object_member(answer, "parties");
	g_autoptr(JsonObject) session = json_object_new();
	json_object_set_string_member(session, "id", json_object_get_string_member_with_default(answer, "id", ""));
	keep_party(session, parties, "coach");
	keep_party(session, parties, "coachee");
	json_object_set_object_member(d->file, "session", g_steal_pointer(&session));
	return true;
}

/* Over the gateway's public API, as any platform would. */
static bool make_session(struct demo *d, const struct ap_instance *i, const struct ap_config *config)
{
	g_autofree char *gateway = ap_serve_config_near_url(config, "gateway");
	g_autofree char *url = g_strconcat(gateway, "/v1/sessions", NULL);
	g_autofree char *key = g_strconcat("Bearer ", json_object_get_string_member(d->file, "api_key"), NULL);
	g_autofree char *body = session_body();
	g_autoptr(GBytes) bytes = g_bytes_new(body, strlen(body));
	g_autoptr(SoupSession) http = soup_session_new_with_options("timeout", 10u, NULL);
	g_autoptr(SoupMessage) message = soup_message_new("POST", url);
	soup_message_headers_append(soup_message_get_request_headers(message), "Authorization", key);
	soup_message_set_request_body_from_bytes(message, "application/json", bytes);
	ap_serve_tls_expect_own(i, config, "gateway", message);
	g_autoptr(GBytes) answer = soup_session_send_and_read(http, message, NULL, NULL);
	if (answer && soup_message_get_status(message) == SOUP_STATUS_CREATED && keep_session(d, answer))
		return true;
	g_printerr("aparte demo: the gateway made no session (HTTP %u)\n", soup_message_get_status(message));
	return false;
}

static char *file_text(struct demo *d)
{
	g_autoptr(JsonNode) root = json_node_init_object(json_node_alloc(), d->file);
	g_autoptr(JsonGenerator) generator = json_generator_new();
	json_generator_set_pretty(generator, TRUE);
	json_generator_set_root(generator, root);
	return json_generator_to_data(generator, NULL);
}

static bool save(struct demo *d)
{
	g_autofree char *text = file_text(d);
	return g_file_set_contents_full(d->path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0600, NULL);
}

static void load(struct demo *d)
{
	g_autoptr(JsonParser) parser = json_parser_new();
	if (json_parser_load_from_file(parser, d->path, NULL) && JSON_NODE_HOLDS_OBJECT(json_parser_get_root(parser)))
		d->file = json_object_ref(json_node_get_object(json_parser_get_root(parser)));
	else
		d->file = json_object_new();
}

static void print(struct demo *d)
{
	if (d->json) {
		g_autofree char *text = file_text(d);
		g_print("%s\n", text);
		return;
	}
	JsonObject *session = json_object_get_object_member(d->file, "session");
	g_print("\n  gateway         %s\n  vault (staff)   %s\n  platform key    %s\n\n",
		json_object_get_string_member(d->file, "gateway"), json_object_get_string_member(d->file, "vault"),
		json_object_get_string_member(d->file, "api_key"));
	for (size_t r = 0; r < 2; r++) {
		const char *role = r ? "coachee" : "coach";
		g_print("  %-8s joins  %s\n", role,
			json_object_get_string_member(json_object_get_object_member(session, role), "join_url"));
	}
	g_print("\n  login         password                  TOTP secret\n");
	for (size_t l = 0; l < G_N_ELEMENTS(logins); l++) {
		JsonObject *login = json_object_get_object_member(d->file, logins[l].name);
		g_print("  %-12s  %-24s  %s\n", json_object_get_string_member(login, "user"),
			json_object_get_string_member(login, "password"),
			json_object_get_string_member(login, "totp_secret"));
	}
	g_print("\n  All of it stands in %s\n", d->path);
}

static bool make_demo(struct demo *d, const struct ap_instance *i, const struct ap_config *config)
{
	g_autofree char *gateway = ap_serve_config_url(config, "gateway");
	g_autofree char *vault = ap_serve_config_url(config, "vault");
	json_object_set_string_member(d->file, "gateway", gateway);
	json_object_set_string_member(d->file, "vault", vault);
	bool made = make_logins(d) && make_api_key(d);
	/* Kept even when the session fails: passwords are told only once. */
	made = save(d) && made && make_session(d, i, config) && save(d);
	if (made)
		print(d);
	return made;
}

static int run(struct ap_client_options *options)
{
	struct ap_instance *instance = NULL;
	struct ap_config *config = NULL;
	struct ap_result r = ap_instance_open(options->home, false, &instance);
	if (ap_ok(r))
		r = ap_serve_config_load(instance, &config);
	if (!ap_ok(r)) {
		g_printerr("aparte demo: %s\n", r.detail);
		ap_instance_free(instance);
		return AP_EXIT_FAILED;
	}
	struct demo demo = { .path = ap_instance_path(instance, "demo.json"), .json = options->json };
	load(&demo);
	if (!options->admin && has_login(&demo, "admin"))
		options->admin = g_strdup("admin");
	demo.client = ap_client_new(options);
	int status = make_demo(&demo, instance, config) ? AP_EXIT_OK : AP_EXIT_FAILED;
	ap_client_free(demo.client);
	json_object_unref(demo.file);
	g_free(demo.path);
	ap_config_free(config);
	ap_instance_free(instance);
	return status;
}

int ap_cmd_demo(int argc, char **argv)
{
	struct ap_client_options options = { 0 };
	int status = ap_client_parse(&options, "", "Staff logins and a tenant once, a fresh demo session each time.", NULL,
				     &argc, &argv);
	if (status < 0)
		status = run(&options);
	ap_client_options_clear(&options);
	return status;
}
