/*
 * Certificate and key of a listener. The launcher opens the files, because it is root where the processes are not and
 * they have no path once confined; they get the descriptors, opened anew at each of their starts. It looks at the files
 * before anything is started, so that what is wrong with them is said at once.
 *
 * Paths are the configuration's `<section>.tls_certificate` and `<section>.tls_key`, relative to the home. The key
 * must not be open to everyone. Threads: one.
 */
#pragma once

#include "cli/instance.h"

#include <aparte/config.h>
#include <libsoup/soup.h>

/* Success where the section has no TLS. AP_ERR_IO or AP_ERR_PROTOCOL "config-tls" otherwise, told on stderr. */
struct ap_result ap_serve_tls_check(const struct ap_instance *i, const struct ap_config *config, const char *section);

/* Both descriptors, the caller's to close; -1 where the section has no TLS. */
struct ap_result ap_serve_tls_open(const struct ap_instance *i, const struct ap_config *config, const char *section,
				   int *ret_certificate, int *ret_key);

/* Has the message, which goes to our own listener, take that listener's certificate, whoever signed it. */
void ap_serve_tls_expect_own(const struct ap_instance *i, const struct ap_config *config, const char *section,
			     SoupMessage *message);
