/*
 * DTLS handshakes between our side and a client of OpenSSL's in memory, with everything that can happen to a datagram
 * on its way: the first byte says what client it is, then come steps (see enum), one a byte, some with arguments. What
 * is left when the steps are over goes on unharmed. Bytes of the input's own are sent too, and need no client.
 *
 * Established is only who shows the certificate that was signalled; then both sides have the same keys. What has ended
 * says nothing more; what leaves is DTLS, within the MTU, and not many times what came.
 */
#include "fuzz.h"

#include "gateway/demux.h"
#include "gateway/dtls.h"

#include <aparte/buf.h>
#include <openssl/ssl.h>
#include <string.h>

/* The first byte. */
enum { ANOTHER_CERTIFICATE = 1, NO_CERTIFICATE = 2, NO_SRTP = 4, ONLY_SHA1_80 = 8, HANGS_UP = 16 };
/* A step: what becomes of the client's next datagram, or of our time. */
enum step { DELIVER, FLIP, CUT, DROP, TWICE, OWN_BYTES, TICK, HOLD_BACK, STEPS };

enum { MTU = 1200, ROUNDS = 40, MOST_AT_ONCE = 16384 };

struct side {
	GQueue queue; /* of GBytes: sent and not delivered yet */
	size_t sent;  /* bytes in all */
};

static struct ap_dtls_identity *identity;
static SSL_CTX *with_certificate, *without; /* the clients' */
static BIO_METHOD *client_out;
static uint8_t client_digest[32]; /* of its certificate */

/* What a run is made of. */
static struct {
	struct ap_dtls *server; /* owned */
	SSL *client;            /* owned, NULL until it is needed */
	BIO *client_in;         /* the client's */
	struct side from_server, from_client;
	uint8_t how;
	bool harmed; /* something was changed, lost or added */
	enum ap_dtls_state state;
} run;

static void send_bytes(struct side *side, const uint8_t *data, size_t len)
{
	side->sent += len;
	g_queue_push_tail(&side->queue, g_bytes_new(data, len));
}

static void server_sends(void *ctx, const uint8_t *data, size_t len)
{
	(void)ctx;
	g_assert_true(len > 0 && len <= MTU && ap_demux(data, len) == AP_DEMUX_DTLS);
	g_assert_true(run.state != AP_DTLS_FAILED && run.state != AP_DTLS_CLOSED);
	send_bytes(&run.from_server, data, len);
}

static int client_write(BIO *bio, const char *data, int len)
{
	(void)bio;
	send_bytes(&run.from_client, (const uint8_t *)data, (size_t)len);
	return len;
}

static long client_ctrl(BIO *bio, int command, long number, void *pointer)
{
	(void)bio, (void)number, (void)pointer;
	return command == BIO_CTRL_FLUSH ? 1 : command == BIO_CTRL_DGRAM_QUERY_MTU ? MTU : 0;
}

static int accept_any(X509_STORE_CTX *store, void *unused)
{
	(void)store, (void)unused;
	return 1;
}

static SSL_CTX *new_client_ctx(void)
{
	SSL_CTX *ctx = SSL_CTX_new(DTLS_client_method());
	g_assert_nonnull(ctx);
	SSL_CTX_set_cert_verify_callback(ctx, accept_any, NULL);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_options(ctx, SSL_OP_NO_QUERY_MTU);
	return ctx;
}

static void certify(SSL_CTX *ctx)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned n = sizeof digest;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	g_assert_true(key && x && X509_gmtime_adj(X509_getm_notBefore(x), 0) && X509_set_pubkey(x, key));
	g_assert_true(X509_gmtime_adj(X509_getm_notAfter(x), 86400) && X509_sign(x, key, EVP_sha256()));
	g_assert_true(X509_digest(x, EVP_sha256(), digest, &n) == 1 && ap_copy(client_digest, 32, digest, n));
	g_assert_true(SSL_CTX_use_certificate(ctx, x) == 1 && SSL_CTX_use_PrivateKey(ctx, key) == 1);
	X509_free(x);
	EVP_PKEY_free(key);
}

static void make_once(void)
{
	g_assert_true(ap_ok(ap_dtls_identity_new(&identity)));
	without = new_client_ctx();
	with_certificate = new_client_ctx();
	certify(with_certificate);
	client_out = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "client");
	g_assert_nonnull(client_out);
	BIO_meth_set_write(client_out, client_write);
	BIO_meth_set_ctrl(client_out, client_ctrl);
}

/* The client begins when it is first needed, so that runs of bytes alone cost no keys. */
static void need_client(void)
{
	if (run.client)
		return;
	BIO *out = BIO_new(client_out);
	run.client = SSL_new(run.how & NO_CERTIFICATE ? without : with_certificate);
	run.client_in = BIO_new(BIO_s_mem());
	g_assert_true(out && run.client && run.client_in);
	BIO_set_init(out, 1);
	BIO_set_mem_eof_return(run.client_in, -1);
	SSL_set_bio(run.client, run.client_in, out);
	SSL_set_mtu(run.client, MTU);
	if (!(run.how & NO_SRTP))
		g_assert_true(SSL_set_tlsext_use_srtp(run.client, run.how & ONLY_SHA1_80 ?
								       "SRTP_AES128_CM_SHA1_80" :
								       "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80") == 0);
	SSL_set_connect_state(run.client);
	(void)SSL_do_handshake(run.client);
}

static void client_receives(void)
{
	GBytes *datagram;
	char rest[2048];
	while (run.client && (datagram = g_queue_pop_head(&run.from_server.queue))) {
		gsize len;
		const void *data = g_bytes_get_data(datagram, &len);
		(void)BIO_write(run.client_in, data, (int)len);
		(void)(SSL_is_init_finished(run.client) ? SSL_read(run.client, rest, sizeof rest) : SSL_do_handshake(run.client));
		(void)BIO_reset(run.client_in);
		g_bytes_unref(datagram);
	}
}

/* As the transport does: what is no DTLS does not come here. */
static void server_receives(const uint8_t *data, size_t len)
{
	size_t before = run.from_server.sent;
	if (len > 2000 || ap_demux(data, len) != AP_DEMUX_DTLS)
		return;
	enum ap_dtls_state was = run.state, now = ap_dtls_receive(run.server, data, len);
	g_assert_true(now == was || was == AP_DTLS_HANDSHAKING || (was == AP_DTLS_ESTABLISHED && now != AP_DTLS_HANDSHAKING));
	g_assert_true(run.from_server.sent - before <= MOST_AT_ONCE);
	g_assert_true(now != AP_DTLS_ESTABLISHED ||
		      (run.client && !(run.how & (ANOTHER_CERTIFICATE | NO_CERTIFICATE))));
	run.state = now;
}

static void deliver(GBytes *datagram)
{
	gsize len;
	const uint8_t *data = g_bytes_get_data(datagram, &len);
	server_receives(data, len);
	client_receives();
}

/* A datagram with some of it changed, in a block of its exact size. */
static void deliver_changed(GBytes *datagram, enum step step, size_t at, uint8_t with)
{
	gsize len;
	const uint8_t *data = g_bytes_get_data(datagram, &len);
	g_autofree uint8_t *copy = g_memdup2(data, len);
	run.harmed = true;
	at %= len;
	if (step == FLIP)
		copy[at] ^= with;
	g_autoptr(GBytes) changed = g_bytes_new(copy, step == CUT ? at : len);
	deliver(changed);
}

static void take_step(enum step step, struct ap_reader *r)
{
	if (step == OWN_BYTES) {
		size_t len = ap_read_u8(r), left = ap_reader_left(r);
		len = len < left ? len : left;
		run.harmed = true;
		server_receives(ap_read_span(r, len), len);
		return;
	}
	if (step == TICK) {
		enum ap_dtls_state now = ap_dtls_tick(run.server);
		g_assert_true(now == run.state || now == AP_DTLS_FAILED);
		run.state = now;
		return;
	}
	need_client();
	g_autoptr(GBytes) datagram = g_queue_pop_head(&run.from_client.queue);
	size_t at = step == FLIP || step == CUT ? ap_read_u16(r) : 0;
	uint8_t with = step == FLIP ? ap_read_u8(r) : 0;
	if (!datagram)
		return;
	if (step == FLIP || step == CUT)
		deliver_changed(datagram, step, at, with);
	else if (step == HOLD_BACK)
		g_queue_push_tail(&run.from_client.queue, g_bytes_ref(datagram));
	else if (step != DROP)
		deliver(datagram);
	if (step == TWICE)
		deliver(datagram);
	run.harmed |= step == DROP;
}

static void deliver_rest(void)
{
	for (int i = 0; run.client && i < ROUNDS; i++) {
		g_autoptr(GBytes) datagram = g_queue_pop_head(&run.from_client.queue);
		if (!datagram)
			return;
		deliver(datagram);
	}
}

static void check_keys(void)
{
	struct ap_dtls_keys keys;
	uint8_t material[2 * (AP_SRTP_KEY + AP_SRTP_SALT_MAX)];
	bool exported = ap_ok(ap_dtls_export(run.server, &keys));
	g_assert_true(exported == (run.state == AP_DTLS_ESTABLISHED && !(run.how & NO_SRTP)));
	if (!exported || !SSL_is_init_finished(run.client))
		return;
	size_t salt = ap_srtp_salt(keys.profile);
	g_assert_true(keys.profile == (run.how & ONLY_SHA1_80 ? AP_SRTP_CM128_SHA1_80 : AP_SRTP_GCM128));
	g_assert_true(SSL_export_keying_material(run.client, material, 2 * (AP_SRTP_KEY + salt), "EXTRACTOR-dtls_srtp", 19,
						 NULL, 0, 0) == 1);
	g_assert_true(memcmp(keys.inward, material, AP_SRTP_KEY) == 0);
	g_assert_true(memcmp(keys.outward, material + AP_SRTP_KEY, AP_SRTP_KEY) == 0);
	g_assert_true(memcmp(keys.inward + AP_SRTP_KEY, material + 2 * AP_SRTP_KEY, salt) == 0);
}

static void finish(void)
{
	if (run.client && !run.harmed)
		g_assert_true((run.state == AP_DTLS_ESTABLISHED) == !(run.how & (ANOTHER_CERTIFICATE | NO_CERTIFICATE)));
	check_keys();
	if (run.how & HANGS_UP && run.client && SSL_is_init_finished(run.client)) {
		(void)SSL_shutdown(run.client);
		deliver_rest();
		g_assert_true(run.harmed || run.state == AP_DTLS_CLOSED);
	}
	ap_dtls_close(run.server);
	run.state = run.state == AP_DTLS_ESTABLISHED ? AP_DTLS_CLOSED : run.state;
	ap_dtls_free(run.server);
	SSL_free(run.client);
	g_queue_clear_full(&run.from_server.queue, (GDestroyNotify)g_bytes_unref);
	g_queue_clear_full(&run.from_client.queue, (GDestroyNotify)g_bytes_unref);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ap_reader r = ap_reader_over(data, size);
	uint8_t fingerprint[32];
	if (!identity)
		make_once();
	memset(&run, 0, sizeof run);
	run.how = ap_read_u8(&r);
	g_assert_true(ap_copy(fingerprint, sizeof fingerprint, client_digest, sizeof client_digest));
	fingerprint[31] ^= run.how & ANOTHER_CERTIFICATE ? 1 : 0;
	g_assert_true(ap_ok(ap_dtls_new(identity, fingerprint, server_sends, NULL, &run.server)));
	while (ap_reader_left(&r) > 0)
		take_step((enum step)(ap_read_u8(&r) % STEPS), &r);
	deliver_rest();
	finish();
	return 0;
}
