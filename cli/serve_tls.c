#include "cli/serve_tls.h"

#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* NULL when the section has no such value. */
static char *path_of(const struct ap_instance *i, const struct ap_config *config, const char *section, const char *key)
{
	g_autofree char *name = g_strconcat(section, ".", key, NULL);
	const char *path = ap_config_text(config, name);
	return *path ? g_canonicalize_filename(path, i->home) : NULL;
}

static struct ap_result open_file(const char *path, mode_t forbidden, int *ret_fd)
{
	struct stat info;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hold us */
	if (fd < 0 || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
		if (fd >= 0)
			close(fd);
		g_printerr("%s: cannot be read\n", path);
		return ap_fail(AP_ERR_IO, "config-tls", "tls_certificate and tls_key name readable PEM files, both or none");
	}
	if (info.st_mode & forbidden) {
		close(fd);
		g_printerr("%s: chmod o-rwx it\n", path);
		return ap_fail(AP_ERR_DENIED, "config-tls", "a private key that everyone may read is none");
	}
	*ret_fd = fd;
	return AP_SUCCESS;
}

struct ap_result ap_serve_tls_open(const struct ap_instance *i, const struct ap_config *config, const char *section,
				   int *ret_certificate, int *ret_key)
{
	g_autofree char *certificate = path_of(i, config, section, "tls_certificate");
	g_autofree char *key = path_of(i, config, section, "tls_key");
	int certificate_fd = -1, key_fd = -1;
	if (!certificate != !key)
		return ap_fail(AP_ERR_PROTOCOL, "config-tls", "tls_certificate and tls_key are set together, or neither");
	if (certificate) {
		AP_TRY(open_file(certificate, 0, &certificate_fd));
		struct ap_result r = open_file(key, S_IRWXO, &key_fd);
		if (!ap_ok(r)) {
			close(certificate_fd);
			return r;
		}
	}
	*ret_certificate = certificate_fd;
	*ret_key = key_fd;
	return AP_SUCCESS;
}

/* Takes the descriptor. */
static FILE *stream_of(int fd)
{
	FILE *file = fdopen(fd, "r");
	if (!file)
		close(fd);
	return file;
}

static bool fit(FILE *certificate_file, FILE *key_file)
{
	/* An encrypted key is tried with the empty password, instead of asking a terminal for it. */
	X509 *certificate = certificate_file ? PEM_read_X509(certificate_file, NULL, NULL, NULL) : NULL;
	EVP_PKEY *key = key_file ? PEM_read_PrivateKey(key_file, NULL, NULL, (void *)"") : NULL;
	bool right = certificate && key && X509_check_private_key(certificate, key) == 1;
	X509_free(certificate);
	EVP_PKEY_free(key);
	return right;
}

struct ap_result ap_serve_tls_check(const struct ap_instance *i, const struct ap_config *config, const char *section)
{
	int certificate, key;
	AP_TRY(ap_serve_tls_open(i, config, section, &certificate, &key));
	if (certificate < 0)
		return AP_SUCCESS;
	FILE *files[] = { stream_of(certificate), stream_of(key) };
	bool right = fit(files[0], files[1]);
	for (size_t f = 0; f < G_N_ELEMENTS(files); f++)
		if (files[f])
			fclose(files[f]);
	if (right)
		return AP_SUCCESS;
	g_printerr("%s.tls_certificate and %s.tls_key do not belong together\n", section, section);
	return ap_fail(AP_ERR_PROTOCOL, "config-tls",
		       "tls_certificate is a PEM chain that begins with ours, tls_key its key in clear");
}

static gboolean is_own(SoupMessage *message, GTlsCertificate *shown, GTlsCertificateFlags doubts, void *own)
{
	(void)message, (void)doubts;
	return g_tls_certificate_is_same(shown, own);
}

static void forget(void *own, GClosure *closure)
{
	(void)closure;
	g_object_unref(own);
}

void ap_serve_tls_expect_own(const struct ap_instance *i, const struct ap_config *config, const char *section,
			     SoupMessage *message)
{
	g_autofree char *path = path_of(i, config, section, "tls_certificate");
	GTlsCertificate *own = path ? g_tls_certificate_new_from_file(path, NULL) : NULL;
	if (own)
		g_signal_connect_data(message, "accept-certificate", G_CALLBACK(is_own), own, forget, 0);
}
