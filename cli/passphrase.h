/*
 * A passphrase from a terminal without echo, or from a descriptor (`--passphrase-fd`); never from the command line, where
 * every process could read it. Threads: one.
 */
#pragma once

#include <aparte/secret.h>
#include <stdbool.h>

/*
 * The first line, without its end. fd >= 0: from there. Otherwise asks at the controlling terminal; `twice` asks again and
 * compares. NULL: there was none, or it was too long, or the two differ; that was told on stderr.
 */
struct ap_secret *ap_passphrase_read(int fd, const char *prompt, bool twice);
