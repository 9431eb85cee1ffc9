/*
 * Notes and verifier keys from anywhere. The whole input is tried as a note, its first line as a key; then its text is
 * signed with the log's key (docs/FORMAT.md, Vectors), so that what stands behind the signature check is reached too.
 */
#include "fuzz.h"
#include "log_key.h"

#include <recorder/ledger/checkpoint.h>
#include <string.h>

static void try_key(const char *note)
{
	struct ap_log_key key, second;
	g_autofree char *text = g_strndup(note, strcspn(note, "\n"));
	if (!ap_ok(ap_log_key_parse(text, &key)))
		return;
	g_autofree char *again = ap_log_key_text(&key);
	g_assert_true(ap_ok(ap_log_key_parse(again, &second)) && strcmp(second.name, key.name) == 0);
	g_assert_true(memcmp(second.public, key.public, sizeof key.public) == 0);
	g_assert_true(g_ascii_strcasecmp(text, again) == 0); /* hex in either case, all else has one form */
}

/* One form: what was read, signed by us, is that text again, but for extension lines. */
static void check_one_form(const struct ap_checkpoint *c, const char *text, const struct ap_log_key *pinned)
{
	g_autofree char *again = NULL;
	struct ap_checkpoint second;
	g_assert_cmpstr(c->origin, ==, pinned->name);
	g_assert_true(ap_ok(ap_checkpoint_sign(c, the_seed(), &again)));
	g_assert_true(strncmp(again, text, (size_t)(strstr(again, "\n\n") - again) + 1) == 0);
	g_assert_true(ap_ok(ap_checkpoint_verify(again, strlen(again), pinned, &second)));
	g_assert_true(second.size == c->size && ap_hash_equal(&second.root, &c->root));
}

static char *sign(const char *text, const struct ap_log_key *pinned)
{
	uint8_t public[32], secret[64], stamp[4 + crypto_sign_BYTES] = { pinned->id[0], pinned->id[1], pinned->id[2], pinned->id[3] };
	crypto_sign_seed_keypair(public, secret, ap_secret_bytes(the_seed()));
	crypto_sign_detached(stamp + 4, NULL, (const uint8_t *)text, strlen(text), secret);
	g_autofree char *base64 = ap_base64(stamp, sizeof stamp);
	return g_strdup_printf("%s\n\xe2\x80\x94 %s %s\n", text, pinned->name, base64);
}

static void try_signed(const char *text, const struct ap_log_key *pinned)
{
	struct ap_checkpoint c;
	if (!g_str_has_prefix(text, pinned->name) || !g_str_has_suffix(text, "\n"))
		return; /* refused for its form: not worth a signature */
	g_autofree char *note = sign(text, pinned);
	if (ap_ok(ap_checkpoint_verify(note, strlen(note), pinned, &c)))
		check_one_form(&c, text, pinned);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ap_log_key pinned;
	struct ap_checkpoint checkpoint;
	g_autofree char *note = g_strndup((const char *)data, size);
	g_assert_true(the_seed() && ap_ok(ap_log_key_parse(vkey, &pinned)));
	if (ap_ok(ap_checkpoint_verify((const char *)data, size, &pinned, &checkpoint)))
		check_one_form(&checkpoint, note, &pinned);
	try_key(note);
	try_signed(note, &pinned);
	return 0;
}
