#include "fake_vault.h"

#include <aparte/problem.h>
#include <gio/gio.h>
#include <gio/gunixfdlist.h>
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vault_dbus.h>

#define PARTY "{\"session\":\"" FAKE_SESSION "\",\"role\":\"coach\",\"gate\":{\"state\":\"closed\",\"reasons\":" \
	      "[\"consent_missing\"]},\"peer\":{\"name\":\"P\",\"connected\":false}}"

struct fake_vault {
	GDBusConnection *connection;
	unsigned registration; /* of the object on it */
	ApDbusVault1 *skeleton;
	GString *calls;
	char *refuse, *refuse_reads;
	bool mute;
	GPtrArray *unanswered;
};

static void refuse(GDBusMethodInvocation *call, const char *name)
{
	g_dbus_method_invocation_return_dbus_error(call, ap_problem_by_name(name)->dbus, "as the test wants");
}

static bool role_of(const char *token, const char **ret_role)
{
	*ret_role = strcmp(token, "coach-token") == 0	? "coach" :
		    strcmp(token, "coachee-token") == 0 ? "coachee" :
							  NULL;
	return *ret_role != NULL;
}

static GVariant *numbered_bytes(uint64_t offset, uint32_t length)
{
	g_autofree uint8_t *bytes = g_malloc(length);
	for (uint32_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)((offset + i) % 251);
	return g_variant_new("(@ay)", g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, bytes, length, 1));
}

static GVariant *track_bytes(GVariant *arguments)
{
	uint64_t offset;
	uint32_t length;
	g_variant_get(arguments, "(&s&s&s&stu)", NULL, NULL, NULL, NULL, &offset, &length);
	return numbered_bytes(offset, length);
}

static GVariant *archive_bytes(GVariant *arguments)
{
	uint64_t offset;
	uint32_t length;
	g_variant_get(arguments, "(&s&stu)", NULL, NULL, &offset, &length);
	return numbered_bytes(offset, length);
}

/* What each method answers to a caller that is who it should be. */
static GVariant *answer_to(const char *method, const char *role, GVariant *arguments)
{
	static const char *const texts[][2] = {
		{ "PartyGet", PARTY },
		{ "SessionGet", "{\"id\":\"" FAKE_SESSION "\"}" },
		{ "SessionCreate", "{\"id\":\"" FAKE_SESSION "\",\"state\":\"created\",\"parties\":{}}" },
		{ "TokenRenew", "{\"token\":\"new\",\"join_url\":\"http://127.0.0.1/join#new\"}" },
		{ "WebhookPut", "{\"secret\":\"whsec_x\"}" },
		{ "NoticeGet", "{\"version\":\"1\"}" },
		{ "ConsentPut", "{\"leaf_index\":1}" },
		{ "PauseSet", "{\"state\":\"closed\",\"reasons\":[\"paused\"]}" },
		{ "PartyRecordings", "{\"recordings\":[]}" },
		{ "PartyAccesses", "{\"accesses\":[]}" },
		{ "PartyReceipts", "{\"receipts\":[]}" },
		{ "PassageErase", "{\"state\":\"ordered\"}" },
		{ "RequestCreate", "{\"id\":\"r\",\"state\":\"open\",\"due\":\"2026-12-22T00:00:00.000Z\"}" },
		{ "ArchiveMake", "{\"id\":\"r\",\"archive\":{\"state\":\"making\",\"progress\":0}}" },
		{ "RequestGet", "{\"id\":\"r\",\"state\":\"open\",\"due\":\"2026-12-22T00:00:00.000Z\"}" },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
		if (strcmp(texts[i][0], method) == 0)
			return g_variant_new("(s)", texts[i][1]);
	if (strcmp(method, "Hello") == 0)
		return g_variant_new("(s)", "{\"host\":\"h\",\"video_codec\":\"VP8\",\"max_sessions\":10}");
	if (strcmp(method, "PartyOpen") == 0)
		return g_variant_new("(ssbs)", FAKE_SESSION, role, TRUE, "VP8");
	if (strcmp(method, "TrackOpen") == 0)
		return g_variant_new("(st)", "access-1", (uint64_t)FAKE_TRACK_SIZE);
	if (strcmp(method, "TrackRead") == 0)
		return track_bytes(arguments);
	if (strcmp(method, "RequestCopy") == 0)
		return g_variant_new("(ss)", "text/markdown", "# All\n");
	if (strcmp(method, "ArchiveOpen") == 0)
		return g_variant_new("(t)", (uint64_t)FAKE_TRACK_SIZE);
	if (strcmp(method, "ArchiveRead") == 0)
		return archive_bytes(arguments);
	if (strcmp(method, "LedgerGet") == 0)
		return g_variant_new("(ss)", "text/plain; charset=utf-8", "checkpoint\n");
	return NULL;
}

static void note(struct fake_vault *v, const char *method, GVariant *arguments)
{
	const char *role;
	gboolean connected;
	g_string_append(v->calls, method);
	if (strcmp(method, "LegState") == 0) {
		g_variant_get(arguments, "(&s&sb)", NULL, &role, &connected);
		g_string_append_printf(v->calls, "(%s,%d)", role, connected);
	}
	g_string_append_c(v->calls, ' ');
}

static void on_call(GDBusConnection *connection, const char *sender, const char *path, const char *interface,
		    const char *method, GVariant *arguments, GDBusMethodInvocation *call, void *data)
{
	(void)connection, (void)sender, (void)path, (void)interface;
	struct fake_vault *v = data;
	static const char *const open[] = { "Hello", "LegState", "TapLost", "LedgerGet", NULL };
	const char *first = "", *role = NULL;
	note(v, method, arguments);
	if (v->mute) {
		g_ptr_array_add(v->unanswered, g_object_ref(call));
		return;
	}
	g_autoptr(GVariant) child = g_variant_n_children(arguments) ? g_variant_get_child_value(arguments, 0) : NULL;
	if (child && g_variant_is_of_type(child, G_VARIANT_TYPE_STRING))
		first = g_variant_get_string(child, NULL);
	if (!g_strv_contains(open, method) && strcmp(first, "key") != 0 && !role_of(first, &role))
		refuse(call, "token-invalid");
	else if (strcmp(method, "ConsentPut") == 0 && v->refuse)
		refuse(call, v->refuse);
	else if (strcmp(method, "TrackRead") == 0 && v->refuse_reads)
		refuse(call, v->refuse_reads);
	else
		g_dbus_method_invocation_return_value(call, answer_to(method, role, arguments));
}

static gboolean allow(GDBusAuthObserver *observer, GIOStream *stream, GCredentials *credentials, void *data)
{
	(void)observer, (void)stream, (void)credentials, (void)data;
	return TRUE;
}

static void on_connection(GObject *source, GAsyncResult *result, void *data)
{
	static const GDBusInterfaceVTable table = { .method_call = on_call };
	struct fake_vault *v = data;
	(void)source;
	v->connection = g_dbus_connection_new_finish(result, NULL);
	if (!v->connection)
		return;
	v->registration = g_dbus_connection_register_object(v->connection, "/fr/aparte", ap_dbus_vault1_interface_info(),
							    &table, v, NULL, NULL);
	g_dbus_connection_start_message_processing(v->connection);
}

struct fake_vault *fake_vault_new(int *ret_fd)
{
	struct fake_vault *v = g_new0(struct fake_vault, 1);
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		g_error("no socketpair");
	v->calls = g_string_new(NULL);
	v->unanswered = g_ptr_array_new_with_free_func(g_object_unref);
	g_autoptr(GSocket) socket = g_socket_new_from_fd(pair[0], NULL);
	g_autoptr(GSocketConnection) stream = g_socket_connection_factory_create_connection(socket);
	g_autoptr(GDBusAuthObserver) observer = g_dbus_auth_observer_new();
	g_autofree char *guid = g_dbus_generate_guid();
	g_signal_connect(observer, "authorize-authenticated-peer", G_CALLBACK(allow), NULL);
	g_dbus_connection_new(G_IO_STREAM(stream), guid,
			      G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER |
				      G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING,
			      observer, NULL, on_connection, v);
	*ret_fd = pair[1];
	return v;
}

void fake_vault_free(struct fake_vault *v)
{
	if (!v)
		return;
	if (v->connection) {
		/* Calls that came and wait for the main loop are dropped with it. */
		g_dbus_connection_unregister_object(v->connection, v->registration);
		g_dbus_connection_close_sync(v->connection, NULL, NULL);
		g_object_unref(v->connection);
	}
	g_ptr_array_unref(v->unanswered);
	g_string_free(v->calls, TRUE);
	g_free(v->refuse);
	g_free(v->refuse_reads);
	g_free(v);
}

const char *fake_vault_calls(const struct fake_vault *v)
{
	return v->calls->str;
}

void fake_vault_clear_calls(struct fake_vault *v)
{
	g_string_truncate(v->calls, 0);
}

void fake_vault_mute(struct fake_vault *v, bool mute)
{
	v->mute = mute;
}

void fake_vault_refuse(struct fake_vault *v, const char *problem)
{
	g_free(v->refuse);
	v->refuse = g_strdup(problem);
}

void fake_vault_refuse_reads(struct fake_vault *v, const char *problem)
{
	g_free(v->refuse_reads);
	v->refuse_reads = g_strdup(problem);
}

struct asked {
	int *done;
	uint64_t *packets;
};

static void on_answer(GObject *connection, GAsyncResult *result, void *data)
{
	g_autofree struct asked *a = data;
	g_autoptr(GVariant) answer = g_dbus_connection_call_with_unix_fd_list_finish(G_DBUS_CONNECTION(connection), NULL,
										      result, NULL);
	if (a->done)
		*a->done += answer ? 1 : 100; /* 100: an error */
	if (a->packets && answer)
		g_variant_get(answer, "(tt)", a->packets, NULL);
}

static void ask(struct fake_vault *v, const char *method, GVariant *arguments, GUnixFDList *fds, int *ret_done,
		uint64_t *ret_packets)
{
	struct asked *a = g_new0(struct asked, 1);
	a->done = ret_done;
	a->packets = ret_packets;
	g_dbus_connection_call_with_unix_fd_list(v->connection, NULL, "/fr/aparte", "fr.aparte.Gateway1", method,
						 arguments, NULL, G_DBUS_CALL_FLAGS_NONE, 2000, fds, NULL, on_answer, a);
}

void fake_vault_tap_open(struct fake_vault *v, uint64_t generation, int fd, int *ret_done)
{
	g_autoptr(GUnixFDList) fds = g_unix_fd_list_new();
	g_unix_fd_list_append(fds, fd, NULL);
	ask(v, "TapOpen", g_variant_new("(stuh)", FAKE_SESSION, generation, 1, 0), fds, ret_done, NULL);
}

void fake_vault_tap_close(struct fake_vault *v, uint64_t generation, int *ret_done, uint64_t *ret_packets)
{
	ask(v, "TapClose", g_variant_new("(st)", FAKE_SESSION, generation), NULL, ret_done, ret_packets);
}

void fake_vault_event(struct fake_vault *v, const char *role, const char *event, const char *json)
{
	ask(v, "Event", g_variant_new("(ssss)", FAKE_SESSION, role, event, json), NULL, NULL, NULL);
}

void fake_vault_session_close(struct fake_vault *v, const char *reason, int *ret_done)
{
	ask(v, "SessionClose", g_variant_new("(ss)", FAKE_SESSION, reason), NULL, ret_done, NULL);
}

void fake_vault_token_revoked(struct fake_vault *v, const char *token)
{
	uint8_t hash[32];
	char hex[65];
	crypto_hash_sha256(hash, (const uint8_t *)token, strlen(token));
	sodium_bin2hex(hex, sizeof hex, hash, sizeof hash);
	ask(v, "TokenRevoked", g_variant_new("(s)", hex), NULL, NULL, NULL);
}
