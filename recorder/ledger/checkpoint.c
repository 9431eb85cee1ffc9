#include <recorder/ledger/checkpoint.h>

#include <aparte/buf.h>
#include <glib.h>
#include <string.h>

#define KEY_TYPE_ED25519 1
#define SIGNATURE_MARK "\xe2\x80\x94 " /* em dash and space (C2SP signed-note) */
#define SIGNATURE_BYTES (4 + crypto_sign_BYTES)

static struct ap_result bad_checkpoint(const char *detail)
{
	return ap_fail(AP_ERR_PROTOCOL, "checkpoint", detail);
}

static struct ap_result bad_key(void)
{
	return ap_fail(AP_ERR_PROTOCOL, "log-key", "not a verifier key (<name>+<8 hex>+<base64>)");
}

/* ---- keys ---- */

static bool name_good(const char *name)
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

/* Key id = SHA-256(name ‖ 0A ‖ 01 ‖ public key)[0..4] */
static void key_id(const char *name, const uint8_t public[32], uint8_t ret_id[4])
{
	static const uint8_t between[2] = { '\n', KEY_TYPE_ED25519 };
	struct ap_hasher h = ap_hash_begin(NULL);
	ap_hash_add(&h, name, strlen(name));
	ap_hash_add(&h, between, sizeof between);
	ap_hash_add(&h, public, 32);
	struct ap_hash hash = ap_hash_end(&h);
	(void)ap_copy(ret_id, 4, hash.b, 4);
}

static struct ap_result key_from_public(const char *name, const uint8_t public[32], struct ap_log_key *ret_key)
{
	if (!name_good(name))
		return bad_key();
	struct ap_log_key key = { 0 };
	g_strlcpy(key.name, name, sizeof key.name);
	(void)ap_copy(key.public, sizeof key.public, public, 32);
	key_id(name, public, key.id);
	*ret_key = key;
	return AP_SUCCESS;
}

/* libsodium's signing key (seed ‖ public), and its public half. */
static struct ap_secret *expand_seed(const struct ap_secret *seed, uint8_t ret_public[32])
{
	struct ap_secret *signing = ap_secret_new(crypto_sign_SECRETKEYBYTES);
	crypto_sign_seed_keypair(ret_public, ap_secret_bytes_rw(signing), ap_secret_bytes(seed));
	return signing;
}

struct ap_result ap_log_key_from_seed(const char *name, const struct ap_secret *seed, struct ap_log_key *ret_key)
{
	uint8_t public[32];
	if (ap_secret_len(seed) != crypto_sign_SEEDBYTES)
		return ap_fail(AP_ERR_INTERNAL, "internal", "an Ed25519 seed has 32 bytes");
	ap_secret_free(expand_seed(seed, public));
	return key_from_public(name, public, ret_key);
}

struct ap_result ap_log_key_named(struct ap_log_key *key, const char *name)
{
	struct ap_log_key old = *key;
	return key_from_public(name, old.public, key);
}

struct ap_result ap_log_key_parse(const char *vkey, struct ap_log_key *ret_key)
{
	g_auto(GStrv) parts = g_strsplit(vkey, "+", 3); /* base64 may hold further '+' */
	uint8_t id[4], typed[33];
	struct ap_log_key key;
	if (g_strv_length(parts) != 3 || !ap_hex_exact(parts[1], id, sizeof id) ||
	    !ap_base64_exact(parts[2], typed, sizeof typed) || typed[0] != KEY_TYPE_ED25519)
		return bad_key();
	AP_TRY(key_from_public(parts[0], typed + 1, &key));
	if (memcmp(key.id, id, sizeof id) != 0)
		return bad_key();
	*ret_key = key;
	return AP_SUCCESS;
}

char *ap_log_key_text(const struct ap_log_key *key)
{
	uint8_t typed[33];
	struct ap_writer w = ap_writer_over(typed, sizeof typed);
	ap_write_u8(&w, KEY_TYPE_ED25519);
	ap_write_bytes(&w, key->public, sizeof key->public);
	g_autofree char *id = ap_hex(key->id, sizeof key->id);
	g_autofree char *public = ap_base64(typed, sizeof typed);
	return g_strdup_printf("%s+%s+%s", key->name, id, public);
}

/* ---- signing ---- */

struct ap_result ap_checkpoint_sign(const struct ap_checkpoint *checkpoint, const struct ap_secret *seed, char **ret_note)
{
	struct ap_log_key key;
	AP_TRY(ap_log_key_from_seed(checkpoint->origin, seed, &key));
	g_autofree char *root = ap_base64(checkpoint->root.b, AP_HASH);
	g_autofree char *text = g_strdup_printf("%s\n%" G_GUINT64_FORMAT "\n%s\n", checkpoint->origin, checkpoint->size, root);
	uint8_t stamp[SIGNATURE_BYTES];
	uint8_t signature[crypto_sign_BYTES];
	struct ap_secret *signing = expand_seed(seed, key.public);
	crypto_sign_detached(signature, NULL, (const uint8_t *)text, strlen(text), ap_secret_bytes(signing));
	ap_secret_free(signing);
	struct ap_writer w = ap_writer_over(stamp, sizeof stamp);
	ap_write_bytes(&w, key.id, sizeof key.id);
	ap_write_bytes(&w, signature, sizeof signature);
	g_autofree char *stamp_text = ap_base64(stamp, sizeof stamp);
	*ret_note = g_strdup_printf("%s\n" SIGNATURE_MARK "%s %s\n", text, key.name, stamp_text);
	return AP_SUCCESS;
}

/* ---- verifying ---- */

/* A decimal without sign, leading zero or excess. */
static bool read_size(const char *text, uint64_t *ret_size)
{
	guint64 size = 0;
	if (!g_ascii_isdigit(text[0]) || (text[0] == '0' && text[1]) ||
	    !g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT64, &size, NULL))
		return false;
	*ret_size = size;
	return true;
}

/* origin, size, root, then any number of extension lines, none of them empty. */
static struct ap_result read_text(const char *text, struct ap_checkpoint *ret_checkpoint)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	struct ap_checkpoint c = { 0 };
	guint count = g_strv_length(lines);
	if (count < 4 || !name_good(lines[0]) || !read_size(lines[1], &c.size) || !ap_base64_exact(lines[2], c.root.b, AP_HASH))
		return bad_checkpoint("not origin, size and root");
	for (guint i = 3; i + 1 < count; i++)
		if (!*lines[i])
			return bad_checkpoint("an empty extension line");
	g_strlcpy(c.origin, lines[0], sizeof c.origin);
	*ret_checkpoint = c;
	return AP_SUCCESS;
}

/* "— name base64": 1 when it is this key's and good, 0 when it is another's, -1 when malformed or forged. */
static int check_line(const char *line, const char *text, const struct ap_log_key *key)
{
	uint8_t stamp[SIGNATURE_BYTES], any[1024];
	size_t any_len = 0;
	if (!g_str_has_prefix(line, SIGNATURE_MARK))
		return -1;
	g_auto(GStrv) words = g_strsplit(line + strlen(SIGNATURE_MARK), " ", -1);
	if (g_strv_length(words) != 2 || !name_good(words[0]) ||
	    !ap_base64_read(words[1], strlen(words[1]), any, sizeof any, &any_len) || any_len < 5)
		return -1;
	if (strcmp(words[0], key->name) != 0 || memcmp(any, key->id, sizeof key->id) != 0)
		return 0;
	if (!ap_base64_exact(words[1], stamp, sizeof stamp))
		return -1;
	return crypto_sign_verify_detached(stamp + 4, (const uint8_t *)text, strlen(text), key->public) == 0 ? 1 : -1;
}

static struct ap_result check_signatures(const char *signatures, const char *text, const struct ap_log_key *key)
{
	g_auto(GStrv) lines = g_strsplit(signatures, "\n", -1);
	guint count = g_strv_length(lines);
	unsigned good = 0;
	if (count < 2 || *lines[count - 1])
		return bad_checkpoint("no signature, or no newline at the end");
	for (guint i = 0; i + 1 < count; i++) {
		int verdict = check_line(lines[i], text, key);
		if (verdict < 0)
			return ap_fail(AP_ERR_CRYPTO, "checkpoint-signature", "a malformed or forged signature line");
		good += verdict > 0;
	}
	if (good == 0)
		return ap_fail(AP_ERR_CRYPTO, "checkpoint-signature", "not signed by this key");
	return AP_SUCCESS;
}

struct ap_result ap_checkpoint_verify(const char *note, size_t len, const struct ap_log_key *key,
				      struct ap_checkpoint *ret_checkpoint)
{
	if (len == 0 || len > AP_CHECKPOINT_MAX || !g_utf8_validate(note, (gssize)len, NULL))
		return bad_checkpoint("empty, too long, or not UTF-8");
	g_autofree char *copy = g_strndup(note, len);
	/* The last empty line parts text from signatures. */
	char *gap = g_strrstr(copy, "\n\n");
	if (!gap)
		return bad_checkpoint("no empty line before the signatures");
	g_autofree char *text = g_strndup(copy, (gsize)(gap - copy) + 1);
	struct ap_checkpoint c;
	AP_TRY(read_text(text, &c));
	AP_TRY(check_signatures(gap + 2, text, key));
	if (strcmp(c.origin, key->name) != 0)
		return ap_fail(AP_ERR_CRYPTO, "checkpoint-signature", "another log's checkpoint");
	*ret_checkpoint = c;
	return AP_SUCCESS;
}
