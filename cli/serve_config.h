/*
 * The effective configuration of a run: aparte.conf, then the environment's overrides, then what is derived, all
 * checked before anything is started. Each process gets it as a sealed, read-only memfd.
 *
 * Environment: APARTE_GATEWAY_PORT, APARTE_VAULT_PORT, APARTE_MEDIA_PORT, APARTE_ADVERTISE (',' or ';' between).
 * Threads: one.
 */
#pragma once

#include "cli/instance.h"

#include <aparte/config.h>
#include <stdint.h>

/* Reads home/aparte.conf. As root the file must be root's alone. What is wrong is also told on stderr. */
struct ap_result ap_serve_config_load(const struct ap_instance *i, struct ap_config **ret_config);

/* "host:port" or "[v6]:port" with a numeric host. */
struct ap_result ap_serve_config_listen(const char *listen, char **ret_host, uint16_t *ret_port);

/* Where the listener is from this machine: "http://127.0.0.1:8080", "https://…" with a certificate; `section` is
 * gateway or vault; g_free. */
char *ap_serve_config_near_url(const struct ap_config *config, const char *section);
/* What others call it: the gateway's public_url where there is one. g_free. */
char *ap_serve_config_url(const struct ap_config *config, const char *section);

/* The configuration's text in a memfd that nobody can change any more. Caller closes. */
struct ap_result ap_serve_config_seal(const struct ap_config *config, int *ret_fd);
