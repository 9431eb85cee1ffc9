#include "cli/ledger_source.h"

#include <libsoup/soup.h>
#include <stdio.h>
#include <string.h>

#define TRIES 30 /* a second apart, when it is too fast for the other side */

struct ap_ledger_source {
	/* owned; either client or session */
	struct ap_client *client;
	SoupSession *session;
	char *url;
};

struct ap_ledger_source *ap_ledger_source_new(const struct ap_client_options *options, const char *url)
{
	struct ap_ledger_source *s = g_new0(struct ap_ledger_source, 1);
	if (url) {
		s->session = soup_session_new_with_options("timeout", 60, NULL);
		s->url = g_strdup(url);
	} else {
		s->client = ap_client_new(options);
	}
	return s;
}

void ap_ledger_source_free(struct ap_ledger_source *s)
{
	ap_client_free(s->client);
	g_clear_object(&s->session);
	g_free(s->url);
	g_free(s);
}

/* Its status; 0 when nobody answers there. */
static unsigned fetch(struct ap_ledger_source *s, const char *path, GBytes **ret_body)
{
	g_autofree char *url = g_strconcat(s->url, path, NULL);
	g_autoptr(SoupMessage) message = soup_message_new("GET", url);
	g_autoptr(GError) error = NULL;
	if (!message) {
		fprintf(stderr, "%s is no address.\n", s->url);
		return 0;
	}
	*ret_body = soup_session_send_and_read(s->session, message, NULL, &error);
	if (!*ret_body)
		fprintf(stderr, "%s cannot be reached: %s\n", s->url, error->message);
	return *ret_body ? soup_message_get_status(message) : 0;
}

static GBytes *fetch_patiently(struct ap_ledger_source *s, const char *path)
{
	for (int i = 0; i < TRIES; i++) {
		g_autoptr(GBytes) body = NULL;
		unsigned status = fetch(s, path, &body);
		if (status == 200)
			return g_steal_pointer(&body);
		if (status != 429) {
			if (status)
				fprintf(stderr, "%s%s answered %u.\n", s->url, path, status);
			return NULL;
		}
		g_usleep(G_USEC_PER_SEC);
	}
	fprintf(stderr, "%s gives no more for now.\n", s->url);
	return NULL;
}

char *ap_ledger_source_text(struct ap_ledger_source *s, const char *what)
{
	g_autofree char *path = g_strconcat("/v1/ledger/", what, NULL);
	g_autoptr(GBytes) bytes = NULL;
	if (s->client && !ap_client_fetch(s->client, path, &bytes))
		return NULL;
	if (!s->client)
		bytes = fetch_patiently(s, path);
	if (!bytes)
		return NULL;
	gsize len;
	const char *data = g_bytes_get_data(bytes, &len);
	return g_strndup(data, len);
}

JsonNode *ap_ledger_source_object(struct ap_ledger_source *s, const char *what)
{
	g_autofree char *text = ap_ledger_source_text(s, what);
	g_autoptr(JsonNode) node = text ? json_from_string(text, NULL) : NULL;
	if (text && (!node || !JSON_NODE_HOLDS_OBJECT(node)))
		fprintf(stderr, "The answer about %s is no JSON object.\n", what);
	return node && JSON_NODE_HOLDS_OBJECT(node) ? g_steal_pointer(&node) : NULL;
}
