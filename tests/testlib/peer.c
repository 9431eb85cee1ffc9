#include "tests/testlib/peer.h"

#include "tests/testlib/peer_dtls.h"

#include <aparte/buf.h>
#include <nice/agent.h>
#include <openssl/err.h>

enum { CHECKS = 6 }; /* libnice's own three tries are few for a lossy way */
enum { COMPONENT = 1, TICK_MS = 50 };

struct ap_peer {
	GMainContext *context; /* borrowed */
	NiceAgent *agent;      /* owned, as what follows */
	guint stream;
	char *ufrag, *pwd;
	char *expected; /* fingerprint of the gateway */
	struct ap_peer_dtls dtls;
	GSource *timer;
	GQueue packets;
	uint8_t fingerprint[32];
	bool ice_ready, ready, closed, tcp;
};

static void write_out(void *peer, const uint8_t *data, size_t len)
{
	struct ap_peer *p = peer;
	nice_agent_send(p->agent, p->stream, COMPONENT, (guint)len, (const char *)data);
}

/* As impatient as browsers are. */
static unsigned next_timeout(SSL *ssl, unsigned last_us)
{
	(void)ssl;
	return last_us == 0 ? 200000 : last_us < 800000 ? 2 * last_us : 1600000;
}

static void make_dtls(struct ap_peer *p, const char *profiles)
{
	struct ap_peer_identity identity;
	ap_peer_identity_make(&identity);
	ap_copy(p->fingerprint, sizeof p->fingerprint, identity.fingerprint, sizeof identity.fingerprint);
	ap_peer_dtls_init(&p->dtls, &identity, profiles ? profiles : "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80",
			  write_out, p);
	ap_peer_identity_clear(&identity);
	DTLS_set_timer_cb(p->dtls.ssl, next_timeout);
}

static bool gateway_is_expected(struct ap_peer *p)
{
	uint8_t digest[32];
	unsigned len = sizeof digest;
	X509 *x = SSL_get1_peer_certificate(p->dtls.ssl);
	g_autoptr(GString) text = g_string_new("sha-256 ");
	X509_digest(x, EVP_sha256(), digest, &len);
	X509_free(x);
	for (unsigned i = 0; i < len; i++)
		g_string_append_printf(text, i ? ":%02X" : "%02X", digest[i]);
	return g_strcmp0(text->str, p->expected) == 0;
}

static void step(struct ap_peer *p)
{
	uint8_t discarded[2048];
	ERR_clear_error();
	if (!p->ready) {
		int r = SSL_do_handshake(p->dtls.ssl);
		if (r != 1) {
			p->closed |= SSL_get_error(p->dtls.ssl, r) != SSL_ERROR_WANT_READ;
			return;
		}
		p->ready = gateway_is_expected(p);
		p->closed = !p->ready;
		if (p->ready)
			ap_peer_dtls_export(&p->dtls);
		return;
	}
	SSL_read(p->dtls.ssl, discarded, sizeof discarded);
	p->closed |= (SSL_get_shutdown(p->dtls.ssl) & SSL_RECEIVED_SHUTDOWN) != 0;
}

static void take_media(struct ap_peer *p, const uint8_t *data, size_t len)
{
	if (!p->ready || len > sizeof((struct ap_peer_packet *)NULL)->bytes)
		return;
	struct ap_peer_packet *packet = g_new0(struct ap_peer_packet, 1);
	packet->rtcp = data[1] >= 192 && data[1] <= 223;
	ap_copy(packet->bytes, sizeof packet->bytes, data, len);
	int n = (int)len;
	srtp_err_status_t status = packet->rtcp ? srtp_unprotect_rtcp(p->dtls.inward, packet->bytes, &n)
						: srtp_unprotect(p->dtls.inward, packet->bytes, &n);
	packet->len = (size_t)n;
	if (status == srtp_err_status_ok)
		g_queue_push_tail(&p->packets, packet);
	else
		g_free(packet);
}

static void on_packet(NiceAgent *agent, guint stream, guint component, guint len, gchar *data, gpointer peer)
{
	struct ap_peer *p = peer;
	const uint8_t *bytes = (const uint8_t *)data;
	(void)agent;
	(void)stream;
	(void)component;
	if (len > 12 && bytes[0] >= 20 && bytes[0] <= 63) {
		BIO_write(p->dtls.in, data, (int)len);
		step(p);
	} else if (len > 12 && bytes[0] >= 128 && bytes[0] <= 191) {
		take_media(p, bytes, len);
	}
}

static void on_state(NiceAgent *agent, guint stream, guint component, guint state, gpointer peer)
{
	struct ap_peer *p = peer;
	(void)agent;
	(void)stream;
	(void)component;
	p->ice_ready = state == NICE_COMPONENT_STATE_READY || state == NICE_COMPONENT_STATE_CONNECTED;
	if (p->ice_ready && !p->ready && !p->closed)
		step(p);
}

static gboolean on_timer(gpointer peer)
{
	struct ap_peer *p = peer;
	if (p->ice_ready && !p->ready && !p->closed)
		DTLSv1_handle_timeout(p->dtls.ssl);
	return G_SOURCE_CONTINUE;
}

static void read_credentials(struct ap_peer *p)
{
	g_clear_pointer(&p->ufrag, g_free);
	g_clear_pointer(&p->pwd, g_free);
	g_assert_true(nice_agent_get_local_credentials(p->agent, p->stream, &p->ufrag, &p->pwd));
}

static void make_agent(struct ap_peer *p, const struct ap_peer_options *options)
{
	NiceAddress address;
	p->agent = nice_agent_new_full(p->context, NICE_COMPATIBILITY_RFC5245,
				       options->patient ? 0 : NICE_AGENT_OPTION_CONSENT_FRESHNESS);
	g_object_set(p->agent, "stun-max-retransmissions", CHECKS, NULL);
	g_object_set(p->agent, "controlling-mode", TRUE, "upnp", FALSE, "ice-tcp", options->tcp, "ice-udp",
		     !options->tcp, NULL);
	nice_address_init(&address);
	g_assert_true(nice_address_set_from_string(&address, options->address));
	nice_agent_add_local_address(p->agent, &address);
	p->stream = nice_agent_add_stream(p->agent, 1);
	g_signal_connect(p->agent, "component-state-changed", G_CALLBACK(on_state), p);
	nice_agent_attach_recv(p->agent, p->stream, COMPONENT, p->context, on_packet, p);
	g_assert_true(nice_agent_gather_candidates(p->agent, p->stream));
	read_credentials(p);
}

struct ap_peer *ap_peer_new(GMainContext *context, const struct ap_peer_options *options)
{
	struct ap_peer *p = g_new0(struct ap_peer, 1);
	srtp_init(); /* refuses when the plane in this process was first; then it is ready */
	p->context = context;
	p->tcp = options->tcp;
	g_queue_init(&p->packets);
	make_dtls(p, options->profiles);
	make_agent(p, options);
	p->timer = g_timeout_source_new(TICK_MS);
	g_source_set_callback(p->timer, on_timer, p, NULL);
	g_source_attach(p->timer, context);
	return p;
}

void ap_peer_free(struct ap_peer *p)
{
	if (!p)
		return;
	g_source_destroy(p->timer);
	g_source_unref(p->timer);
	nice_agent_attach_recv(p->agent, p->stream, COMPONENT, p->context, NULL, NULL);
	g_signal_handlers_disconnect_by_data(p->agent, p);
	nice_agent_remove_stream(p->agent, p->stream);
	g_object_unref(p->agent);
	ap_peer_dtls_clear(&p->dtls);
	g_queue_clear_full(&p->packets, g_free);
	g_free(p->ufrag);
	g_free(p->pwd);
	g_free(p->expected);
	g_free(p);
}

void ap_peer_hang_up(struct ap_peer *p)
{
	SSL_shutdown(p->dtls.ssl);
}

const char *ap_peer_ufrag(struct ap_peer *p)
{
	return p->ufrag;
}

const char *ap_peer_pwd(struct ap_peer *p)
{
	return p->pwd;
}

void ap_peer_fingerprint(const struct ap_peer *p, uint8_t ret_sha256[32])
{
	ap_copy(ret_sha256, 32, p->fingerprint, sizeof p->fingerprint);
}

void ap_peer_connect(struct ap_peer *p, const struct ap_peer_remote *remote)
{
	g_free(p->expected);
	p->expected = g_strdup(remote->fingerprint);
	NiceCandidate *c = nice_candidate_new(NICE_CANDIDATE_TYPE_HOST);
	c->component_id = COMPONENT;
	c->stream_id = p->stream;
	c->transport = p->tcp ? NICE_CANDIDATE_TRANSPORT_TCP_PASSIVE : NICE_CANDIDATE_TRANSPORT_UDP;
	c->priority = 2130706431;
	g_strlcpy(c->foundation, "1", sizeof c->foundation);
	g_assert_true(nice_address_set_from_string(&c->addr, remote->address));
	nice_address_set_port(&c->addr, remote->port);
	g_assert_true(nice_agent_set_remote_credentials(p->agent, p->stream, remote->ufrag, remote->pwd));
	GSList *list = g_slist_append(NULL, c);
	nice_agent_set_remote_candidates(p->agent, p->stream, COMPONENT, list);
	g_slist_free_full(list, (GDestroyNotify)nice_candidate_free);
}

void ap_peer_restart(struct ap_peer *p)
{
	g_assert_true(nice_agent_restart(p->agent));
	p->ice_ready = false;
	read_credentials(p);
}

bool ap_peer_ice_ready(const struct ap_peer *p)
{
	return p->ice_ready;
}

bool ap_peer_ready(const struct ap_peer *p)
{
	return p->ready && !p->closed;
}

bool ap_peer_closed(const struct ap_peer *p)
{
	return p->closed;
}

const char *ap_peer_profile(const struct ap_peer *p)
{
	SRTP_PROTECTION_PROFILE *profile = SSL_get_selected_srtp_profile(p->dtls.ssl);
	return profile ? profile->name : NULL;
}

size_t ap_peer_protect(struct ap_peer *p, bool rtcp, uint8_t *data, size_t len)
{
	return ap_peer_dtls_protect(&p->dtls, rtcp, data, len);
}

void ap_peer_send(struct ap_peer *p, bool rtcp, const uint8_t *data, size_t len)
{
	uint8_t bytes[2048 + SRTP_MAX_TRAILER_LEN];
	g_assert_cmpuint(len, <=, 2048);
	ap_copy(bytes, sizeof bytes, data, len);
	len = ap_peer_protect(p, rtcp, bytes, len);
	nice_agent_send(p->agent, p->stream, COMPONENT, (guint)len, (const char *)bytes);
}

struct ap_peer_packet *ap_peer_take(struct ap_peer *p)
{
	return g_queue_pop_head(&p->packets);
}

static gboolean time_over(gpointer over)
{
	*(bool *)over = true;
	return G_SOURCE_REMOVE;
}

bool ap_peer_wait(GMainContext *context, ap_peer_condition condition, void *ctx, int timeout_ms)
{
	bool over = false;
	GSource *timer = g_timeout_source_new((guint)timeout_ms);
	g_source_set_callback(timer, time_over, &over, NULL);
	g_source_attach(timer, context);
	while (!condition(ctx) && !over)
		g_main_context_iteration(context, TRUE);
	g_source_destroy(timer);
	g_source_unref(timer);
	return condition(ctx);
}
