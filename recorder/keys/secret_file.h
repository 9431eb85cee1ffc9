/*
 * A small secret in a file of its own that can be replaced and destroyed so that no crash loses it, and none leaves the
 * old one lying about unseen. Beside `path` there may be, and their names say where a replacement stood:
 *
 *     path                       at rest
 *     path + path.next           a successor is durable; `path` still counts (the caller may work with both)
 *     path.old + path.next       the change of names was begun
 *     path.old + path            the successor is in place; the old one is still to be destroyed
 *     path.new                   a successor that was not finished: worth nothing
 *
 * To destroy is to overwrite with random bytes, fsync, unlink and fsync the directory: as much as a file system lets a
 * program do. What cannot be overwritten (another's file, a file system that refuses) is unlinked all the same, and told
 * once as a failure. Directories stay as they are, files are 0600; one that its owner set to 0400 is destroyed as well.
 *
 * Threads: one at a time per path. Errors: AP_ERR_IO "secret-file"; each function can simply be called again.
 */
#pragma once

#include <aparte/err.h>
#include <aparte/secret.h>
#include <stdbool.h>

/* Writes `path`.next, durable; whole or not there. One that is there is replaced. */
struct ap_result ap_secret_file_write_next(const char *path, const struct ap_secret *secret);
/* `path`.next becomes `path`, and what `path` was is destroyed. Without a next one: what ap_secret_file_settle does. */
struct ap_result ap_secret_file_turn(const char *path);
/* Finishes what a crash left: path.old is destroyed (after path.next took its place), path.new thrown away. */
struct ap_result ap_secret_file_settle(const char *path);
/* Destroys all of them. Nothing there is success. */
struct ap_result ap_secret_file_destroy(const char *path);
/* Exactly 1..max bytes of a regular file that nobody else may read; "not-found" (AP_ERR_DENIED) when it is not there. */
struct ap_result ap_secret_file_read(const char *path, size_t max, struct ap_secret **ret_secret);
bool ap_secret_file_exists(const char *path, const char *ending);
