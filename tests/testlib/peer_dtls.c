#include "tests/testlib/peer_dtls.h"

#include <aparte/buf.h>
#include <glib.h>

enum { KEY = 16, MOST_SALT = 14 };

static int write_out(BIO *bio, const char *data, int len)
{
	struct ap_peer_dtls *d = BIO_get_data(bio);
	d->send(d->ctx, (const uint8_t *)data, (size_t)len);
	return len;
}

static long control(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	if (command == BIO_CTRL_FLUSH)
		return 1;
	return command == BIO_CTRL_DGRAM_QUERY_MTU || command == BIO_CTRL_DGRAM_GET_FALLBACK_MTU ? AP_PEER_MTU : 0;
}

static int created(BIO *bio)
{
	BIO_set_init(bio, 1);
	return 1;
}

static const BIO_METHOD *datagrams(void)
{
	static BIO_METHOD *method;
	if (g_once_init_enter(&method)) {
		BIO_METHOD *made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "peer");
		BIO_meth_set_write(made, write_out);
		BIO_meth_set_ctrl(made, control);
		BIO_meth_set_create(made, created);
		g_once_init_leave(&method, made);
	}
	return method;
}

static int accept_any(X509_STORE_CTX *store, void *unused)
{
	(void)store;
	(void)unused;
	return 1;
}

void ap_peer_identity_make(struct ap_peer_identity *ret_identity)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	unsigned len = sizeof ret_identity->fingerprint;
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const uint8_t *)"peer", -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	g_assert_true(X509_sign(x, key, EVP_sha256()) > 0);
	g_assert_true(X509_digest(x, EVP_sha256(), ret_identity->fingerprint, &len));
	ret_identity->key = key;
	ret_identity->certificate = x;
}

void ap_peer_identity_clear(struct ap_peer_identity *identity)
{
	X509_free(identity->certificate);
	EVP_PKEY_free(identity->key);
}

void ap_peer_dtls_init(struct ap_peer_dtls *d, const struct ap_peer_identity *identity, const char *profiles,
		       ap_peer_writer send, void *ctx)
{
	*d = (struct ap_peer_dtls){ .send = send, .ctx = ctx, .settings = SSL_CTX_new(DTLS_client_method()) };
	SSL_CTX_set_verify(d->settings, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(d->settings, accept_any, NULL);
	g_assert_true(SSL_CTX_set_tlsext_use_srtp(d->settings, profiles) == 0);
	g_assert_true(SSL_CTX_use_certificate(d->settings, identity->certificate) == 1 &&
		      SSL_CTX_use_PrivateKey(d->settings, identity->key) == 1);
	BIO *out = BIO_new(datagrams());
	BIO_set_data(out, d);
	d->in = BIO_new(BIO_s_mem());
	BIO_set_mem_eof_return(d->in, -1);
	d->ssl = SSL_new(d->settings);
	SSL_set_bio(d->ssl, d->in, out);
	SSL_set_options(d->ssl, SSL_OP_NO_QUERY_MTU);
	SSL_set_mtu(d->ssl, AP_PEER_MTU);
	SSL_set_connect_state(d->ssl);
}

void ap_peer_dtls_clear(struct ap_peer_dtls *d)
{
	SSL_free(d->ssl);
	SSL_CTX_free(d->settings);
	if (d->inward)
		srtp_dealloc(d->inward);
	if (d->outward)
		srtp_dealloc(d->outward);
}

static srtp_t make_srtp(bool gcm, bool inward, const uint8_t *key, const uint8_t *salt)
{
	uint8_t both[KEY + MOST_SALT];
	srtp_policy_t policy = { .key = both, .window_size = 1024 };
	srtp_t session = NULL;
	ap_copy(both, sizeof both, key, KEY);
	ap_copy(both + KEY, sizeof both - KEY, salt, gcm ? 12 : MOST_SALT);
	if (gcm) {
		srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
		srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
	} else {
		srtp_crypto_policy_set_rtp_default(&policy.rtp);
		srtp_crypto_policy_set_rtcp_default(&policy.rtcp);
	}
	policy.ssrc.type = inward ? ssrc_any_inbound : ssrc_any_outbound;
	g_assert_cmpint(srtp_create(&session, &policy), ==, srtp_err_status_ok);
	return session;
}

void ap_peer_dtls_export(struct ap_peer_dtls *d)
{
	uint8_t m[2 * (KEY + MOST_SALT)];
	bool gcm = SSL_get_selected_srtp_profile(d->ssl)->id == SRTP_AEAD_AES_128_GCM;
	size_t salt = gcm ? 12 : MOST_SALT;
	g_assert_true(SSL_export_keying_material(d->ssl, m, 2 * (KEY + salt), "EXTRACTOR-dtls_srtp", 19, NULL, 0, 0));
	d->outward = make_srtp(gcm, false, m, m + 2 * KEY);
	d->inward = make_srtp(gcm, true, m + KEY, m + 2 * KEY + salt);
}

size_t ap_peer_dtls_protect(struct ap_peer_dtls *d, bool rtcp, uint8_t *packet, size_t len)
{
	int n = (int)len;
	srtp_err_status_t status = rtcp ? srtp_protect_rtcp(d->outward, packet, &n) : srtp_protect(d->outward, packet, &n);
	g_assert_cmpint(status, ==, srtp_err_status_ok);
	return (size_t)n;
}
