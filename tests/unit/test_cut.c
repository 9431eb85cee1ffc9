/* R11: access can be revoked at once: a transfer under way ends within a second, also for who reads slowly. */
#include "tests/testlib/staff_site.h"

#include "recorder/grant.h"
#include "recorder/user.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define SECOND_US 1000000

static int connect_slowly(unsigned port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), small = 4096;
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

static short polled(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN | POLLRDHUP};
	(void)!poll(&p, 1, 0);
	return p.revents;
}

/* Runs the server until one of these shows on the socket, for at most so long. */
static bool run_until(int fd, short events, int64_t us)
{
	for (int64_t end = g_get_monotonic_time() + us; g_get_monotonic_time() < end;) {
		while (g_main_context_iteration(NULL, FALSE))
			;
		if (polled(fd) & events)
			return true;
		g_usleep(2000);
	}
	return false;
}

/* A Range transfer of which the first bytes were read. */
static int begin_transfer(struct site *s, const char *path)
{
	char first[64];
	int fd = connect_slowly(s->port);
	g_autofree char *request = g_strdup_printf("GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer sam\r\n"
						   "Range: bytes=0-\r\n\r\n",
						   path);
	assert_int_equal(write(fd, request, strlen(request)), strlen(request));
	assert_true(run_until(fd, POLLIN, 5 * SECOND_US));
	assert_int_equal(read(fd, first, sizeof first), sizeof first);
	assert_memory_equal(first, "HTTP/1.1 206", 12);
	assert_false(run_until(fd, POLLHUP | POLLERR | POLLRDHUP, SECOND_US * 2 / 5)); /* goes on at this pace */
	return fd;
}

/* What was on its way into the reader's own window may still be there; nothing follows. */
static size_t drain(int fd)
{
	char bytes[8192];
	size_t all = 0;
	ssize_t n;
	while ((n = read(fd, bytes, sizeof bytes)) > 0)
		all += (size_t)n;
	assert_int_equal(n, -1);
	assert_int_equal(errno, ECONNRESET);
	return all;
}

struct scene {
	struct site s;
	struct ap_uuid grant, recording;
	struct ap_actor admin;
};

static void cut_by(void (*act)(struct scene *scene))
{
	struct scene scene = {.s = site_new()};
	scene.recording = site_granted(&scene.s, &scene.grant);
	scene.admin = (struct ap_actor){.kind = AP_ACTOR_STAFF, .staff = AP_STAFF_ADMIN, .name = "ada"};
	g_autofree char *path = site_begin(&scene.s, &scene.recording);
	int fd = begin_transfer(&scene.s, path);
	act(&scene);
	assert_true(run_until(fd, POLLHUP | POLLERR, SECOND_US));
	assert_true(drain(fd) < FIXTURE_TRACK / 4);
	close(fd);
	site_free(&scene.s);
}

static void end_grant(struct scene *c)
{
	assert_ok(ap_grant_revoke(c->s.f->v, &c->admin, &c->grant));
}

static void disable(struct scene *c)
{
	assert_ok(ap_user_disable(c->s.f->v, &c->admin, "sam", true));
}

static void log_out(struct scene *c)
{
	assert_int_equal(site_as(&c->s, "ada", "DELETE", "/v1/logins/sam", NULL), 204);
}

static void withdraw(struct scene *c)
{
	struct ap_rows *rows = ap_db_query(ap_vault_db(c->s.f->v), "SELECT session FROM recording", AP_NO_VALUES);
	assert_true(ap_rows_next(rows));
	struct ap_uuid session = ap_row_uuid(rows, 0);
	assert_ok(ap_rows_end(rows));
	fixture_withdraw(c->s.f, &session, AP_COACHEE, "[\"supervision\"]");
}

static void restrict_it(struct scene *c)
{
	fixture_run(c->s.f, "UPDATE recording SET state = 'restricted'");
}

static void lock_down(struct scene *c)
{
	assert_ok(ap_vault_set_lockdown(c->s.f->v, true));
}

static void archive(struct scene *c)
{
	fixture_run(c->s.f, "UPDATE recording SET state = 'archived'");
}

static void a_revoked_grant_cuts_a_slow_reader(void **state)
{
	(void)state;
	cut_by(end_grant);
}

static void a_disabled_user_is_cut(void **state)
{
	(void)state;
	cut_by(disable);
}

static void logging_out_everywhere_cuts(void **state)
{
	(void)state;
	cut_by(log_out);
}

/* R7: withdrawing a purpose ends its playbacks at once. */
static void a_withdrawn_purpose_cuts(void **state)
{
	(void)state;
	cut_by(withdraw);
}

/* R20: frozen: nobody can use it. */
static void a_restriction_cuts(void **state)
{
	(void)state;
	cut_by(restrict_it);
}

/* R28. */
static void a_lockdown_cuts(void **state)
{
	(void)state;
	cut_by(lock_down);
}

/* R17: its current use is over: what follows needs an admin's word. */
static void archiving_cuts(void **state)
{
	(void)state;
	cut_by(archive);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_revoked_grant_cuts_a_slow_reader), cmocka_unit_test(a_disabled_user_is_cut),
		cmocka_unit_test(logging_out_everywhere_cuts),	      cmocka_unit_test(a_withdrawn_purpose_cuts),
		cmocka_unit_test(a_restriction_cuts),		      cmocka_unit_test(a_lockdown_cuts),
		cmocka_unit_test(archiving_cuts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
