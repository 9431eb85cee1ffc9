/*
 * OpenSSL's own blocks out of the C library's heap instead of AddressSanitizer's, which took near to half of a handshake.
 * OpenSSL is not instrumented, so red zones around its blocks see little; what is forgotten is found by their number. For
 * long runs alone: builds that replay the seeds have AddressSanitizer's.
 */
#include <glib.h>
#include <openssl/crypto.h>
#include <stddef.h>

void *__libc_malloc(size_t size);
void *__libc_realloc(void *block, size_t size);
void __libc_free(void *block);

enum { MOST = 100000 }; /* some ten times what OpenSSL keeps between runs: more is a leak of every run */

static unsigned blocks;

static void *take(size_t size, const char *file, int line)
{
	(void)file, (void)line;
	void *block = __libc_malloc(size);
	blocks += block != NULL;
	g_assert_cmpuint(blocks, <, MOST);
	return block;
}

static void give_back(void *block, const char *file, int line)
{
	(void)file, (void)line;
	blocks -= block != NULL;
	__libc_free(block);
}

static void *change(void *block, size_t size, const char *file, int line)
{
	if (!block)
		return take(size, file, line);
	if (size > 0)
		return __libc_realloc(block, size);
	give_back(block, file, line);
	return NULL;
}

/* Before OpenSSL takes its first one. */
__attribute__((constructor)) static void install(void)
{
	g_assert_true(CRYPTO_set_mem_functions(take, change, give_back));
}
