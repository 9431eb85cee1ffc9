/*
 * The archive of a portability request (R21, R39): one zip, encrypted as an age file while it is written, to a
 * passphrase or an age recipient the person chose. In clear it never touches the disk, and of the passphrase nothing is
 * kept. It holds the person's data (JSON, CSV), the session as a vCon, and of each recording the person's own track; the
 * whole is for viewing alone (art. 15(4), 20(4)), but where the other person gives `share_copy` (R39): then it holds a film
 * of both, side by side (archive_film.h), and lasts no longer than that. What is left out is said in it.
 *
 * It is made on the main thread in small steps between what else is due, each of which asks again whether the person may
 * still have the recording. It can be fetched for a week, or until ten minutes after its last byte was handed out; then,
 * or when a recording of the session is erased or withdrawn (a hold may keep it from being erased), or the person has another one made, it goes. None is made where it would
 * take the disk below storage.floor.
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
struct ap_actor; /* recorder/access/access.h */

#define AP_PASSPHRASE_MIN 12 /* bytes */
#define AP_PASSPHRASE_MAX 1024

/*
 * POST /v1/party/requests/{id}/archive, of one's own portability request: {"passphrase"} or {"recipient":"age1…"}. It is
 * begun; the request's answer follows. "invalid" (neither or both, too short, no recipient), "conflict" (being made, ready,
 * or the request was refused), "rate" (another archive is being made, or ten were in a day), "lockdown",
 * "vault-unavailable" (no room).
 */
struct ap_result ap_archive_make(struct ap_vault *v, const struct ap_actor *party, const char *request, const char *json,
				 char **ret_json);
/* Its size, and a range of it: "not-found", "restricted", "erased". *ret_bytes is g_free'd, NULL at the end. */
struct ap_result ap_archive_open(struct ap_vault *v, const struct ap_actor *party, const char *request, uint64_t *ret_size);
struct ap_result ap_archive_read(struct ap_vault *v, const struct ap_actor *party, const char *request, uint64_t offset,
				 uint32_t length, uint8_t **ret_bytes, size_t *ret_len);

/* Adds "archive": {"state","progress","size"?,"until"?,"failure"?} to a request's JSON; nothing before it was asked for. */
struct ap_result ap_archive_describe(struct ap_vault *v, const struct ap_uuid *request, JsonObject *o);
/* Is it there to be fetched, or was it? */
struct ap_result ap_archive_is_ready(struct ap_vault *v, const struct ap_uuid *request, bool *ret_ready);

/* At the start: what was being made when the vault ended is marked failed, and its file removed. */
struct ap_result ap_archive_recover(struct ap_vault *v);
/* For the retention timer: erases what was fetched, is a week old, or holds what was erased since. */
struct ap_result ap_archive_work(struct ap_vault *v);
/* A consent of this session changed: an archive that holds the other person goes when they no longer allow it (R39). */
void ap_archive_unshare(struct ap_vault *v, const struct ap_uuid *session);
/* Drops the job under way, if any, before the vault is freed. */
void ap_archive_stop(void);
