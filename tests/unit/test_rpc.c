/* The vault's core as the gateway sees it: D-Bus over a socket pair, the gate on its own thread, a faked capture. */
#include "recorder/core.h"
#include "tests/testlib/fake_capture.h"
#include "tests/testlib/vault_world.h"

#include <aparte/encode.h>

#include <gio/gunixfdlist.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vault_dbus.h>

#define INTERFACE "fr.aparte.Vault1"
#define PATH "/fr/aparte"
#define WAIT_US 5000000

struct stand {
	struct world *w;
	struct ap_core *core;
	GDBusConnection *connection; /* the gateway's end */
	ApDbusGateway1 *gateway;
	int tap;
	unsigned taps, hung_up, revoked;
	GString *events;
};

/* ---- the gateway ---- */

static gboolean on_tap_open(ApDbusGateway1 *g, GDBusMethodInvocation *call, GUnixFDList *fds, const char *session,
			    guint64 generation, guint epoch, GVariant *handle, void *data)
{
	struct stand *s = data;
	(void)session;
	(void)generation;
	(void)epoch;
	if (s->tap >= 0)
		close(s->tap);
	s->tap = g_unix_fd_list_get(fds, g_variant_get_handle(handle), NULL);
	s->taps++;
	ap_dbus_gateway1_complete_tap_open(g, call, NULL);
	return TRUE;
}

static gboolean on_tap_close(ApDbusGateway1 *g, GDBusMethodInvocation *call, const char *session, guint64 generation, void *data)
{
	(void)session;
	(void)generation;
	(void)data;
	ap_dbus_gateway1_complete_tap_close(g, call, 1, 0);
	return TRUE;
}

static gboolean on_event(ApDbusGateway1 *g, GDBusMethodInvocation *call, const char *session, const char *role,
			 const char *event, const char *json, void *data)
{
	struct stand *s = data;
	(void)session;
	g_string_append_printf(s->events, "%s %s %s\n", role, event, json);
	ap_dbus_gateway1_complete_event(g, call);
	return TRUE;
}

static gboolean on_session_close(ApDbusGateway1 *g, GDBusMethodInvocation *call, const char *session, const char *reason, void *data)
{
	struct stand *s = data;
	(void)session;
	assert_string_equal(reason, "ended");
	s->hung_up++;
	ap_dbus_gateway1_complete_session_close(g, call);
	return TRUE;
}

static gboolean on_token_revoked(ApDbusGateway1 *g, GDBusMethodInvocation *call, const char *hash, void *data)
{
	struct stand *s = data;
	assert_int_equal(strlen(hash), 64);
	s->revoked++;
	ap_dbus_gateway1_complete_token_revoked(g, call);
	return TRUE;
}

static void on_connected(GObject *source, GAsyncResult *result, void *data)
{
	(void)source;
	*(GDBusConnection **)data = g_dbus_connection_new_finish(result, NULL);
}

static void connect_gateway(struct stand *s)
{
	int ends[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	ap_core_set_link(s->core, ends[0], 1);
	g_autoptr(GSocket) socket = g_socket_new_from_fd(ends[1], NULL);
	g_autoptr(GSocketConnection) stream = g_socket_connection_factory_create_connection(socket);
	s->connection = NULL;
	g_dbus_connection_new(G_IO_STREAM(stream), NULL, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT, NULL, NULL, on_connected,
			      &s->connection);
	while (!s->connection)
		g_main_context_iteration(NULL, TRUE);
	g_dbus_connection_set_exit_on_close(s->connection, FALSE);
	s->gateway = ap_dbus_gateway1_skeleton_new();
	g_signal_connect(s->gateway, "handle-tap-open", G_CALLBACK(on_tap_open), s);
	g_signal_connect(s->gateway, "handle-tap-close", G_CALLBACK(on_tap_close), s);
	g_signal_connect(s->gateway, "handle-event", G_CALLBACK(on_event), s);
	g_signal_connect(s->gateway, "handle-session-close", G_CALLBACK(on_session_close), s);
	g_signal_connect(s->gateway, "handle-token-revoked", G_CALLBACK(on_token_revoked), s);
	assert_true(g_dbus_interface_skeleton_export(G_DBUS_INTERFACE_SKELETON(s->gateway), s->connection, PATH, NULL));
}

static void disconnect_gateway(struct stand *s)
{
	g_dbus_interface_skeleton_unexport(G_DBUS_INTERFACE_SKELETON(s->gateway));
	g_clear_object(&s->gateway);
	g_dbus_connection_close_sync(s->connection, NULL, NULL);
	g_clear_object(&s->connection);
}

/* ---- asking the vault ---- */

struct answer {
	bool came;
	GVariant *value;
	char *error; /* D-Bus name; NULL when it went well */
};

static void on_answer(GObject *source, GAsyncResult *result, void *data)
{
	struct answer *a = data;
	g_autoptr(GError) error = NULL;
	a->value = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);
	a->error = error ? g_dbus_error_get_remote_error(error) : NULL;
	if (error && !a->error)
		a->error = g_strdup("gone");
	a->came = true;
}

static void wait_for(const bool *flag)
{
	int64_t until = g_get_monotonic_time() + WAIT_US;
	while (!*flag && g_get_monotonic_time() < until)
		if (!g_main_context_iteration(NULL, FALSE))
			g_usleep(1000);
	assert_true(*flag);
}

/* The answer's first string (g_free), or "!" and the error's name. */
static char *ask(struct stand *s, const char *method, GVariant *arguments)
{
	struct answer a = { 0 };
	g_dbus_connection_call(s->connection, NULL, PATH, INTERFACE, method, arguments, NULL, G_DBUS_CALL_FLAGS_NONE, 5000, NULL,
			       on_answer, &a);
	wait_for(&a.came);
	char *text = a.error ? g_strconcat("!", a.error, NULL) : NULL;
	if (a.value && g_variant_n_children(a.value) > 0) {
		g_autoptr(GVariant) child = g_variant_get_child_value(a.value, 0);
		text = g_variant_is_of_type(child, G_VARIANT_TYPE_STRING) ? g_variant_dup_string(child, NULL) : NULL;
	}
	g_clear_pointer(&a.value, g_variant_unref);
	g_free(a.error);
	return text ? text : g_strdup("");
}

static void expect(struct stand *s, const char *method, GVariant *arguments, const char *contains)
{
	g_autofree char *text = ask(s, method, arguments);
	if (!strstr(text, contains))
		fail_msg("%s: %s", method, text);
}

static void let_run(unsigned ms)
{
	int64_t until = g_get_monotonic_time() + ms * 1000;
	while (g_get_monotonic_time() < until)
		if (!g_main_context_iteration(NULL, FALSE))
			g_usleep(1000);
}

static void wait_text(struct stand *s, const char *text)
{
	for (int i = 0; i < 300 && !strstr(s->events->str, text); i++)
		let_run(10);
	if (!strstr(s->events->str, text))
		fail_msg("never came: %s in %s", text, s->events->str);
}

/* ---- life ---- */

static int set_up(void **state)
{
	struct stand *s = g_new0(struct stand, 1);
	s->w = world_new(NULL);
	s->tap = -1;
	s->events = g_string_new(NULL);
	assert_true(ap_ok(ap_core_start(s->w->v, &s->core)));
	connect_gateway(s);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct stand *s = *state;
	disconnect_gateway(s);
	ap_core_stop(s->core);
	world_free(s->w);
	if (s->tap >= 0)
		close(s->tap);
	g_string_free(s->events, TRUE);
	g_free(s);
	return 0;
}

static void hello(struct stand *s)
{
	expect(s, "Hello", g_variant_new("(us)", 1, "gateway-1"), "\"video_codec\":\"VP8\"");
}

static void enrol(struct stand *s, const struct person *p)
{
	g_autofree char *key = ap_base64url(p->public, 32);
	g_autofree char *json = g_strdup_printf("{\"key\":\"%s\"}", key);
	expect(s, "DevicePut", g_variant_new("(ss)", p->token, json), "");
}

static void leg(struct stand *s, const char *role, bool connected)
{
	char id[AP_UUID_TEXT];
	ap_uuid_text(&s->w->session, id);
	expect(s, "LegState", g_variant_new("(ssb)", id, role, connected), "");
}

static void give(struct stand *s, struct person *p)
{
	g_autofree char *body = world_statement(s->w, p, "ConsentGiven", "recording", NULL, NULL);
	expect(s, "ConsentPut", g_variant_new("(ss)", p->token, body), "\"inclusion_proof\"");
}

static void open_gate(struct stand *s)
{
	hello(s);
	enrol(s, &s->w->coach);
	enrol(s, &s->w->coachee);
	leg(s, "coach", true);
	leg(s, "coachee", true);
	give(s, &s->w->coach);
	give(s, &s->w->coachee);
	wait_text(s, "coach gate {\"epoch\":1,\"generation\":\"");
	wait_text(s, "\"state\":\"open\"");
	assert_int_equal(s->taps, 1);
}

/* ---- what must be so ---- */

static void a_whole_session(void **state)
{
	struct stand *s = *state;
	char id[AP_UUID_TEXT];
	ap_uuid_text(&s->w->session, id);
	open_gate(s);
	assert_int_equal(send(s->tap, "x", 1, MSG_NOSIGNAL), 1);
	expect(s, "PartyOpen", g_variant_new("(s)", s->w->coach.token), id);
	expect(s, "PartyGet", g_variant_new("(s)", s->w->coach.token), "\"recording\":\"ConsentGiven\"");
	expect(s, "PartyReceipts", g_variant_new("(s)", s->w->coach.token), "{\"receipts\":[{");
	expect(s, "PauseSet", g_variant_new("(sb)", s->w->coach.token, TRUE), "\"paused\":{\"peer\":true,\"self\":true}");
	assert_int_equal(send(s->tap, "x", 1, MSG_NOSIGNAL), -1);
	expect(s, "PauseSet", g_variant_new("(sb)", s->w->coach.token, FALSE), "\"reasons\":[\"paused\"]");
	expect(s, "PauseSet", g_variant_new("(sb)", s->w->coachee.token, FALSE), "\"state\":\"open");
	expect(s, "SessionGet", g_variant_new("(ss)", s->w->api_key, id), "\"state\":\"active\"");
	expect(s, "SessionEnd", g_variant_new("(ss)", s->w->api_key, id), "");
	assert_int_equal(s->hung_up, 1);
	expect(s, "SessionGet", g_variant_new("(ss)", s->w->api_key, id), "\"state\":\"sealed\"");
	expect(s, "SessionEnd", g_variant_new("(ss)", s->w->api_key, id), "");
	assert_int_equal(s->hung_up, 2);
	/* A vault that died before it could hang up hears of the call from the gateway. */
	expect(s, "LegState", g_variant_new("(ssb)", id, "coach", TRUE), "");
	let_run(50);
	assert_int_equal(s->hung_up, 3);
	expect(s, "LegState", g_variant_new("(ssb)", id, "coach", FALSE), "");
	let_run(50);
	assert_int_equal(s->hung_up, 3);
	expect(s, "PartyGet", g_variant_new("(s)", s->w->coach.token), "\"may_join\":false");
}

static void withdrawing_closes_before_the_answer(void **state)
{
	struct stand *s = *state;
	open_gate(s);
	expect(s, "ConsentPut", g_variant_new("(ss)", s->w->coachee.token, "{{{ConsentWithdrawn"), "\"evidence\":\"unsigned\"");
	assert_int_equal(send(s->tap, "x", 1, MSG_NOSIGNAL), -1);
	assert_int_equal(s->w->erasures_ordered, 1);
	let_run(50);
	assert_true(s->w->kicks > 0);
}

/* R31: closed first, whatever becomes of the row. */
static void a_pause_that_cannot_be_kept_closes_all_the_same(void **state)
{
	struct stand *s = *state;
	struct ap_db *blocker = NULL;
	g_autofree char *path = g_build_filename(s->w->home, "vault", "vault.db", NULL);
	open_gate(s);
	assert_true(ap_ok(ap_db_open(path, ap_schema_vault, &blocker)));
	assert_true(ap_ok(ap_db_begin(blocker))); /* nobody else can write now */
	expect(s, "PauseSet", g_variant_new("(sb)", s->w->coach.token, TRUE), "VaultUnavailable");
	assert_int_equal(send(s->tap, "x", 1, MSG_NOSIGNAL), -1);
	ap_db_rollback(blocker);
	ap_db_close(blocker);
	let_run(500);
	expect(s, "PartyGet", g_variant_new("(s)", s->w->coach.token), "\"paused\":{\"peer\":true,\"self\":true}");
	expect(s, "PauseSet", g_variant_new("(sb)", s->w->coach.token, FALSE), "\"paused\":{\"peer\":true,\"self\":false}");
	expect(s, "PauseSet", g_variant_new("(sb)", s->w->coachee.token, FALSE), "\"paused\":{\"peer\":false,\"self\":false}");
}

static void a_lost_gateway_closes_and_a_new_one_starts_over(void **state)
{
	struct stand *s = *state;
	open_gate(s);
	disconnect_gateway(s);
	for (int i = 0; i < 200 && ap_vault_ready(s->w->v); i++)
		let_run(10);
	assert_false(ap_vault_ready(s->w->v));
	connect_gateway(s);
	hello(s);
	expect(s, "PartyGet", g_variant_new("(s)", s->w->coach.token), "\"reasons\":[\"disconnected\"]");
	leg(s, "coach", true);
	leg(s, "coachee", true);
	wait_text(s, "\"epoch\":2");
}

static void tokens_and_keys_are_asked_for(void **state)
{
	struct stand *s = *state;
	char id[AP_UUID_TEXT];
	ap_uuid_text(&s->w->session, id);
	hello(s);
	expect(s, "PartyGet", g_variant_new("(s)", "nobody"), "!fr.aparte.Error.TokenInvalid");
	expect(s, "SessionGet", g_variant_new("(ss)", "apk_wrong", id), "!fr.aparte.Error.TokenInvalid");
	expect(s, "SessionGet", g_variant_new("(ss)", s->w->api_key, "x"), "!fr.aparte.Error.NotFound");
	expect(s, "SessionCreate", g_variant_new("(sss)", s->w->api_key, "", "{}"), "!fr.aparte.Error.Invalid");
	expect(s, "DevicePut", g_variant_new("(ss)", s->w->coach.token, "{}"), "!fr.aparte.Error.Malformed");
	expect(s, "TokenRenew", g_variant_new("(sss)", s->w->api_key, id, "coach"), "\"join_url\"");
	expect(s, "PartyGet", g_variant_new("(s)", s->w->coach.token), "!fr.aparte.Error.TokenInvalid");
	for (int i = 0; i < 100 && s->revoked == 0; i++)
		let_run(10);
	assert_int_equal(s->revoked, 1);
	expect(s, "LedgerGet", g_variant_new("(ss)", "key", ""), "text/plain");
}

static void ended(GDBusConnection *connection, gboolean remote, GError *error, void *data)
{
	(void)connection;
	(void)remote;
	(void)error;
	*(bool *)data = true;
}

/* Whatever is outside the permit table ends the link. */
static void breaks_link(struct stand *s, const char *path, const char *interface, const char *method, GVariant *arguments)
{
	bool gone = false;
	gulong handler = g_signal_connect(s->connection, "closed", G_CALLBACK(ended), &gone);
	g_dbus_connection_call(s->connection, NULL, path, interface, method, arguments, NULL, G_DBUS_CALL_FLAGS_NONE, 1000, NULL,
			       NULL, NULL);
	wait_for(&gone);
	g_signal_handler_disconnect(s->connection, handler);
	disconnect_gateway(s);
	connect_gateway(s);
}

static void outside_the_permit_table_the_link_ends(void **state)
{
	struct stand *s = *state;
	g_autofree char *much = g_strnfill(4096, 'x');
	breaks_link(s, PATH, INTERFACE, "PartyGet", g_variant_new("(s)", s->w->coach.token)); /* before Hello */
	hello(s);
	breaks_link(s, PATH, INTERFACE, "Hello", g_variant_new("(us)", 1, "again"));
	hello(s);
	breaks_link(s, PATH, INTERFACE, "PartyGet", g_variant_new("(s)", much));
	hello(s);
	breaks_link(s, PATH, INTERFACE, "Shutdown", NULL);
	hello(s);
	breaks_link(s, PATH, "org.freedesktop.DBus.Introspectable", "Introspect", NULL);
	hello(s);
	breaks_link(s, "/elsewhere", INTERFACE, "PartyGet", g_variant_new("(s)", "x"));
	hello(s);
}

static void a_given_key_is_the_only_one(void **state)
{
	struct stand *s = *state;
	hello(s);
	g_autofree char *key = ap_base64url(s->w->coach.public, 32);
	g_autofree char *body = g_strdup_printf("{\"coach\":{\"id\":\"a\",\"locale\":\"fr\",\"key\":\"%s\"},"
						"\"coachee\":{\"id\":\"b\",\"locale\":\"fr\"}}", key);
	g_autofree char *answer = ask(s, "SessionCreate", g_variant_new("(sss)", s->w->api_key, "", body));
	g_autoptr(JsonNode) node = json_from_string(answer, NULL);
	JsonObject *parties = json_object_get_object_member(json_node_get_object(node), "parties");
	const char *token = json_object_get_string_member(json_object_get_object_member(parties, "coach"), "token");
	g_autofree char *other_key = ap_base64url(s->w->coachee.public, 32);
	g_autofree char *other = g_strdup_printf("{\"key\":\"%s\"}", other_key), *right = g_strdup_printf("{\"key\":\"%s\"}", key);
	expect(s, "DevicePut", g_variant_new("(ss)", token, other), "!fr.aparte.Error.StatementKey");
	expect(s, "DevicePut", g_variant_new("(ss)", token, right), "");
}

static void another_device_is_announced(void **state)
{
	struct stand *s = *state;
	open_gate(s);
	crypto_sign_keypair(s->w->coach.public, s->w->coach.secret);
	s->w->wall_ms += 3;
	enrol(s, &s->w->coach);
	wait_text(s, " party {\"role\":\"coach\",\"device\":\"another\"}");
	wait_text(s, "\"reasons\":[\"device\"]");
	assert_int_equal(send(s->tap, "x", 1, MSG_NOSIGNAL), -1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_whole_session),
		TEST(withdrawing_closes_before_the_answer),
		TEST(a_pause_that_cannot_be_kept_closes_all_the_same),
		TEST(a_lost_gateway_closes_and_a_new_one_starts_over),
		TEST(tokens_and_keys_are_asked_for),
		TEST(outside_the_permit_table_the_link_ends),
		TEST(a_given_key_is_the_only_one),
		TEST(another_device_is_announced),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
