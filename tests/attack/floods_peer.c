#include "floods_peer.h"

#include <aparte/buf.h>
#include <arpa/inet.h>
#include <glib.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <srtp2/srtp.h>
#include <stun/stunagent.h>
#include <stun/usages/ice.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { KEY = 16, SALT = 12, MTU = 1200, BATCH = 16, BUFFER = 4 << 20 };
static const int64_t CHECK_NS = 50000000, LIVENESS_NS = 2000000000;

static const uint16_t KNOWN[] = {STUN_ATTRIBUTE_USERNAME,          STUN_ATTRIBUTE_MESSAGE_INTEGRITY,
				 STUN_ATTRIBUTE_ERROR_CODE,        STUN_ATTRIBUTE_PRIORITY,
				 STUN_ATTRIBUTE_USE_CANDIDATE,     STUN_ATTRIBUTE_FINGERPRINT,
				 STUN_ATTRIBUTE_ICE_CONTROLLING,   STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS,
				 0};

static struct {
	EVP_PKEY *key;
	X509 *certificate;
	BIO_METHOD *out;
	char fingerprint[96];
} shared;

struct fast_peer {
	int fd; /* owned, as what follows */
	SSL_CTX *ctx;
	SSL *ssl;
	BIO *in;
	srtp_t inward, outward;
	StunAgent agent;
	char ufrag[FAST_UFRAG + 1], pwd[FAST_PWD + 1];
	char *username, *remote_pwd;
	fast_peer_heard heard; /* borrowed, and ctx */
	void *heard_ctx;
	int64_t checked_ns; /* when the last check was sent */
	uint32_t overflowed;
	bool half, dialled, checked, helloed, ready;
};

/* ---- what all share ---- */

static int write_out(BIO *bio, const char *data, int len)
{
	fast_peer_send(BIO_get_data(bio), (const uint8_t *)data, (size_t)len);
	return len;
}

static long control(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	if (command == BIO_CTRL_FLUSH)
		return 1;
	return command == BIO_CTRL_DGRAM_QUERY_MTU || command == BIO_CTRL_DGRAM_GET_FALLBACK_MTU ? MTU : 0;
}

static int created(BIO *bio)
{
	BIO_set_init(bio, 1);
	return 1;
}

static int accept_any(X509_STORE_CTX *store, void *unused)
{
	(void)store;
	(void)unused;
	return 1;
}

static void make_certificate(void)
{
	uint8_t digest[32];
	unsigned len = sizeof digest;
	X509 *x = shared.certificate = X509_new();
	shared.key = EVP_EC_gen("P-256");
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400);
	X509_set_pubkey(x, shared.key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const uint8_t *)"fast", -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	g_assert_true(X509_sign(x, shared.key, EVP_sha256()) > 0 && X509_digest(x, EVP_sha256(), digest, &len));
	for (unsigned i = 0; i < len; i++)
		g_snprintf(shared.fingerprint + 3 * i, 4, i + 1 < len ? "%02X:" : "%02X", digest[i]);
}

void fast_peer_start(void)
{
	g_assert_cmpint(srtp_init(), ==, srtp_err_status_ok);
	shared.out = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "fast");
	BIO_meth_set_write(shared.out, write_out);
	BIO_meth_set_ctrl(shared.out, control);
	BIO_meth_set_create(shared.out, created);
	make_certificate();
}

const char *fast_peer_fingerprint(void)
{
	return shared.fingerprint;
}

/* ---- making ---- */

static void make_dtls(struct fast_peer *p)
{
	p->ctx = SSL_CTX_new(DTLS_client_method());
	SSL_CTX_set_verify(p->ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(p->ctx, accept_any, NULL);
	g_assert_true(SSL_CTX_set_tlsext_use_srtp(p->ctx, "SRTP_AEAD_AES_128_GCM") == 0);
	g_assert_true(SSL_CTX_use_certificate(p->ctx, shared.certificate) == 1 &&
		      SSL_CTX_use_PrivateKey(p->ctx, shared.key) == 1);
	BIO *out = BIO_new(shared.out);
	BIO_set_data(out, p);
	p->in = BIO_new(BIO_s_mem());
	BIO_set_mem_eof_return(p->in, -1);
	p->ssl = SSL_new(p->ctx);
	SSL_set_bio(p->ssl, p->in, out);
	SSL_set_options(p->ssl, SSL_OP_NO_QUERY_MTU);
	SSL_set_mtu(p->ssl, MTU);
	SSL_set_connect_state(p->ssl);
}

static void make_socket(struct fast_peer *p)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int one = 1, size = BUFFER;
	p->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	g_assert_true(p->fd >= 0 && bind(p->fd, (struct sockaddr *)&any, sizeof any) == 0);
	setsockopt(p->fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one);
	setsockopt(p->fd, SOL_SOCKET, SO_RXQ_OVFL, &one, sizeof one);
	if (setsockopt(p->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0)
		setsockopt(p->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
}

static void draw(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		text[i] = "abcdefghijklmnopqrstuvwxyz012345"[g_random_int() & 31];
}

struct fast_peer *fast_peer_new(bool half, fast_peer_heard heard, void *ctx)
{
	struct fast_peer *p = g_new0(struct fast_peer, 1);
	p->half = half;
	p->heard = heard;
	p->heard_ctx = ctx;
	draw(p->ufrag, FAST_UFRAG);
	draw(p->pwd, FAST_PWD);
	stun_agent_init(&p->agent, KNOWN, STUN_COMPATIBILITY_RFC5389,
			STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
	make_socket(p);
	make_dtls(p);
	return p;
}

void fast_peer_free(struct fast_peer *p)
{
	close(p->fd);
	SSL_free(p->ssl);
	SSL_CTX_free(p->ctx);
	if (p->inward)
		srtp_dealloc(p->inward);
	if (p->outward)
		srtp_dealloc(p->outward);
	g_free(p->username);
	g_free(p->remote_pwd);
	g_free(p);
}

int fast_peer_fd(const struct fast_peer *p)
{
	return p->fd;
}

const char *fast_peer_ufrag(const struct fast_peer *p)
{
	return p->ufrag;
}

const char *fast_peer_pwd(const struct fast_peer *p)
{
	return p->pwd;
}

bool fast_peer_checked(const struct fast_peer *p)
{
	return p->half ? p->helloed : p->checked;
}

bool fast_peer_ready(const struct fast_peer *p)
{
	return p->ready;
}

uint32_t fast_peer_overflowed(const struct fast_peer *p)
{
	return p->overflowed;
}

/* ---- ICE ---- */

void fast_peer_dial(struct fast_peer *p, const char *ufrag, const char *pwd, uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	g_assert_true(connect(p->fd, (struct sockaddr *)&to, sizeof to) == 0);
	p->username = g_strconcat(ufrag, ":", p->ufrag, NULL);
	p->remote_pwd = g_strdup(pwd);
	p->dialled = true;
}

static void send_check(struct fast_peer *p)
{
	uint8_t buffer[512];
	StunMessage m;
	size_t n = stun_usage_ice_conncheck_create(&p->agent, &m, buffer, sizeof buffer, (const uint8_t *)p->username,
						   strlen(p->username), (const uint8_t *)p->remote_pwd,
						   strlen(p->remote_pwd), true, true, 2130706431, 1, NULL,
						   STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
	fast_peer_send(p, buffer, n);
	StunTransactionId id;
	stun_message_id(&m, id);
	stun_agent_forget_transaction(&p->agent, id);
}

void fast_peer_tick(struct fast_peer *p, int64_t now_ns)
{
	if (!p->dialled || (p->half && p->helloed))
		return;
	if (now_ns - p->checked_ns >= (p->checked ? LIVENESS_NS : CHECK_NS)) {
		p->checked_ns = now_ns;
		send_check(p);
	}
	if (p->checked && !p->ready)
		DTLSv1_handle_timeout(p->ssl);
}

/* ---- DTLS, SRTP ---- */

static srtp_t make_srtp(bool inward, const uint8_t *key, const uint8_t *salt)
{
	uint8_t both[KEY + SALT];
	srtp_policy_t policy = {.key = both, .window_size = 1024};
	srtp_t session = NULL;
	ap_copy(both, sizeof both, key, KEY);
	ap_copy(both + KEY, sizeof both - KEY, salt, SALT);
	srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
	srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
	policy.ssrc.type = inward ? ssrc_any_inbound : ssrc_any_outbound;
	g_assert_cmpint(srtp_create(&session, &policy), ==, srtp_err_status_ok);
	return session;
}

static void shake(struct fast_peer *p)
{
	uint8_t m[2 * (KEY + SALT)];
	ERR_clear_error();
	p->helloed = true;
	if (SSL_do_handshake(p->ssl) != 1)
		return;
	g_assert_true(SSL_export_keying_material(p->ssl, m, sizeof m, "EXTRACTOR-dtls_srtp", 19, NULL, 0, 0));
	p->outward = make_srtp(false, m, m + 2 * KEY);
	p->inward = make_srtp(true, m + KEY, m + 2 * KEY + SALT);
	p->ready = true;
}

size_t fast_peer_protect(struct fast_peer *p, bool rtcp, uint8_t *packet, size_t len)
{
	int n = (int)len;
	srtp_err_status_t status = rtcp ? srtp_protect_rtcp(p->outward, packet, &n) : srtp_protect(p->outward, packet, &n);
	g_assert_cmpint(status, ==, srtp_err_status_ok);
	return (size_t)n;
}

void fast_peer_send(struct fast_peer *p, const uint8_t *packet, size_t len)
{
	(void)!send(p->fd, packet, len, MSG_DONTWAIT);
}

/* ---- reading ---- */

static void take(struct fast_peer *p, uint8_t *data, size_t len, int64_t arrival_ns)
{
	int n = (int)len;
	if (len < 12)
		return;
	if (data[0] <= 3 && data[0] == 1) { /* a success response: 0x0101 */
		if (!p->checked && !p->helloed)
			shake(p);
		p->checked = true;
	} else if (data[0] >= 20 && data[0] <= 63 && !p->half && !p->ready) {
		BIO_write(p->in, data, (int)len);
		shake(p);
	} else if (data[0] >> 6 == 2 && p->ready && (data[1] < 192 || data[1] > 223)) {
		if (srtp_unprotect(p->inward, data, &n) == srtp_err_status_ok)
			p->heard(p->heard_ctx, data, (size_t)n, arrival_ns);
	}
}

static int64_t read_control(struct fast_peer *p, struct msghdr *h)
{
	int64_t arrival_ns = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		struct timespec t;
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_TIMESTAMPNS && ap_copy(&t, sizeof t, CMSG_DATA(c), sizeof t))
			arrival_ns = t.tv_sec * 1000000000ll + t.tv_nsec;
		else if (c->cmsg_type == SO_RXQ_OVFL)
			ap_copy(&p->overflowed, sizeof p->overflowed, CMSG_DATA(c), sizeof p->overflowed);
	}
	return arrival_ns;
}

void fast_peer_read(struct fast_peer *p)
{
	static _Alignas(8) uint8_t bytes[BATCH][2048];
	static _Alignas(8) uint8_t controls[BATCH][128];
	struct iovec parts[BATCH];
	struct mmsghdr m[BATCH];
	int n = BATCH;
	while (n == BATCH) {
		for (int i = 0; i < BATCH; i++) {
			parts[i] = (struct iovec){bytes[i], sizeof bytes[i]};
			m[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i],
						       .msg_iovlen = 1,
						       .msg_control = controls[i],
						       .msg_controllen = sizeof controls[i]};
		}
		n = recvmmsg(p->fd, m, BATCH, MSG_DONTWAIT, NULL);
		for (int i = 0; i < n; i++)
			take(p, bytes[i], m[i].msg_len, read_control(p, &m[i].msg_hdr));
	}
}
