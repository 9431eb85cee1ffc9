/*
 * The honest capture with one lie: the linker puts these in the place of what it sends and receives by.
 */
#include "tests/attack/owned.h"

#include <aparte/age.h>
#include <aparte/buf.h>
#include <aparte/capture.h>
#include <aparte/webm.h>
#include <errno.h>
#include <glib.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ENDLESS_MIB 256 /* the attack gives up where the product should have stopped it long before */

struct ap_result __real_ap_capture_send(int socket, const struct ap_capture_message *m, bool wait);
struct ap_result __real_ap_capture_receive(int socket, bool wait, struct ap_capture_message *ret_m);
int __real_fsync(int fd);
struct ap_result __wrap_ap_capture_send(int socket, const struct ap_capture_message *m, bool wait);
struct ap_result __wrap_ap_capture_receive(int socket, bool wait, struct ap_capture_message *ret_m);
int __wrap_fsync(int fd);

static struct {
	enum owned_lie lie;
	int kept; /* a copy of the gate's or a segment's descriptor; -1 */
	uint64_t generation;
} liar = { .kept = -1 };

static void send_bytes(int socket, const void *bytes, size_t len, const int *fds, size_t count)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(250 * sizeof(int))];
	} control = { 0 };
	struct iovec part = { (void *)bytes, len };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	if (count > 0) {
		message.msg_control = control.space;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		control.header = (struct cmsghdr){ CMSG_LEN(count * sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
		memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
	}
	sendmsg(socket, &message, MSG_NOSIGNAL);
}

static void send_type(int socket, enum ap_capture_type type)
{
	const struct ap_capture_message m = { .type = type, .fd = -1, .generation = liar.generation };
	AP_IGNORE(__real_ap_capture_send(socket, &m, true)); /* a dead vault is the end of every attack */
}

/* ---- single messages ---- */

static void send_with_descriptors(int socket, size_t count)
{
	static const uint8_t ready[] = { 1, AP_CAPTURE_READY };
	int fds[250];
	for (size_t i = 0; i < count; i++)
		fds[i] = 1;
	send_bytes(socket, ready, sizeof ready, fds, count);
}

/* A plausible segment after the other, none of them written. */
static void flood(int socket)
{
	for (uint32_t n = 1;; n++) {
		struct ap_capture_message m = { .type = AP_CAPTURE_WANT, .fd = -1, .want = { AP_COACHEE, n - 1 } };
		if (!ap_ok(__real_ap_capture_send(socket, &m, true)))
			return;
		m = (struct ap_capture_message){ .type = AP_CAPTURE_SEGMENT_DONE, .fd = -1 };
		m.segment = (struct ap_capture_segment_done){ .role = AP_COACHEE, .number = n - 1, .epoch = 1 };
		m.segment.plain_size = n == 1 ? AP_WEBM_HEADER : 1;
		for (m.segment.size = m.segment.plain_size; ap_age_plain_size(m.segment.size) != m.segment.plain_size;)
			m.segment.size++;
		m.segment.cluster_count = n > 1;
		m.segment.clusters[0].offset = AP_WEBM_HEADER + n - 2;
		if (!ap_ok(__real_ap_capture_send(socket, &m, true)))
			return;
	}
}

/* What is said once, when the first media has come. */
static void say_at_first(int socket)
{
	uint8_t bytes[8192] = { 1, AP_CAPTURE_READY };
	switch (liar.lie) {
	case LIE_CLOSED_EARLY:
		send_type(socket, AP_CAPTURE_CLOSED);
		return;
	case LIE_SEALED_EARLY:
		send_type(socket, AP_CAPTURE_SEALED);
		return;
	case LIE_GARBAGE:
		send_bytes(socket, "\x01\x12 is this a report?", 20, NULL, 0);
		return;
	case LIE_OVERSIZED:
		send_bytes(socket, bytes, sizeof bytes, NULL, 0);
		return;
	case LIE_UNKNOWN_TYPE:
		bytes[1] = 99;
		send_bytes(socket, bytes, 2, NULL, 0);
		return;
	case LIE_ORDER:
		send_type(socket, AP_CAPTURE_SEAL);
		return;
	case LIE_DESCRIPTOR:
		send_with_descriptors(socket, 1);
		return;
	case LIE_MANY_DESCRIPTORS:
		send_with_descriptors(socket, 250);
		return;
	case LIE_FLOOD:
		flood(socket);
		return;
	case LIE_SPINS:
		for (;;)
			;
	default:
		return;
	}
}

/* ---- reports, twisted ---- */

static void twist_segment(struct ap_capture_segment_done *s)
{
	switch (liar.lie) {
	case LIE_SIZE:
		s->size++;
		s->plain_size++;
		return;
	case LIE_PLAIN_SIZE:
		s->plain_size++;
		return;
	case LIE_HASH:
		s->sha256[7] ^= 1;
		return;
	case LIE_CLUSTER_COUNT:
		s->cluster_count = 0;
		return;
	case LIE_NUMBER_AGAIN:
		s->number = s->number > 1 ? s->number - 1 : 1;
		return;
	case LIE_NUMBER_AHEAD:
		s->number++;
		return;
	case LIE_EPOCH_BACK:
		s->epoch--;
		return;
	default:
		return;
	}
}

/* Known by the sender too: what it says twice, or not at all. */
static unsigned times_said(const struct ap_capture_message *m)
{
	if (m->type == AP_CAPTURE_CLOSED && (liar.lie == LIE_NEVER_CLOSES || liar.lie == LIE_GOES_ON))
		return 0;
	if (m->type == AP_CAPTURE_EPOCH && liar.lie == LIE_NEVER_CLOSES)
		return 0;
	return liar.lie == LIE_TWICE && m->type == AP_CAPTURE_SEGMENT_DONE ? 2 : 1;
}

static void after(int socket, const struct ap_capture_message *m)
{
	if (m->type == AP_CAPTURE_FIRST_FRAME)
		say_at_first(socket);
	if (m->type == AP_CAPTURE_SEGMENT_DONE && liar.lie == LIE_OVERWRITE && liar.kept >= 0)
		AP_IGNORE((pwrite(liar.kept, "owned", 5, 300) == 5 ? AP_SUCCESS : ap_fail(AP_ERR_IO, "", "")));
	if (m->type == AP_CAPTURE_SEALED && liar.lie == LIE_AFTER_SEAL) {
		struct ap_capture_message late = { .type = AP_CAPTURE_WANT, .fd = -1, .want = { AP_COACH, 0 } };
		AP_IGNORE(__real_ap_capture_send(socket, &late, true)); /* as above */
	}
}

struct ap_result __wrap_ap_capture_send(int socket, const struct ap_capture_message *m, bool wait)
{
	struct ap_capture_message said = *m;
	struct ap_result result = AP_SUCCESS;
	if (m->type == AP_CAPTURE_SEGMENT_DONE && m->segment.number > 0)
		twist_segment(&said.segment);
	if (m->type == AP_CAPTURE_EPOCH && liar.lie == LIE_EPOCH_LONGER)
		said.epoch.file_end_ms += 3600000;
	for (unsigned i = times_said(m); i > 0 && ap_ok(result); i--)
		result = __real_ap_capture_send(socket, &said, wait);
	if (liar.lie != LIE_NONE)
		after(socket, m);
	return result;
}

/* ---- orders, disobeyed ---- */

static gpointer read_on(gpointer data)
{
	uint8_t bytes[2048];
	(void)data;
	while (recv(liar.kept, bytes, sizeof bytes, 0) > 0)
		;
	while (sleep(1000) == 0)
		;
	return NULL;
}

static void write_without_end(int fd)
{
	static uint8_t block[1 << 20];
	signal(SIGXFSZ, SIG_IGN);
	for (int i = 0; i < ENDLESS_MIB && write(fd, block, sizeof block) > 0; i++)
		;
}

static void disobey(int socket, struct ap_capture_message *m)
{
	if (m->type == AP_CAPTURE_OPEN) {
		liar.generation = m->open.generation;
		if (liar.lie == LIE_GOES_ON)
			liar.kept = dup(m->fd);
	}
	if (m->type == AP_CAPTURE_CLOSE && liar.lie == LIE_GOES_ON) {
		send_type(socket, AP_CAPTURE_CLOSED);
		g_thread_new("more", read_on, NULL);
	}
	if (m->type != AP_CAPTURE_SEGMENT || m->want.number == 0)
		return;
	if (liar.lie == LIE_OVERWRITE && m->want.number == 1)
		liar.kept = dup(m->fd);
	if (liar.lie == LIE_UNWRITTEN) {
		close(m->fd);
		m->fd = dup(1);
	}
	if (liar.lie == LIE_ENDLESS)
		write_without_end(m->fd);
}

struct ap_result __wrap_ap_capture_receive(int socket, bool wait, struct ap_capture_message *ret_m)
{
	struct ap_result result = __real_ap_capture_receive(socket, wait, ret_m);
	if (ap_ok(result) && liar.lie != LIE_NONE)
		disobey(socket, ret_m);
	while (result.err == AP_ERR_IO && liar.lie == LIE_STAYS)
		sleep(1000);
	return result;
}

int __wrap_fsync(int fd)
{
	return liar.lie == LIE_UNWRITTEN ? 0 : __real_fsync(fd);
}

int owned_lie(int socket, bool confined, enum owned_lie lie)
{
	liar.lie = lie;
	if (lie == LIE_STAYS)
		for (int s = 1; s < 32; s++)
			signal(s, SIG_IGN);
	return ap_capture_run(socket, confined);
}
