/*
 * The addresses of this machine that browsers are told.
 *
 * Threads: main, at start.
 */
#pragma once

/* The configured ones, or when there are none: 127.0.0.1 and the first global IPv4 and IPv6 address of an interface
 * that is up. NULL-terminated; g_strfreev. */
char **ap_addresses(const char *const *configured);
