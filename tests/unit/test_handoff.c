#include <aparte/handoff.h>

#include <sys/socket.h>
#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void pair(int ret_ends[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_ends), 0);
}

static void a_message_carries_text_and_a_working_descriptor(void **state)
{
	(void)state;
	int ends[2], pipes[2];
	struct ap_handoff m;
	char byte;
	pair(ends);
	assert_int_equal(pipe(pipes), 0);
	assert_true(ap_ok(ap_handoff_send(ends[0], AP_HANDOFF_CONFIG, "home=/somewhere\n", pipes[0])));
	assert_true(ap_ok(ap_handoff_receive(ends[1], 1000, &m)));
	assert_int_equal(m.type, AP_HANDOFF_CONFIG);
	assert_string_equal(m.text, "home=/somewhere\n");
	assert_true(m.fd >= 0 && m.fd != pipes[0]);
	assert_int_equal(write(pipes[1], "x", 1), 1);
	assert_int_equal(read(m.fd, &byte, 1), 1);
	assert_int_equal(byte, 'x');
	close(m.fd), close(pipes[0]), close(pipes[1]), close(ends[0]), close(ends[1]);
}

static void a_message_may_be_bare(void **state)
{
	(void)state;
	int ends[2];
	struct ap_handoff m;
	pair(ends);
	assert_true(ap_ok(ap_handoff_send(ends[0], AP_HANDOFF_GO, NULL, -1)));
	assert_true(ap_ok(ap_handoff_receive(ends[1], 1000, &m)));
	assert_int_equal(m.type, AP_HANDOFF_GO);
	assert_int_equal(m.fd, -1);
	assert_string_equal(m.text, "");
	close(ends[0]), close(ends[1]);
}

static void silence_and_loss_are_told_apart(void **state)
{
	(void)state;
	int ends[2];
	struct ap_handoff m;
	pair(ends);
	assert_string_equal(ap_handoff_receive(ends[1], 10, &m).name, "handoff-timeout");
	close(ends[0]);
	assert_string_equal(ap_handoff_receive(ends[1], 1000, &m).name, "handoff-eof");
	assert_string_equal(ap_handoff_send(ends[1], AP_HANDOFF_READY, NULL, -1).name, "handoff-send");
	close(ends[1]);
}

static void a_text_too_long_is_not_sent(void **state)
{
	(void)state;
	static char text[AP_HANDOFF_TEXT + 1];
	int ends[2];
	pair(ends);
	memset(text, 'a', AP_HANDOFF_TEXT);
	assert_string_equal(ap_handoff_send(ends[0], AP_HANDOFF_CONFIG, text, -1).name, "handoff-size");
	close(ends[0]), close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_carries_text_and_a_working_descriptor),
		cmocka_unit_test(a_message_may_be_bare),
		cmocka_unit_test(silence_and_loss_are_told_apart),
		cmocka_unit_test(a_text_too_long_is_not_sent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
