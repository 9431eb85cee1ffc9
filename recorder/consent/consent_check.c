#include "recorder/consent/consent_check.h"

#include <glib.h>
#include <sodium.h>
#include <string.h>

static struct ap_result denied(const char *name, const char *detail)
{
	return ap_fail(AP_ERR_DENIED, name, detail);
}

struct ap_result ap_consent_check_party(const struct ap_statement *s, const struct ap_give_facts *facts)
{
	if (ap_uuid_equal(&s->session, &facts->session) && s->role == facts->role &&
	    g_strcmp0(s->pii_principal, facts->pii_principal) == 0)
		return AP_SUCCESS;
	return denied("statement-party", "session, role and pii_principal must be those of the token");
}

struct ap_result ap_consent_check_signature(const struct ap_statement *s, const struct ap_evidence *evidence,
					    const struct ap_give_facts *facts)
{
	uint8_t key[crypto_sign_PUBLICKEYBYTES], signature[crypto_sign_BYTES];
	if (!facts->has_device || !ap_base64url_exact(evidence->key, key, sizeof key) ||
	    sodium_memcmp(key, facts->device, sizeof key) != 0)
		return denied("statement-key", "sign with the device that was enrolled by PUT /v1/party/device");
	if (!ap_base64url_exact(evidence->signature, signature, sizeof signature) ||
	    crypto_sign_verify_detached(signature, (const uint8_t *)s->text, strlen(s->text), key) != 0)
		return denied("statement-signature", "the signature must be Ed25519 over the statement's bytes");
	return AP_SUCCESS;
}

struct ap_result ap_consent_check_time(const struct ap_statement *s, const struct ap_give_facts *facts)
{
	int64_t off = s->event_ms - facts->now_ms;
	if (off <= AP_STATEMENT_SKEW_MS && off >= -AP_STATEMENT_SKEW_MS && s->event_ms > facts->last_event_ms)
		return AP_SUCCESS;
	return ap_fail(AP_ERR_LIMIT, "statement-stale", "event_time must be within 5 minutes, and later than your last one");
}

struct ap_result ap_consent_check_give(const struct ap_statement *s, const struct ap_evidence *evidence,
				       const struct ap_give_facts *facts)
{
	AP_TRY(ap_consent_check_party(s, facts));
	AP_TRY(ap_consent_check_signature(s, evidence, facts));
	if (facts->record_known)
		return denied("statement-replayed", "this record_id was accepted before; make a new statement");
	AP_TRY(ap_consent_check_time(s, facts));
	if (!ap_hash_equal(&s->notice_sha256, &facts->notice))
		return denied("statement-notice", "the notice has changed: show the current one and ask again");
	if (s->unknown_purposes || s->purposes & ~facts->offered)
		return denied("statement-purpose", "a purpose is not offered in this session");
	return AP_SUCCESS;
}

bool ap_consent_evidence_good(const struct ap_statement *s, const struct ap_evidence *evidence,
			      const struct ap_give_facts *facts)
{
	return ap_ok(ap_consent_check_party(s, facts)) && ap_ok(ap_consent_check_signature(s, evidence, facts)) &&
	       !facts->record_known && ap_ok(ap_consent_check_time(s, facts)) && !s->unknown_purposes;
}
