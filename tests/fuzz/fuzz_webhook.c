/*
 * Where a platform wants its webhooks sent, without exceptions configured. What is accepted is https to a name, or to an
 * address that the C library, too, reads as one of the internet: none of its old ways to write 127.0.0.1 gets through.
 * What is stored is the list of events as it came.
 */
#include "recorder/webhook/webhook.c"
#include "recorder/webhook/webhook_url.c"

#include "fuzz.h"

#include <netdb.h>
#include <netinet/in.h>

static bool v4_inward(uint32_t a)
{
	return a >> 24 == 0 || a >> 24 == 10 || a >> 24 == 127 || a >> 22 == 0x64400000 >> 22 || a >> 16 == 0xA9FE ||
	       a >> 20 == 0xAC1 || a >> 16 == 0xC0A8 || a >> 28 >= 0xE;
}

static bool v6_inward(const struct in6_addr *a)
{
	struct ap_reader r = ap_reader_over(a->s6_addr, 16);
	uint64_t high = ap_read_u64(&r);
	uint32_t third = ap_read_u32(&r), last = ap_read_u32(&r);
	bool mapped = high == 0 && (third == 0xFFFF || third == 0), translated = high == 0x64FF9B00000000 && third == 0;
	return (mapped || translated) ? v4_inward(last) || (third == 0 && high == 0 && last < 0x10000) :
					high >> 57 == 0xFC >> 1 || high >> 54 >= 0xFE80 >> 6;
}

/* As any program would read it that is handed the host. */
static bool inward(const char *host)
{
	const struct addrinfo numeric = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	if (getaddrinfo(host, NULL, &numeric, &found) != 0)
		return false;
	bool in = found->ai_family == AF_INET ? v4_inward(ntohl(((struct sockaddr_in *)found->ai_addr)->sin_addr.s_addr)) :
						v6_inward(&((struct sockaddr_in6 *)found->ai_addr)->sin6_addr);
	freeaddrinfo(found);
	return in;
}

static void try_url(const char *url)
{
	if (!ap_webhook_url_fits(url, NULL))
		return;
	g_autoptr(GUri) uri = g_uri_parse(url, SOUP_HTTP_URI_FLAGS, NULL);
	g_autoptr(SoupMessage) message = soup_message_new("POST", url);
	const char *host = g_uri_get_host(uri);
	g_assert_true(uri && strcmp(g_uri_get_scheme(uri), "https") == 0 && !g_uri_get_userinfo(uri));
	g_assert_true(*host && !inward(host));
	g_autofree char *lower = g_ascii_strdown(host, -1);
	size_t len = strcspn(lower, ".");
	g_assert_false(strncmp(lower, "localhost", MAX(len, 9)) == 0 && (!lower[len] || !lower[len + 1]));
	g_assert_false(g_str_has_suffix(lower, ".localhost") || g_str_has_suffix(lower, ".localhost."));
	if (message) /* sent where it was judged to go */
		g_assert_cmpstr(g_uri_get_host(soup_message_get_uri(message)), ==, host);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *text = g_strndup((const char *)data, size);
	g_autoptr(JsonNode) wish = NULL;
	try_url(text);
	if (!ap_ok(parse_wish(text, NULL, &wish)))
		return 0;
	JsonObject *o = json_node_get_object(wish);
	const char *url = json_object_get_string_member(o, "url");
	JsonArray *events = json_object_get_array_member(o, "events");
	g_assert_true(url && strlen(url) <= 1000 && events && json_array_get_length(events) <= 50);
	try_url(url);
	g_autofree char *stored = json_to_string(json_object_get_member(o, "events"), FALSE);
	g_autoptr(JsonNode) back = json_from_string(stored, NULL);
	g_assert_true(back && json_node_equal(back, json_object_get_member(o, "events")));
	return 0;
}
