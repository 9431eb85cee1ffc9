/*
 * Witnesses as they speak on the wire: C2SP tlog-witness (add-checkpoint) and tlog-cosignature (Ed25519, type 04).
 * What they answer is anyone's bytes: read here, bounded, and believed only as far as it is signed.
 *
 * A cosignature is the line "— <witness> <base64(key id ‖ time, u64 big-endian ‖ Ed25519)>" under a checkpoint; signed is
 * "cosignature/v1\ntime <time>\n" and the checkpoint's text. Time is in seconds since 1970.
 * ML-DSA-44 (type 06) is in no library that we use: such lines are another key's, and are passed over.
 *
 * Pure; any thread. Outputs untouched on failure. Errors: AP_ERR_PROTOCOL "witness-key".
 */
#pragma once

#include <recorder/ledger/checkpoint.h>
#include <recorder/ledger/merkle.h>

#define AP_WITNESSES_MAX 8
#define AP_WITNESS_ANSWER_MAX 16384 /* bytes of an answer that are read */
#define AP_WITNESS_PROOF_MAX 63	    /* hashes in a request, by the specification */
#define AP_COSIGNATURE_LINE 400	    /* bytes of a line with its end, at most */

/* A witness's verifier key, type 04. */
struct ap_result ap_witness_key_parse(const char *vkey, struct ap_log_key *ret_key);

enum ap_cosigned {
	AP_COSIGNED_BY_OTHER, /* another key's line */
	AP_COSIGNED,
	AP_COSIGNED_FORGED, /* malformed, or this key's name and id without its signature */
};
/* One line without its newline against a checkpoint's text (three lines and more, with the last newline). */
enum ap_cosigned ap_cosignature_check(const char *line, const char *text, const struct ap_log_key *key, uint64_t *ret_time);

/* How many of these keys cosigned the note; a key that stands there twice counts once. Forged lines count for nothing. */
unsigned ap_cosignatures_count(const char *note, size_t len, const struct ap_log_key *keys, size_t count);

/* The body of add-checkpoint; g_free. `proof` leads from `old` to the note's size. */
char *ap_witness_request(uint64_t old, const struct ap_merkle_proof *proof, const char *note);

enum ap_witness_verdict {
	AP_WITNESS_COSIGNED,
	AP_WITNESS_HAS_SIZE, /* 409: its newest checkpoint is of `size` */
	AP_WITNESS_DISAGREES, /* 422, or 409 without a size: its tree is another */
	AP_WITNESS_UNKNOWN_LOG, /* 404 */
	AP_WITNESS_UNKNOWN_KEY, /* 403 */
	AP_WITNESS_BUSY, /* 429 and 5xx */
	AP_WITNESS_ODD, /* anything else, and a 200 without its cosignature */
};

struct ap_witness_answer {
	enum ap_witness_verdict verdict;
	uint64_t size; /* HAS_SIZE */
	uint64_t time; /* COSIGNED */
	char line[AP_COSIGNATURE_LINE]; /* COSIGNED: ends in a newline */
};

/* `type` is the Content-Type without parameters (NULL: none); `body` need not end in zero. `text` is what was posted. */
struct ap_witness_answer ap_witness_answer_read(unsigned status, const char *type, const char *body, size_t len, const char *text,
						const struct ap_log_key *key);
/* For logs and the doctor: "cosigned", "unknown-log", … */
const char *ap_witness_verdict_text(enum ap_witness_verdict verdict);
