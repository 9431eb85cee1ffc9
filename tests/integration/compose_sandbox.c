/*
 * A composer decodes what a browser sent, so it counts as owned: before its first byte it is confined as a capture is,
 * stands behind the captures, dies when it is told to, and what is no film ends it with a word.
 */
#include "confined_child.h"

#include <aparte/secret.h>
#include <fcntl.h>
#include <glib.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct test_zygote zygote;

/* One that has no order yet. */
static int fork_composer(uint32_t id)
{
	int ends[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	child_say(zygote.link, &(struct ap_capture_message){.type = AP_CAPTURE_COMPOSE, .fd = ends[1], .spawn_id = id});
	close(ends[1]);
	return ends[0];
}

/* One that confined itself. */
static int spawn(uint32_t id)
{
	struct ap_capture_message m;
	int socket = fork_composer(id);
	child_say(socket, &(struct ap_capture_message){.type = AP_CAPTURE_FILM, .fd = -1, .film = {1000, true}});
	assert_true(child_await(socket, AP_CAPTURE_READY, &m));
	return socket;
}

static void a_composer_is_confined_before_its_first_byte(void **state)
{
	(void)state;
	int socket = spawn(1);
	child_is_confined(socket, child_newest(&zygote));
	close(socket);
	child_await_exit(&zygote, 1);
}

static void it_is_bounded_and_stands_behind_the_captures(void **state)
{
	(void)state;
	int socket = spawn(2);
	pid_t pid = child_newest(&zygote);
	struct rlimit limit;
	assert_int_equal(getpriority(PRIO_PROCESS, (id_t)pid), MIN(getpriority(PRIO_PROCESS, 0) + 10, 19));
	assert_int_equal(prlimit(pid, RLIMIT_FSIZE, NULL, &limit), 0);
	assert_int_equal(limit.rlim_max, 0); /* it writes pipes alone */
	assert_int_equal(prlimit(pid, RLIMIT_CPU, NULL, &limit), 0);
	assert_in_range(limit.rlim_max, 60, 600); /* of a film of a second */
	assert_int_equal(prlimit(pid, RLIMIT_NOFILE, NULL, &limit), 0);
	assert_int_equal(limit.rlim_max, 64);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	assert_int_equal(prlimit(pid, RLIMIT_DATA, NULL, &limit), 0);
	assert_int_equal(limit.rlim_max, 1u << 30);
#endif
	assert_true(child_file_has(pid, "oom_score_adj", "1000"));
	assert_false(child_file_has(zygote.pid, "oom_score_adj", "1000"));
	close(socket);
	child_await_exit(&zygote, 2);
}

static void it_owns_no_descriptor_but_its_own(void **state)
{
	(void)state;
	int socket = spawn(3);
	child_owns_no_more(child_newest(&zygote));
	close(socket);
	child_await_exit(&zygote, 3);
}

/* The captures' zygote never holds a decoder: what loads them is the composer, after its fork. */
static void the_zygote_holds_no_decoder(void **state)
{
	(void)state;
	int socket = spawn(4);
	g_autofree char *path = g_strdup_printf("/proc/%d/maps", (int)child_newest(&zygote)), *maps = NULL;
	if (!g_file_get_contents(path, &maps, NULL, NULL)) {
		print_message("skipped: /proc/<pid>/maps of an undumpable process is root's to read\n");
		skip();
	}
	assert_non_null(strstr(maps, "libvpx"));
	assert_false(child_file_has(zygote.pid, "maps", "libvpx"));
	assert_false(child_file_has(zygote.pid, "maps", "matroska"));
	close(socket);
	child_await_exit(&zygote, 4);
}

struct pipes {
	int in[2], out;
};

static struct pipes give_pipes(int socket)
{
	struct pipes p;
	for (int i = 0; i < 3; i++) {
		int ends[2];
		assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
		bool film = i == 2;
		child_say(socket, &(struct ap_capture_message){.type = AP_CAPTURE_PIPE, .fd = ends[film ? 1 : 0],
							  .pipe = (enum ap_capture_pipe)(AP_PIPE_COACH + i)});
		close(ends[film ? 1 : 0]);
		*(film ? &p.out : &p.in[i]) = ends[film ? 0 : 1];
	}
	return p;
}

static void close_pipes(const struct pipes *p)
{
	close(p->in[0]);
	close(p->in[1]);
	close(p->out);
}

static void expect_word(int socket, const char *word)
{
	struct ap_capture_message m;
	assert_true(child_await(socket, AP_CAPTURE_FAILED, &m));
	assert_string_equal(m.word, word);
}

/* Bytes that are no file, an EBML header with nothing behind it, and nothing at all. */
static void what_is_no_file_ends_it_with_a_word(void **state)
{
	(void)state;
	static const char noise[] = "GIF89a this is no film",
			  head[] = "\x1a\x45\xdf\xa3\x01\xff\xff\xff\xff\xff\xff\xff";
	const struct {
		const char *bytes;
		size_t len;
	} cases[] = {{noise, sizeof noise}, {head, sizeof head - 1}, {"", 0}};
	for (uint32_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		int socket = spawn(10 + i);
		struct pipes p = give_pipes(socket);
		for (int k = 0; k < 2; k++)
			assert_int_equal(write(p.in[k], cases[i].bytes, cases[i].len), cases[i].len);
		close(p.in[0]);
		close(p.in[1]);
		p.in[0] = p.in[1] = -1;
		expect_word(socket, "film");
		child_await_exit(&zygote, 10 + i);
		close(socket);
		close_pipes(&p);
	}
}

static void orders_out_of_place_end_it(void **state)
{
	(void)state;
	int socket = fork_composer(20);
	child_say(socket, &(struct ap_capture_message){.type = AP_CAPTURE_SEAL, .fd = -1});
	expect_word(socket, "capture-message");
	child_await_exit(&zygote, 20);
	close(socket);
	socket = spawn(21);
	for (int i = 0; i < 2; i++) /* the same pipe twice */
		child_say(socket,
			  &(struct ap_capture_message){.type = AP_CAPTURE_PIPE, .fd = 0, .pipe = AP_PIPE_COACH});
	expect_word(socket, "capture-message");
	child_await_exit(&zygote, 21);
	close(socket);
}

/* While it waits for files that never come. */
static void it_ends_with_its_link_and_by_a_kill(void **state)
{
	(void)state;
	int socket = spawn(30);
	struct pipes p = give_pipes(socket);
	close(socket);
	child_await_exit(&zygote, 30);
	close_pipes(&p);
	socket = spawn(31);
	p = give_pipes(socket);
	child_say(zygote.link, &(struct ap_capture_message){.type = AP_CAPTURE_KILL, .fd = -1, .spawn_id = 31});
	child_await_exit(&zygote, 31);
	close(socket);
	close_pipes(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_composer_is_confined_before_its_first_byte),
		cmocka_unit_test(it_is_bounded_and_stands_behind_the_captures),
		cmocka_unit_test(it_owns_no_descriptor_but_its_own),
		cmocka_unit_test(the_zygote_holds_no_decoder),
		cmocka_unit_test(what_is_no_file_ends_it_with_a_word),
		cmocka_unit_test(orders_out_of_place_end_it),
		cmocka_unit_test(it_ends_with_its_link_and_by_a_kill),
	};
	struct ap_capture_message m;
	signal(SIGPIPE, SIG_IGN);
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
