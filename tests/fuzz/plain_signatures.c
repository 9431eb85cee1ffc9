/*
 * libsodium's Ed25519 for what a target signs itself, in plain: dozens of curve operations a run would be most of it.
 * Keys are the true ones, each made once. A signature made here is a hash of the text under the public key, then zeros:
 * it holds for just that text and key, as a true one would. Whatever does not end in zeros is checked for true, so
 * signatures out of the seeds count too. That libsodium's are Ed25519's show the vectors of unit/checkpoint and receipt.
 */
#include <dlfcn.h>
#include <glib.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { HASH = 32, KEYS = 4 };

int crypto_sign_seed_keypair(unsigned char *public, unsigned char *secret, const unsigned char *seed)
{
	static struct {
		uint8_t seed[crypto_sign_SEEDBYTES], public[crypto_sign_PUBLICKEYBYTES], secret[crypto_sign_SECRETKEYBYTES];
	} made[KEYS];
	static unsigned count;
	unsigned i = 0;
	while (i < count && memcmp(made[i].seed, seed, sizeof made[i].seed) != 0)
		i++;
	if (i == count) {
		int (*true_one)(unsigned char *, unsigned char *, const unsigned char *) =
			dlsym(RTLD_NEXT, "crypto_sign_seed_keypair");
		g_assert_true(i < KEYS && true_one(made[i].public, made[i].secret, seed) == 0);
		memcpy(made[i].seed, seed, sizeof made[i].seed);
		count++;
	}
	memcpy(public, made[i].public, sizeof made[i].public);
	memcpy(secret, made[i].secret, sizeof made[i].secret);
	return 0;
}

static void hash(uint8_t ret_hash[HASH], const unsigned char *text, unsigned long long len, const unsigned char *public)
{
	crypto_generichash(ret_hash, HASH, text, len, public, crypto_sign_PUBLICKEYBYTES);
}

int crypto_sign_detached(unsigned char *sig, unsigned long long *ret_len, const unsigned char *text, unsigned long long len,
			 const unsigned char *secret)
{
	memset(sig, 0, crypto_sign_BYTES);
	hash(sig, text, len, secret + crypto_sign_SEEDBYTES); /* libsodium keeps the public half there */
	if (ret_len)
		*ret_len = crypto_sign_BYTES;
	return 0;
}

/* Also with a bit or two of it changed. */
static bool made_here(const unsigned char *sig)
{
	unsigned zeros = 0;
	for (unsigned i = HASH; i < crypto_sign_BYTES; i++)
		zeros += sig[i] == 0;
	return zeros > (crypto_sign_BYTES - HASH) / 2;
}

int crypto_sign_verify_detached(const unsigned char *sig, const unsigned char *text, unsigned long long len,
				const unsigned char *public)
{
	uint8_t expected[crypto_sign_BYTES] = { 0 };
	if (!made_here(sig)) {
		int (*true_one)(const unsigned char *, const unsigned char *, unsigned long long, const unsigned char *) =
			dlsym(RTLD_NEXT, "crypto_sign_verify_detached");
		return true_one(sig, text, len, public);
	}
	hash(expected, text, len, public);
	return sodium_memcmp(sig, expected, sizeof expected);
}
