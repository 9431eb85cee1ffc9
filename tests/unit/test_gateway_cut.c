/*
 * R11, R38: a person's own viewing at the gateway ends within a second of what ends it (the other one withdraws, the
 * recording is frozen), also for who reads slowly; a vault that is away for a moment ends nothing.
 */
#include "testlib/slow_reader.h"
#include "testlib/world.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SECOND_US 1000000
#define TRACK "/v1/party/recordings/x/tracks/coach"

static void a_withdrawal_cuts_a_slow_viewer(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	int fd = slow_reader_begin(ap_http_port(w.gw.http), TRACK, "coach-token");
	fake_vault_refuse_reads(w.vault, "role");
	assert_true(slow_reader_reset_within(fd, SECOND_US));
	assert_true(slow_reader_drain(fd) < FAKE_TRACK_SIZE / 4);
	world_end(&w);
}

static void a_vault_that_is_away_does_not_cut(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	int fd = slow_reader_begin(ap_http_port(w.gw.http), TRACK, "coach-token");
	world_lose_vault(&w);
	assert_false(slow_reader_reset_within(fd, SECOND_US));
	world_link_vault(&w);
	fake_vault_refuse_reads(w.vault, "restricted");
	assert_true(slow_reader_reset_within(fd, SECOND_US));
	slow_reader_drain(fd);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_withdrawal_cuts_a_slow_viewer),
		cmocka_unit_test(a_vault_that_is_away_does_not_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
