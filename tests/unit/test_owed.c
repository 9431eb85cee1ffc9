/* What was withdrawn while vault.db could not be written survives a crash, and counts meanwhile (R7). */
#include "recorder/consent/owed.h"

#include <aparte/secret.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
	char *directory, *path;
};

static int set_up(void **state)
{
	struct place *p = g_new0(struct place, 1);
	assert_true(ap_ok(ap_secret_init()));
	p->directory = g_dir_make_tmp("ap-owed-XXXXXX", NULL);
	p->path = g_build_filename(p->directory, "owed", NULL);
	*state = p;
	return 0;
}

static int tear_down(void **state)
{
	struct place *p = *state;
	g_remove(p->path);
	g_remove(p->directory);
	g_free(p->path);
	g_free(p->directory);
	g_free(p);
	return 0;
}

static struct ap_owed *opened(const struct place *p)
{
	struct ap_owed *o = NULL;
	assert_true(ap_ok(ap_owed_open(p->path, &o)));
	return o;
}

static struct ap_owed_entry entry_of(const struct ap_uuid *session, ap_purposes purposes)
{
	return (struct ap_owed_entry){ .session = *session, .role = AP_COACHEE, .event = AP_WITHDRAWN, .purposes = purposes,
				       .received_ms = 1790000000123, .statement = ap_sha256("x", 1) };
}

static guint count(struct ap_owed *o)
{
	g_autoptr(GArray) list = ap_owed_list(o);
	return list->len;
}

static void it_survives_a_crash_until_settled(void **state)
{
	struct ap_uuid session = ap_uuid_random(), other = ap_uuid_random();
	struct ap_owed_entry e = entry_of(&session, AP_PURPOSE_BIT(AP_PURPOSE_SUPERVISION));
	struct ap_owed *o = opened(*state);
	assert_true(ap_ok(ap_owed_put(o, &e)));
	ap_owed_free(o);
	o = opened(*state);
	g_autoptr(GArray) list = ap_owed_list(o);
	assert_int_equal(list->len, 1);
	const struct ap_owed_entry *read = &g_array_index(list, struct ap_owed_entry, 0);
	assert_true(ap_uuid_equal(&read->session, &session));
	assert_int_equal(read->role, AP_COACHEE);
	assert_int_equal(read->event, AP_WITHDRAWN);
	assert_int_equal(read->received_ms, 1790000000123);
	assert_true(ap_hash_equal(&read->statement, &e.statement));
	assert_int_equal(ap_owed_taken(o, &session), AP_PURPOSE_BIT(AP_PURPOSE_SUPERVISION));
	assert_int_equal(ap_owed_taken(o, &other), 0);
	ap_owed_settle(o, read->slot);
	assert_int_equal(ap_owed_taken(o, &session), 0);
	ap_owed_free(o);
	o = opened(*state);
	assert_int_equal(count(o), 0);
	ap_owed_free(o);
}

static void recording_takes_all(void **state)
{
	struct ap_uuid session = ap_uuid_random();
	struct ap_owed_entry e = entry_of(&session, AP_PURPOSE_BIT(AP_PURPOSE_RECORDING));
	struct ap_owed *o = opened(*state);
	assert_true(ap_ok(ap_owed_put(o, &e)));
	assert_true(ap_owed_taken(o, &session) & AP_PURPOSE_BIT(AP_PURPOSE_RESEARCH));
	ap_owed_free(o);
}

static void half_a_slot_counts_for_nothing(void **state)
{
	const struct place *p = *state;
	struct ap_uuid session = ap_uuid_random();
	struct ap_owed_entry e = entry_of(&session, AP_PURPOSE_BIT(AP_PURPOSE_RECORDING));
	struct ap_owed *o = opened(p);
	assert_true(ap_ok(ap_owed_put(o, &e)));
	ap_owed_free(o);
	int fd = open(p->path, O_RDWR | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "\0\0\0\0", 4, 40), 4);
	close(fd);
	o = opened(p);
	assert_int_equal(count(o), 0);
	ap_owed_free(o);
}

static void a_full_file_says_so(void **state)
{
	struct ap_uuid session = ap_uuid_random();
	struct ap_owed_entry e = entry_of(&session, AP_PURPOSE_BIT(AP_PURPOSE_QUALITY));
	struct ap_owed *o = opened(*state);
	for (int i = 0; i < AP_OWED_SLOTS; i++)
		assert_true(ap_ok(ap_owed_put(o, &e)));
	assert_false(ap_ok(ap_owed_put(o, &e)));
	assert_int_equal(e.slot, AP_OWED_NONE);
	ap_owed_settle(o, e.slot);
	ap_owed_settle(o, 7);
	assert_true(ap_ok(ap_owed_put(o, &e)));
	assert_int_equal(e.slot, 7);
	ap_owed_free(o);
}

static void the_file_is_private_and_its_room_reserved(void **state)
{
	const struct place *p = *state;
	struct stat s;
	ap_owed_free(opened(p));
	assert_int_equal(stat(p->path, &s), 0);
	assert_int_equal(s.st_mode & 0777, 0600);
	assert_true(s.st_blocks * 512 >= s.st_size && s.st_size > 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_survives_a_crash_until_settled), TEST(recording_takes_all),
		TEST(half_a_slot_counts_for_nothing),	 TEST(a_full_file_says_so),
		TEST(the_file_is_private_and_its_room_reserved),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
