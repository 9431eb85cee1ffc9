#include "turn.h"

#include <aparte/secret.h>
#include <string.h>

struct ap_turn {
	char **urls;		  /* owned */
	struct ap_secret *secret; /* owned */
	int64_t ttl_seconds;
};

struct ap_result ap_turn_new(const struct ap_config *config, struct ap_turn **ret_turn)
{
	const char *const *urls = ap_config_list(config, "turn.urls");
	char *text = NULL;
	*ret_turn = NULL;
	if (!urls || !*urls)
		return AP_SUCCESS;
	if (!g_file_get_contents(ap_config_text(config, "turn.secret_file"), &text, NULL, NULL) || !*g_strstrip(text)) {
		g_free(text);
		return ap_fail(AP_ERR_IO, "turn", "turn.urls is set, but turn.secret_file cannot be read or is empty");
	}
	struct ap_turn *t = g_new0(struct ap_turn, 1);
	t->urls = g_strdupv((char **)urls);
	t->secret = ap_secret_from(text, strlen(text));
	t->ttl_seconds = ap_config_int(config, "turn.ttl_seconds");
	ap_wipe(text, strlen(text));
	g_free(text);
	*ret_turn = t;
	return AP_SUCCESS;
}

void ap_turn_free(struct ap_turn *t)
{
	if (!t)
		return;
	g_strfreev(t->urls);
	ap_secret_free(t->secret);
	g_free(t);
}

static char *credential_of(const struct ap_turn *t, const char *user)
{
	uint8_t digest[20];
	size_t len = sizeof digest;
	g_autoptr(GHmac) hmac = g_hmac_new(G_CHECKSUM_SHA1, ap_secret_bytes(t->secret), ap_secret_len(t->secret));
	g_hmac_update(hmac, (const uint8_t *)user, (gssize)strlen(user));
	g_hmac_get_digest(hmac, digest, &len);
	return g_base64_encode(digest, len);
}

char **ap_turn_links(const struct ap_turn *t, int64_t wall_ms, const char *id)
{
	g_autoptr(GPtrArray) links = g_ptr_array_new();
	if (t) {
		g_autofree char *user = g_strdup_printf("%" G_GINT64_FORMAT ":%s", wall_ms / 1000 + t->ttl_seconds, id);
		g_autofree char *credential = credential_of(t, user);
		for (char **url = t->urls; *url; url++)
			g_ptr_array_add(links, g_strdup_printf("<%s>; rel=\"ice-server\"; username=\"%s\"; credential=\"%s\"; "
							       "credential-type=\"password\"",
							       *url, user, credential));
	}
	g_ptr_array_add(links, NULL);
	return (char **)g_ptr_array_free(g_steal_pointer(&links), FALSE);
}
