/*
 * A configuration file from anywhere: what is accepted keeps its meaning when the launcher writes it out for its
 * children, and every number is in the range that its reader counts on. Then single values, as the environment sets them.
 */
#include "fuzz.h"

#include <aparte/config.h>
#include <string.h>

static const char *const ports[] = { "gateway.media_port" };
static const char *const counts[] = { "gateway.max_sessions", "gateway.max_handshakes", "gateway.max_sse_clients",
				      "gateway.rate_per_minute", "gateway.idle_seconds" };

static void check_ranges(const struct ap_config *c)
{
	for (size_t i = 0; i < G_N_ELEMENTS(ports); i++)
		g_assert_true(ap_config_int(c, ports[i]) >= 1 && ap_config_int(c, ports[i]) <= 65535);
	for (size_t i = 0; i < G_N_ELEMENTS(counts); i++)
		g_assert_true(ap_config_int(c, counts[i]) >= 1 && ap_config_int(c, counts[i]) <= 1000000);
	const char *const *list = ap_config_list(c, "gateway.advertise");
	for (; *list; list++)
		g_assert_true(**list && !strchr(*list, ';') && g_utf8_validate(*list, -1, NULL));
}

static void check_again(const struct ap_config *c)
{
	g_autofree char *text = ap_config_to_text(c), *where = NULL;
	struct ap_config *second = NULL;
	struct ap_result r = ap_config_parse(text, &second, &where);
	if (!ap_ok(r))
		g_error("written out it is refused: %s %s", r.name, where);
	g_autofree char *again = ap_config_to_text(second);
	g_assert_cmpstr(text, ==, again);
	ap_config_free(second);
}

static void try_one(char *text)
{
	struct ap_config *c = ap_config_new();
	char *value = strchr(text, '=');
	if (value) {
		*value++ = '\0';
		if (ap_ok(ap_config_set(c, text, value)))
			check_again(c);
		check_ranges(c);
	}
	ap_config_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *text = g_strndup((const char *)data, size), *where = NULL;
	struct ap_config *c = NULL;
	struct ap_result r = ap_config_parse(text, &c, &where);
	if (ap_ok(r)) {
		check_ranges(c);
		check_again(c);
		ap_config_free(c);
	} else {
		g_assert_true(!c && (where != NULL) == (strcmp(r.name, "config-form") != 0));
	}
	try_one(text);
	return 0;
}
