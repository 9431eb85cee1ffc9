/* The certificate and its key, from descriptors: a confined process has no path to them, and its user no right. */
#include "http_internal.h"

#include <aparte/secret.h>
#include <unistd.h>

#define PEM_MAX 32768 /* bytes of a file; a chain of a few certificates is a tenth of it */

/* Reads from the beginning, whoever else holds the descriptor; the bytes are secret when it is the key. */
static struct ap_result read_pem(int fd, uint8_t *bytes, size_t *ret_len)
{
	size_t len = 0;
	for (;;) {
		ssize_t n = pread(fd, bytes + len, PEM_MAX - len, (off_t)len);
		if (n < 0)
			return ap_fail(AP_ERR_IO, "tls", "the TLS certificate or its key cannot be read");
		len += (size_t)n;
		if (n == 0)
			break;
		if (len == PEM_MAX)
			return ap_fail(AP_ERR_LIMIT, "tls", "the TLS certificate or its key is longer than 32 KiB");
	}
	*ret_len = len;
	return AP_SUCCESS;
}

static struct ap_result parse(const struct ap_secret *pem, GTlsCertificate **ret_certificate)
{
	GTlsCertificate *loaded = g_tls_certificate_new_from_pem((const char *)ap_secret_bytes(pem), -1, NULL);
	if (!loaded)
		return ap_fail(AP_ERR_PROTOCOL, "tls", "the TLS certificate and its key must be PEM, the key not encrypted");
	*ret_certificate = loaded;
	return AP_SUCCESS;
}

struct ap_result ap_http_use_tls(struct ap_http *http, int certificate, int key)
{
	GTlsCertificate *loaded = NULL;
	size_t certificate_len = 0, key_len = 0;
	if (!g_tls_backend_supports_tls(g_tls_backend_get_default()))
		return ap_fail(AP_ERR_INTERNAL, "tls", "GLib has no TLS here; the package glib-networking is missing");
	struct ap_secret *pem = ap_secret_new(2 * PEM_MAX); /* zeroed: text ends where it ends */
	uint8_t *bytes = ap_secret_bytes_rw(pem);
	struct ap_result r = read_pem(certificate, bytes, &certificate_len);
	if (ap_ok(r)) {
		bytes[certificate_len] = '\n'; /* a file may lack its last one */
		r = read_pem(key, bytes + certificate_len + 1, &key_len);
	}
	if (ap_ok(r))
		r = parse(pem, &loaded);
	ap_secret_free(pem);
	if (!ap_ok(r))
		return r;
	g_clear_object(&http->certificate);
	http->certificate = loaded;
	return AP_SUCCESS;
}
