/*
 * The films of an archive (R39): of each recording whose other person gives `share_copy`, both persons side by side. Each
 * is composed by a confined process (compose.h), kept encrypted meanwhile (film.h), and copied into the archive as a whole:
 * one that cannot be composed, or is withdrawn meanwhile, is left out, and the archive says so. What stands in the archive
 * already cannot be taken out again: a withdrawal after that ends the archive.
 *
 * Taking a film is an access of its own, purpose "share_copy", from before its first byte to the archive's end.
 *
 * Threads: main thread.
 */
#pragma once

#include "recorder/access/access.h"
#include "recorder/db/db_recording.h"
#include "recorder/portability/vcon.h"
#include "recorder/portability/zip.h"

struct ap_archive_films; /* opaque */

/* `v` and `zip` are borrowed; `directory` is copied. */
struct ap_archive_films *ap_archive_films_new(struct ap_vault *v, const struct ap_actor *person,
					      const struct ap_uuid *request, struct ap_zip *zip, const char *directory);
/* One of a recording, if it may be: else why not is noted. */
void ap_archive_films_add(struct ap_archive_films *fs, const struct ap_recording *recording);
/* What all of it is to the progress bar, in bytes of copying, and how far it is. */
uint64_t ap_archive_films_total(const struct ap_archive_films *fs);
uint64_t ap_archive_films_done(const struct ap_archive_films *fs);

/* Bytes of disk that they may take, kept for themselves and in the archive. */
uint64_t ap_archive_films_room(const struct ap_archive_films *fs);
/* A bounded piece of work; *ret_over after the last, *ret_waits when there is nothing to do for a moment. */
struct ap_result ap_archive_films_step(struct ap_archive_films *fs, bool *ret_over, bool *ret_waits);
/* Once more before the archive is handed over: may the person have those that are in it? Then their accesses end. */
struct ap_result ap_archive_films_end(struct ap_archive_films *fs);

/* How many are in it; each as a track of the vCon, whose file is borrowed. */
guint ap_archive_films_count(const struct ap_archive_films *fs);
struct ap_vcon_track ap_archive_films_track(const struct ap_archive_films *fs, guint i);
/* Adds a text for each that is not in it. */
void ap_archive_films_tell_absent(const struct ap_archive_films *fs, GPtrArray *absent);
/* Ends what is under way, composer and accesses. NULL is fine. */
void ap_archive_films_free(struct ap_archive_films *fs);
