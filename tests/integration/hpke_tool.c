/*
 * Our HPKE on a command line, for hpke_node.cjs. Bytes are hexadecimal.
 *     hpke_tool open PRIVATE ENC SESSION ROLE STATEMENT CT
 *     hpke_tool seal PUBLIC SESSION ROLE STATEMENT SHARE
 */
#include <aparte/buf.h>
#include <glib.h>
#include <recorder/keys/hpke.h>
#include <recorder/keys/keys.h>
#include <string.h>

static void must(bool good, const char *what)
{
	if (!good)
		g_error("hpke_tool: %s", what);
}

static struct ap_secret *secret_of(const char *hex)
{
	struct ap_secret *s = ap_secret_new(32);
	must(ap_hex_exact(hex, ap_secret_bytes_rw(s), 32), "a secret has 32 bytes");
	return s;
}

static struct ap_uuid session_of(const char *text)
{
	struct ap_uuid session = { 0 };
	must(ap_uuid_parse(text, &session), "not a session");
	return session;
}

static void print_hex(const void *bytes, size_t len)
{
	g_autofree char *text = ap_hex(bytes, len);
	g_print("%s\n", text);
}

static int open_share(char **words)
{
	uint8_t enc[32], ct[48];
	struct ap_uuid session = session_of(words[2]);
	struct ap_hash statement = ap_sha256(words[4], strlen(words[4]));
	struct ap_secret *private = secret_of(words[0]), *share = NULL;
	must(ap_hex_exact(words[1], enc, sizeof enc) && ap_hex_exact(words[5], ct, sizeof ct), "not enc and ct");
	struct ap_result result = ap_share_open(private, &session, (enum ap_role)(words[3][0] - '0'), &statement, enc, ct,
						sizeof ct, &share);
	ap_secret_free(private);
	if (!ap_ok(result))
		return 1;
	print_hex(ap_secret_bytes(share), AP_SHARE);
	ap_secret_free(share);
	return 0;
}

static int seal_share(char **words)
{
	uint8_t public[32], enc[32], ct[48], info[64];
	struct ap_uuid session = session_of(words[1]);
	struct ap_hash statement = ap_sha256(words[3], strlen(words[3]));
	struct ap_secret *share = secret_of(words[4]);
	struct ap_writer w = ap_writer_over(info, sizeof info);
	ap_write_label(&w, "aparte/share-seal/v1");
	ap_write_u8(&w, 0);
	ap_write_bytes(&w, session.b, sizeof session.b);
	ap_write_u8(&w, (uint8_t)(words[2][0] - '0'));
	const struct ap_hpke_context context = { info, w.len, statement.b, AP_HASH };
	must(ap_hex_exact(words[0], public, sizeof public), "not a public key");
	must(ap_ok(ap_hpke_seal(public, NULL, &context, share, enc, ct)), "sealing failed");
	print_hex(enc, sizeof enc);
	print_hex(ct, sizeof ct);
	ap_secret_free(share);
	return 0;
}

int main(int argc, char **argv)
{
	must(ap_ok(ap_secret_init()), "libsodium");
	if (argc == 8 && strcmp(argv[1], "open") == 0)
		return open_share(argv + 2);
	if (argc == 7 && strcmp(argv[1], "seal") == 0)
		return seal_share(argv + 2);
	return 2;
}
