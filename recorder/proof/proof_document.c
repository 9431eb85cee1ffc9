#include "recorder/proof/proof_document.h"

#include "recorder/api/answer.h"

#include <aparte/buf.h>
#include <aparte/jcs.h>
#include <sodium.h>
#include <string.h>

#define LABEL "aparte/proof/v1"
#define NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG crypto_aead_xchacha20poly1305_ietf_ABYTES

JsonObject *ap_proof_document(const struct ap_uuid *session, JsonArray *parties, JsonArray *consents)
{
	JsonObject *o = json_object_new();
	json_object_set_int_member(o, "version", 1);
	ap_answer_id(o, "session", session);
	json_object_set_array_member(o, "parties", parties);
	json_object_set_array_member(o, "consents", consents);
	return o;
}

void ap_proof_document_add(JsonObject *document, JsonArray *later)
{
	JsonArray *all = json_object_get_array_member(document, "consents");
	for (guint i = 0; i < json_array_get_length(later); i++)
		json_array_add_element(all, json_node_copy(json_array_get_element(later, i)));
	json_array_unref(later);
}

JsonObject *ap_proof_document_consent(JsonObject *document, uint64_t leaf)
{
	JsonArray *all = json_object_get_array_member(document, "consents");
	for (guint i = 0; i < json_array_get_length(all); i++) {
		JsonObject *one = json_array_get_object_element(all, i);
		if (json_object_get_int_member_with_default(one, "leaf", -1) == (gint64)leaf)
			return one;
	}
	return NULL;
}

/* ---- under its key ---- */

/* What it is bound to: the label with its zero, the session. */
struct ad {
	uint8_t bytes[sizeof LABEL + sizeof((struct ap_uuid *)0)->b];
};

static struct ad ad_of(const struct ap_uuid *session)
{
	struct ad ad;
	struct ap_writer w = ap_writer_over(ad.bytes, sizeof ad.bytes);
	ap_write_bytes(&w, LABEL, sizeof LABEL);
	ap_write_bytes(&w, session->b, sizeof session->b);
	return ad;
}

struct ap_result ap_proof_seal(const struct ap_secret *key, const struct ap_uuid *session, JsonObject *document,
			       GBytes **ret_sealed)
{
	g_autofree char *text = NULL;
	struct ad ad = ad_of(session);
	AP_TRY(ap_jcs_from_object(document, &text));
	size_t len = strlen(text);
	if (len > AP_PROOF_MAX)
		return ap_fail(AP_ERR_LIMIT, "too-large", "a proof of consent has at most 8 MiB");
	uint8_t *sealed = g_malloc(NONCE + len + TAG);
	randombytes_buf(sealed, NONCE);
	crypto_aead_xchacha20poly1305_ietf_encrypt(sealed + NONCE, NULL, (const uint8_t *)text, len, ad.bytes, sizeof ad.bytes,
						   NULL, sealed, ap_secret_bytes(key));
	sodium_memzero(text, len);
	*ret_sealed = g_bytes_new_take(sealed, NONCE + len + TAG);
	return AP_SUCCESS;
}

static struct ap_result altered(void)
{
	return ap_fail(AP_ERR_CRYPTO, "proof-sealed", "the sealed proof was altered, or is another session's");
}

static struct ap_result parse(const char *text, size_t len, JsonObject **ret_document)
{
	g_autoptr(JsonNode) node = NULL;
	if (!ap_ok(ap_jcs_parse(text, len, AP_PROOF_MAX, &node)) || !JSON_NODE_HOLDS_OBJECT(node))
		return altered();
	JsonObject *o = json_node_get_object(node);
	if (!json_object_has_member(o, "consents") || !JSON_NODE_HOLDS_ARRAY(json_object_get_member(o, "consents")))
		return altered();
	*ret_document = json_node_dup_object(node);
	return AP_SUCCESS;
}

struct ap_result ap_proof_unseal(const struct ap_secret *key, const struct ap_uuid *session, const uint8_t *sealed, size_t len,
				 JsonObject **ret_document)
{
	struct ad ad = ad_of(session);
	if (len < NONCE + TAG || len > NONCE + TAG + AP_PROOF_MAX)
		return altered();
	size_t text_len = len - NONCE - TAG;
	g_autofree char *text = g_malloc(text_len + 1);
	if (crypto_aead_xchacha20poly1305_ietf_decrypt((uint8_t *)text, NULL, NULL, sealed + NONCE, len - NONCE, ad.bytes,
						       sizeof ad.bytes, sealed, ap_secret_bytes(key)) != 0)
		return altered();
	text[text_len] = 0;
	struct ap_result r = parse(text, text_len, ret_document);
	sodium_memzero(text, text_len);
	return r;
}
