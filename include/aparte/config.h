/*
 * aparte.conf: a GKeyFile, read once by the launcher, which applies the environment's overrides and hands the
 * result to each process as a memfd. Every key has a default; config/aparte.conf documents them all, and a test
 * compares that file with the table in common/config.c: an unknown key or a value out of range refuses the start.
 *
 * Ownership: ap_config owns its strings; getters borrow. Threads: read-only after loading, any thread.
 */
#pragma once

#include <aparte/err.h>
#include <stdbool.h>
#include <stdint.h>

struct ap_config; /* opaque */

/* Defaults only; never fails. */
struct ap_config *ap_config_new(void);
/* Parses text. On failure *ret_config is untouched and ret_where (if not NULL, g_free) names section and key. */
struct ap_result ap_config_parse(const char *text, struct ap_config **ret_config, char **ret_where);
struct ap_result ap_config_load_fd(int fd, struct ap_config **ret_config, char **ret_where);
struct ap_result ap_config_load_file(const char *path, struct ap_config **ret_config, char **ret_where);
void ap_config_free(struct ap_config *c);

/* `key` is "section.name" and must stand in the table (a wrong one aborts: our own mistake). Lists are ';'-separated. */
const char *ap_config_text(const struct ap_config *c, const char *key);
int64_t ap_config_int(const struct ap_config *c, const char *key);
bool ap_config_bool(const struct ap_config *c, const char *key);
const char *const *ap_config_list(const struct ap_config *c, const char *key);

/* Sets one value as text (checked like a file's); the launcher's overrides use it. */
struct ap_result ap_config_set(struct ap_config *c, const char *key, const char *value);
/* The whole configuration as key file text; g_free. */
char *ap_config_to_text(const struct ap_config *c);
