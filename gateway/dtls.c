#include "gateway/dtls.h"

#include <aparte/buf.h>
#include <aparte/secret.h>
#include <glib.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sodium.h>

/* Below the smallest path MTU of the internet's edges, with room for TURN's framing. */
enum { MTU = 1200, VALID_DAYS = 3650, SECONDS_PER_DAY = 86400, FIRST_TIMEOUT_US = 400000, LAST_TIMEOUT_US = 2000000 };

static const char CIPHERS[] = "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES";
static const char PROFILES[] = "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80";
static const char EXPORTER[] = "EXTRACTOR-dtls_srtp"; /* RFC 5764 §4.2 */

struct ap_dtls_identity {
	SSL_CTX *ctx;    /* owned */
	BIO_METHOD *out; /* owned: one write, one datagram */
	char fingerprint[AP_FINGERPRINT_TEXT];
};

struct ap_dtls {
	ap_dtls_send send; /* borrowed */
	void *ctx;
	SSL *ssl; /* owned, with both BIOs */
	BIO *in;
	enum ap_dtls_state state;
	bool bare; /* its record buffers were given back */
	uint8_t fingerprint[32];
};

static int bio_write(BIO *bio, const char *data, int len)
{
	struct ap_dtls *d = BIO_get_data(bio);
	d->send(d->ctx, (const uint8_t *)data, (size_t)len);
	return len;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	switch (command) {
	case BIO_CTRL_FLUSH:
		return 1;
	case BIO_CTRL_DGRAM_QUERY_MTU:
	case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
		return MTU;
	default: /* GET_MTU_OVERHEAD among them: the MTU above is payload already */
		return 0;
	}
}

static int bio_create(BIO *bio)
{
	BIO_set_init(bio, 1);
	return 1;
}

static BIO_METHOD *out_method(void)
{
	BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "aparte datagrams");
	if (!method)
		return NULL;
	BIO_meth_set_write(method, bio_write);
	BIO_meth_set_ctrl(method, bio_ctrl);
	BIO_meth_set_create(method, bio_create);
	return method;
}

/* The fingerprint in the offer is the only authority: certificates are self-signed (RFC 8122 §6.2). */
static int verify(X509_STORE_CTX *store, void *unused)
{
	(void)unused;
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	const struct ap_dtls *d = SSL_get_app_data(ssl);
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len = sizeof digest;
	X509 *certificate = X509_STORE_CTX_get0_cert(store);
	if (certificate && X509_digest(certificate, EVP_sha256(), digest, &len) && len == sizeof d->fingerprint &&
	    CRYPTO_memcmp(digest, d->fingerprint, len) == 0)
		return 1;
	X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
	return 0;
}

static bool fill_certificate(X509 *x, EVP_PKEY *key)
{
	uint64_t serial = 0;
	randombytes_buf(&serial, sizeof serial);
	X509_NAME *name = X509_get_subject_name(x);
	return X509_set_version(x, X509_VERSION_3) && ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1) &&
	       X509_gmtime_adj(X509_getm_notBefore(x), -SECONDS_PER_DAY) &&
	       X509_gmtime_adj(X509_getm_notAfter(x), (long)VALID_DAYS * SECONDS_PER_DAY) && X509_set_pubkey(x, key) &&
	       X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"aparte", -1, -1, 0) &&
	       X509_set_issuer_name(x, name) && X509_sign(x, key, EVP_sha256());
}

static bool write_fingerprint(const X509 *x, char ret_text[AP_FINGERPRINT_TEXT])
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len = sizeof digest;
	if (!X509_digest(x, EVP_sha256(), digest, &len))
		return false;
	g_autoptr(GString) text = g_string_new("sha-256 ");
	for (unsigned i = 0; i < len; i++)
		g_string_append_printf(text, i ? ":%02X" : "%02X", digest[i]);
	g_strlcpy(ret_text, text->str, AP_FINGERPRINT_TEXT);
	return true;
}

static bool make_certificate(struct ap_dtls_identity *identity)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	bool made = key && x && fill_certificate(x, key) && write_fingerprint(x, identity->fingerprint) &&
		    SSL_CTX_use_certificate(identity->ctx, x) == 1 && SSL_CTX_use_PrivateKey(identity->ctx, key) == 1;
	X509_free(x);
	EVP_PKEY_free(key);
	return made;
}

static bool set_up(SSL_CTX *ctx)
{
	SSL_CTX_set_options(ctx, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, verify, NULL);
	return SSL_CTX_set_min_proto_version(ctx, DTLS1_2_VERSION) == 1 && SSL_CTX_set_cipher_list(ctx, CIPHERS) == 1 &&
	       SSL_CTX_set_tlsext_use_srtp(ctx, PROFILES) == 0; /* 0 is success here */
}

struct ap_result ap_dtls_identity_new(struct ap_dtls_identity **ret_identity)
{
	struct ap_dtls_identity *identity = g_new0(struct ap_dtls_identity, 1);
	identity->ctx = SSL_CTX_new(DTLS_server_method());
	identity->out = out_method();
	if (!identity->ctx || !identity->out || !set_up(identity->ctx) || !make_certificate(identity)) {
		ap_dtls_identity_free(identity);
		return ap_fail(AP_ERR_CRYPTO, "dtls", "OpenSSL cannot make a DTLS identity");
	}
	*ret_identity = identity;
	return AP_SUCCESS;
}

void ap_dtls_identity_free(struct ap_dtls_identity *identity)
{
	if (!identity)
		return;
	SSL_CTX_free(identity->ctx);
	BIO_meth_free(identity->out);
	g_free(identity);
}

const char *ap_dtls_fingerprint(const struct ap_dtls_identity *identity)
{
	return identity->fingerprint;
}

/* How long to wait for the client's next flight, µs. OpenSSL's own second, doubled without end, makes a handshake take
 * half a minute where a fifth of the packets is lost; it gives up after twelve, here after twenty seconds. */
static unsigned next_timeout(SSL *ssl, unsigned last_us)
{
	(void)ssl;
	return last_us == 0 ? FIRST_TIMEOUT_US : last_us < LAST_TIMEOUT_US / 2 ? 2 * last_us : LAST_TIMEOUT_US;
}

static bool connect_bios(struct ap_dtls *d, const struct ap_dtls_identity *identity)
{
	BIO *out = BIO_new(identity->out);
	d->in = BIO_new(BIO_s_mem());
	d->ssl = SSL_new(identity->ctx);
	if (!out || !d->in || !d->ssl) {
		BIO_free(out);
		BIO_free(d->in);
		return false;
	}
	BIO_set_data(out, d);
	BIO_set_mem_eof_return(d->in, -1);
	SSL_set_bio(d->ssl, d->in, out);
	return true;
}

struct ap_result ap_dtls_new(struct ap_dtls_identity *identity, const uint8_t fingerprint[32], ap_dtls_send send,
			     void *ctx, struct ap_dtls **ret_dtls)
{
	struct ap_dtls *d = g_new0(struct ap_dtls, 1);
	d->send = send;
	d->ctx = ctx;
	if (!ap_copy(d->fingerprint, sizeof d->fingerprint, fingerprint, 32) || !connect_bios(d, identity)) {
		ap_dtls_free(d);
		return ap_fail(AP_ERR_CRYPTO, "dtls", "OpenSSL has no memory for a handshake");
	}
	SSL_set_app_data(d->ssl, d);
	SSL_set_mtu(d->ssl, MTU);
	SSL_set_accept_state(d->ssl);
	DTLS_set_timer_cb(d->ssl, next_timeout);
	*ret_dtls = d;
	return AP_SUCCESS;
}

void ap_dtls_free(struct ap_dtls *d)
{
	if (!d)
		return;
	SSL_free(d->ssl);
	ap_wipe(d, sizeof *d);
	g_free(d);
}

static enum ap_dtls_state shake(struct ap_dtls *d)
{
	ERR_clear_error();
	int r = SSL_do_handshake(d->ssl);
	if (r == 1)
		return AP_DTLS_ESTABLISHED;
	int error = SSL_get_error(d->ssl, r);
	return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? AP_DTLS_HANDSHAKING : AP_DTLS_FAILED;
}

/* After the handshake only alerts and repeated flights come; application data is none of ours and is discarded. */
static enum ap_dtls_state read_rest(struct ap_dtls *d)
{
	uint8_t discarded[2048];
	ERR_clear_error();
	int r;
	while ((r = SSL_read(d->ssl, discarded, sizeof discarded)) > 0)
		;
	if (SSL_get_shutdown(d->ssl) & SSL_RECEIVED_SHUTDOWN)
		return AP_DTLS_CLOSED;
	return SSL_get_error(d->ssl, r) == SSL_ERROR_SSL ? AP_DTLS_FAILED : AP_DTLS_ESTABLISHED;
}

/*
 * A handshake fills buffers of 33 KB, which DTLS keeps for good whatever SSL_MODE_RELEASE_BUFFERS says. What may still
 * come, an alert or a repeated flight, is rare and finds them again.
 */
static void lay_down_buffers(struct ap_dtls *d)
{
	if (d->state == AP_DTLS_ESTABLISHED)
		d->bare = SSL_free_buffers(d->ssl) == 1;
}

static bool take_up_buffers(struct ap_dtls *d)
{
	d->bare = d->bare && SSL_alloc_buffers(d->ssl) != 1;
	return !d->bare;
}

enum ap_dtls_state ap_dtls_receive(struct ap_dtls *d, const uint8_t *data, size_t len)
{
	if (d->state == AP_DTLS_CLOSED || d->state == AP_DTLS_FAILED)
		return d->state;
	if (!take_up_buffers(d) || BIO_write(d->in, data, (int)len) != (int)len)
		return d->state;
	if (d->state == AP_DTLS_HANDSHAKING)
		d->state = shake(d);
	if (d->state == AP_DTLS_ESTABLISHED)
		d->state = read_rest(d);
	/* A datagram is taken whole or not at all: what OpenSSL left of one must not run into the next. */
	(void)BIO_reset(d->in);
	lay_down_buffers(d);
	return d->state;
}

enum ap_dtls_state ap_dtls_tick(struct ap_dtls *d)
{
	ERR_clear_error();
	if (d->state == AP_DTLS_HANDSHAKING && DTLSv1_handle_timeout(d->ssl) < 0)
		d->state = AP_DTLS_FAILED;
	return d->state;
}

void ap_dtls_close(struct ap_dtls *d)
{
	if (d->state != AP_DTLS_ESTABLISHED)
		return;
	ERR_clear_error();
	if (take_up_buffers(d))
		(void)SSL_shutdown(d->ssl);
	d->state = AP_DTLS_CLOSED;
}

static bool selected_profile(const struct ap_dtls *d, enum ap_srtp_profile *ret_profile)
{
	const SRTP_PROTECTION_PROFILE *selected = SSL_get_selected_srtp_profile(d->ssl);
	if (!selected)
		return false;
	*ret_profile = selected->id == SRTP_AEAD_AES_128_GCM ? AP_SRTP_GCM128 : AP_SRTP_CM128_SHA1_80;
	return true;
}

/* The material is client key, server key, client salt, server salt (RFC 5764 §4.2); the client's side is inward. */
static void split_material(const uint8_t *material, struct ap_dtls_keys *keys)
{
	size_t salt = ap_srtp_salt(keys->profile);
	struct ap_reader r = ap_reader_over(material, 2 * (AP_SRTP_KEY + salt));
	ap_read_bytes(&r, keys->inward, AP_SRTP_KEY);
	ap_read_bytes(&r, keys->outward, AP_SRTP_KEY);
	ap_read_bytes(&r, keys->inward + AP_SRTP_KEY, salt);
	ap_read_bytes(&r, keys->outward + AP_SRTP_KEY, salt);
}

struct ap_result ap_dtls_export(struct ap_dtls *d, struct ap_dtls_keys *ret_keys)
{
	uint8_t material[2 * (AP_SRTP_KEY + AP_SRTP_SALT_MAX)];
	struct ap_dtls_keys keys = {0};
	if (d->state != AP_DTLS_ESTABLISHED || !selected_profile(d, &keys.profile))
		return ap_fail(AP_ERR_CRYPTO, "srtp-profile", "the client takes none of our SRTP profiles");
	size_t len = 2 * (AP_SRTP_KEY + ap_srtp_salt(keys.profile));
	if (SSL_export_keying_material(d->ssl, material, len, EXPORTER, sizeof EXPORTER - 1, NULL, 0, 0) != 1)
		return ap_fail(AP_ERR_CRYPTO, "dtls", "OpenSSL exports no keys");
	split_material(material, &keys);
	ap_wipe(material, sizeof material);
	*ret_keys = keys;
	ap_wipe(&keys, sizeof keys);
	return AP_SUCCESS;
}
