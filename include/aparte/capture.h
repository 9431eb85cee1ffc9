/*
 * What the vault says to the capture zygote and to each capture, and what they answer.
 *
 * Both links are SOCK_SEQPACKET; a message is one datagram: version(1) type(1) and its fields, big endian, at most
 * AP_CAPTURE_MESSAGE bytes, with at most one descriptor (SCM_RIGHTS). A message that is short, long, of another
 * version, with a field out of range, with a descriptor too many or too few is refused as a whole
 * (AP_ERR_PROTOCOL "capture-message") and what came with it closed; the receiver ends the link then.
 *
 * Ownership: a received descriptor is the receiver's; a sent one stays the sender's. Threads: sending is atomic.
 */
#pragma once

#include <aparte/err.h>
#include <aparte/gate.h>
#include <aparte/uuid.h>
#include <stddef.h>
#include <stdint.h>

#define AP_CAPTURE_MESSAGE 2048
/*
 * A capture takes media only while its vault said within this time that the gate is still open: one that hangs can
 * neither check presence nor close. After it the capture closes the epoch by itself.
 */
#define AP_CAPTURE_LEASE_MS 5000
#define AP_CAPTURE_CLUSTERS 64	 /* in one segment, at most */
#define AP_CAPTURE_SPARE 2	 /* segment descriptors a capture asks for ahead, per track */

enum ap_capture_codec { AP_CAPTURE_VP8 = 1, AP_CAPTURE_VP9 = 2, AP_CAPTURE_H264 = 3 };

enum ap_capture_type {
	/* vault to zygote */
	AP_CAPTURE_SPAWN = 1, /* fd: the new capture's control socket; id */
	AP_CAPTURE_KILL,      /* id */
	/* zygote to vault */
	AP_CAPTURE_HELLO,  /* hello: once per link */
	AP_CAPTURE_EXITED, /* id, status: the process was waited for; all its descriptors are closed */
	/* vault to capture */
	AP_CAPTURE_START,   /* start: first, once */
	AP_CAPTURE_SEGMENT, /* fd: write-only; want */
	AP_CAPTURE_OPEN,    /* fd: gate, reading end; open */
	AP_CAPTURE_CLOSE,   /* close */
	AP_CAPTURE_SEAL,
	/* capture to vault */
	AP_CAPTURE_READY,	  /* sandboxed, waiting for START */
	AP_CAPTURE_WANT,	  /* want: a descriptor for this segment */
	AP_CAPTURE_FIRST_FRAME,	  /* generation */
	AP_CAPTURE_CLOSED,	  /* generation: the gate descriptor is closed */
	AP_CAPTURE_SEGMENT_DONE,  /* segment: written and fsynced */
	AP_CAPTURE_EPOCH,	  /* epoch: after its last SEGMENT_DONE */
	AP_CAPTURE_SEALED,	  /* duration_ms; the process ends */
	AP_CAPTURE_FAILED,	  /* word; the process ends */
	AP_CAPTURE_HOOK,	  /* test builds only, both ways: hook */
	/* vault to capture */
	AP_CAPTURE_RENEW, /* renew: the gate is still open */
	/* capture to vault */
	AP_CAPTURE_LAPSED, /* generation: as CLOSED, but by itself: no RENEW came in time. A CLOSE that crosses it is void */
	/* vault to zygote */
	AP_CAPTURE_COMPOSE, /* fd: a composer's control socket; id */
	/* vault to composer */
	AP_CAPTURE_FILM, /* film: first, once; READY follows */
	AP_CAPTURE_PIPE, /* fd; pipe: three of them, once each, after FILM */
	/* composer to vault */
	AP_CAPTURE_COMPOSED, /* all of the film is in its pipe; the process ends. FAILED instead, where it could not be */
	AP_CAPTURE_TYPES,
};

struct ap_capture_hello {
	uint8_t landlock_abi; /* 0: none */
	bool seccomp;
};

struct ap_capture_start {
	struct ap_uuid recording;
	enum ap_capture_codec video;
	bool require_sandbox; /* refuse (FAILED "sandbox") where Landlock is missing */
	uint8_t recipient[2][32];
};

struct ap_capture_want {
	enum ap_role role;
	uint32_t number;
};

struct ap_capture_open_msg {
	uint64_t generation;
	uint32_t epoch;
};

struct ap_capture_renew_msg {
	uint64_t generation;
	uint64_t until_ns; /* CLOCK_MONOTONIC, so that an order that lay in the socket renews nothing */
};

struct ap_capture_close_msg {
	uint64_t generation;
	bool discard;
};

struct ap_capture_segment_done {
	enum ap_role role;
	uint32_t number, epoch;
	bool replaces;
	uint64_t size, plain_size;
	uint8_t sha256[32];
	uint64_t end_ms; /* file time at which its last frame ends; 0: it has no media */
	uint16_t cluster_count;
	struct {
		uint64_t offset, time_ms;
		bool keyframe;
	} clusters[AP_CAPTURE_CLUSTERS];
};

struct ap_capture_line_report {
	uint64_t packets, lost, late, malformed, frames, first_ms, last_ms;
};

struct ap_capture_epoch_report {
	uint64_t generation;
	uint32_t epoch;
	uint64_t file_start_ms, file_end_ms;
	struct ap_capture_line_report lines[2][AP_LINES];
};

/*
 * One composition: two persons' files become one film, side by side. Files and film go through three pipes, so that the
 * composer has neither a path nor a key.
 */
struct ap_capture_film {
	uint64_t duration_ms; /* of the film: what lies behind it is left out; at most AP_FILM_MS */
	bool require_sandbox; /* refuse (FAILED "sandbox") where Landlock is missing */
};

#define AP_FILM_MS (24 * 3600 * 1000u)
#define AP_FILM_WIDTH 1280 /* pixels; each person has a half */
#define AP_FILM_HEIGHT 360
#define AP_FILM_RATE 25 /* pictures a second */

enum ap_capture_pipe { AP_PIPE_COACH = 1, AP_PIPE_COACHEE, AP_PIPE_FILM };

/*
 * In the film's pipe: clusters (RFC 9559), each after a head of length(4, 1..AP_FILM_CLUSTER), time in ms(8, not falling)
 * and whether it begins with a keyframe(1, 0 or 1), big endian. Opus on track 1, VP8 on track 2 (webm.h).
 */
#define AP_FILM_HEAD 13
#define AP_FILM_CLUSTER (8u << 20)

#define AP_CAPTURE_WORD 24

/* What a test hook tried, and the errno it got (0: it succeeded). */
enum ap_capture_hook { AP_HOOK_OPEN = 1, AP_HOOK_SOCKET, AP_HOOK_PTRACE, AP_HOOK_EXEC, AP_HOOK_FORK, AP_HOOK_STALL };

struct ap_capture_hook_msg {
	enum ap_capture_hook what;
	uint32_t value; /* errno; for STALL the ms to wait before each disk write */
};

struct ap_capture_message {
	enum ap_capture_type type;
	int fd; /* -1 without one */
	union {
		uint32_t spawn_id; /* SPAWN, KILL, COMPOSE */
		struct {
			uint32_t id;
			int32_t status; /* as waitpid's */
		} exited;
		struct ap_capture_hello hello;
		struct ap_capture_start start;
		struct ap_capture_want want; /* SEGMENT, WANT */
		struct ap_capture_open_msg open;
		struct ap_capture_close_msg close;
		struct ap_capture_renew_msg renew;
		uint64_t generation; /* FIRST_FRAME, CLOSED, LAPSED */
		struct ap_capture_segment_done segment;
		struct ap_capture_epoch_report epoch;
		uint64_t duration_ms[2]; /* SEALED */
		char word[AP_CAPTURE_WORD]; /* FAILED: lowercase letters and '-' */
		struct ap_capture_hook_msg hook;
		struct ap_capture_film film;
		enum ap_capture_pipe pipe;
	};
};

/*
 * Sends one message. `wait` false: AP_ERR_LIMIT "capture-busy" instead of waiting for room.
 * AP_ERR_IO "capture-link" when the other end is gone.
 */
struct ap_result ap_capture_send(int socket, const struct ap_capture_message *m, bool wait);
/*
 * Takes one message. `wait` false: AP_ERR_LIMIT "capture-empty" when there is none.
 * AP_ERR_IO "capture-eof" at the end of the link. On failure nothing is owed: descriptors that came were closed.
 */
struct ap_result ap_capture_receive(int socket, bool wait, struct ap_capture_message *ret_m);
