#include <aparte/sandbox.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Reading, writing, waiting, memory and threads. */
static const char *const allowed[] = {
	"read", "write", "readv", "writev", "close", "fsync", "fdatasync", "lseek", "pread64", "pwrite64", "fstat",
	"dup", "shutdown", "pipe2", "eventfd2", "recvmsg", "recvfrom", "recvmmsg", "sendmsg",
	"sendto", "poll", "ppoll", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "munmap", "mremap", "brk",
	"madvise", "mlock", "munlock", "membarrier", "futex", "set_robust_list", "rseq", "sched_yield",
	"sched_getaffinity", "sched_getparam", "sched_getscheduler", "rt_sigaction",
	"rt_sigprocmask", "rt_sigreturn", "sigaltstack", "getpid", "gettid", "exit", "exit_group",
	"clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "getrandom", "restart_syscall", "getrusage",
};

/*
 * One system call, allowed when of each argument named all bits of `mask` give `value`; several rows of a name: when
 * one of them holds. What is left out on purpose: of fcntl signals and their owners, leases and locks, which reach
 * other processes; of socketpair datagrams, which can be sent to any address; sched_setattr, which takes any process.
 */
static const struct narrow {
	const char *name;
	struct {
		unsigned argument;
		uint64_t mask, value;
	} when[2];
	unsigned count;
} narrow[] = {
	{ "mmap", { { 2, PROT_EXEC, 0 } }, 1 },
	{ "mprotect", { { 2, PROT_EXEC, 0 } }, 1 },
	{ "clone", { { 0, CLONE_THREAD, CLONE_THREAD } }, 1 }, /* threads, no processes */
	{ "prctl", { { 0, UINT64_MAX, PR_SET_NAME } }, 1 },    /* a thread's name */
	/* GstPoll wakes itself up with one. */
	{ "socketpair", { { 0, UINT64_MAX, AF_UNIX }, { 1, 0xF, SOCK_STREAM } }, 2 },
	{ "fcntl", { { 1, UINT64_MAX, F_DUPFD } }, 1 },
	{ "fcntl", { { 1, UINT64_MAX, F_DUPFD_CLOEXEC } }, 1 },
	{ "fcntl", { { 1, UINT64_MAX, F_GETFD } }, 1 },
	{ "fcntl", { { 1, UINT64_MAX, F_SETFD } }, 1 },
	{ "fcntl", { { 1, UINT64_MAX, F_GETFL } }, 1 },
	{ "fcntl", { { 1, UINT64_MAX, F_SETFL } }, 1 },
};

static int rule_for(scmp_filter_ctx filter, const char *name)
{
	int number = seccomp_syscall_resolve_name(name);
	return number == __NR_SCMP_ERROR ? -EINVAL : seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
}

static int narrow_rule_for(scmp_filter_ctx filter, const struct narrow *n)
{
	struct scmp_arg_cmp when[2];
	for (unsigned i = 0; i < n->count; i++)
		when[i] = (struct scmp_arg_cmp){ .arg = n->when[i].argument, .op = SCMP_CMP_MASKED_EQ,
						 .datum_a = n->when[i].mask, .datum_b = n->when[i].value };
	int number = seccomp_syscall_resolve_name(n->name);
	return number == __NR_SCMP_ERROR ? -EINVAL :
					   seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, n->count, when);
}

/* abort and pthread_kill: its own threads only. Landlock forbids other processes' too, but not on every kernel. */
static int own_signals_rule(scmp_filter_ctx filter)
{
	struct scmp_arg_cmp own = { .arg = 0, .op = SCMP_CMP_EQ, .datum_a = (uint64_t)getpid() };
	return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, &own);
}

static int fill(scmp_filter_ctx filter)
{
	int failed = 0;
	for (size_t i = 0; !failed && i < sizeof allowed / sizeof *allowed; i++)
		failed = rule_for(filter, allowed[i]);
	for (size_t i = 0; !failed && i < sizeof narrow / sizeof *narrow; i++)
		failed = narrow_rule_for(filter, &narrow[i]);
	if (!failed)
		failed = own_signals_rule(filter);
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
