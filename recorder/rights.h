/*
 * What the vault's core needs of its staff side, and how the two meet without linking to each other: the staff side
 * hands over one table at start. Until then the calls answer "vault-unavailable".
 *
 * Ids and bodies come as the person sent them: each function checks them itself. Errors carry API names.
 */
#pragma once

#include "recorder/db/db.h"

struct ap_vault; /* recorder/vault.h */

struct ap_rights {
	/* Main thread, for an authenticated person. JSON text is g_free'd by the caller. */
	struct ap_result (*recordings)(struct ap_vault *v, const struct ap_uuid *session, enum ap_role role, char **ret_json);
	struct ap_result (*accesses)(struct ap_vault *v, const struct ap_uuid *session, enum ap_role role, char **ret_json);
	struct ap_result (*track_open)(struct ap_vault *v, const struct ap_uuid *session, enum ap_role role,
				       const char *recording, const char *track, char **ret_access, uint64_t *ret_size);
	/* *ret_bytes is g_free'd by the caller. */
	struct ap_result (*track_read)(struct ap_vault *v, const struct ap_uuid *session, enum ap_role role,
				       const char *access, const char *recording, const char *track, uint64_t offset,
				       uint32_t length, uint8_t **ret_bytes, size_t *ret_len);
	struct ap_result (*passage_erase)(struct ap_vault *v, const struct ap_uuid *session, enum ap_role role,
					  const char *recording, const char *json, char **ret_json);
	struct ap_result (*request_create)(struct ap_vault *v, const struct ap_uuid *session, enum ap_role role,
					   const char *json, char **ret_json);
	struct ap_result (*request_get)(struct ap_vault *v, const struct ap_uuid *session, enum ap_role role,
					const char *request, char **ret_json);
	/* *ret_type is static. */
	struct ap_result (*request_copy)(struct ap_vault *v, const struct ap_uuid *session, enum ap_role role,
					 const char *request, const char *format, const char **ret_type, char **ret_text);
	struct ap_result (*archive_make)(struct ap_vault *v, const struct ap_uuid *session, enum ap_role role,
					 const char *request, const char *json, char **ret_json);
	struct ap_result (*archive_open)(struct ap_vault *v, const struct ap_uuid *session, enum ap_role role,
					 const char *request, uint64_t *ret_size);
	struct ap_result (*archive_read)(struct ap_vault *v, const struct ap_uuid *session, enum ap_role role,
					 const char *request, uint64_t offset, uint32_t length, uint8_t **ret_bytes,
					 size_t *ret_len);
	/* Of a leaf whose opening went to the archive of proofs (R40); "not-found", "lockdown". */
	struct ap_result (*proof_receipt)(struct ap_vault *v, const struct ap_uuid *session, uint64_t leaf, char **ret_json);
	struct ap_result (*webhook_put)(struct ap_vault *v, int64_t tenant, const char *name, const char *json, char **ret_json);

	/* Any thread, inside the caller's transaction on `db`: the 'ordered' leaf and row. An erasure already ordered is
	 * success. `cause` is the word kept in the leaf ("withdrawal"). */
	struct ap_result (*erasure_order)(struct ap_vault *v, struct ap_db *db, const struct ap_uuid *recording, const char *cause);
	/* Main thread: runs ordered erasures now; called after the transaction was committed. */
	void (*erasure_kick)(struct ap_vault *v);
	/* Main thread: the consents of a session changed: grants and playbacks that no longer have both are ended. */
	void (*consents_changed)(struct ap_vault *v, const struct ap_uuid *session);
	/* Any thread, inside the caller's transaction: puts a webhook delivery into the outbox. `data` is JSON text.
	 * Events: session.created, session.ended, recording.started, recording.sealed, recording.erased. */
	struct ap_result (*webhook_enqueue)(struct ap_vault *v, struct ap_db *db, int64_t tenant, const char *event,
					    const char *data);
};
