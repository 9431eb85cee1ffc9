/*
 * ask_open PID PATH…: makes a running process itself call open(PATH, O_RDONLY), one by one, and prints what each answered
 * (a descriptor, closed again, or -errno). Landlock and seccomp bind a process, not its user: only it can be asked.
 * x86-64; needs the right to trace.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#define BELOW_STACK 8192 /* well under what the thread uses */

static void must(bool good, const char *what)
{
	if (good)
		return;
	perror(what);
	exit(2);
}

static void wait_stop(pid_t pid)
{
	int status = 0;
	must(waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status), "the process did not stop");
}

/* One system call in the stopped process, from the instruction it is in (it waits in one). */
static long call_in(pid_t pid, const struct user_regs_struct *at, long number, unsigned long a, unsigned long b, unsigned long c)
{
	struct user_regs_struct regs = *at;
	regs.rip -= 2; /* the syscall instruction itself */
	regs.rax = (unsigned long)number;
	regs.orig_rax = ~0UL; /* nothing to restart */
	regs.rdi = a;
	regs.rsi = b;
	regs.rdx = c;
	must(ptrace(PTRACE_SETREGS, pid, 0, &regs) == 0, "PTRACE_SETREGS");
	must(ptrace(PTRACE_SINGLESTEP, pid, 0, 0) == 0, "PTRACE_SINGLESTEP");
	wait_stop(pid);
	must(ptrace(PTRACE_GETREGS, pid, 0, &regs) == 0, "PTRACE_GETREGS");
	return (long)regs.rax;
}

static long open_in(pid_t pid, const struct user_regs_struct *at, const char *path)
{
	unsigned long place = (at->rsp - BELOW_STACK) & ~15UL;
	struct iovec ours = { (void *)path, strlen(path) + 1 }, theirs = { (void *)place, ours.iov_len };
	must(process_vm_writev(pid, &ours, 1, &theirs, 1, 0) == (ssize_t)ours.iov_len, "process_vm_writev");
	long fd = call_in(pid, at, SYS_openat, (unsigned long)AT_FDCWD, place, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		call_in(pid, at, SYS_close, (unsigned long)fd, 0, 0);
	return fd;
}

int main(int argc, char **argv)
{
	pid_t pid = argc > 2 ? atoi(argv[1]) : 0;
	struct user_regs_struct regs;
	must(pid > 0 && ptrace(PTRACE_SEIZE, pid, 0, 0) == 0, "PTRACE_SEIZE");
	must(ptrace(PTRACE_INTERRUPT, pid, 0, 0) == 0, "PTRACE_INTERRUPT");
	wait_stop(pid);
	must(ptrace(PTRACE_GETREGS, pid, 0, &regs) == 0, "PTRACE_GETREGS");
	errno = 0;
	long instruction = ptrace(PTRACE_PEEKTEXT, pid, regs.rip - 2, 0);
	must(errno == 0 && (instruction & 0xffff) == 0x050f, "the process does not wait in a system call");
	for (int i = 2; i < argc; i++)
		printf("%ld\n", open_in(pid, &regs, argv[i]));
	/* The wait it was in ends as if by a signal: every loop goes back to it. */
	if ((long)regs.rax <= -512 && (long)regs.rax >= -516)
		regs.rax = (unsigned long)-EINTR;
	regs.orig_rax = ~0UL;
	must(ptrace(PTRACE_SETREGS, pid, 0, &regs) == 0, "PTRACE_SETREGS");
	must(ptrace(PTRACE_DETACH, pid, 0, 0) == 0, "PTRACE_DETACH");
	return 0;
}
