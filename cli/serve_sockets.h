/*
 * The listening sockets that the launcher binds and hands to the processes. Threads: one.
 */
#pragma once

#include <aparte/err.h>

/* A listening, non-blocking TCP socket for "host:port". Caller closes. */
struct ap_result ap_serve_listen_tcp(const char *listen, int *ret_fd);
/* A listening stream socket at `path` (0600; a stale one is replaced). Caller closes. */
struct ap_result ap_serve_listen_unix(const char *path, int *ret_fd);
