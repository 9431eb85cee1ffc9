#include "floods_peer.h"

#include "tests/testlib/peer_dtls.h"

#include <aparte/buf.h>
#include <arpa/inet.h>
#include <glib.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <stun/stunagent.h>
#include <stun/usages/ice.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 16, BUFFER = 4 << 20 };
static const int64_t CHECK_NS = 50000000, LIVENESS_NS = 2000000000;

static const uint16_t KNOWN[] = {STUN_ATTRIBUTE_USERNAME,          STUN_ATTRIBUTE_MESSAGE_INTEGRITY,
				 STUN_ATTRIBUTE_ERROR_CODE,        STUN_ATTRIBUTE_PRIORITY,
				 STUN_ATTRIBUTE_USE_CANDIDATE,     STUN_ATTRIBUTE_FINGERPRINT,
				 STUN_ATTRIBUTE_ICE_CONTROLLING,   STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS,
				 0};

static struct {
	struct ap_peer_identity identity;
	char fingerprint[96];
} shared;

struct fast_peer {
	int fd; /* owned, as what follows */
	struct ap_peer_dtls dtls;
	StunAgent agent;
	char ufrag[FAST_UFRAG + 1], pwd[FAST_PWD + 1];
	char *username, *remote_pwd;
	fast_peer_heard heard; /* borrowed, and ctx */
	void *heard_ctx;
	int64_t checked_ns; /* when the last check was sent */
	uint32_t overflowed, keyframes_asked;
	bool half, dialled, checked, helloed, ready;
};

/* ---- what all share ---- */

void fast_peer_start(void)
{
	const uint8_t *digest = shared.identity.fingerprint;
	g_assert_cmpint(srtp_init(), ==, srtp_err_status_ok);
	ap_peer_identity_make(&shared.identity);
	for (unsigned i = 0; i < 32; i++)
		g_snprintf(shared.fingerprint + 3 * i, 4, i < 31 ? "%02X:" : "%02X", digest[i]);
}

const char *fast_peer_fingerprint(void)
{
	return shared.fingerprint;
}

/* ---- making ---- */

static void write_out(void *peer, const uint8_t *data, size_t len)
{
	fast_peer_send(peer, data, len);
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
	ap_peer_dtls_init(&p->dtls, &shared.identity, "SRTP_AEAD_AES_128_GCM", write_out, p);
	return p;
}

void fast_peer_free(struct fast_peer *p)
{
	close(p->fd);
	ap_peer_dtls_clear(&p->dtls);
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

uint32_t fast_peer_keyframes_asked(const struct fast_peer *p)
{
	return p->keyframes_asked;
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
		DTLSv1_handle_timeout(p->dtls.ssl);
}

/* ---- DTLS, SRTP ---- */

static void shake(struct fast_peer *p)
{
	ERR_clear_error();
	p->helloed = true;
	if (SSL_do_handshake(p->dtls.ssl) != 1)
		return;
	ap_peer_dtls_export(&p->dtls);
	p->ready = true;
}

size_t fast_peer_protect(struct fast_peer *p, bool rtcp, uint8_t *packet, size_t len)
{
	return ap_peer_dtls_protect(&p->dtls, rtcp, packet, len);
}

void fast_peer_send(struct fast_peer *p, const uint8_t *packet, size_t len)
{
	(void)!send(p->fd, packet, len, MSG_DONTWAIT);
}

/* ---- reading ---- */

/* Each packet of a compound one (RFC 3550 §6.1). */
static void take_feedback(struct fast_peer *p, const uint8_t *data, size_t len)
{
	struct ap_reader r = ap_reader_over(data, len);
	while (ap_reader_left(&r) >= 4) {
		uint8_t first = ap_read_u8(&r), type = ap_read_u8(&r);
		ap_read_skip(&r, 4 * (size_t)ap_read_u16(&r));
		p->keyframes_asked += !r.bad && type == 206 && (first & 31) == 1;
	}
}

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
		BIO_write(p->dtls.in, data, (int)len);
		shake(p);
	} else if (data[0] >> 6 == 2 && p->ready && data[1] >= 192 && data[1] <= 223) {
		if (srtp_unprotect_rtcp(p->dtls.inward, data, &n) == srtp_err_status_ok)
			take_feedback(p, data, (size_t)n);
	} else if (data[0] >> 6 == 2 && p->ready) {
		if (srtp_unprotect(p->dtls.inward, data, &n) == srtp_err_status_ok)
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
