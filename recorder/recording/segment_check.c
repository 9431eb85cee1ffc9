#include "segment_check.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK 65536

static struct ap_result lies(const char *detail)
{
	return ap_fail(AP_ERR_PROTOCOL, "capture-report", detail);
}

static struct ap_result hash_of(int fd, uint8_t ret_hash[32])
{
	crypto_hash_sha256_state state;
	g_autofree uint8_t *block = g_malloc(BLOCK);
	ssize_t n;
	crypto_hash_sha256_init(&state);
	for (off_t at = 0; (n = pread(fd, block, BLOCK, at)) != 0; at += n > 0 ? n : 0) {
		if (n > 0)
			crypto_hash_sha256_update(&state, block, (size_t)n);
		else if (errno != EINTR)
			return ap_fail(AP_ERR_IO, "storage", "a segment cannot be read");
	}
	crypto_hash_sha256_final(&state, ret_hash);
	return AP_SUCCESS;
}

static struct ap_result compare(int fd, uint64_t size, const uint8_t sha256[32])
{
	struct stat st;
	uint8_t hash[32];
	if (fstat(fd, &st) != 0)
		return ap_fail(AP_ERR_IO, "storage", "a segment cannot be read");
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != size)
		return lies("a segment has another size than was reported");
	AP_TRY(hash_of(fd, hash));
	return memcmp(hash, sha256, sizeof hash) == 0 ? AP_SUCCESS : lies("a segment has another hash than was reported");
}

struct ap_result ap_segment_check(int fd, uint64_t size, const uint8_t sha256[32])
{
	/* Should somebody open the file for writing meanwhile, that is told by a signal that is ignored. */
	bool quiet = fcntl(fd, F_SETSIG, SIGURG) == 0, leased = quiet && fcntl(fd, F_SETLEASE, F_RDLCK) == 0;
	if (quiet && !leased && errno == EAGAIN)
		return lies("a segment that was reported as closed is still open for writing");
	struct ap_result result = compare(fd, size, sha256);
	if (leased)
		fcntl(fd, F_SETLEASE, F_UNLCK);
	return result;
}
