/*
 * How the launcher (aparte serve) equips its children: each child inherits one SOCK_SEQPACKET control socket as
 * descriptor 3, over which everything else comes. A child never opens a path to reach another process.
 *
 * A message is one byte of type, then its text (may be empty), with at most one descriptor attached.
 * Launcher to child: CONFIG first (a read-only memfd with aparte.conf after the environment's overrides), then
 * LINK, ZYGOTE, ADMIN, HTTP, CERTIFICATE, KEY as the child needs them, then GO. LINK and ZYGOTE come again whenever the
 * process at the other end was restarted, or the link was lost. STOP asks for a clean end. EOF means the launcher is
 * gone: end cleanly too.
 * Child to launcher: READY once it answers /readyz; FAILED with a word when it cannot start. From the vault: UNLINKED
 * when the link that came with this number is over.
 */
#pragma once

#include <aparte/err.h>
#include <stddef.h>

#define AP_HANDOFF_FD 3
#define AP_HANDOFF_TEXT 4096

enum ap_handoff_type {
	AP_HANDOFF_CONFIG = 'C', /* fd: configuration; text: instance home as seen by the child */
	AP_HANDOFF_LINK = 'L',	 /* fd: the gateway-vault stream socket (D-Bus; vault is its server); text: its number */
	AP_HANDOFF_ZYGOTE = 'Z', /* fd: to vault: SEQPACKET to the capture zygote; the zygote gets its end the same way */
	AP_HANDOFF_ADMIN = 'A',	 /* fd: to vault: listening stream socket run/admin.sock */
	AP_HANDOFF_HTTP = 'H',	 /* fd: a listening TCP socket for this child's HTTP listener */
	AP_HANDOFF_CERTIFICATE = 'S', /* fd: the HTTP listener's chain, a PEM file open for reading; none: plain HTTP */
	AP_HANDOFF_KEY = 'K',	 /* fd: its private key, likewise; comes with CERTIFICATE */
	AP_HANDOFF_GO = 'G',	 /* all of the above was sent; start serving */
	AP_HANDOFF_STOP = 'T',
	AP_HANDOFF_READY = 'R',
	AP_HANDOFF_FAILED = 'F',
	AP_HANDOFF_UNLINKED = 'U', /* text: the number of the LINK that is over */
};

struct ap_handoff {
	enum ap_handoff_type type;
	int fd; /* owned by the receiver; -1 without one */
	char text[AP_HANDOFF_TEXT];
};

/* Sends one message; `fd` is -1 or is duplicated into the receiver and stays the caller's. Never waits: a process that
 * leaves too many unread gets no more. */
struct ap_result ap_handoff_send(int socket, enum ap_handoff_type type, const char *text, int fd);
/*
 * Waits up to timeout_ms (-1: for ever). AP_ERR_IO "handoff-eof" at EOF, AP_ERR_LIMIT "handoff-timeout". AP_ERR_PROTOCOL
 * "handoff-message": too long, a NUL inside, more than one descriptor; what came is closed. On failure type and fd are
 * untouched, the text is not.
 */
struct ap_result ap_handoff_receive(int socket, int timeout_ms, struct ap_handoff *ret_message);
