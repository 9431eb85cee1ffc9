/*
 * libsodium's guarded memory, which asks the kernel for pages at each secret, in plain: some targets have dozens of
 * secrets in each run. AddressSanitizer's red zones stand in for the guard pages.
 */
#include <sodium.h>
#include <stdlib.h>

void *sodium_malloc(const size_t size)
{
	return malloc(size);
}

void sodium_free(void *ptr)
{
	free(ptr);
}
