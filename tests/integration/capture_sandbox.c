/*
 * A running capture is confined, answers a close in time while its disk stalls, dies when killed, ends when its vault
 * is gone, and refuses a vault that does not keep to the protocol.
 */
#include "capture_zygote.h"

#include <aparte/age.h>
#include <aparte/capture.h>
#include <aparte/clock.h>
#include <aparte/sandbox.h>
#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT_MS 5000

static struct test_zygote zygote;

static void must(struct ap_result r)
{
	if (!ap_ok(r))
		fail_msg("%s: %s", r.name, r.detail);
}

/* The next message of this type; others are passed over. False at the end of the link. */
static bool await(int socket, enum ap_capture_type type, struct ap_capture_message *ret_m)
{
	int64_t until = g_get_monotonic_time() + WAIT_MS * 1000;
	while (g_get_monotonic_time() < until) {
		struct pollfd wait = { .fd = socket, .events = POLLIN };
		struct ap_result r = poll(&wait, 1, 100) > 0 ? ap_capture_receive(socket, false, ret_m)
							     : ap_fail(AP_ERR_LIMIT, "", "");
		if (r.err == AP_ERR_IO)
			return false;
		if (ap_ok(r) && ret_m->type == type)
			return true;
	}
	fail_msg("no message of type %d came", type);
	return false;
}

static void say(int socket, const struct ap_capture_message *m)
{
	must(ap_capture_send(socket, m, true));
}

static int spawn(uint32_t id)
{
	int ends[2];
	struct ap_capture_message m;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	say(zygote.link, &(struct ap_capture_message){ .type = AP_CAPTURE_SPAWN, .fd = ends[1], .spawn_id = id });
	close(ends[1]);
	assert_true(await(ends[0], AP_CAPTURE_READY, &m));
	return ends[0];
}

static void await_exit(uint32_t id)
{
	struct ap_capture_message m;
	do
		assert_true(await(zygote.link, AP_CAPTURE_EXITED, &m));
	while (m.exited.id != id);
}

static pid_t newest_child(void)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/task/%d/children", (int)zygote.pid, (int)zygote.pid);
	g_autofree char *text = NULL;
	assert_true(g_file_get_contents(path, &text, NULL, NULL));
	g_auto(GStrv) pids = g_strsplit(g_strstrip(text), " ", -1);
	return (pid_t)strtol(pids[g_strv_length(pids) - 1], NULL, 10);
}

static void start(int socket)
{
	struct ap_capture_message m = { .type = AP_CAPTURE_START, .fd = -1 };
	m.start = (struct ap_capture_start){ .video = AP_CAPTURE_VP8, .require_sandbox = true };
	struct ap_secret *identity = ap_secret_random(AP_AGE_KEY);
	for (int i = 0; i < 2; i++)
		ap_copy(m.start.recipient[i], 32, ap_age_identity_recipient(identity).b, 32);
	ap_secret_free(identity);
	say(socket, &m);
}

/* Returns the gateway's end. */
static int open_gate(int socket, uint64_t generation)
{
	int ends[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	shutdown(ends[0], SHUT_WR);
	say(socket, &(struct ap_capture_message){ .type = AP_CAPTURE_OPEN, .fd = ends[0], .open = { generation, 1 } });
	close(ends[0]);
	return ends[1];
}

static bool status_has(pid_t pid, const char *line)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/status", (int)pid), *text = NULL;
	return g_file_get_contents(path, &text, NULL, NULL) && strstr(text, line);
}

static uint32_t attempt(int socket, enum ap_capture_hook what)
{
	struct ap_capture_message m = { .type = AP_CAPTURE_HOOK, .fd = -1, .hook = { what, 0 } };
	say(socket, &m);
	assert_true(await(socket, AP_CAPTURE_HOOK, &m));
	return m.hook.value;
}

static void a_capture_is_confined_before_its_first_order(void **state)
{
	(void)state;
	int socket = spawn(1);
	pid_t pid = newest_child();
	assert_true(status_has(pid, "NoNewPrivs:\t1"));
	assert_true(status_has(pid, "Seccomp:\t2"));
#ifndef __SANITIZE_THREAD__ /* which has a thread of its own */
	assert_true(status_has(pid, "Threads:\t1"));
#endif
	assert_int_equal(attempt(socket, AP_HOOK_OPEN), EPERM);
	assert_int_equal(attempt(socket, AP_HOOK_SOCKET), EPERM);
	assert_int_equal(attempt(socket, AP_HOOK_PTRACE), EPERM);
	assert_int_equal(attempt(socket, AP_HOOK_EXEC), EPERM);
	assert_int_equal(attempt(socket, AP_HOOK_FORK), EPERM);
	close(socket);
	await_exit(1);
}

static void it_owns_no_descriptor_but_its_own(void **state)
{
	(void)state;
	int socket = spawn(2);
	g_autofree char *path = g_strdup_printf("/proc/%d/fd", (int)newest_child());
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	if (!dir) {
		print_message("skipped: /proc/<pid>/fd of an undumpable process is root's to read\n");
		skip();
	}
	for (const char *name; (name = g_dir_read_name(dir));) {
		g_autofree char *link = g_build_filename(path, name, NULL), *to = g_file_read_link(link, NULL);
		long fd = strtol(name, NULL, 10);
		assert_true(fd < 3 ? g_str_equal(to, "/dev/null") : fd == 3 && g_str_has_prefix(to, "socket:"));
	}
	close(socket);
	await_exit(2);
}

/* One opus packet a call. */
static void send_audio(int gate, uint64_t generation, uint16_t seq)
{
	uint8_t bytes[AP_GATE_DATAGRAM];
	struct ap_writer w = ap_writer_over(bytes, sizeof bytes);
	const struct ap_gate_header h = { AP_GATE_RTP, AP_COACH, AP_LINE_AUDIO, generation,
					  (uint64_t)ap_mono_ns(ap_clock_system()) };
	ap_gate_header_write(&w, &h);
	ap_write_u8(&w, 0x80);
	ap_write_u8(&w, AP_GATE_PT_AUDIO);
	ap_write_u16(&w, seq);
	ap_write_u32(&w, seq * 960u);
	ap_write_u32(&w, 77);
	ap_write_u24(&w, 0xF8FFFE);
	send(gate, bytes, w.len, MSG_NOSIGNAL);
}

static void closing_is_answered_while_the_disk_stalls(void **state)
{
	(void)state;
	struct ap_capture_message m;
	int socket = spawn(3), gate;
	start(socket);
	say(socket, &(struct ap_capture_message){ .type = AP_CAPTURE_HOOK, .fd = -1, .hook = { AP_HOOK_STALL, 2500 } });
	gate = open_gate(socket, 42);
	for (uint16_t i = 0; i < 75; i++) {
		send_audio(gate, i % 10 ? 42 : 41, i); /* some are of another generation */
		g_usleep(20000);
	}
	/* The header's descriptor is there by now, so that the tracks' thread sleeps on it. */
	assert_true(await(socket, AP_CAPTURE_WANT, &m));
	say(socket, &(struct ap_capture_message){ .type = AP_CAPTURE_SEGMENT, .fd = memfd_create("s", 0), .want = m.want });
	g_usleep(200000);
	int64_t before = g_get_monotonic_time();
	say(socket, &(struct ap_capture_message){ .type = AP_CAPTURE_CLOSE, .fd = -1, .close = { 42, true } });
	assert_true(await(socket, AP_CAPTURE_CLOSED, &m));
	int64_t took = g_get_monotonic_time() - before;
	print_message("closed in %lld us\n", (long long)took);
	assert_true(took < AP_CAPTURE_ACK_MS * 1000);
	uint8_t byte = 0;
	assert_int_equal(send(gate, &byte, 1, MSG_NOSIGNAL), -1); /* nobody reads there any more */
	assert_int_equal(errno, EPIPE);
	close(gate);
	close(socket);
	await_exit(3);
}

static void a_kill_ends_it_at_once(void **state)
{
	(void)state;
	struct ap_capture_message m;
	int socket = spawn(4);
	say(zygote.link, &(struct ap_capture_message){ .type = AP_CAPTURE_KILL, .fd = -1, .spawn_id = 4 });
	await_exit(4);
	assert_false(await(socket, AP_CAPTURE_FAILED, &m));
	close(socket);
}

static void an_order_out_of_place_ends_it_with_a_word(void **state)
{
	(void)state;
	struct ap_capture_message m;
	int socket = spawn(5);
	say(socket, &(struct ap_capture_message){ .type = AP_CAPTURE_SEAL, .fd = -1 });
	assert_true(await(socket, AP_CAPTURE_FAILED, &m));
	assert_string_equal(m.word, "capture-message");
	await_exit(5);
	close(socket);
}

/* Last: no capture outlives its zygote, since nobody could kill it then. */
static void it_dies_with_its_zygote(void **state)
{
	(void)state;
	struct ap_capture_message m;
	int socket = spawn(6);
	kill(zygote.pid, SIGKILL);
	assert_false(await(socket, AP_CAPTURE_FAILED, &m));
	close(socket);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_capture_is_confined_before_its_first_order),
		cmocka_unit_test(it_owns_no_descriptor_but_its_own),
		cmocka_unit_test(closing_is_answered_while_the_disk_stalls),
		cmocka_unit_test(a_kill_ends_it_at_once),
		cmocka_unit_test(an_order_out_of_place_ends_it_with_a_word),
		cmocka_unit_test(it_dies_with_its_zygote),
	};
	struct ap_capture_message m;
	AP_IGNORE(ap_secret_init()); /* the tests fail soon enough */
	zygote = test_zygote_start();
	if (!await(zygote.link, AP_CAPTURE_HELLO, &m) || m.hello.landlock_abi == 0) {
		print_message("this kernel has no Landlock: the sandbox cannot be shown\n");
		return 1;
	}
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	test_zygote_stop(&zygote);
	return failed;
}
