/*
 * A person's statement: form, meaning, evidence, and what is saved of a broken one. What is accepted is canonical and
 * says what the struct says; signed by its person under the right facts it is taken, with one fact or one byte wrong
 * it is not. The text whose only word is a withdrawal is one, whatever else is wrong with it.
 */
#include "fuzz.h"

#include <aparte/jcs.h>
#include <recorder/consent/consent_check.h>
#include <sodium.h>
#include <string.h>

static uint8_t device[32], secret[64];

static void make_device(void)
{
	static bool made;
	const uint8_t seed[32] = { 42 };
	if (!made)
		made = sodium_init() >= 0 && crypto_sign_seed_keypair(device, secret, seed) == 0;
}

static void check_form(const struct ap_statement *s, const char *text)
{
	struct ap_hash own = ap_sha256(text, strlen(text));
	g_assert_cmpstr(s->text, ==, text);
	g_assert_true(ap_ok(ap_jcs_check(text, strlen(text), AP_MAX_STATEMENT)) && ap_hash_equal(&own, &s->sha256));
	g_assert_true(s->event >= AP_GIVEN && s->event <= AP_WITHDRAWN && (s->purposes || s->unknown_purposes));
	g_assert_true(!(s->purposes & ~AP_PURPOSE_ALL) && s->presence <= 3600 && s->event_ms >= 0);
	g_assert_true(strstr(text, s->pii_principal) || strchr(text, '\\'));
	g_assert_true(ap_statement_gives_recording(s) == (strstr(text, "\"share_commitment\"") && strstr(text, "\"seal\"")) ||
		      strstr(text, "\\\"share") || strstr(text, "{\"s"));
}

/* Facts under which it must be accepted; borrowed from the statement. */
static struct ap_give_facts facts_for(const struct ap_statement *s)
{
	struct ap_give_facts f = { .session = s->session, .role = s->role, .pii_principal = s->pii_principal,
				   .has_device = true, .now_ms = s->event_ms, .last_event_ms = s->event_ms - 1,
				   .notice = s->notice_sha256, .offered = s->purposes };
	memcpy(f.device, device, sizeof f.device);
	return f;
}

/* One fact is another; the error that tells it. */
static const char *twist(struct ap_give_facts *f, unsigned how)
{
	switch (how % 11) {
	case 0: f->session.b[3] ^= 1; return "statement-party";
	case 1: f->role = ap_role_peer(f->role); return "statement-party";
	case 2: f->pii_principal = "\x01 somebody else"; return "statement-party";
	case 3: f->has_device = false; return "statement-key";
	case 4: f->device[0] ^= 1; return "statement-key";
	case 5: f->record_known = true; return "statement-replayed";
	case 6: f->now_ms += AP_STATEMENT_SKEW_MS + 1; return "statement-stale";
	case 7: f->now_ms -= AP_STATEMENT_SKEW_MS + 1; return "statement-stale";
	case 8: f->last_event_ms = f->now_ms; return "statement-stale";
	case 9: f->notice.b[31] ^= 1; return "statement-notice";
	default: f->offered &= f->offered - 1; return "statement-purpose";
	}
}

static void check_evidence(const struct ap_statement *s, unsigned how)
{
	uint8_t signature[64];
	struct ap_give_facts facts = facts_for(s), wrong = facts;
	crypto_sign_detached(signature, NULL, (const uint8_t *)s->text, strlen(s->text), secret);
	g_autofree char *key = ap_base64url(device, 32), *good = ap_base64url(signature, 64);
	const struct ap_evidence evidence = { key, good };
	struct ap_result r = ap_consent_check_give(s, &evidence, &facts);
	g_assert_cmpstr(r.name, ==, s->unknown_purposes ? "statement-purpose" : "ok");
	g_assert_true(ap_consent_evidence_good(s, &evidence, &facts) == !s->unknown_purposes);
	const char *expected = twist(&wrong, how);
	if (s->purposes || how % 11 != 10)
		g_assert_cmpstr(ap_consent_check_give(s, &evidence, &wrong).name, ==, expected);
	signature[how % 64] ^= (uint8_t)(1u << how % 8);
	g_autofree char *forged = ap_base64url(signature, 64);
	const struct ap_evidence other = { key, forged };
	g_assert_cmpstr(ap_consent_check_give(s, &other, &facts).name, ==, "statement-signature");
	g_assert_false(ap_consent_evidence_good(s, &other, &facts));
}

static void check_salvage(const char *text)
{
	struct ap_salvage saved = ap_statement_salvage(text);
	g_assert_true(saved.purposes && !(saved.purposes & ~AP_PURPOSE_ALL) && saved.event <= AP_WITHDRAWN);
	bool withdraws = strstr(text, "ConsentWithdrawn"), refuses = strstr(text, "ConsentRefused");
	if (strchr(text, '\\') || strstr(text, "ConsentGiven"))
		return; /* more than one way to read it */
	g_assert_true(!withdraws || refuses || saved.event == AP_WITHDRAWN);
	g_assert_true(!refuses || withdraws || saved.event == AP_REFUSED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ap_statement s = { 0 };
	g_autofree char *text = g_strndup((const char *)data, size);
	make_device();
	check_salvage(text);
	struct ap_result r = ap_statement_parse(text, &s);
	if (ap_ok(r)) {
		check_form(&s, text);
		check_evidence(&s, s.sha256.b[0]);
		ap_statement_clear(&s);
	} else {
		g_assert_true(strcmp(r.name, "statement-malformed") == 0 || strcmp(r.name, "too-large") == 0);
		g_assert_true(s.text == NULL);
	}
	return 0;
}
