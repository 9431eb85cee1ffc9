#include <recorder/ledger/note.h>

#include <aparte/buf.h>
#include <glib.h>
#include <string.h>

static struct ap_result bad_key(void)
{
	return ap_fail(AP_ERR_PROTOCOL, "log-key", "not a verifier key (<name>+<8 hex>+<base64>)");
}

static struct ap_result bad_note(const char *detail)
{
	return ap_fail(AP_ERR_PROTOCOL, "checkpoint", detail);
}

bool ap_note_name_fits(const char *name)
{
	size_t len = strlen(name);
	if (len == 0 || len > AP_ORIGIN_MAX || !g_utf8_validate(name, (gssize)len, NULL))
		return false;
	for (const char *c = name; *c; c = g_utf8_next_char(c)) {
		gunichar u = g_utf8_get_char(c);
		if (u == '+' || g_unichar_isspace(u) || g_unichar_iscntrl(u))
			return false;
	}
	return true;
}

/* ---- keys ---- */

struct ap_result ap_note_key_make(const char *name, enum ap_note_type type, const uint8_t public[32], struct ap_log_key *ret_key)
{
	const uint8_t between[2] = { '\n', (uint8_t)type };
	if (!ap_note_name_fits(name))
		return bad_key();
	struct ap_log_key key = { 0 };
	g_strlcpy(key.name, name, sizeof key.name);
	(void)ap_copy(key.public, sizeof key.public, public, 32);
	struct ap_hasher h = ap_hash_begin(NULL);
	ap_hash_add(&h, name, strlen(name));
	ap_hash_add(&h, between, sizeof between);
	ap_hash_add(&h, public, 32);
	struct ap_hash hash = ap_hash_end(&h);
	(void)ap_copy(key.id, sizeof key.id, hash.b, sizeof key.id);
	*ret_key = key;
	return AP_SUCCESS;
}

struct ap_result ap_note_key_parse(const char *vkey, enum ap_note_type type, struct ap_log_key *ret_key)
{
	g_auto(GStrv) parts = g_strsplit(vkey, "+", 3); /* base64 may hold further '+' */
	uint8_t id[4], typed[33];
	struct ap_log_key key;
	if (g_strv_length(parts) != 3 || !ap_hex_exact(parts[1], id, sizeof id) ||
	    !ap_base64_exact(parts[2], typed, sizeof typed) || typed[0] != type)
		return bad_key();
	AP_TRY(ap_note_key_make(parts[0], type, typed + 1, &key));
	if (memcmp(key.id, id, sizeof id) != 0)
		return bad_key();
	*ret_key = key;
	return AP_SUCCESS;
}

char *ap_note_key_text(const struct ap_log_key *key, enum ap_note_type type)
{
	uint8_t typed[33];
	struct ap_writer w = ap_writer_over(typed, sizeof typed);
	ap_write_u8(&w, (uint8_t)type);
	ap_write_bytes(&w, key->public, sizeof key->public);
	g_autofree char *id = ap_hex(key->id, sizeof key->id);
	g_autofree char *public = ap_base64(typed, sizeof typed);
	return g_strdup_printf("%s+%s+%s", key->name, id, public);
}

/* ---- notes ---- */

struct ap_result ap_note_split(const char *note, size_t len, char **ret_text, char **ret_signatures)
{
	if (len == 0 || len > AP_CHECKPOINT_MAX || !g_utf8_validate(note, (gssize)len, NULL))
		return bad_note("empty, too long, or not UTF-8");
	g_autofree char *copy = g_strndup(note, len);
	/* The last empty line parts text from signatures. */
	char *gap = g_strrstr(copy, "\n\n");
	if (!gap)
		return bad_note("no empty line before the signatures");
	*ret_text = g_strndup(copy, (gsize)(gap - copy) + 1);
	*ret_signatures = g_strdup(gap + 2);
	return AP_SUCCESS;
}

bool ap_note_line_parse(const char *text, struct ap_note_line *ret_line)
{
	struct ap_note_line line = { 0 };
	if (!g_str_has_prefix(text, AP_NOTE_MARK))
		return false;
	g_auto(GStrv) words = g_strsplit(text + strlen(AP_NOTE_MARK), " ", -1);
	if (g_strv_length(words) != 2 || !ap_note_name_fits(words[0]) ||
	    !ap_base64_read(words[1], strlen(words[1]), line.stamp, sizeof line.stamp, &line.len) || line.len < 5)
		return false;
	g_strlcpy(line.name, words[0], sizeof line.name);
	*ret_line = line;
	return true;
}

bool ap_note_line_is_of(const struct ap_note_line *line, const struct ap_log_key *key)
{
	return strcmp(line->name, key->name) == 0 && memcmp(line->stamp, key->id, sizeof key->id) == 0;
}
