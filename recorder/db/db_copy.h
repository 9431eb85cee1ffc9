/*
 * Copies of a whole database, as SQLite writes it, while it is in use: each is of one moment.
 *
 * Threads: any; a connection of their own is opened and closed. Errors: AP_ERR_IO "database".
 */
#pragma once

#include <aparte/err.h>
#include <stddef.h>

/* Into a new file (0600), by SQLite's online backup; waits for writers. The caller syncs it if it must last. */
struct ap_result ap_db_copy(const char *path, const char *to);

/* The image in memory, given to `sink` in one piece and wiped afterwards. For small databases with secrets. */
struct ap_result ap_db_image(const char *path, struct ap_result (*sink)(void *ctx, const void *bytes, size_t len), void *ctx);
