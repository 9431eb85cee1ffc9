/*
 * C2SP signed-note: a text, an empty line, then lines "— <name> <base64(key id ‖ signature)>". What checkpoints
 * (checkpoint.h) and cosignatures (cosignature.h) have in common.
 *
 * A verifier key is "<name>+<hex key id>+<base64(type ‖ public key)>"; key id = SHA-256(name ‖ 0A ‖ type ‖ public)[0..4].
 *
 * Pure; any thread. Outputs untouched on failure.
 */
#pragma once

#include <aparte/encode.h>
#include <aparte/err.h>

#define AP_ORIGIN_MAX 255
#define AP_CHECKPOINT_MAX 16384 /* bytes in a note with its signatures */
#define AP_NOTE_MARK "\xe2\x80\x94 " /* em dash and space, before each signature */
#define AP_NOTE_STAMP_MAX 4096 /* bytes of key id and signature; ML-DSA-44 has 2432 */

enum ap_note_type { AP_NOTE_ED25519 = 0x01, AP_NOTE_COSIGNATURE = 0x04 };

struct ap_log_key {
	char name[AP_ORIGIN_MAX + 1];
	uint8_t id[4];
	uint8_t public[32];
};

/* One signature line, taken apart. */
struct ap_note_line {
	char name[AP_ORIGIN_MAX + 1];
	uint8_t stamp[AP_NOTE_STAMP_MAX]; /* key id, then what the type says */
	size_t len;			  /* bytes in stamp, 5 or more */
};

/* "log-key" (AP_ERR_PROTOCOL): the name is empty, too long or holds space, '+' or control; or not such a text. */
struct ap_result ap_note_key_make(const char *name, enum ap_note_type type, const uint8_t public[32], struct ap_log_key *ret_key);
struct ap_result ap_note_key_parse(const char *vkey, enum ap_note_type type, struct ap_log_key *ret_key);
/* g_free. */
char *ap_note_key_text(const struct ap_log_key *key, enum ap_note_type type);
bool ap_note_name_fits(const char *name);

/* The signed text (with its last newline), and the lines after the empty one; both g_free'd. "checkpoint" (AP_ERR_PROTOCOL). */
struct ap_result ap_note_split(const char *note, size_t len, char **ret_text, char **ret_signatures);
/* One line without its newline; false when it is malformed. */
bool ap_note_line_parse(const char *line, struct ap_note_line *ret_line);
/* Name and key id are this key's: by the specification it is then its signature, or forged. */
bool ap_note_line_is_of(const struct ap_note_line *line, const struct ap_log_key *key);
