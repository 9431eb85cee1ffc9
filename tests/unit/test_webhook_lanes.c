/* Receivers that hang, and names that lead inward: nobody else waits, nothing is spoken to that is not of the internet. */
#include "tests/testlib/staff_fixture.h"

#include "recorder/webhook/webhook.h"
#include "recorder/webhook/webhook_sender.h"

#include <gio/gio.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- names as this test says ---- */

typedef struct {
	GResolver parent;
} Names;
typedef struct {
	GResolverClass parent;
} NamesClass;
GType names_get_type(void);
G_DEFINE_TYPE(Names, names, G_TYPE_RESOLVER)

static void names_init(Names *self)
{
	(void)self;
}

static void free_addresses(void *list)
{
	g_resolver_free_addresses(list);
}

static void return_address(GTask *task, const char *address)
{
	g_task_return_pointer(task, g_list_append(NULL, g_inet_address_new_from_string(address)), free_addresses);
}

static void answer(GResolver *resolver, const char *name, GResolverNameLookupFlags flags, GCancellable *cancel,
		   GAsyncReadyCallback done, gpointer data)
{
	(void)flags;
	g_autoptr(GTask) task = g_task_new(resolver, cancel, done, data);
	if (g_str_has_suffix(name, ".inward.example"))
		return_address(task, "127.0.0.1");
	else if (g_str_has_suffix(name, ".outward.example"))
		return_address(task, "203.0.113.7");
	else
		g_task_return_new_error(task, G_RESOLVER_ERROR, G_RESOLVER_ERROR_NOT_FOUND, "no such name");
}

static void answer_any(GResolver *resolver, const char *name, GCancellable *cancel, GAsyncReadyCallback done, gpointer data)
{
	answer(resolver, name, G_RESOLVER_NAME_LOOKUP_FLAGS_DEFAULT, cancel, done, data);
}

static GList *take(GResolver *resolver, GAsyncResult *result, GError **error)
{
	(void)resolver;
	return g_task_propagate_pointer(G_TASK(result), error);
}

static void names_class_init(NamesClass *class)
{
	class->parent.lookup_by_name_async = answer_any;
	class->parent.lookup_by_name_finish = take;
	class->parent.lookup_by_name_with_flags_async = answer;
	class->parent.lookup_by_name_with_flags_finish = take;
}

/* ---- receivers that say nothing ---- */

/* Takes connections and never answers; counts them. */
struct mute {
	GSocketService *service;
	GPtrArray *taken;
	unsigned port;
};

static gboolean on_connection(GSocketService *service, GSocketConnection *connection, GObject *source, gpointer data)
{
	struct mute *m = data;
	(void)service, (void)source;
	g_ptr_array_add(m->taken, g_object_ref(connection));
	return TRUE;
}

static struct mute *mute_at(const char *address)
{
	struct mute *m = g_new0(struct mute, 1);
	g_autoptr(GInetAddress) own = g_inet_address_new_from_string(address);
	g_autoptr(GSocketAddress) any = g_inet_socket_address_new(own, 0), bound = NULL;
	m->taken = g_ptr_array_new_with_free_func(g_object_unref);
	m->service = g_socket_service_new();
	assert_true(g_socket_listener_add_address(G_SOCKET_LISTENER(m->service), any, G_SOCKET_TYPE_STREAM,
						  G_SOCKET_PROTOCOL_TCP, NULL, &bound, NULL));
	m->port = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(bound));
	g_signal_connect(m->service, "incoming", G_CALLBACK(on_connection), m);
	return m;
}

static struct mute *mute_new(void)
{
	return mute_at("127.0.0.1");
}

static void mute_free(struct mute *m)
{
	g_socket_service_stop(m->service);
	g_object_unref(m->service);
	g_ptr_array_unref(m->taken);
	g_free(m);
}

/* Answers everything with 204. */
static void on_data(GObject *source, GAsyncResult *result, gpointer data)
{
	unsigned *answered = data;
	g_autoptr(GBytes) bytes = g_input_stream_read_bytes_finish(G_INPUT_STREAM(source), result, NULL);
	GIOStream *stream = g_object_get_data(source, "connection");
	if (!bytes || g_bytes_get_size(bytes) == 0)
		return;
	++*answered;
	g_output_stream_write_all(g_io_stream_get_output_stream(stream), "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", 46,
				  NULL, NULL, NULL);
	g_io_stream_close(stream, NULL, NULL);
}

static gboolean on_good_connection(GSocketService *service, GSocketConnection *connection, GObject *source, gpointer data)
{
	GInputStream *in = g_io_stream_get_input_stream(G_IO_STREAM(connection));
	(void)service, (void)source;
	g_object_set_data_full(G_OBJECT(in), "connection", connection, NULL);
	g_object_set_data_full(G_OBJECT(service), "last", g_object_ref(connection), g_object_unref);
	g_input_stream_read_bytes_async(in, 65536, G_PRIORITY_DEFAULT, NULL, on_data, data);
	return TRUE;
}

static struct mute *good_at(const char *address, unsigned *answered)
{
	struct mute *m = mute_at(address);
	g_signal_handlers_disconnect_by_func(m->service, on_connection, m);
	g_signal_connect(m->service, "incoming", G_CALLBACK(on_good_connection), answered);
	return m;
}

static struct mute *good_new(unsigned *answered)
{
	return good_at("127.0.0.1", answered);
}

/* ---- the tests ---- */

static struct fixture *open_fixture(const char *private_hosts)
{
	struct fixture *f = fixture_new();
	assert_ok(ap_config_set(f->config, "webhooks.allow_http", "true"));
	assert_ok(ap_config_set(f->config, "webhooks.private_hosts", private_hosts));
	return f;
}

static void put(struct fixture *f, const char *name, const char *host, unsigned port)
{
	g_autofree char *answer = NULL;
	g_autofree char *json = g_strdup_printf("{\"url\":\"http://%s:%u/h\",\"events\":[\"*\"]}", host, port);
	assert_ok(ap_webhook_put(f->v, f->tenant, name, json, &answer));
}

static void queue(struct fixture *f)
{
	struct ap_db *db = ap_vault_db(f->v);
	assert_ok(ap_db_begin(db));
	assert_ok(ap_db_finish(db, ap_webhook_queue(f->v, db, f->tenant, "session.created", "{\"session\":\"s\"}")));
}

/* Twelve hang, on one host too; the thirteenth gets all of its own within seconds, not after their timeouts. */
static void one_that_hangs_holds_up_nobody(void **state)
{
	(void)state;
	struct fixture *f = open_fixture("127.0.0.1");
	unsigned answered = 0;
	struct mute *mute = mute_new(), *good = good_new(&answered);
	for (int i = 0; i < 12; i++) {
		g_autofree char *name = g_strdup_printf("hangs%d", i);
		put(f, name, "127.0.0.1", mute->port);
	}
	put(f, "zgood", "127.0.0.1", good->port);
	for (int i = 0; i < 5; i++)
		queue(f);
	gint64 begun = g_get_monotonic_time();
	struct ap_webhooks *w = ap_webhooks_new(f->v);
	ap_webhooks_look(w);
	while ((answered < 5 || mute->taken->len < 12) && g_get_monotonic_time() - begun < 9 * G_USEC_PER_SEC)
		g_main_context_iteration(NULL, TRUE);
	assert_int_equal(answered, 5);
	assert_int_equal(mute->taken->len, 12); /* one each: a lane has one under way */
	while (fixture_count(f, "SELECT count(*) FROM webhook_delivery WHERE name = 'zgood'"))
		g_main_context_iteration(NULL, TRUE);
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM webhook_delivery WHERE attempts = 0"), 60);
	ap_webhooks_free(w);
	while (g_main_context_iteration(NULL, FALSE))
		;
	mute_free(mute);
	mute_free(good);
	fixture_free(f);
}

static void send_until_tried(struct fixture *f)
{
	queue(f);
	gint64 begun = g_get_monotonic_time();
	struct ap_webhooks *w = ap_webhooks_new(f->v);
	ap_webhooks_look(w);
	while (fixture_count(f, "SELECT count(*) FROM webhook_delivery WHERE attempts = 0") &&
	       g_get_monotonic_time() - begun < 9 * G_USEC_PER_SEC)
		g_main_context_iteration(NULL, TRUE);
	ap_webhooks_free(w);
	while (g_main_context_iteration(NULL, FALSE))
		;
}

/* Nothing in the name says so; what it resolves to does. Not even a connection is made. */
static void a_name_that_resolves_inward_is_not_spoken_to(void **state)
{
	(void)state;
	struct fixture *f = open_fixture("");
	struct mute *mute = mute_new();
	put(f, "main", "hooks.inward.example", mute->port);
	send_until_tried(f);
	assert_int_equal(fixture_count(f, "SELECT attempts FROM webhook_delivery WHERE problem = 'private-address'"), 1);
	assert_int_equal(mute->taken->len, 0);
	mute_free(mute);
	fixture_free(f);
}

static void a_host_that_the_operator_named_may_lead_inward(void **state)
{
	(void)state;
	struct fixture *f = open_fixture("other.example; Hooks.inward.example");
	unsigned answered = 0;
	struct mute *good = good_new(&answered);
	put(f, "main", "hooks.inward.example", good->port);
	send_until_tried(f);
	assert_int_equal(answered, 1);
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM webhook_delivery"), 0);
	/* Taken from the list, what is set already is not sent to any more. */
	assert_ok(ap_config_set(f->config, "webhooks.private_hosts", ""));
	send_until_tried(f);
	assert_int_equal(answered, 1);
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM webhook_delivery WHERE problem = 'private-address'"), 1);
	assert_ok(ap_config_set(f->config, "webhooks.allow_http", "false"));
	fixture_run(f, "UPDATE webhook_delivery SET attempts = 0, next_ms = 0");
	send_until_tried(f);
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM webhook_delivery WHERE problem = 'address'"), 2);
	mute_free(good);
	fixture_free(f);
}

/* A network of our own in which a public address is ours. */
static bool own_network(void)
{
	if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
		return false;
	return system("ip link set lo up && ip addr add 203.0.113.7/32 dev lo") == 0; /* NOLINT: a fixed command, in a test */
}

/* The other half: what is of the internet is spoken to, by name and by address, with nothing configured but http. Last, for
 * the process does not come back from its network. */
static void a_public_address_is_spoken_to(void **state)
{
	(void)state;
	if (!own_network())
		skip();
	struct fixture *f = open_fixture("");
	unsigned answered = 0;
	struct mute *good = good_at("203.0.113.7", &answered);
	put(f, "name", "hooks.outward.example", good->port);
	put(f, "address", "203.0.113.7", good->port);
	send_until_tried(f);
	assert_int_equal(answered, 2);
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM webhook_delivery"), 0);
	mute_free(good);
	fixture_free(f);
}

int main(void)
{
	g_autoptr(GResolver) names = g_object_new(names_get_type(), NULL);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_hangs_holds_up_nobody),
		cmocka_unit_test(a_name_that_resolves_inward_is_not_spoken_to),
		cmocka_unit_test(a_host_that_the_operator_named_may_lead_inward),
		cmocka_unit_test(a_public_address_is_spoken_to),
	};
	g_resolver_set_default(names);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
