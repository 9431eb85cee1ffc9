/*
 * The last freedoms a forked child of the zygote gives up, before its first untrusted byte: other descriptors, paths,
 * network, other processes, new programs, and memory, files and descriptors without bound.
 *
 * Threads: while there is one. Sources: landlock(7), seccomp(2), setrlimit(2).
 */
#pragma once

#include <aparte/err.h>
#include <stdbool.h>
#include <stdint.h>

/* What an owned child can still take of the machine. */
struct ap_confine_bounds {
	uint64_t file_bytes;  /* the largest file it can write */
	uint64_t descriptors;
	uint64_t memory;      /* bytes of its own */
	uint64_t processes;   /* threads of its user, all together */
	uint64_t cpu_s;	      /* 0: no bound */
};

/* `socket` becomes descriptor 3, 0 to 2 become /dev/null's (which `null_fd` is), no other stays. landlock: whether the
 * zygote found Landlock. "descriptors", "sandbox". */
struct ap_result ap_confine(int socket, int null_fd, bool landlock, const struct ap_confine_bounds *bounds);
