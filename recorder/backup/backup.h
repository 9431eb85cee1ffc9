/*
 * Backups of the running vault (docs/FORMAT.md, Backups and journal): a copy of vault.db, ciphertext, a key part, then the
 * proof that what was written can be restored. Also the timer of the journal and of what must be destroyed in time.
 *
 * What takes long runs on a thread of its own; one run at a time. Threads: main thread. Errors: "backup" and "journal" with
 * what to do, "conflict" (AP_ERR_DENIED) while another run is under way.
 */
#pragma once

#include <aparte/err.h>
#include <json-glib/json-glib.h>

struct ap_vault;
struct ap_backups; /* opaque */

struct ap_backups *ap_backups_new(struct ap_vault *v);
/* Waits for a run under way, which ends early. Accepts NULL. */
void ap_backups_free(struct ap_backups *b);
/* Once a second: journal, and what must be destroyed. From now on. */
void ap_backups_start(struct ap_backups *b);
/* One turn of that, now: for the timer and for tests. */
struct ap_result ap_backups_work(struct ap_backups *b);

/* Begin; ap_backups_show tells how it went. */
struct ap_result ap_backups_make(struct ap_backups *b);
struct ap_result ap_backups_prove(struct ap_backups *b);
/* Waits until no run is under way: for tests. */
void ap_backups_wait(struct ap_backups *b);

/* {"configured","running","directory","last","proof","parts","journal"}. */
struct ap_result ap_backups_show(struct ap_backups *b, JsonNode **ret_answer);
