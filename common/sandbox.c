#include <aparte/sandbox.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Rights that are newer than Debian 12's linux/landlock.h; numbers from landlock(7). */
#define FS_REFER (1ull << 13)
#define FS_TRUNCATE (1ull << 14)  /* ABI 3 */
#define FS_IOCTL_DEV (1ull << 15) /* ABI 5 */
#define FS_ABI_1 ((1ull << 13) - 1)
#define NET_TCP 3ull		    /* bind, connect: ABI 4 */
#define SCOPE_ABSTRACT_SOCKET 1ull /* ABI 6 */
#define SCOPE_SIGNAL 2ull	    /* ABI 6 */

/* As the kernel's struct of ABI 6; an older kernel is given only the part that it knows. */
struct ruleset {
	uint64_t fs, net, scoped;
};

static int ruleset_create(const struct ruleset *r, size_t size, uint32_t flags)
{
	return (int)syscall(SYS_landlock_create_ruleset, r, size, flags);
}

int ap_sandbox_landlock_abi(void)
{
	int abi = ruleset_create(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	return abi > 0 ? abi : 0;
}

struct ap_result ap_sandbox_no_new_privs(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return ap_fail(AP_ERR_DENIED, "sandbox", "the kernel refused no_new_privs");
	return AP_SUCCESS;
}

static uint64_t fs_rights(int abi)
{
	return FS_ABI_1 | (abi >= 2 ? FS_REFER : 0) | (abi >= 3 ? FS_TRUNCATE : 0) | (abi >= 5 ? FS_IOCTL_DEV : 0);
}

static struct ruleset wanted(const struct ap_sandbox_rules *rules, int abi, unsigned *ret_missing)
{
	struct ruleset r = { .fs = fs_rights(abi) };
	*ret_missing = (abi < 3 ? AP_SANDBOX_NO_TRUNCATE : 0u) | (abi < 5 ? AP_SANDBOX_NO_DEVICES : 0u);
	if (!rules->network && abi >= 4)
		r.net = NET_TCP;
	else if (!rules->network)
		*ret_missing |= AP_SANDBOX_NO_NETWORK;
	uint64_t scoped = (rules->network ? 0 : SCOPE_ABSTRACT_SOCKET) | (rules->signals ? 0 : SCOPE_SIGNAL);
	if (abi >= 6)
		r.scoped = scoped;
	else if (scoped)
		*ret_missing |= AP_SANDBOX_NO_SCOPE;
	return r;
}

static uint64_t rights_of(enum ap_sandbox_access access)
{
	const uint64_t read = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
	const uint64_t devices = LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK;
	switch (access) {
	case AP_SANDBOX_WRITE:
		return (FS_ABI_1 | FS_REFER | FS_TRUNCATE) & ~(devices | LANDLOCK_ACCESS_FS_EXECUTE);
	case AP_SANDBOX_EXECUTE:
		return read | LANDLOCK_ACCESS_FS_EXECUTE;
	case AP_SANDBOX_READ:
		break;
	}
	return read;
}

/* What the kernel accepts for something that is not a directory. */
#define FILE_RIGHTS                                                                                               \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE | \
	 FS_IOCTL_DEV)

static struct ap_result allow(int ruleset, const struct ap_sandbox_path *p, uint64_t handled)
{
	int fd = open(p->path, O_PATH | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && p->optional)
		return AP_SUCCESS;
	struct stat st;
	if (fd < 0 || fstat(fd, &st) != 0) {
		if (fd >= 0)
			close(fd);
		return ap_fail(AP_ERR_IO, "sandbox-path", "a path that the sandbox allows cannot be opened");
	}
	struct landlock_path_beneath_attr beneath = {
		.allowed_access = rights_of(p->access) & handled & (S_ISDIR(st.st_mode) ? UINT64_MAX : FILE_RIGHTS),
		.parent_fd = fd,
	};
	long failed = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0);
	close(fd);
	return failed ? ap_fail(AP_ERR_DENIED, "sandbox", "the kernel refused a Landlock rule") : AP_SUCCESS;
}

static struct ap_result restrict_self(int ruleset, const struct ap_sandbox_rules *rules, uint64_t handled)
{
	for (size_t i = 0; i < rules->path_count; i++)
		AP_TRY(allow(ruleset, &rules->paths[i], handled));
	AP_TRY(ap_sandbox_no_new_privs());
	if (syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
		return ap_fail(AP_ERR_DENIED, "sandbox", "the kernel refused Landlock");
	return AP_SUCCESS;
}

struct ap_result ap_sandbox_landlock(const struct ap_sandbox_rules *rules, unsigned *ret_missing)
{
	int abi = ap_sandbox_landlock_abi();
	if (abi == 0)
		return ap_fail(AP_ERR_DENIED, "sandbox", "this kernel has no Landlock, or it is switched off");
	unsigned missing = 0;
	struct ruleset r = wanted(rules, abi, &missing);
	size_t size = abi >= 6 ? sizeof r : abi >= 4 ? sizeof r - sizeof r.scoped : sizeof r.fs;
	int ruleset = ruleset_create(&r, size, 0);
	if (ruleset < 0)
		return ap_fail(AP_ERR_DENIED, "sandbox", "the kernel refused a Landlock rule set");
	struct ap_result result = restrict_self(ruleset, rules, r.fs);
	close(ruleset);
	if (ap_ok(result) && ret_missing)
		*ret_missing = missing;
	return result;
}
