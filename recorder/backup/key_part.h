/*
 * The key part of a backup: the living rows of keys.db and the key-encryption key, one small file sealed to the restore
 * operator's age recipient (docs/FORMAT.md, Backups and journal). Written anew at each backup and after each turnover of
 * the key-encryption key; older ones are destroyed backup.key_horizon after they were made, which bounds how long a
 * backup can still bring back what was erased: the table key_part (vault.db) has each one's last day, written before it.
 *
 * Main thread: the key-encryption key and the rows under it change there alone.
 */
#pragma once

#include "recorder/keys/keys.h"

#include <aparte/uuid.h>

struct ap_vault; /* recorder/vault.h */

/* Whether this instance makes backups at all (backup.directory is set). */
bool ap_backup_configured(struct ap_vault *v);

/*
 * Writes a key part of now; call it once a turnover is complete. Success without doing anything where no backups are
 * made. "backup": no recipient, or the directory cannot be written; "kek": the key-encryption key is not there.
 */
struct ap_result ap_key_part_write(struct ap_vault *v);

/*
 * At a turnover's end: a part under the present key-encryption key, unless there is one, and no more of the former one than
 * may still be there. "backup-overdue" (AP_ERR_IO): one of those could not be destroyed in its time, so that nothing may be
 * dated. A part that cannot be written is told in the log and made later: it is no reason to keep an old key.
 */
struct ap_result ap_key_part_follow(struct ap_vault *v, const struct ap_kek_id *former);

/* Key parts that should have been destroyed and are not, since their disk is away: for doctor. */
struct ap_result ap_key_part_overdue(struct ap_vault *v, int64_t *ret_count);

/* Destroys those whose time has come, the newest one excepted while its key-encryption key is still in use. */
struct ap_result ap_key_part_prune(struct ap_vault *v);
