#include "recorder/recording/blob.h"

#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	char *directory;
	struct ap_blob *blob;
	struct ap_uuid id;
};

static int set_up(void **state)
{
	struct fixture *f = g_new0(struct fixture, 1);
	g_autofree char *base = g_dir_make_tmp("aparte-blob-XXXXXX", NULL);
	f->directory = g_build_filename(base, "recordings", NULL);
	f->id = (struct ap_uuid){ { 1, 2, 3 } };
	*state = f;
	return ap_ok(ap_blob_open(f->directory, &f->blob)) ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	AP_IGNORE(ap_blob_erase(f->blob, &f->id)); /* most tests left something */
	ap_blob_free(f->blob);
	g_autofree char *base = g_path_get_dirname(f->directory);
	g_rmdir(f->directory);
	g_rmdir(base);
	g_free(f->directory);
	g_free(f);
	return 0;
}

static void put(struct fixture *f, enum ap_role role, uint32_t n, const char *text)
{
	int fd = -1;
	assert_true(ap_ok(ap_blob_create(f->blob, &f->id, role, n, &fd)));
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	assert_true(ap_ok(ap_blob_commit(f->blob, &f->id, role, n)));
}

static void assert_holds(struct fixture *f, uint32_t n, const char *text)
{
	g_autofree uint8_t *bytes = NULL;
	size_t len = 0;
	assert_true(ap_ok(ap_blob_read(f->blob, &f->id, AP_COACH, n, 100, &bytes, &len)));
	assert_int_equal(len, strlen(text));
	assert_memory_equal(bytes, text, len);
}

static void a_segment_is_there_after_its_commit_only(void **state)
{
	struct fixture *f = *state;
	uint8_t *bytes = NULL;
	size_t len = 0;
	int fd = -1;
	assert_true(ap_ok(ap_blob_create(f->blob, &f->id, AP_COACH, 3, &fd)));
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_WRONLY);
	close(fd);
	assert_string_equal(ap_blob_read(f->blob, &f->id, AP_COACH, 3, 100, &bytes, &len).name, "not-found");
	assert_true(ap_ok(ap_blob_commit(f->blob, &f->id, AP_COACH, 3)));
	assert_holds(f, 3, "");
	assert_string_equal(ap_blob_commit(f->blob, &f->id, AP_COACH, 3).name, "not-found");
}

static void a_segment_can_be_replaced(void **state)
{
	struct fixture *f = *state;
	put(f, AP_COACH, 0, "old");
	put(f, AP_COACH, 0, "newer");
	assert_holds(f, 0, "newer");
}

static void a_stale_temporary_file_is_no_obstacle(void **state)
{
	struct fixture *f = *state;
	int fd = -1;
	assert_true(ap_ok(ap_blob_create(f->blob, &f->id, AP_COACH, 1, &fd)));
	assert_int_equal(write(fd, "stale", 5), 5);
	close(fd);
	put(f, AP_COACH, 1, "x");
	assert_holds(f, 1, "x");
}

static void a_segment_that_grew_is_refused(void **state)
{
	struct fixture *f = *state;
	uint8_t *bytes = NULL;
	size_t len = 0;
	put(f, AP_COACH, 1, "0123456789");
	assert_string_equal(ap_blob_read(f->blob, &f->id, AP_COACH, 1, 9, &bytes, &len).name, "segment-altered");
	assert_null(bytes);
}

static void only_the_owner_may_look(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	char id[AP_UUID_TEXT];
	put(f, AP_COACHEE, 1, "x");
	ap_uuid_text(&f->id, id);
	g_autofree char *directory = g_build_filename(f->directory, id, "coachee", NULL);
	g_autofree char *file = g_build_filename(directory, "1.age", NULL);
	assert_int_equal(stat(directory, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void discarding_removes_what_was_not_committed(void **state)
{
	struct fixture *f = *state;
	int fd = -1;
	put(f, AP_COACH, 1, "kept");
	assert_true(ap_ok(ap_blob_create(f->blob, &f->id, AP_COACH, 2, &fd)));
	close(fd);
	assert_true(ap_ok(ap_blob_discard(f->blob, &f->id, AP_COACH, 2)));
	assert_true(ap_ok(ap_blob_discard(f->blob, &f->id, AP_COACH, 2)));
	assert_true(ap_ok(ap_blob_discard(f->blob, &f->id, AP_COACHEE, 9)));
	assert_string_equal(ap_blob_commit(f->blob, &f->id, AP_COACH, 2).name, "not-found");
	assert_holds(f, 1, "kept");
}

static void erasing_leaves_nothing_and_can_be_repeated(void **state)
{
	struct fixture *f = *state;
	char id[AP_UUID_TEXT];
	int fd = -1;
	put(f, AP_COACH, 0, "a");
	put(f, AP_COACHEE, 0, "b");
	assert_true(ap_ok(ap_blob_create(f->blob, &f->id, AP_COACH, 2, &fd)));
	close(fd);
	assert_true(ap_ok(ap_blob_erase(f->blob, &f->id)));
	assert_true(ap_ok(ap_blob_erase(f->blob, &f->id)));
	ap_uuid_text(&f->id, id);
	g_autofree char *directory = g_build_filename(f->directory, id, NULL);
	assert_false(g_file_test(directory, G_FILE_TEST_EXISTS));
}

static void a_link_in_the_place_of_a_directory_is_not_followed(void **state)
{
	struct fixture *f = *state;
	char id[AP_UUID_TEXT];
	int fd = -1;
	ap_uuid_text(&f->id, id);
	g_autofree char *link = g_build_filename(f->directory, id, NULL);
	assert_int_equal(symlink("/tmp", link), 0);
	assert_false(ap_ok(ap_blob_create(f->blob, &f->id, AP_COACH, 1, &fd)));
	assert_int_equal(unlink(link), 0);
}

static void the_file_system_tells_its_room(void **state)
{
	struct fixture *f = *state;
	uint64_t bytes = 0;
	assert_true(ap_ok(ap_blob_free_bytes(f->blob, &bytes)));
	assert_true(bytes > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_segment_is_there_after_its_commit_only),
		TEST(a_segment_can_be_replaced),
		TEST(a_stale_temporary_file_is_no_obstacle),
		TEST(a_segment_that_grew_is_refused),
		TEST(only_the_owner_may_look),
		TEST(discarding_removes_what_was_not_committed),
		TEST(erasing_leaves_nothing_and_can_be_repeated),
		TEST(a_link_in_the_place_of_a_directory_is_not_followed),
		TEST(the_file_system_tells_its_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
