/*
 * libsodium's X25519 with a memory: the true products, each computed once as long as it stays in its place. Targets that
 * seal and open under a few keys would do little else.
 */
#include <dlfcn.h>
#include <glib.h>
#include <sodium.h>
#include <stdint.h>
#include <string.h>

enum { LEN = crypto_scalarmult_BYTES, PLACES = 2048 };

struct product {
	uint8_t scalar[LEN], point[LEN], product[LEN];
	int status;
	gboolean there;
};

static unsigned place_of(const uint8_t *scalar, const uint8_t *point)
{
	unsigned h = 5381;
	for (unsigned i = 0; i < LEN; i++)
		h = h * 33 + (scalar[i] ^ point[LEN - 1 - i]);
	return (h ^ h >> 16) % PLACES;
}

int crypto_scalarmult(unsigned char *q, const unsigned char *n, const unsigned char *p)
{
	static struct product known[PLACES];
	struct product *k = &known[place_of(n, p)];
	if (!k->there || memcmp(k->scalar, n, LEN) != 0 || memcmp(k->point, p, LEN) != 0) {
		int (*true_one)(unsigned char *, const unsigned char *, const unsigned char *) = dlsym(RTLD_NEXT, "crypto_scalarmult");
		memcpy(k->scalar, n, LEN);
		memcpy(k->point, p, LEN);
		k->status = true_one(k->product, n, p);
		k->there = TRUE;
	}
	memcpy(q, k->product, LEN);
	return k->status;
}

int crypto_scalarmult_base(unsigned char *q, const unsigned char *n)
{
	static const uint8_t base[LEN] = { 9 };
	return crypto_scalarmult(q, n, base);
}
