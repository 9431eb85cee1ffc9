/*
 * An attacker inside a capture, behind the real sandbox: every call is refused, what it can take of the machine is
 * bounded, and a capture beside it goes on.
 */
#include "tests/attack/owned.h"
#include "tests/attack/owned_calls.h"
#include "tests/integration/capture_zygote.h"

#include <aparte/capture.h>
#include <aparte/handoff.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT_MS 20000
#define SIBLING 1

static struct {
	struct test_zygote zygote;
	int sibling; /* its control socket */
	pid_t sibling_pid;
	char *directory;
} here;

static void say(int socket, struct ap_capture_message m)
{
	struct ap_result r = ap_capture_send(socket, &m, true);
	if (!ap_ok(r))
		fail_msg("%s: %s", r.name, r.detail);
}

/* The next bytes from a capture; fails the test when none come. */
static size_t hear(int socket, void *bytes, size_t max)
{
	struct pollfd wait = { .fd = socket, .events = POLLIN };
	if (poll(&wait, 1, WAIT_MS) <= 0)
		fail_msg("nothing was answered");
	ssize_t n = recv(socket, bytes, max, 0);
	return n > 0 ? (size_t)n : 0;
}

static void hear_type(int socket, enum ap_capture_type type)
{
	uint8_t bytes[AP_CAPTURE_MESSAGE];
	size_t n;
	do
		n = hear(socket, bytes, sizeof bytes);
	while (n > 1 && bytes[1] != type);
	assert_true(n > 1);
}

static pid_t newest_child(void)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/task/%d/children", (int)here.zygote.pid, (int)here.zygote.pid);
	g_autofree char *text = NULL;
	assert_true(g_file_get_contents(path, &text, NULL, NULL));
	g_auto(GStrv) pids = g_strsplit(g_strstrip(text), " ", -1);
	return (pid_t)strtol(pids[g_strv_length(pids) - 1], NULL, 10);
}

/* way 0: an honest one. */
static int spawn(uint32_t id, uint8_t way, uint8_t lie)
{
	int ends[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	say(here.zygote.link, (struct ap_capture_message){ .type = AP_CAPTURE_SPAWN, .fd = ends[1], .spawn_id = id });
	close(ends[1]);
	struct ap_capture_message start = { .type = AP_CAPTURE_START, .fd = -1 };
	start.start = (struct ap_capture_start){ .video = AP_CAPTURE_VP8, .require_sandbox = true };
	if (way)
		start.start.recording = (struct ap_uuid){ { 'O', 'W', 'N', way, lie } };
	memset(start.start.recipient, 9, sizeof start.start.recipient);
	say(ends[0], start);
	return ends[0];
}

static void give_segment(int socket, uint32_t number)
{
	g_autofree char *path = g_strdup_printf("%s/%u.age.tmp", here.directory, number);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "sealed", 6), 6);
	say(socket, (struct ap_capture_message){ .type = AP_CAPTURE_SEGMENT, .fd = fd, .want = { AP_COACH, number } });
	close(fd);
}

/* Returns the writing end. */
static int open_gate(int socket, uint64_t generation, uint32_t epoch)
{
	int ends[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	shutdown(ends[0], SHUT_WR);
	say(socket, (struct ap_capture_message){ .type = AP_CAPTURE_OPEN, .fd = ends[0], .open = { generation, epoch } });
	close(ends[0]);
	return ends[1];
}

static void assert_sibling_obeys(void)
{
	static uint32_t epoch;
	uint64_t generation = 100 + ++epoch;
	int gate = open_gate(here.sibling, generation, epoch);
	say(here.sibling, (struct ap_capture_message){ .type = AP_CAPTURE_CLOSE, .fd = -1, .close = { generation, true } });
	hear_type(here.sibling, AP_CAPTURE_CLOSED);
	close(gate);
}

static int set_up(void **state)
{
	uint8_t hello[64];
	(void)state;
	here.directory = g_dir_make_tmp("aparte-owned-XXXXXX", NULL);
	here.zygote = test_zygote_start();
	hear(here.zygote.link, hello, sizeof hello);
	here.sibling = spawn(SIBLING, 0, 0);
	hear_type(here.sibling, AP_CAPTURE_READY);
	here.sibling_pid = newest_child();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	kill(here.zygote.pid, SIGKILL);
	waitpid(here.zygote.pid, NULL, 0);
	const char *rm[] = { "rm", "-rf", here.directory, NULL };
	g_spawn_sync(NULL, (char **)rm, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
	g_free(here.directory);
	return 0;
}

static struct owned_targets targets(void)
{
	struct owned_targets t = { .zygote = here.zygote.pid, .sibling = here.sibling_pid, .vault = getpid() };
	g_autofree char *keys = g_build_filename(here.directory, "keys.db", NULL);
	assert_true(g_file_set_contents(keys, "keys", -1, NULL));
	g_strlcpy(t.recordings, here.directory, sizeof t.recordings);
	g_strlcpy(t.keys, keys, sizeof t.keys);
	return t;
}

static void every_call_is_refused(void **state)
{
	(void)state;
	struct owned_targets t = targets();
	unsigned wrong = 0;
	int socket = spawn(2, OWNED_CALLS, 0);
	give_segment(socket, 1);
	give_segment(socket, 2);
	int gate = open_gate(socket, 7, 1);
	assert_int_equal(send(socket, &t, sizeof t, MSG_NOSIGNAL), sizeof t);
	for (size_t i = 0; i < owned_call_count; i++) {
		struct owned_answer answer;
		if (hear(socket, &answer, sizeof answer) != sizeof answer || answer.call != i)
			fail_msg("died of %s", owned_calls[i].name);
		if (answer.error == owned_calls[i].expected)
			continue;
		print_message("%s: %s instead of %s\n", owned_calls[i].name, strerror(answer.error),
			      strerror(owned_calls[i].expected));
		wrong++;
	}
	print_message("%zu calls tried\n", owned_call_count);
	assert_int_equal(wrong, 0);
	close(gate);
	close(socket);
	assert_int_equal(kill(here.zygote.pid, 0), 0);
	assert_sibling_obeys();
}

static void what_it_takes_is_bounded(void **state)
{
	(void)state;
	struct owned_loot loot;
	int socket = spawn(3, OWNED_EXHAUST, 0);
	give_segment(socket, 1);
	assert_int_equal(hear(socket, &loot, sizeof loot), sizeof loot);
	print_message("file %d MiB, %d threads, %d descriptors, memory %d MiB\n", (int)loot.file_mib, (int)loot.threads,
		      (int)loot.descriptors, (int)loot.memory_mib);
	assert_in_range(loot.file_mib, 64, 80); /* a whole segment must fit */
	assert_in_range(loot.descriptors, 1, 256);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* whose own tables are larger */
	assert_in_range(loot.memory_mib, 1, 1536);
#endif
	assert_sibling_obeys();
	int other = spawn(4, 0, 0); /* and new ones begin */
	hear_type(other, AP_CAPTURE_READY);
	close(other);
	close(socket);
	say(here.zygote.link, (struct ap_capture_message){ .type = AP_CAPTURE_KILL, .fd = -1, .spawn_id = 3 });
	hear_type(here.zygote.link, AP_CAPTURE_EXITED);
}

/* The vault was restarted; what it left behind has no master. */
static void one_that_outstays_its_vault_is_killed(void **state)
{
	(void)state;
	int link[2], socket = spawn(5, OWNED_LIES, LIE_STAYS);
	hear_type(socket, AP_CAPTURE_READY);
	pid_t pid = newest_child();
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, link), 0);
	close(socket);
	close(here.zygote.link);
	kill(pid, SIGTERM);
	assert_true(ap_ok(ap_handoff_send(here.zygote.control, AP_HANDOFF_ZYGOTE, "", link[1])));
	close(link[1]);
	here.zygote.link = link[0];
	for (int i = 0; i < WAIT_MS / 100 && kill(pid, 0) == 0; i++)
		g_usleep(100000);
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(errno, ESRCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_call_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_it_takes_is_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_that_outstays_its_vault_is_killed, set_up, tear_down),
	};
	signal(SIGUSR1, SIG_IGN); /* what the attacker would send here */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
