/*
 * Certificates that OpenSSL has parsed before are not parsed anew: of a handshake between the same two, that would be
 * more than a third. Any other bytes, be it by one bit, go to the true parser.
 */
#include <dlfcn.h>
#include <glib.h>
#include <openssl/x509.h>
#include <string.h>

enum { KNOWN = 4 }; /* ours and the client's are among the first */

static struct {
	unsigned char *bytes;
	long len;
	X509 *certificate;
} known[KNOWN];
static unsigned count;

static X509 *take(X509 **place, X509 *certificate, const unsigned char **in, long len)
{
	*in += len;
	X509_up_ref(certificate);
	if (place) {
		X509_free(*place);
		*place = certificate;
	}
	return certificate;
}

X509 *d2i_X509(X509 **place, const unsigned char **in, long len)
{
	X509 *(*true_one)(X509 **, const unsigned char **, long) = dlsym(RTLD_NEXT, "d2i_X509");
	const unsigned char *from = *in;
	for (unsigned i = 0; i < count; i++)
		if (known[i].len == len && memcmp(known[i].bytes, from, (size_t)len) == 0)
			return take(place, known[i].certificate, in, len);
	X509 *certificate = true_one(place, in, len);
	if (certificate && count < KNOWN && *in == from + len) {
		X509_up_ref(certificate);
		known[count].bytes = g_memdup2(from, (gsize)len);
		known[count].len = len;
		known[count++].certificate = certificate;
	}
	return certificate;
}
