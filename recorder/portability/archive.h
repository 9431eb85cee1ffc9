/*
 * The archive of a portability request (R21, R39): one zip, encrypted as an age file while it is written, to a
 * passphrase or an age recipient the person chose. In clear it never touches the disk, and of the passphrase nothing is
 * kept. It can be fetched for a week, or until ten minutes after its last byte was handed out; then it is erased.
 *
 * Threads: main thread. JSON texts returned are g_free'd by the caller.
 */
#pragma once

#include <aparte/err.h>
#include <aparte/uuid.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <stdint.h>

struct ap_vault;

/* Adds "archive": {"state","progress","size"?,"until"?,"failure"?} to a request's JSON; nothing before it was asked for. */
struct ap_result ap_archive_describe(struct ap_vault *v, const struct ap_uuid *request, JsonObject *o);
/* Is it there to be fetched, or was it? */
struct ap_result ap_archive_is_ready(struct ap_vault *v, const struct ap_uuid *request, bool *ret_ready);
/* For the retention timer: erases what was fetched or is a week old. */
struct ap_result ap_archive_work(struct ap_vault *v);
