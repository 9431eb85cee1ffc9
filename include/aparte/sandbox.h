/*
 * What a process gives up before its first untrusted byte. Each step is one call, none can be undone, and none needs
 * root. A process calls them while it has one thread, in this order: no new privileges, Landlock, seccomp.
 *
 * Landlock's reach depends on the running kernel (its ABI number); what this kernel cannot forbid is told in
 * `missing`, never silently left out. Sources: landlock(7), seccomp(2), seccomp_rule_add(3).
 *
 * Errors: AP_ERR_DENIED "sandbox" when the kernel has no Landlock or refuses; AP_ERR_IO "sandbox-path" when an
 * allowed path cannot be opened; AP_ERR_INTERNAL "sandbox-filter" for a wrong system call name.
 * Threads: the calling thread and those made after it.
 */
#pragma once

#include <aparte/err.h>
#include <stdbool.h>
#include <stddef.h>

/* Landlock's ABI of this kernel; 0 without Landlock. Changes nothing. */
int ap_sandbox_landlock_abi(void);

/* PR_SET_NO_NEW_PRIVS: no set-user-id program raises this process or its children again. */
struct ap_result ap_sandbox_no_new_privs(void);

enum ap_sandbox_access {
	AP_SANDBOX_READ = 1, /* files and directories, beneath it if a directory */
	AP_SANDBOX_WRITE,    /* read, and create, write, rename, remove beneath it; never execute */
	AP_SANDBOX_EXECUTE,  /* read and run programs or map libraries beneath it */
};

struct ap_sandbox_path {
	const char *path;
	enum ap_sandbox_access access;
	bool optional; /* a missing path is skipped */
};

struct ap_sandbox_rules {
	const struct ap_sandbox_path *paths; /* borrowed; may be NULL */
	size_t path_count;		     /* 0: no path can be opened at all */
	bool network;			     /* false: no TCP bind or connect (ABI 4), no abstract sockets (ABI 6) */
	bool signals;			     /* false: no signal to a process outside (ABI 6) */
};

/* Parts of the rules that this kernel's Landlock does not know. */
enum ap_sandbox_missing {
	AP_SANDBOX_NO_TRUNCATE = 1 << 0, /* ABI < 3: truncation is not restricted */
	AP_SANDBOX_NO_NETWORK = 1 << 1,	 /* ABI < 4 */
	AP_SANDBOX_NO_DEVICES = 1 << 2,	 /* ABI < 5: ioctl on devices */
	AP_SANDBOX_NO_SCOPE = 1 << 3,	 /* ABI < 6: signals, abstract sockets */
};

/* Restricts this process. ret_missing (may be NULL) gets enum ap_sandbox_missing bits, for what was asked for only. */
struct ap_result ap_sandbox_landlock(const struct ap_sandbox_rules *rules, unsigned *ret_missing);

/*
 * Allows the system calls of a process that reads and writes descriptors, makes threads and receives descriptors,
 * and nothing else: no open, stat by path, socket, execve, fork, ptrace, executable mapping, nothing that names another
 * process. All others answer EPERM. Of the process that calls: a child of it cannot signal its own threads.
 */
struct ap_result ap_sandbox_seccomp_descriptors_only(void);
