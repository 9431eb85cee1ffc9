#include <aparte/capture.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct pair {
	int a, b;
};

static struct pair make(void)
{
	int ends[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	return (struct pair){ ends[0], ends[1] };
}

static void drop(struct pair p)
{
	close(p.a);
	close(p.b);
}

static struct ap_capture_message pass(const struct ap_capture_message *m)
{
	struct pair p = make();
	struct ap_capture_message back;
	assert_true(ap_ok(ap_capture_send(p.a, m, true)));
	assert_true(ap_ok(ap_capture_receive(p.b, false, &back)));
	assert_int_equal(back.type, m->type);
	drop(p);
	return back;
}

static void a_full_segment_report_passes(void **state)
{
	(void)state;
	struct ap_capture_message m = { .type = AP_CAPTURE_SEGMENT_DONE, .fd = -1 };
	m.segment = (struct ap_capture_segment_done){ .role = AP_COACHEE, .number = 7, .epoch = 2, .replaces = true,
						      .size = 1ull << 40, .plain_size = 99, .sha256 = { 1, 2 }, .end_ms = 5ull << 32,
						      .cluster_count = AP_CAPTURE_CLUSTERS };
	for (int i = 0; i < AP_CAPTURE_CLUSTERS; i++) {
		m.segment.clusters[i].offset = (uint64_t)i << 33;
		m.segment.clusters[i].keyframe = i % 2;
	}
	struct ap_capture_message back = pass(&m);
	assert_int_equal(back.segment.cluster_count, AP_CAPTURE_CLUSTERS);
	assert_true(back.segment.end_ms == 5ull << 32);
	assert_true(back.segment.size == 1ull << 40 && back.segment.replaces && back.segment.role == AP_COACHEE);
	assert_true(back.segment.clusters[63].offset == 63ull << 33 && back.segment.clusters[63].keyframe);
}

static void a_descriptor_passes_and_works(void **state)
{
	(void)state;
	struct pair p = make();
	int pipe_ends[2];
	char byte = 0;
	assert_int_equal(pipe2(pipe_ends, O_CLOEXEC), 0);
	struct ap_capture_message m = { .type = AP_CAPTURE_OPEN, .fd = pipe_ends[1], .open = { 5, 1 } }, back;
	assert_true(ap_ok(ap_capture_send(p.a, &m, true)));
	assert_true(ap_ok(ap_capture_receive(p.b, true, &back)));
	assert_int_equal(write(back.fd, "x", 1), 1);
	assert_int_equal(read(pipe_ends[0], &byte, 1), 1);
	assert_int_equal(fcntl(back.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	close(back.fd);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
	drop(p);
}

static void what_does_not_fit_is_not_sent(void **state)
{
	(void)state;
	struct pair p = make();
	const struct ap_capture_message bad[] = {
		{ .type = AP_CAPTURE_OPEN, .fd = -1, .open = { 1, 1 } },
		{ .type = AP_CAPTURE_SEAL, .fd = p.a },
		{ .type = AP_CAPTURE_CLOSED, .fd = -1, .generation = 0 },
		{ .type = AP_CAPTURE_WANT, .fd = -1, .want = { 3, 1 } },
		{ .type = AP_CAPTURE_FAILED, .fd = -1, .word = "Not A Word" },
		{ .type = AP_CAPTURE_TYPES, .fd = -1 },
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_string_equal(ap_capture_send(p.a, &bad[i], true).name, "capture-message");
	drop(p);
}

static void send_raw(int socket, const void *bytes, size_t len, const int *fds, size_t count)
{
	struct iovec part = { (void *)bytes, len };
	char control[CMSG_SPACE(4 * sizeof(int))] = { 0 };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
	if (count > 0) {
		m.msg_control = control;
		m.msg_controllen = CMSG_SPACE(count * sizeof(int));
		struct cmsghdr *h = CMSG_FIRSTHDR(&m);
		*h = (struct cmsghdr){ CMSG_LEN(count * sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
		memcpy(CMSG_DATA(h), fds, count * sizeof(int));
	}
	assert_int_equal(sendmsg(socket, &m, 0), (ssize_t)len);
}

static void hostile_input_is_refused_and_leaks_nothing(void **state)
{
	(void)state;
	struct pair p = make();
	struct ap_capture_message m;
	const uint8_t seal[] = { 1, AP_CAPTURE_SEAL }, longer[] = { 1, AP_CAPTURE_SEAL, 0 }, version[] = { 2, AP_CAPTURE_SEAL },
		      unknown[] = { 1, 200 }, zero[] = { 1, 0 }, shorter[] = { 1, AP_CAPTURE_KILL, 0 },
		      role[] = { 1, AP_CAPTURE_WANT, 9, 0, 0, 0, 0 };
	uint8_t large[AP_CAPTURE_MESSAGE + 8] = { 1, AP_CAPTURE_SEAL };
	const struct {
		const void *bytes;
		size_t len;
	} bad[] = { { longer, 3 }, { version, 2 }, { unknown, 2 }, { zero, 2 }, { shorter, 3 }, { role, 7 },
		    { seal, 1 }, { large, sizeof large } };
	int probe = dup(0);
	close(probe);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		send_raw(p.a, bad[i].bytes, bad[i].len, NULL, 0);
		assert_string_equal(ap_capture_receive(p.b, false, &m).name, "capture-message");
	}
	const int fds[] = { 0, 0, 0, 0 };
	send_raw(p.a, seal, 2, fds, 1);
	assert_string_equal(ap_capture_receive(p.b, false, &m).name, "capture-message");
	const uint8_t open[] = { 1, AP_CAPTURE_OPEN, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1 };
	send_raw(p.a, open, sizeof open, fds, 2);
	assert_string_equal(ap_capture_receive(p.b, false, &m).name, "capture-message");
	int after = dup(0);
	assert_int_equal(after, probe); /* every descriptor that came was closed */
	close(after);
	drop(p);
}

static void an_empty_and_a_dead_link_differ(void **state)
{
	(void)state;
	struct pair p = make();
	struct ap_capture_message m = { .type = AP_CAPTURE_SEAL, .fd = -1 };
	assert_string_equal(ap_capture_receive(p.b, false, &m).name, "capture-empty");
	close(p.a);
	assert_string_equal(ap_capture_receive(p.b, false, &m).name, "capture-eof");
	assert_string_equal(ap_capture_send(p.b, &m, false).name, "capture-link");
	close(p.b);
}

static void a_full_link_does_not_make_one_wait(void **state)
{
	(void)state;
	struct pair p = make();
	const struct ap_capture_message m = { .type = AP_CAPTURE_SEAL, .fd = -1 };
	struct ap_result r = AP_SUCCESS;
	for (int i = 0; i < 100000 && ap_ok(r); i++)
		r = ap_capture_send(p.a, &m, false);
	assert_string_equal(r.name, "capture-busy");
	drop(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_segment_report_passes),
		cmocka_unit_test(a_descriptor_passes_and_works),
		cmocka_unit_test(what_does_not_fit_is_not_sent),
		cmocka_unit_test(hostile_input_is_refused_and_leaks_nothing),
		cmocka_unit_test(an_empty_and_a_dead_link_differ),
		cmocka_unit_test(a_full_link_does_not_make_one_wait),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
