#include "recorder/consent/token.h"

#include <aparte/buf.h>
#include <glib.h>
#include <string.h>

void ap_token_derive(const struct ap_secret *key, const struct ap_uuid *session, enum ap_role role, int64_t number,
		     char ret_token[AP_TOKEN_TEXT])
{
	uint8_t input[64], mac[crypto_auth_hmacsha256_BYTES];
	struct ap_writer w = ap_writer_over(input, sizeof input);
	ap_write_label(&w, "aparte/token/v1");
	ap_write_u8(&w, 0);
	ap_write_bytes(&w, session->b, sizeof session->b);
	ap_write_u8(&w, (uint8_t)role);
	ap_write_u64(&w, (uint64_t)number);
	crypto_auth_hmacsha256_state state;
	crypto_auth_hmacsha256_init(&state, ap_secret_bytes(key), ap_secret_len(key));
	crypto_auth_hmacsha256_update(&state, input, w.len);
	crypto_auth_hmacsha256_final(&state, mac);
	g_autofree char *text = ap_base64url(mac, sizeof mac);
	g_strlcpy(ret_token, text, AP_TOKEN_TEXT);
	ap_wipe(text, strlen(text));
	ap_wipe(mac, sizeof mac);
}

struct ap_hash ap_token_hash(const char *token)
{
	return ap_sha256(token, strlen(token));
}
