#include "recorder/webhook/webhook_message.h"

#include "recorder/vault.h"
#include "recorder/webhook/webhook.h"

#include <string.h>

static char *sign(const struct ap_secret *secret, const char *id, const char *timestamp, const char *body)
{
	crypto_auth_hmacsha256_state state;
	uint8_t mac[crypto_auth_hmacsha256_BYTES];
	g_autofree char *head = g_strconcat(id, ".", timestamp, ".", NULL);
	crypto_auth_hmacsha256_init(&state, ap_secret_bytes(secret), ap_secret_len(secret));
	crypto_auth_hmacsha256_update(&state, (const uint8_t *)head, strlen(head));
	crypto_auth_hmacsha256_update(&state, (const uint8_t *)body, strlen(body));
	crypto_auth_hmacsha256_final(&state, mac);
	ap_wipe(&state, sizeof state);
	g_autofree char *base64 = ap_base64(mac, sizeof mac);
	return g_strconcat("v1,", base64, NULL);
}

static void add_headers(SoupMessage *message, const struct ap_delivery *d, const struct ap_secret *secret, int64_t wall_ms)
{
	char id[AP_UUID_TEXT];
	SoupMessageHeaders *headers = soup_message_get_request_headers(message);
	ap_uuid_text(&d->id, id);
	g_autofree char *timestamp = g_strdup_printf("%lld", (long long)(wall_ms / 1000));
	g_autofree char *signature = sign(secret, id, timestamp, d->body);
	soup_message_headers_replace(headers, "webhook-id", id);
	soup_message_headers_replace(headers, "webhook-timestamp", timestamp);
	soup_message_headers_replace(headers, "webhook-signature", signature);
}

struct ap_result ap_webhook_message(struct ap_vault *v, const struct ap_delivery *d, SoupMessage **ret_message)
{
	const struct ap_webhook_reach reach = ap_webhook_reach_of(v);
	struct ap_secret *secret;
	g_autoptr(SoupMessage) message = ap_webhook_url_fits(d->url, &reach) ? soup_message_new("POST", d->url) : NULL;
	if (!message)
		return ap_fail(AP_ERR_DENIED, "address", "webhooks are not sent there");
	AP_TRY(ap_webhook_secret(v, d->tenant, d->name, &secret));
	add_headers(message, d, secret, ap_wall_ms(ap_vault_clock(v)));
	ap_secret_free(secret);
	g_autoptr(GBytes) body = g_bytes_new(d->body, strlen(d->body));
	soup_message_set_request_body_from_bytes(message, "application/json", body);
	soup_message_set_flags(message, SOUP_MESSAGE_NO_REDIRECT);
	*ret_message = g_steal_pointer(&message);
	return AP_SUCCESS;
}

int64_t ap_webhook_asked_wait_ms(SoupMessage *message, int64_t wall_ms)
{
	const char *text = soup_message_headers_get_one(soup_message_get_response_headers(message), "Retry-After");
	guint64 seconds;
	if (!text)
		return 0;
	if (g_ascii_string_to_unsigned(text, 10, 0, AP_WEBHOOK_LONGEST_WAIT_MS / 1000, &seconds, NULL))
		return (int64_t)seconds * 1000;
	g_autoptr(GDateTime) date = soup_date_time_new_from_http_string(text);
	int64_t wait = date ? g_date_time_to_unix(date) * 1000 - wall_ms : 0;
	bool huge = !date && strspn(text, "0123456789") == strlen(text);
	return huge ? AP_WEBHOOK_LONGEST_WAIT_MS : CLAMP(wait, 0, AP_WEBHOOK_LONGEST_WAIT_MS);
}
