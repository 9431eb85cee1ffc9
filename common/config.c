#include <aparte/config.h>

#include <glib.h>
#include <string.h>
#include <unistd.h>

enum kind { TEXT, INTEGER, BOOLEAN, LIST };

struct key {
	const char *name; /* section.name */
	enum kind kind;
	const char *fallback; /* default, as text */
	int64_t low, high;    /* INTEGER only */
};

/* All there is to configure; config/aparte.conf says what each is for (a test compares the two). */
static const struct key keys[] = {
	{ "gateway.listen", TEXT, "127.0.0.1:8080", 0, 0 },
	{ "gateway.public_url", TEXT, "", 0, 0 },
	{ "gateway.advertise", LIST, "", 0, 0 },
	{ "gateway.media_port", INTEGER, "7000", 1, 65000 },
	{ "gateway.workers", INTEGER, "0", 0, 64 },
	{ "gateway.gather_us", INTEGER, "0", 0, 400 },
	{ "gateway.cors_origins", LIST, "", 0, 0 },
	{ "gateway.tls_certificate", TEXT, "", 0, 0 },
	{ "gateway.tls_key", TEXT, "", 0, 0 },
	{ "gateway.max_sessions", INTEGER, "1000", 1, 100000 },
	{ "gateway.max_handshakes", INTEGER, "200", 1, 100000 },
	{ "gateway.max_sse_clients", INTEGER, "4000", 1, 100000 },
	{ "gateway.rate_per_minute", INTEGER, "600", 10, 1000000 },
	{ "gateway.idle_seconds", INTEGER, "60", 10, 86400 },
	{ "gateway.max_session_minutes", INTEGER, "240", 1, 10080 },
	{ "media.video_codec", TEXT, "VP8", 0, 0 },
	{ "turn.urls", LIST, "", 0, 0 },
	{ "turn.secret_file", TEXT, "", 0, 0 },
	{ "turn.ttl_seconds", INTEGER, "3600", 60, 86400 },
	{ "vault.listen", TEXT, "127.0.0.1:8081", 0, 0 },
	{ "vault.tls_certificate", TEXT, "", 0, 0 },
	{ "vault.tls_key", TEXT, "", 0, 0 },
	{ "vault.log_origin", TEXT, "", 0, 0 },
	{ "vault.require_sandbox", BOOLEAN, "true", 0, 0 },
	{ "vault.seal_idle_minutes", INTEGER, "10", 1, 1440 },
	{ "vault.login_minutes", INTEGER, "480", 1, 10080 },
	{ "storage.floor_mib", INTEGER, "1024", 0, 10000000 },
	{ "storage.label", TEXT, "", 0, 0 },
	{ "kek.source", TEXT, "file", 0, 0 },
	{ "kek.credential", TEXT, "aparte-kek", 0, 0 },
	{ "kek.allow_file_off_loopback", BOOLEAN, "false", 0, 0 },
	{ "kek.turnover_hours", INTEGER, "12", 1, 23 },
	{ "backup.directory", TEXT, "", 0, 0 },
	{ "backup.recipient", TEXT, "", 0, 0 },
	{ "backup.key_horizon", INTEGER, "7", 1, 90 },
	{ "backup.journal", TEXT, "", 0, 0 },
	{ "witness.list", LIST, "", 0, 0 },
	{ "witness.interval_seconds", INTEGER, "60", 1, 86400 },
	{ "witness.quorum", INTEGER, "0", 0, 8 },
	{ "witness.allow_http", BOOLEAN, "false", 0, 0 },
	{ "access.review_days", INTEGER, "90", 1, 3650 },
	{ "access.review_grace_days", INTEGER, "14", 0, 365 },
	{ "access.names_to_persons", BOOLEAN, "true", 0, 0 },
	{ "retention.scan_seconds", INTEGER, "1", 1, 3600 },
	{ "retention.jump_seconds", INTEGER, "300", 5, 864000 },
	{ "requests.checklist", LIST, "paper_notes; journals; messages; calendar", 0, 0 },
	{ "requests.lift_notice_hours", INTEGER, "72", 0, 720 },
	{ "webhooks.allow_http", BOOLEAN, "false", 0, 0 },
	{ "webhooks.private_hosts", LIST, "", 0, 0 },
	{ "operator.controller_name", TEXT, "", 0, 0 },
	{ "operator.controller_contact", TEXT, "", 0, 0 },
	{ "operator.dpo", TEXT, "", 0, 0 },
	{ "operator.complaint", TEXT, "CNIL, 3 place de Fontenoy, 75007 Paris, https://www.cnil.fr", 0, 0 },
	{ "operator.impact_assessment", TEXT, "", 0, 0 },
	{ "log.level", TEXT, "info", 0, 0 },
};

struct ap_config {
	char *text[G_N_ELEMENTS(keys)]; /* owned */
	char **list[G_N_ELEMENTS(keys)]; /* owned, LIST keys only */
};

static int index_of(const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
		if (strcmp(keys[i].name, name) == 0)
			return (int)i;
	return -1;
}

/* A value is a line's: with a line's end inside it would be read as further keys once it is written out. */
static bool is_line(const char *value)
{
	for (const char *c = value; *c; c++)
		if (g_ascii_iscntrl(*c) && *c != '\t')
			return false;
	return g_utf8_validate(value, -1, NULL);
}

static bool value_fits(const struct key *key, const char *value)
{
	int64_t number;
	switch (key->kind) {
	case INTEGER:
		return g_ascii_string_to_signed(value, 10, key->low, key->high, &number, NULL);
	case BOOLEAN:
		return strcmp(value, "true") == 0 || strcmp(value, "false") == 0;
	case TEXT:
	case LIST:
		break;
	}
	return is_line(value);
}

static void store(struct ap_config *c, int i, const char *value)
{
	g_free(c->text[i]);
	c->text[i] = g_strstrip(g_strdup(value));
	if (keys[i].kind != LIST)
		return;
	g_strfreev(c->list[i]);
	g_autoptr(GPtrArray) items = g_ptr_array_new();
	g_auto(GStrv) parts = g_strsplit(c->text[i], ";", -1);
	for (char **part = parts; *part; part++)
		if (*g_strstrip(*part))
			g_ptr_array_add(items, g_strdup(*part));
	g_ptr_array_add(items, NULL);
	c->list[i] = (char **)g_ptr_array_free(g_steal_pointer(&items), FALSE);
}

struct ap_config *ap_config_new(void)
{
	struct ap_config *c = g_new0(struct ap_config, 1);
	for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
		store(c, (int)i, keys[i].fallback);
	return c;
}

void ap_config_free(struct ap_config *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
		g_free(c->text[i]);
		g_strfreev(c->list[i]);
	}
	g_free(c);
}

struct ap_result ap_config_set(struct ap_config *c, const char *key, const char *value)
{
	int i = index_of(key);
	if (i < 0)
		return ap_fail(AP_ERR_PROTOCOL, "config-key", "there is no such key; config/aparte.conf lists them all");
	if (!value_fits(&keys[i], value))
		return ap_fail(AP_ERR_PROTOCOL, "config-value", "the value has the wrong form or is out of range");
	store(c, i, value);
	return AP_SUCCESS;
}

static struct ap_result set_group(struct ap_config *c, GKeyFile *file, const char *group, char **ret_where)
{
	g_auto(GStrv) names = g_key_file_get_keys(file, group, NULL, NULL);
	for (char **name = names; name && *name; name++) {
		g_autofree char *key = g_strconcat(group, ".", *name, NULL);
		g_autofree char *value = g_key_file_get_value(file, group, *name, NULL);
		struct ap_result r = ap_config_set(c, key, value ? value : "");
		if (!ap_ok(r)) {
			if (ret_where)
				*ret_where = g_steal_pointer(&key);
			return r;
		}
	}
	return AP_SUCCESS;
}

struct ap_result ap_config_parse(const char *text, struct ap_config **ret_config, char **ret_where)
{
	g_autoptr(GKeyFile) file = g_key_file_new();
	if (!g_key_file_load_from_data(file, text, strlen(text), G_KEY_FILE_NONE, NULL))
		return ap_fail(AP_ERR_PROTOCOL, "config-form", "not a key file: [section] and name=value lines");
	struct ap_config *c = ap_config_new();
	g_auto(GStrv) groups = g_key_file_get_groups(file, NULL);
	for (char **group = groups; *group; group++) {
		struct ap_result r = set_group(c, file, *group, ret_where);
		if (!ap_ok(r)) {
			ap_config_free(c);
			return r;
		}
	}
	*ret_config = c;
	return AP_SUCCESS;
}

struct ap_result ap_config_load_fd(int fd, struct ap_config **ret_config, char **ret_where)
{
	g_autoptr(GString) text = g_string_new(NULL);
	char part[4096];
	off_t at = 0;
	for (ssize_t n; (n = pread(fd, part, sizeof part, at)) > 0; at += n)
		g_string_append_len(text, part, n);
	return ap_config_parse(text->str, ret_config, ret_where);
}

struct ap_result ap_config_load_file(const char *path, struct ap_config **ret_config, char **ret_where)
{
	g_autofree char *text = NULL;
	if (!g_file_get_contents(path, &text, NULL, NULL))
		return ap_fail(AP_ERR_IO, "config-file", "the configuration file cannot be read");
	return ap_config_parse(text, ret_config, ret_where);
}

static int known(const char *key)
{
	int i = index_of(key);
	if (i < 0)
		g_error("no configuration key %s", key);
	return i;
}

const char *ap_config_text(const struct ap_config *c, const char *key)
{
	return c->text[known(key)];
}

int64_t ap_config_int(const struct ap_config *c, const char *key)
{
	return g_ascii_strtoll(ap_config_text(c, key), NULL, 10);
}

bool ap_config_bool(const struct ap_config *c, const char *key)
{
	return strcmp(ap_config_text(c, key), "true") == 0;
}

const char *const *ap_config_list(const struct ap_config *c, const char *key)
{
	return (const char *const *)c->list[known(key)];
}

char *ap_config_to_text(const struct ap_config *c)
{
	g_autoptr(GKeyFile) file = g_key_file_new();
	for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
		g_auto(GStrv) name = g_strsplit(keys[i].name, ".", 2);
		g_key_file_set_value(file, name[0], name[1], c->text[i]);
	}
	return g_key_file_to_data(file, NULL, NULL);
}
