/*
 * AES-128-GCM for libsrtp2, on OpenSSL: takes the place of the library's own by its interface for that, whichever
 * cryptography it was built on. Debian's build makes a context for each packet (NSS), and the library's binding to OpenSSL
 * sets for each packet what never changes; both cost more than the cipher. Keys, replay windows, nonces and what is
 * authenticated stay libsrtp2's.
 *
 * Source: RFC 7714; interface: srtp2/cipher.h, srtp_replace_cipher_type().
 */
#pragma once

#include <srtp2/cipher.h>

/* After srtp_init(), once. The library runs its own known answers and random packets through this cipher, and ours
 * through it, and refuses it when one differs. */
srtp_err_status_t ap_srtp_gcm_install(void);
