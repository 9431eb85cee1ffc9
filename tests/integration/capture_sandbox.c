/*
 * A running capture is confined, answers a close in time while its disk stalls, dies when killed, ends when its vault
 * is gone, and refuses a vault that does not keep to the protocol.
 */
#include "confined_child.h"

#include <aparte/age.h>
#include <aparte/clock.h>
#include <errno.h>
#include <glib.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct test_zygote zygote;

static int spawn(uint32_t id)
{
	int ends[2];
	struct ap_capture_message m;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	child_say(zygote.link, &(struct ap_capture_message){ .type = AP_CAPTURE_SPAWN, .fd = ends[1], .spawn_id = id });
	close(ends[1]);
	assert_true(child_await(ends[0], AP_CAPTURE_READY, &m));
	return ends[0];
}

static void start(int socket)
{
	struct ap_capture_message m = { .type = AP_CAPTURE_START, .fd = -1 };
	m.start = (struct ap_capture_start){ .video = AP_CAPTURE_VP8, .require_sandbox = true };
	struct ap_secret *identity = ap_secret_random(AP_AGE_KEY);
	for (int i = 0; i < 2; i++)
		ap_copy(m.start.recipient[i], 32, ap_age_identity_recipient(identity).b, 32);
	ap_secret_free(identity);
	child_say(socket, &m);
}

/* Returns the gateway's end. */
static int open_gate(int socket, uint64_t generation)
{
	int ends[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	shutdown(ends[0], SHUT_WR);
	child_say(socket,
		  &(struct ap_capture_message){.type = AP_CAPTURE_OPEN, .fd = ends[0], .open = {generation, 1}});
	close(ends[0]);
	return ends[1];
}

static void a_capture_is_confined_before_its_first_order(void **state)
{
	(void)state;
	int socket = spawn(1);
	pid_t pid = child_newest(&zygote);
#ifndef __SANITIZE_THREAD__ /* which has a thread of its own */
	assert_true(child_file_has(pid, "status", "Threads:\t1"));
#endif
	child_is_confined(socket, pid);
	close(socket);
	child_await_exit(&zygote, 1);
}

static void it_owns_no_descriptor_but_its_own(void **state)
{
	(void)state;
	int socket = spawn(2);
	child_owns_no_more(child_newest(&zygote));
	close(socket);
	child_await_exit(&zygote, 2);
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
	child_say(socket,
		  &(struct ap_capture_message){.type = AP_CAPTURE_HOOK, .fd = -1, .hook = {AP_HOOK_STALL, 2500}});
	gate = open_gate(socket, 42);
	for (uint16_t i = 0; i < 75; i++) {
		send_audio(gate, i % 10 ? 42 : 41, i); /* some are of another generation */
		g_usleep(20000);
	}
	/* The header's descriptor is there by now, so that the tracks' thread sleeps on it. */
	assert_true(child_await(socket, AP_CAPTURE_WANT, &m));
	child_say(socket,
		  &(struct ap_capture_message){.type = AP_CAPTURE_SEGMENT, .fd = memfd_create("s", 0), .want = m.want});
	g_usleep(200000);
	int64_t before = g_get_monotonic_time();
	child_say(socket, &(struct ap_capture_message){ .type = AP_CAPTURE_CLOSE, .fd = -1, .close = { 42, true } });
	assert_true(child_await(socket, AP_CAPTURE_CLOSED, &m));
	int64_t took = g_get_monotonic_time() - before;
	print_message("closed in %lld us\n", (long long)took);
	assert_true(took < AP_CAPTURE_ACK_MS * 1000);
	uint8_t byte = 0;
	assert_int_equal(send(gate, &byte, 1, MSG_NOSIGNAL), -1); /* nobody reads there any more */
	assert_int_equal(errno, EPIPE);
	close(gate);
	close(socket);
	child_await_exit(&zygote, 3);
}

static void a_kill_ends_it_at_once(void **state)
{
	(void)state;
	struct ap_capture_message m;
	int socket = spawn(4);
	child_say(zygote.link, &(struct ap_capture_message){ .type = AP_CAPTURE_KILL, .fd = -1, .spawn_id = 4 });
	child_await_exit(&zygote, 4);
	assert_false(child_await(socket, AP_CAPTURE_FAILED, &m));
	close(socket);
}

static void an_order_out_of_place_ends_it_with_a_word(void **state)
{
	(void)state;
	struct ap_capture_message m;
	int socket = spawn(5);
	child_say(socket, &(struct ap_capture_message){ .type = AP_CAPTURE_SEAL, .fd = -1 });
	assert_true(child_await(socket, AP_CAPTURE_FAILED, &m));
	assert_string_equal(m.word, "capture-message");
	child_await_exit(&zygote, 5);
	close(socket);
}

/* Last: no capture outlives its zygote, since nobody could kill it then. */
static void it_dies_with_its_zygote(void **state)
{
	(void)state;
	struct ap_capture_message m;
	int socket = spawn(6);
	kill(zygote.pid, SIGKILL);
	assert_false(child_await(socket, AP_CAPTURE_FAILED, &m));
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
	if (!child_await(zygote.link, AP_CAPTURE_HELLO, &m) || m.hello.landlock_abi == 0) {
		print_message("this kernel has no Landlock: the sandbox cannot be shown\n");
		return 1;
	}
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	test_zygote_stop(&zygote);
	return failed;
}
