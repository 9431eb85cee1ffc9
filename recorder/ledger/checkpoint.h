/*
 * Checkpoints: a C2SP tlog-checkpoint (three lines: origin, size, root) as a signed note with Ed25519.
 *
 *     <host>/aparte/log/1\n12\n<base64 root>\n\n— <name> <base64(key id ‖ signature)>\n
 *
 * The key's name is the origin. Key id = SHA-256(name ‖ 0A ‖ 01 ‖ public key)[0..4]. Lines of other signers
 * (witnesses: cosignature.h) are allowed and ignored here. Verifier key text: "<name>+<hex key id>+<base64(01 ‖ public key)>".
 *
 * Pure; any thread. Errors: AP_ERR_PROTOCOL "checkpoint" (form), AP_ERR_CRYPTO "checkpoint-signature" (no valid
 * signature by that key), AP_ERR_PROTOCOL "log-key". Outputs untouched on failure.
 */
#pragma once

#include <recorder/ledger/note.h>

struct ap_checkpoint {
	char origin[AP_ORIGIN_MAX + 1];
	uint64_t size;
	struct ap_hash root;
};

/* From a name and the 32-byte Ed25519 seed. Fails when the name is empty, too long or holds space, '+' or control. */
struct ap_result ap_log_key_from_seed(const char *name, const struct ap_secret *seed, struct ap_log_key *ret_key);
/* The same key under another name. */
struct ap_result ap_log_key_named(struct ap_log_key *key, const char *name);
struct ap_result ap_log_key_parse(const char *vkey, struct ap_log_key *ret_key);
/* g_free. */
char *ap_log_key_text(const struct ap_log_key *key);

/* The signed note; *ret_note is g_free'd. */
struct ap_result ap_checkpoint_sign(const struct ap_checkpoint *checkpoint, const struct ap_secret *seed, char **ret_note);
/* Form and signature; the origin must be the key's name. */
struct ap_result ap_checkpoint_verify(const char *note, size_t len, const struct ap_log_key *key,
				      struct ap_checkpoint *ret_checkpoint);
