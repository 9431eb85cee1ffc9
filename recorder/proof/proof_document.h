/*
 * The sealed proof of one session's consents (R40; docs/FORMAT.md, Proofs of consent): an RFC 8785 document, encrypted
 * under the session's own key.
 *
 *     {"version":1, "session", "parties":[{"role","principal","name"}],
 *      "consents":[{"leaf","salt","body","role","event","purposes","evidence","time","received","notice","statement",
 *                   "key","signature"}]}
 *
 * Pure but for the nonce; any thread. Errors: AP_ERR_CRYPTO "proof-sealed" (altered, or another session's).
 */
#pragma once

#include <aparte/err.h>
#include <aparte/secret.h>
#include <aparte/uuid.h>
#include <glib.h>
#include <json-glib/json-glib.h>

#define AP_PROOF_MAX (8u << 20) /* bytes of a document */

/* Takes both arrays. Unref the object. */
JsonObject *ap_proof_document(const struct ap_uuid *session, JsonArray *parties, JsonArray *consents);
/* Adds what came since to an older one; takes `later`. */
void ap_proof_document_add(JsonObject *document, JsonArray *later);
/* The consent of that leaf; NULL without it. Borrowed. */
JsonObject *ap_proof_document_consent(JsonObject *document, uint64_t leaf);

struct ap_result ap_proof_seal(const struct ap_secret *key, const struct ap_uuid *session, JsonObject *document,
			       GBytes **ret_sealed);
struct ap_result ap_proof_unseal(const struct ap_secret *key, const struct ap_uuid *session, const uint8_t *sealed, size_t len,
				 JsonObject **ret_document);
