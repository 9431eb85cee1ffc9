#include <aparte/secret.h>

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

struct ap_secret {
	size_t len;
	uint8_t *bytes; /* owned, sodium_malloc */
};

struct ap_secret *ap_secret_new(size_t len)
{
	struct ap_secret *s = calloc(1, sizeof *s);
	if (!s || len == 0 || len > 65536)
		abort();
	s->len = len;
	s->bytes = sodium_malloc(len);
	if (!s->bytes)
		abort();
	memset(s->bytes, 0, len);
	return s;
}

struct ap_secret *ap_secret_from(const void *bytes, size_t len)
{
	struct ap_secret *s = ap_secret_new(len);
	memcpy(s->bytes, bytes, len);
	return s;
}

struct ap_secret *ap_secret_random(size_t len)
{
	struct ap_secret *s = ap_secret_new(len);
	randombytes_buf(s->bytes, len);
	return s;
}

void ap_secret_free(struct ap_secret *s)
{
	if (!s)
		return;
	sodium_free(s->bytes);
	free(s);
}

size_t ap_secret_len(const struct ap_secret *s)
{
	return s->len;
}

const uint8_t *ap_secret_bytes(const struct ap_secret *s)
{
	return s->bytes;
}

uint8_t *ap_secret_bytes_rw(struct ap_secret *s)
{
	return s->bytes;
}

bool ap_secret_equal(const struct ap_secret *a, const struct ap_secret *b)
{
	return a->len == b->len && sodium_memcmp(a->bytes, b->bytes, a->len) == 0;
}

void ap_wipe(void *bytes, size_t len)
{
	sodium_memzero(bytes, len);
}

struct ap_result ap_secret_init(void)
{
	if (sodium_init() < 0)
		return ap_fail(AP_ERR_CRYPTO, "crypto", "libsodium could not be initialised");
	const struct rlimit none = { 0, 0 };
	if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return ap_fail(AP_ERR_INTERNAL, "core-dumps", "core dumps could not be switched off");
	return AP_SUCCESS;
}
