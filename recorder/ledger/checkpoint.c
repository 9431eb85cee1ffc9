#include <recorder/ledger/checkpoint.h>

#include <aparte/buf.h>
#include <glib.h>
#include <string.h>

#define SIGNATURE_BYTES (4 + crypto_sign_BYTES)

static struct ap_result bad_checkpoint(const char *detail)
{
	return ap_fail(AP_ERR_PROTOCOL, "checkpoint", detail);
}

/* ---- keys ---- */

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
	return ap_note_key_make(name, AP_NOTE_ED25519, public, ret_key);
}

struct ap_result ap_log_key_named(struct ap_log_key *key, const char *name)
{
	struct ap_log_key old = *key;
	return ap_note_key_make(name, AP_NOTE_ED25519, old.public, key);
}

struct ap_result ap_log_key_parse(const char *vkey, struct ap_log_key *ret_key)
{
	return ap_note_key_parse(vkey, AP_NOTE_ED25519, ret_key);
}

char *ap_log_key_text(const struct ap_log_key *key)
{
	return ap_note_key_text(key, AP_NOTE_ED25519);
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
	*ret_note = g_strdup_printf("%s\n" AP_NOTE_MARK "%s %s\n", text, key.name, stamp_text);
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
	if (count < 4 || !ap_note_name_fits(lines[0]) || !read_size(lines[1], &c.size) || !ap_base64_exact(lines[2], c.root.b, AP_HASH))
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
	struct ap_note_line stamp;
	if (!ap_note_line_parse(line, &stamp))
		return -1;
	if (!ap_note_line_is_of(&stamp, key))
		return 0;
	if (stamp.len != SIGNATURE_BYTES)
		return -1;
	return crypto_sign_verify_detached(stamp.stamp + 4, (const uint8_t *)text, strlen(text), key->public) == 0 ? 1 : -1;
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
	g_autofree char *text = NULL, *signatures = NULL;
	struct ap_checkpoint c;
	AP_TRY(ap_note_split(note, len, &text, &signatures));
	AP_TRY(read_text(text, &c));
	AP_TRY(check_signatures(signatures, text, key));
	if (strcmp(c.origin, key->name) != 0)
		return ap_fail(AP_ERR_CRYPTO, "checkpoint-signature", "another log's checkpoint");
	*ret_checkpoint = c;
	return AP_SUCCESS;
}
