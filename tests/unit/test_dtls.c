/*
 * What a connection still does once its handshake is over and its buffers were given back. Handshakes under loss:
 * tests/fuzz/fuzz_dtls.c, tests/integration/media_transport.c.
 */
#include "gateway/dtls.h"
#include "tests/testlib/peer_dtls.h"

#include <aparte/buf.h>
#include <glib.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char PROFILES[] = "SRTP_AEAD_AES_128_GCM";

/* Datagrams on their way. */
struct line {
	GQueue queue; /* of GBytes */
};

struct call {
	struct ap_dtls *server;
	struct ap_peer_dtls client;
	struct line to_server, to_client;
	enum ap_dtls_state state;
};

static struct ap_dtls_identity *identity;
static struct ap_peer_identity client_identity;

static void from_server(void *call, const uint8_t *data, size_t len)
{
	g_queue_push_tail(&((struct call *)call)->to_client.queue, g_bytes_new(data, len));
}

static void from_client(void *call, const uint8_t *data, size_t len)
{
	g_queue_push_tail(&((struct call *)call)->to_server.queue, g_bytes_new(data, len));
}

/* How long an impatient client waits for an answer, µs. */
static unsigned soon(SSL *ssl, unsigned last_us)
{
	(void)ssl;
	(void)last_us;
	return 30000;
}

/* Until nothing is under way, or the server has established the connection and says so, if `until_established`. */
static void pass(struct call *c, bool until_established)
{
	GBytes *bytes;
	uint8_t unread[2000];
	while (!g_queue_is_empty(&c->to_server.queue) || !g_queue_is_empty(&c->to_client.queue)) {
		if ((bytes = g_queue_pop_head(&c->to_server.queue))) {
			c->state = ap_dtls_receive(c->server, g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
			g_bytes_unref(bytes);
		}
		if (until_established && c->state == AP_DTLS_ESTABLISHED)
			return;
		if ((bytes = g_queue_pop_head(&c->to_client.queue))) {
			BIO_write(c->client.in, g_bytes_get_data(bytes, NULL), (int)g_bytes_get_size(bytes));
			g_bytes_unref(bytes);
			if (SSL_do_handshake(c->client.ssl) == 1)
				(void)SSL_read(c->client.ssl, unread, sizeof unread);
		}
	}
}

static void deliver(struct call *c)
{
	pass(c, false);
}

static struct call *begin_call(bool impatient)
{
	struct call *c = g_new0(struct call, 1);
	ap_peer_dtls_init(&c->client, &client_identity, PROFILES, from_client, c);
	assert_true(ap_ok(ap_dtls_new(identity, client_identity.fingerprint, from_server, c, &c->server)));
	if (impatient)
		DTLS_set_timer_cb(c->client.ssl, soon);
	assert_int_equal(SSL_do_handshake(c->client.ssl), -1);
	return c;
}

static struct call *connect_call(void)
{
	struct call *c = begin_call(false);
	deliver(c);
	assert_int_equal(c->state, AP_DTLS_ESTABLISHED);
	assert_true(SSL_is_init_finished(c->client.ssl));
	return c;
}

static void end_call(struct call *c)
{
	ap_dtls_free(c->server);
	ap_peer_dtls_clear(&c->client);
	g_queue_clear_full(&c->to_server.queue, (GDestroyNotify)g_bytes_unref);
	g_queue_clear_full(&c->to_client.queue, (GDestroyNotify)g_bytes_unref);
	g_free(c);
}

static int set_up(void **state)
{
	(void)state;
	ap_peer_identity_make(&client_identity);
	return ap_ok(ap_dtls_identity_new(&identity)) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	ap_dtls_identity_free(identity);
	ap_peer_identity_clear(&client_identity);
	return 0;
}

/* Our last flight is lost, twice: the client says its own again, and hears ours again. */
static void a_client_that_repeats_itself_is_answered(void **state)
{
	(void)state;
	struct call *c = begin_call(true);
	pass(c, true);
	for (int times = 0; times < 2; times++) {
		assert_false(g_queue_is_empty(&c->to_client.queue));
		g_queue_clear_full(&c->to_client.queue, (GDestroyNotify)g_bytes_unref);
		assert_false(SSL_is_init_finished(c->client.ssl));
		while (g_queue_is_empty(&c->to_server.queue)) {
			g_usleep(1000);
			assert_true(DTLSv1_handle_timeout(c->client.ssl) >= 0);
		}
		while (!g_queue_is_empty(&c->to_server.queue) && times == 0) {
			GBytes *bytes = g_queue_pop_head(&c->to_server.queue);
			c->state = ap_dtls_receive(c->server, g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
			g_bytes_unref(bytes);
		}
	}
	deliver(c);
	assert_int_equal(c->state, AP_DTLS_ESTABLISHED);
	assert_true(SSL_is_init_finished(c->client.ssl));
	end_call(c);
}

static void a_client_that_hangs_up_is_heard(void **state)
{
	(void)state;
	struct call *c = connect_call();
	assert_true(SSL_shutdown(c->client.ssl) >= 0);
	deliver(c);
	assert_int_equal(c->state, AP_DTLS_CLOSED);
	end_call(c);
}

static void a_client_hears_that_we_hang_up(void **state)
{
	(void)state;
	struct call *c = connect_call();
	ap_dtls_close(c->server);
	deliver(c);
	assert_true(SSL_get_shutdown(c->client.ssl) & SSL_RECEIVED_SHUTDOWN);
	end_call(c);
}

static void what_is_no_record_changes_nothing(void **state)
{
	(void)state;
	struct call *c = connect_call();
	static const uint8_t JUNK[60] = {23, 254, 253, 0, 1, 0, 0, 0, 0, 0, 9, 0, 40};
	for (int i = 0; i < 3; i++)
		assert_int_equal(ap_dtls_receive(c->server, JUNK, sizeof JUNK), AP_DTLS_ESTABLISHED);
	ap_dtls_close(c->server);
	deliver(c);
	assert_true(SSL_get_shutdown(c->client.ssl) & SSL_RECEIVED_SHUTDOWN);
	end_call(c);
}

/* What the server's halves of these handshakes left behind. */
static void an_established_connection_holds_no_buffers(void **state)
{
	enum { CALLS = 16, MOST = 52 * 1024 }; /* 42 KiB; with its buffers 75 */
	struct ap_dtls *kept[CALLS];
	(void)state;
	end_call(connect_call()); /* what is made once is made */
	size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
	if (before == 0)
		skip(); /* a sanitizer's allocator does not tell */
	for (int i = 0; i < CALLS; i++) {
		struct call *c = connect_call();
		kept[i] = g_steal_pointer(&c->server);
		end_call(c);
	}
	size_t each = (mallinfo2().uordblks + mallinfo2().hblkhd - before) / CALLS;
	print_message("%zu bytes a connection\n", each);
	for (int i = 0; i < CALLS; i++)
		ap_dtls_free(kept[i]);
	assert_in_range(each, 1024, MOST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_that_repeats_itself_is_answered),
		cmocka_unit_test(a_client_that_hangs_up_is_heard),
		cmocka_unit_test(a_client_hears_that_we_hang_up),
		cmocka_unit_test(what_is_no_record_changes_nothing),
		cmocka_unit_test(an_established_connection_holds_no_buffers),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
