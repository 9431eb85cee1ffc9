/*
 * A vault that makes backups: the staff side's fixture with a backup's directory, a journal's, a restore operator's
 * identity, and restores to homes of their own.
 */
#pragma once

#include "recorder/backup/backup.h"
#include "recorder/backup/restore.h"
#include "tests/testlib/staff_fixture.h"

struct backup_fixture {
	struct fixture *f;
	struct ap_backups *b;
	char *place;		  /* of all that follows */
	char *directory, *journal; /* backup.directory, backup.journal */
	struct ap_secret *identity;
	int homes;
};

struct backup_fixture *backup_fixture_new(void);
void backup_fixture_free(struct backup_fixture *x);
/* A whole backup with its proof; both must go well. */
void backup_fixture_backup(struct backup_fixture *x);
/* As the last run ended: GET /v1/backups' member "last" or "proof". json_object_unref. */
JsonObject *backup_fixture_note(struct backup_fixture *x, const char *member);
/* Restores to a new home, which is given (g_free). `journal` may be NULL. */
struct ap_result backup_fixture_restore(struct backup_fixture *x, const char *journal, char **ret_home,
					struct ap_restore_report *ret_report);
/* From another directory. */
struct ap_result backup_fixture_restore_from(struct backup_fixture *x, const char *from, const char *journal, char **ret_home,
					     struct ap_restore_report *ret_report);
/* From here on homes keep their journal in a new directory. */
void backup_fixture_new_journal(struct backup_fixture *x);
/* The vault over a home, with its own configuration. */
struct ap_vault *backup_fixture_open(struct backup_fixture *x, const char *home);
/* Does every byte of both tracks come out as it was recorded? */
bool backup_fixture_plays(struct ap_vault *v, const struct ap_uuid *recording);
/* A copy of a directory with everything in it; g_free. */
char *backup_fixture_copy(struct backup_fixture *x, const char *directory);
/* Files under a directory whose content has these bytes, raw, as hex in either case, or as base64 of either kind. */
unsigned backup_fixture_search(const char *directory, const void *bytes, size_t len);

/* A sealed recording of a year, both persons giving recording and supervision. */
struct ap_uuid backup_fixture_record_in(struct backup_fixture *x, struct ap_uuid *ret_session);
struct ap_uuid backup_fixture_record(struct backup_fixture *x);
/* Erased at a person's request, to the certificate. */
void backup_fixture_erase(struct backup_fixture *x, const struct ap_uuid *recording);
/* The one number that the statement gives. */
int64_t backup_fixture_count(struct ap_vault *v, const char *sql);
