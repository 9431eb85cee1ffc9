#include <aparte/age.h>

#include "bech32.h"

#include <sodium.h>

#define RECIPIENT_HRP "age"
#define IDENTITY_HRP "AGE-SECRET-KEY-"

struct ap_result ap_age_recipient_parse(const char *text, struct ap_age_recipient *ret_recipient)
{
	if (!ap_bech32_decode(RECIPIENT_HRP, text, ret_recipient->b))
		return ap_fail(AP_ERR_CRYPTO, "age-key", "not an age X25519 recipient (age1…)");
	return AP_SUCCESS;
}

void ap_age_recipient_text(const struct ap_age_recipient *recipient, char ret_text[AP_AGE_RECIPIENT_TEXT])
{
	ap_bech32_encode(RECIPIENT_HRP, recipient->b, ret_text, AP_AGE_RECIPIENT_TEXT);
}

struct ap_result ap_age_identity_parse(const char *text, struct ap_secret **ret_identity)
{
	struct ap_secret *identity = ap_secret_new(AP_AGE_KEY);
	if (!ap_bech32_decode(IDENTITY_HRP, text, ap_secret_bytes_rw(identity))) {
		ap_secret_free(identity);
		return ap_fail(AP_ERR_CRYPTO, "age-key", "not an age X25519 identity (AGE-SECRET-KEY-1…)");
	}
	*ret_identity = identity;
	return AP_SUCCESS;
}

struct ap_secret *ap_age_identity_text(const struct ap_secret *identity)
{
	struct ap_secret *text = ap_secret_new(AP_AGE_IDENTITY_TEXT);
	ap_bech32_encode(IDENTITY_HRP, ap_secret_bytes(identity), (char *)ap_secret_bytes_rw(text), AP_AGE_IDENTITY_TEXT);
	return text;
}

struct ap_age_recipient ap_age_identity_recipient(const struct ap_secret *identity)
{
	struct ap_age_recipient recipient;
	crypto_scalarmult_base(recipient.b, ap_secret_bytes(identity));
	return recipient;
}
