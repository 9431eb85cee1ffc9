#include <aparte/sandbox.h>

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

/* Reading, writing, waiting, memory and threads. */
static const char *const allowed[] = {
	"read", "write", "readv", "writev", "close", "fsync", "fdatasync", "lseek", "pread64", "pwrite64", "fstat",
	"newfstatat", "fcntl", "dup", "shutdown", "pipe2", "eventfd2", "recvmsg", "recvfrom", "recvmmsg", "sendmsg",
	"sendto", "poll", "ppoll", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "munmap", "mremap", "brk",
	"madvise", "mlock", "munlock", "membarrier", "futex", "set_robust_list", "rseq", "sched_yield",
	"sched_getaffinity", "sched_getattr", "sched_setattr", "sched_getparam", "sched_getscheduler", "rt_sigaction",
	"rt_sigprocmask", "rt_sigreturn", "sigaltstack", "getpid", "gettid", "tgkill", "exit", "exit_group",
	"clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "getrandom", "restart_syscall", "getrusage",
};

/* One system call, allowed when all bits of `mask` in its argument give `value`. */
static const struct narrow {
	const char *name;
	unsigned argument;
	uint64_t mask, value;
} narrow[] = {
	{ "mmap", 2, PROT_EXEC, 0 },
	{ "mprotect", 2, PROT_EXEC, 0 },
	{ "clone", 0, CLONE_THREAD, CLONE_THREAD },   /* threads, no processes */
	{ "prctl", 0, UINT64_MAX, PR_SET_NAME },      /* a thread's name */
	{ "socketpair", 0, UINT64_MAX, AF_UNIX },     /* GstPoll wakes itself up with one */
};

static int rule_for(scmp_filter_ctx filter, const char *name)
{
	int number = seccomp_syscall_resolve_name(name);
	return number == __NR_SCMP_ERROR ? -EINVAL : seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
}

static int narrow_rule_for(scmp_filter_ctx filter, const struct narrow *n)
{
	struct scmp_arg_cmp when = { .arg = n->argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = n->mask,
				     .datum_b = n->value };
	int number = seccomp_syscall_resolve_name(n->name);
	return number == __NR_SCMP_ERROR ? -EINVAL : seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, 1, &when);
}

static int fill(scmp_filter_ctx filter)
{
	int failed = 0;
	for (size_t i = 0; !failed && i < sizeof allowed / sizeof *allowed; i++)
		failed = rule_for(filter, allowed[i]);
	for (size_t i = 0; !failed && i < sizeof narrow / sizeof *narrow; i++)
		failed = narrow_rule_for(filter, &narrow[i]);
	/* clone3 keeps its flags in memory, where no filter sees them: glibc takes clone when it is absent. */
	if (!failed)
		failed = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	return failed;
}

struct ap_result ap_sandbox_seccomp_descriptors_only(void)
{
	AP_TRY(ap_sandbox_no_new_privs());
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	if (!filter)
		return ap_fail(AP_ERR_INTERNAL, "sandbox-filter", "no memory for the filter");
	int failed = fill(filter);
	bool loaded = !failed && seccomp_load(filter) == 0;
	seccomp_release(filter);
	if (failed)
		return ap_fail(AP_ERR_INTERNAL, "sandbox-filter", "a system call in the list is unknown");
	return loaded ? AP_SUCCESS : ap_fail(AP_ERR_DENIED, "sandbox", "the kernel refused the seccomp filter");
}
