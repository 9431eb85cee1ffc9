#include "tests/attack/owned_calls.h"

#include "tests/attack/owned.h"

#include <aparte/capture.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

static struct owned_targets targets;
static char scratch[64];

/* Whatever here works after all, on a machine where the sandbox fails, must do that machine no harm. */

static char *in_proc(pid_t pid, const char *what)
{
	static char path[64];
	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, what);
	return path;
}

/* A system call by its number, without the library's detours. */
#define RAW(name, call, ...)                          \
	static long name(void)                        \
	{                                             \
		return syscall(SYS_##call, __VA_ARGS__); \
	}
#define DO(name, expression)         \
	static long name(void)       \
	{                            \
		return (long)(expression); \
	}

/* ---- paths ---- */
RAW(open_passwd, open, "/etc/passwd", O_RDONLY)
RAW(openat_passwd, openat, AT_FDCWD, "/etc/passwd", O_RDONLY)
RAW(open_recordings, openat, AT_FDCWD, targets.recordings, O_RDONLY | O_DIRECTORY)
RAW(open_keys, openat, AT_FDCWD, targets.keys, O_RDWR)
RAW(open_own_memory, openat, AT_FDCWD, "/proc/self/mem", O_RDWR)
RAW(open_vault_memory, openat, AT_FDCWD, in_proc(targets.vault, "mem"), O_RDONLY)
RAW(open_vault_environment, openat, AT_FDCWD, in_proc(targets.vault, "environ"), O_RDONLY)
RAW(open_sibling_fd, openat, AT_FDCWD, in_proc(targets.sibling, "fd/3"), O_RDWR)
RAW(open_device, openat, AT_FDCWD, "/dev/mem", O_RDONLY)
RAW(open_terminal, openat, AT_FDCWD, "/dev/tty", O_RDWR)
RAW(open_null, openat, AT_FDCWD, "/dev/null", O_RDWR)
RAW(open_below_segment, openat, OWNED_SEGMENT, "..", O_RDONLY)
RAW(open_segment_again, openat, AT_FDCWD, "/proc/self/fd/4", O_RDWR)
RAW(open_closed_segment_again, openat, AT_FDCWD, "/proc/self/fd/5", O_RDONLY)
RAW(open_gate_again, openat, AT_FDCWD, "/proc/self/fd/6", O_RDWR)
RAW(open_how, openat2, AT_FDCWD, "/etc/passwd", &(struct open_how){ .flags = O_RDONLY }, sizeof(struct open_how))
RAW(create_file, open, "/tmp/aparte-owned", O_CREAT | O_WRONLY, 0600)
RAW(open_nameless, openat, AT_FDCWD, "/tmp", O_TMPFILE | O_RDWR, 0600)
RAW(open_handle, open_by_handle_at, OWNED_SEGMENT, scratch, O_RDWR)
RAW(get_handle, name_to_handle_at, OWNED_SEGMENT, "", scratch, scratch + 32, AT_EMPTY_PATH)
RAW(stat_passwd, stat, "/etc/passwd", &(struct stat){ 0 })
RAW(fstatat_passwd, newfstatat, AT_FDCWD, "/etc/passwd", &(struct stat){ 0 }, 0)
RAW(fstatat_disguised, newfstatat, AT_FDCWD, "/etc/passwd", &(struct stat){ 0 }, AT_EMPTY_PATH)
RAW(statx_passwd, statx, AT_FDCWD, "/etc/passwd", 0, STATX_SIZE, &(struct statx){ 0 })
RAW(access_keys, faccessat, AT_FDCWD, targets.keys, R_OK)
RAW(read_link, readlinkat, AT_FDCWD, "/proc/self/fd/4", scratch, sizeof scratch)
RAW(list_directory, getdents64, OWNED_SEGMENT, scratch, sizeof scratch)
RAW(make_directory, mkdirat, AT_FDCWD, "/tmp/aparte-owned", 0700)
RAW(link_segment, linkat, OWNED_SEGMENT, "", AT_FDCWD, "/tmp/aparte-owned", AT_EMPTY_PATH)
RAW(link_by_proc, linkat, AT_FDCWD, "/proc/self/fd/4", AT_FDCWD, "/tmp/aparte-owned", AT_SYMLINK_FOLLOW)
RAW(rename_recordings, renameat2, AT_FDCWD, targets.recordings, AT_FDCWD, "/tmp/aparte-owned", 0)
RAW(unlink_keys, unlinkat, AT_FDCWD, targets.keys, 0)
RAW(make_symlink, symlinkat, "/etc/passwd", AT_FDCWD, "/tmp/aparte-owned")
RAW(make_node, mknodat, AT_FDCWD, "/tmp/aparte-owned", S_IFIFO | 0600, 0)
RAW(truncate_keys, truncate, targets.keys, 0)
RAW(change_directory, chdir, "/")
RAW(change_root, chroot, "/")
RAW(mount_something, mount, "none", "/nonexistent", "tmpfs", 0, NULL)
RAW(watch_files, inotify_init1, 0)
RAW(watch_all, fanotify_init, 0, 0)
RAW(ask_file_system, fstatfs, OWNED_SEGMENT, scratch)

/* ---- its segments ---- */
RAW(read_segment, read, OWNED_SEGMENT, scratch, sizeof scratch)
RAW(read_closed_segment, read, OWNED_CLOSED_SEGMENT, scratch, sizeof scratch)
RAW(pread_segment, pread64, OWNED_CLOSED_SEGMENT, scratch, sizeof scratch, 0)
RAW(readv_segment, readv, OWNED_CLOSED_SEGMENT, (&(struct iovec){ scratch, sizeof scratch }), 1)
RAW(map_segment, mmap, NULL, 4096, PROT_READ, MAP_SHARED, OWNED_CLOSED_SEGMENT, 0)
RAW(map_segment_private, mmap, NULL, 4096, PROT_READ, MAP_PRIVATE, OWNED_CLOSED_SEGMENT, 0)
RAW(map_segment_writable, mmap, NULL, 4096, PROT_WRITE, MAP_SHARED, OWNED_CLOSED_SEGMENT, 0)
RAW(truncate_segment, ftruncate, OWNED_CLOSED_SEGMENT, 0)
RAW(punch_segment, fallocate, OWNED_CLOSED_SEGMENT, 3, 0, 4096)
RAW(copy_segment, copy_file_range, OWNED_CLOSED_SEGMENT, NULL, OWNED_SEGMENT, NULL, 4096, 0)
RAW(send_segment, sendfile, OWNED_CONTROL, OWNED_CLOSED_SEGMENT, NULL, 4096)
RAW(splice_segment, splice, OWNED_CLOSED_SEGMENT, NULL, OWNED_CONTROL, NULL, 4096, 0)
RAW(read_ahead, readahead, OWNED_CLOSED_SEGMENT, 0, 4096)
RAW(control_segment, ioctl, OWNED_SEGMENT, FS_IOC_GETFLAGS, scratch)
RAW(clone_segment, ioctl, OWNED_SEGMENT, FICLONE, OWNED_CLOSED_SEGMENT)
RAW(change_mode, fchmod, OWNED_CLOSED_SEGMENT, 0777)
RAW(change_owner, fchown, OWNED_CLOSED_SEGMENT, 0, 0)
RAW(change_times, utimensat, OWNED_CLOSED_SEGMENT, NULL, NULL, 0)
RAW(set_attribute, fsetxattr, OWNED_CLOSED_SEGMENT, "user.x", "x", 1, 0)
RAW(lock_segment, flock, OWNED_CLOSED_SEGMENT, 2)
RAW(lock_range, fcntl, OWNED_CLOSED_SEGMENT, F_OFD_SETLK, (&(struct flock){ .l_type = F_WRLCK }))
RAW(lease_segment, fcntl, OWNED_CLOSED_SEGMENT, F_SETLEASE, F_WRLCK)
/* The flags change nothing of the direction. */
static long turn_segment_readable(void)
{
	fcntl(OWNED_SEGMENT, F_SETFL, O_RDWR);
	return (fcntl(OWNED_SEGMENT, F_GETFL) & O_ACCMODE) == O_WRONLY ? 0 : 1;
}

/* ---- the gate, sockets ---- */
DO(write_to_gate, send(OWNED_GATE, "x", 1, MSG_NOSIGNAL))
DO(write_to_gate_plainly, write(OWNED_GATE, "x", 1))
RAW(tune_socket, setsockopt, OWNED_GATE, SOL_SOCKET, SO_RCVBUF, scratch, 4)
RAW(ask_socket, getsockopt, OWNED_CONTROL, SOL_SOCKET, SO_PEERCRED, scratch, scratch + 32)
RAW(connect_somewhere, connect, OWNED_CONTROL, scratch, sizeof scratch)
RAW(bind_somewhere, bind, OWNED_CONTROL, scratch, sizeof scratch)
RAW(listen_somewhere, listen, OWNED_CONTROL, 1)
RAW(accept_someone, accept4, OWNED_CONTROL, NULL, NULL, 0)
/* Every family, every type: none. */
static long every_socket(void)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET };
	for (int family = 0; family < 48; family++)
		for (size_t i = 0; i < sizeof types / sizeof *types; i++)
			if (syscall(SYS_socket, family, types[i], 0) >= 0 || errno != EPERM)
				return 0;
	errno = EPERM;
	return -1;
}
static long every_pair_of_sockets(void)
{
	int ends[2];
	for (int family = 0; family < 48; family++)
		if (family != AF_UNIX && (syscall(SYS_socketpair, family, SOCK_STREAM, 0, ends) == 0 || errno != EPERM))
			return 0;
	errno = EPERM;
	return -1;
}
/* A datagram socket sends to any address, so to every service on this machine that listens on one. */
static long write_to_a_stranger(void)
{
	int ends[2];
	struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket" };
	if (syscall(SYS_socketpair, AF_UNIX, SOCK_DGRAM, 0, ends) != 0)
		return -1;
	sendto(ends[0], "x", 1, 0, (struct sockaddr *)&to, sizeof to);
	return 0;
}

/* ---- other processes ---- */
RAW(trace_vault, ptrace, PTRACE_ATTACH, targets.vault, 0, 0)
RAW(seize_sibling, ptrace, PTRACE_SEIZE, targets.sibling, 0, 0)
RAW(trace_me, ptrace, PTRACE_TRACEME, 0, 0, 0)
static struct iovec one = { scratch, sizeof scratch };
RAW(read_vault, process_vm_readv, targets.vault, &one, 1, &one, 1, 0)
RAW(write_sibling, process_vm_writev, targets.sibling, &one, 1, &one, 1, 0)
RAW(hold_vault, pidfd_open, targets.vault, 0)
RAW(take_descriptor, pidfd_getfd, OWNED_CONTROL, 3, 0)
RAW(signal_by_descriptor, pidfd_send_signal, OWNED_CONTROL, SIGKILL, NULL, 0)
RAW(kill_sibling, kill, targets.sibling, SIGKILL)
RAW(kill_zygote, kill, targets.zygote, SIGKILL)
RAW(kill_everyone, kill, -1, 0)
RAW(kill_a_thread_anywhere, tkill, targets.sibling, SIGKILL)
RAW(kill_sibling_by_thread, tgkill, targets.sibling, targets.sibling, SIGKILL)
RAW(kill_zygote_by_thread, tgkill, targets.zygote, targets.zygote, SIGKILL)
RAW(kill_vault_by_thread, tgkill, targets.vault, targets.vault, SIGUSR1)
RAW(signal_own_thread, tgkill, getpid(), getpid(), 0)
RAW(queue_signal, rt_sigqueueinfo, targets.sibling, SIGKILL, scratch)
RAW(queue_thread_signal, rt_tgsigqueueinfo, targets.sibling, targets.sibling, SIGKILL, scratch)
/* The kernel sends the owner of a descriptor a signal of the setter's choice. */
static long kill_sibling_by_descriptor(void)
{
	int ends[2], flags;
	if (pipe2(ends, 0) != 0)
		return -1;
	if (fcntl(ends[0], F_SETSIG, SIGKILL) != 0 || fcntl(ends[0], F_SETOWN, targets.sibling) != 0)
		return -1;
	flags = fcntl(ends[0], F_GETFL);
	fcntl(ends[0], F_SETFL, flags | O_ASYNC);
	return write(ends[1], "x", 1);
}
RAW(slow_sibling, sched_setattr, targets.sibling, ((uint32_t[14]){ 48, 5 /* SCHED_IDLE */ }), 0)
RAW(slow_sibling_otherwise, sched_setscheduler, targets.sibling, 5, (&(int){ 0 }))
RAW(renice_sibling, setpriority, PRIO_PROCESS, targets.sibling, 19)
RAW(pin_sibling, sched_setaffinity, targets.sibling, 8, scratch)
RAW(io_priority, ioprio_set, 1, targets.sibling, 0)
RAW(move_pages_of, move_pages, targets.sibling, 0, NULL, NULL, NULL, 0)
RAW(compare, kcmp, targets.sibling, targets.vault, 0, 3, 3)
RAW(limit_sibling, prlimit64, targets.sibling, RLIMIT_NOFILE, (&(struct rlimit){ 0 }), NULL)
RAW(name_of_group, setpgid, 0, 0)
DO(new_session, syscall(SYS_setsid))

/* ---- itself, made more ---- */
RAW(be_dumpable, prctl, PR_SET_DUMPABLE, 1, 0, 0, 0)
RAW(outlive_zygote, prctl, PR_SET_PDEATHSIG, 0, 0, 0, 0)
RAW(another_filter, seccomp, 1, 0, scratch)
RAW(another_filter_otherwise, prctl, PR_SET_SECCOMP, 2, scratch, 0, 0)
RAW(another_domain, landlock_restrict_self, OWNED_CONTROL, 0)
RAW(become_root, setuid, 0)
RAW(become_root_fully, setresuid, 0, 0, 0)
RAW(become_group, setgid, 0)
RAW(set_capabilities, capset, scratch, scratch)
RAW(new_user_space, unshare, CLONE_NEWUSER)
RAW(new_mounts, unshare, CLONE_NEWNS)
RAW(enter_space, setns, OWNED_CONTROL, 0)
RAW(fork_by_clone, clone, SIGCHLD, 0, 0, 0, 0)
RAW(fork_new_user, clone, SIGCHLD | CLONE_NEWUSER, 0, 0, 0, 0)
DO(fork_plainly, syscall(SYS_fork))
DO(fork_by_vfork, syscall(SYS_vfork))
RAW(fork_by_clone3, clone3, scratch, 64)
static char *const nothing[] = { NULL };
RAW(run_program, execve, "/bin/true", nothing, nothing)
RAW(run_descriptor, execveat, OWNED_SEGMENT, "", nothing, nothing, AT_EMPTY_PATH)
RAW(make_memory_file, memfd_create, "x", 0)
RAW(map_executable, mmap, NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
RAW(map_all, mmap, NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
RAW(turn_executable, mprotect, (uintptr_t)scratch & ~UINT64_C(4095), 4096, PROT_READ | PROT_WRITE | PROT_EXEC)
RAW(turn_executable_by_key, pkey_mprotect, (uintptr_t)scratch & ~UINT64_C(4095), 4096, PROT_READ | PROT_EXEC, -1)
RAW(read_implies_exec, personality, 0x0400000)
RAW(shared_memory, shmget, 0, 4096, 01600)
RAW(message_queue, mq_open, "/x", O_CREAT | O_RDWR, 0600, NULL)
RAW(ring, io_uring_setup, 8, scratch)
RAW(old_ring, io_setup, 8, (&(unsigned long){ 0 }))
RAW(page_faults, userfaultfd, 0)
RAW(load_program, bpf, BPF_MAP_CREATE, scratch, sizeof scratch)
RAW(count_events, perf_event_open, scratch, 0, -1, -1, 0)
RAW(use_keyring, keyctl, 0, -3, 0, 0, 0)
RAW(add_to_keyring, add_key, "user", "x", "y", 1, -3)
RAW(request_from_keyring, request_key, "user", "x", NULL, 0)
RAW(more_limits, setrlimit, RLIMIT_FSIZE, (&(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY }))
RAW(even_more_limits, prlimit64, 0, RLIMIT_NOFILE, (&(struct rlimit){ 65536, 65536 }), NULL)
RAW(kernel_log, syslog, 3, scratch, sizeof scratch)
RAW(set_clock, clock_settime, 99, scratch)
RAW(set_host, sethostname, scratch, 65)
RAW(reboot_it, reboot, 0, 0, 0, NULL)
RAW(load_module, init_module, scratch, 0, "")
RAW(new_kernel, kexec_load, 0, 0, NULL, 0)
RAW(raw_io, iopl, 3)
RAW(old_local_table, modify_ldt, 0, scratch, 16)

#define REFUSED(name) { #name, name, EPERM }

const struct owned_call owned_calls[] = {
	REFUSED(open_passwd), REFUSED(openat_passwd), REFUSED(open_recordings), REFUSED(open_keys),
	REFUSED(open_own_memory), REFUSED(open_vault_memory), REFUSED(open_vault_environment),
	REFUSED(open_sibling_fd), REFUSED(open_device), REFUSED(open_terminal), REFUSED(open_null),
	REFUSED(open_below_segment), REFUSED(open_segment_again), REFUSED(open_closed_segment_again),
	REFUSED(open_gate_again), REFUSED(open_how), REFUSED(create_file), REFUSED(open_nameless),
	REFUSED(open_handle), REFUSED(get_handle), REFUSED(stat_passwd), REFUSED(fstatat_passwd),
	REFUSED(fstatat_disguised), REFUSED(statx_passwd), REFUSED(access_keys), REFUSED(read_link),
	REFUSED(list_directory), REFUSED(make_directory), REFUSED(link_segment), REFUSED(link_by_proc),
	REFUSED(rename_recordings), REFUSED(unlink_keys), REFUSED(make_symlink), REFUSED(make_node),
	REFUSED(truncate_keys), REFUSED(change_directory), REFUSED(change_root), REFUSED(mount_something),
	REFUSED(watch_files), REFUSED(watch_all), REFUSED(ask_file_system),
	{ "read_segment", read_segment, EBADF },
	{ "read_closed_segment", read_closed_segment, EBADF },
	{ "pread_segment", pread_segment, EBADF },
	{ "readv_segment", readv_segment, EBADF },
	{ "map_segment", map_segment, EACCES },
	{ "map_segment_private", map_segment_private, EACCES },
	{ "map_segment_writable", map_segment_writable, EACCES },
	REFUSED(truncate_segment), REFUSED(punch_segment), REFUSED(copy_segment), REFUSED(send_segment),
	REFUSED(splice_segment), REFUSED(read_ahead), REFUSED(control_segment), REFUSED(clone_segment),
	REFUSED(change_mode), REFUSED(change_owner), REFUSED(change_times), REFUSED(set_attribute),
	REFUSED(lock_segment), REFUSED(lock_range), REFUSED(lease_segment),
	{ "turn_segment_readable", turn_segment_readable, 0 },
	{ "write_to_gate", write_to_gate, EPIPE },
	{ "write_to_gate_plainly", write_to_gate_plainly, EPIPE },
	REFUSED(tune_socket), REFUSED(ask_socket), REFUSED(connect_somewhere), REFUSED(bind_somewhere),
	REFUSED(listen_somewhere), REFUSED(accept_someone), REFUSED(every_socket), REFUSED(every_pair_of_sockets),
	REFUSED(write_to_a_stranger),
	REFUSED(trace_vault), REFUSED(seize_sibling), REFUSED(trace_me), REFUSED(read_vault), REFUSED(write_sibling),
	REFUSED(hold_vault), REFUSED(take_descriptor), REFUSED(signal_by_descriptor), REFUSED(kill_sibling),
	REFUSED(kill_zygote), REFUSED(kill_everyone), REFUSED(kill_a_thread_anywhere), REFUSED(kill_sibling_by_thread),
	REFUSED(kill_zygote_by_thread), REFUSED(kill_vault_by_thread),
	{ "signal_own_thread", signal_own_thread, 0 },
	REFUSED(queue_signal), REFUSED(queue_thread_signal), REFUSED(kill_sibling_by_descriptor),
	REFUSED(slow_sibling), REFUSED(slow_sibling_otherwise), REFUSED(renice_sibling), REFUSED(pin_sibling),
	REFUSED(io_priority), REFUSED(move_pages_of), REFUSED(compare), REFUSED(limit_sibling), REFUSED(name_of_group),
	REFUSED(new_session),
	REFUSED(be_dumpable), REFUSED(outlive_zygote), REFUSED(another_filter), REFUSED(another_filter_otherwise),
	REFUSED(another_domain), REFUSED(become_root), REFUSED(become_root_fully), REFUSED(become_group),
	REFUSED(set_capabilities), REFUSED(new_user_space), REFUSED(new_mounts), REFUSED(enter_space),
	REFUSED(fork_by_clone), REFUSED(fork_new_user), REFUSED(fork_plainly), REFUSED(fork_by_vfork),
	{ "fork_by_clone3", fork_by_clone3, ENOSYS },
	REFUSED(run_program), REFUSED(run_descriptor), REFUSED(make_memory_file), REFUSED(map_executable),
	REFUSED(map_all), REFUSED(turn_executable), REFUSED(turn_executable_by_key), REFUSED(read_implies_exec),
	REFUSED(shared_memory), REFUSED(message_queue), REFUSED(ring), REFUSED(old_ring), REFUSED(page_faults),
	REFUSED(load_program), REFUSED(count_events), REFUSED(use_keyring), REFUSED(add_to_keyring),
	REFUSED(request_from_keyring), REFUSED(more_limits), REFUSED(even_more_limits), REFUSED(kernel_log),
	REFUSED(set_clock), REFUSED(set_host), REFUSED(reboot_it), REFUSED(load_module), REFUSED(new_kernel),
	REFUSED(raw_io), REFUSED(old_local_table),
};
const size_t owned_call_count = sizeof owned_calls / sizeof *owned_calls;

/* Two segments, a gate, the targets; their numbers are as in the header, since nothing else is open. */
static bool equip(int socket)
{
	struct ap_capture_message m;
	for (int i = 0; i < 4; i++) /* START, two SEGMENTs, OPEN */
		if (!ap_ok(ap_capture_receive(socket, true, &m)) || (i > 0 && m.fd != OWNED_CONTROL + i))
			return false;
	return recv(socket, &targets, sizeof targets, 0) == sizeof targets;
}

int owned_try_calls(int socket)
{
	signal(SIGPIPE, SIG_IGN);
	if (!equip(socket))
		return 1;
	for (uint32_t i = 0; i < owned_call_count; i++) {
		errno = 0;
		long got = owned_calls[i].attempt();
		const struct owned_answer answer = { i, got < 0 ? errno : 0 };
		if (send(socket, &answer, sizeof answer, MSG_NOSIGNAL) < 0)
			return 1;
	}
	return 0;
}
