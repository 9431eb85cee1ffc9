/*
 * The completeness manifest of a recording (docs/FORMAT.md, Track files): segments in order with their hashes, epochs
 * (file time against wall time), gaps between them, packets lost, codecs. RFC 8785 JSON, signed with the server key
 * "manifest" (Ed25519 over the text's bytes).
 *
 * Threads: any, with that thread's connection.
 */
#pragma once

#include "recorder/db/db_recording.h"
#include "recorder/vault.h"

/* One epoch's report as JSON text (epoch.stats); g_free. */
char *ap_manifest_epoch_stats(const struct ap_capture_epoch *epoch);
/* From what vault.db holds. *ret_text is g_free'd. `complete`: the capture sealed it itself. */
struct ap_result ap_manifest_build(struct ap_vault *v, struct ap_db *db, const struct ap_recording *recording, bool complete,
				   char **ret_text);
struct ap_result ap_manifest_sign(struct ap_vault *v, const char *text, uint8_t ret_signature[64]);
/* Whether the signed manifest of a recording names these segments for this track, no more and no less:
 * "segment-altered" when it does not, was changed, or is not there. */
struct ap_result ap_manifest_vouches(struct ap_vault *v, struct ap_db *db, const struct ap_uuid *recording, enum ap_role role,
				     const GArray *segments);
/* The public half, for auditors. */
struct ap_result ap_manifest_key(struct ap_vault *v, uint8_t ret_public[32]);
