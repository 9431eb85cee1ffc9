#include "vectors.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <recorder/keys/secret_file.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
	char *directory, *path;
};

static int set_up(void **state)
{
	struct place *p = g_new0(struct place, 1);
	p->directory = g_dir_make_tmp("aparte-secret-XXXXXX", NULL);
	p->path = g_build_filename(p->directory, "kek", NULL);
	*state = p;
	return 0;
}

static int tear_down(void **state)
{
	struct place *p = *state;
	assert_ok(ap_secret_file_destroy(p->path));
	assert_int_equal(g_rmdir(p->directory), 0); /* nothing else was left in it */
	g_free(p->path);
	g_free(p->directory);
	g_free(p);
	return 0;
}

static void put(const struct place *p, const char *ending, const char *text)
{
	g_autofree char *name = g_strconcat(p->path, ending, NULL);
	assert_true(g_file_set_contents_full(name, text, -1, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
}

static bool holds(const struct place *p, const char *ending, const char *text)
{
	g_autofree char *name = g_strconcat(p->path, ending, NULL), *data = NULL;
	return g_file_get_contents(name, &data, NULL, NULL) && strcmp(data, text) == 0;
}

static unsigned files(const struct place *p)
{
	unsigned n = 0;
	g_autoptr(GDir) dir = g_dir_open(p->directory, 0, NULL);
	while (g_dir_read_name(dir))
		n++;
	return n;
}

static void a_successor_takes_the_place(void **state)
{
	struct place *p = *state;
	struct ap_secret *next = ap_secret_from("fresh", 5), *back = NULL;
	struct stat st;
	put(p, "", "old");
	assert_ok(ap_secret_file_write_next(p->path, next));
	assert_true(holds(p, "", "old") && holds(p, ".next", "fresh"));
	assert_ok(ap_secret_file_turn(p->path));
	assert_true(holds(p, "", "fresh"));
	assert_int_equal(files(p), 1);
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_ok(ap_secret_file_turn(p->path)); /* without a successor: nothing */
	assert_ok(ap_secret_file_read(p->path, 32, &back));
	assert_true(ap_secret_equal(back, next));
	ap_secret_free(back);
	ap_secret_free(next);
}

/* R19: whatever a crash left, one key counts, and what was to be destroyed is. */
static void every_crash_is_settled(void **state)
{
	struct place *p = *state;
	static const struct {
		const char *now, *next, *old, *new; /* before; NULL: not there */
		const char *settled, *waiting;	    /* path and path.next after */
	} cases[] = {
		{ "a", NULL, NULL, "ha", "a", NULL },	{ "a", "b", NULL, NULL, "a", "b" },  { NULL, "b", "a", NULL, "b", NULL },
		{ "b", NULL, "a", NULL, "b", NULL },	{ "a", "b", NULL, "c", "a", "b" },   { NULL, NULL, NULL, NULL, NULL, NULL },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		const char *texts[] = { cases[i].now, cases[i].next, cases[i].old, cases[i].new };
		const char *endings[] = { "", ".next", ".old", ".new" };
		for (size_t k = 0; k < 4; k++)
			if (texts[k])
				put(p, endings[k], texts[k]);
		assert_ok(ap_secret_file_settle(p->path));
		assert_int_equal(ap_secret_file_exists(p->path, ""), cases[i].settled != NULL);
		assert_int_equal(ap_secret_file_exists(p->path, ".next"), cases[i].waiting != NULL);
		assert_int_equal(files(p), (cases[i].settled != NULL) + (cases[i].waiting != NULL));
		assert_true(!cases[i].settled || holds(p, "", cases[i].settled));
		if (cases[i].waiting) { /* and the turn can go on from there */
			assert_ok(ap_secret_file_turn(p->path));
			assert_true(holds(p, "", cases[i].waiting));
			assert_int_equal(files(p), 1);
		}
		assert_ok(ap_secret_file_destroy(p->path));
	}
}

/* An old key that is the only one there is stays, whatever its name. */
static void the_only_key_is_never_destroyed(void **state)
{
	struct place *p = *state;
	put(p, ".old", "a");
	assert_fails(ap_secret_file_settle(p->path), "secret-file");
	assert_true(holds(p, ".old", "a"));
}

/* R28: through another name of the same file one sees that the bytes went, not only the name. */
static void destroying_overwrites(void **state)
{
	struct place *p = *state;
	g_autofree char *other = g_strconcat(p->path, ".link", NULL), *data = NULL;
	put(p, "", "thirty-two bytes of a secret key");
	assert_int_equal(link(p->path, other), 0);
	assert_ok(ap_secret_file_destroy(p->path));
	assert_true(g_file_get_contents(other, &data, NULL, NULL));
	assert_int_not_equal(memcmp(data, "thirty-two bytes of a secret key", 32), 0);
	g_unlink(other);
}

/* R28: 0400 is a mode that is advised (kek.h); it must not keep a key alive. Root may write in any case, so it steps down. */
static void one_set_to_0400_is_destroyed_as_well(void **state)
{
	struct place *p = *state;
	g_autofree char *other = g_strconcat(p->path, ".link", NULL), *data = NULL;
	bool root = geteuid() == 0;
	put(p, "", "thirty-two bytes of a secret key");
	assert_int_equal(chmod(p->path, 0400), 0);
	assert_int_equal(link(p->path, other), 0);
	if (root)
		assert_true(chown(p->directory, 65534, 65534) == 0 && chown(p->path, 65534, 65534) == 0 && seteuid(65534) == 0);
	struct ap_result r = ap_secret_file_destroy(p->path);
	if (root)
		assert_int_equal(seteuid(0), 0);
	assert_ok(r);
	assert_false(ap_secret_file_exists(p->path, ""));
	assert_true(g_file_get_contents(other, &data, NULL, NULL));
	assert_int_not_equal(memcmp(data, "thirty-two bytes of a secret key", 32), 0);
	g_unlink(other);
}

/* R28: what cannot be overwritten loses its name, and that is told. */
static void what_cannot_be_overwritten_is_unlinked_and_told(void **state)
{
	struct place *p = *state;
	assert_int_equal(symlink("/dev/zero", p->path), 0);
	assert_fails(ap_secret_file_destroy(p->path), "secret-file");
	assert_false(ap_secret_file_exists(p->path, ""));
}

static void only_private_regular_files_are_read(void **state)
{
	struct place *p = *state;
	struct ap_secret *secret = NULL;
	assert_fails(ap_secret_file_read(p->path, 32, &secret), "not-found");
	put(p, "", "more than eight");
	assert_fails(ap_secret_file_read(p->path, 8, &secret), "secret-file");
	assert_int_equal(chmod(p->path, 0640), 0);
	assert_fails(ap_secret_file_read(p->path, 32, &secret), "secret-file");
	g_unlink(p->path);
	assert_int_equal(symlink("/dev/zero", p->path), 0);
	assert_fails(ap_secret_file_read(p->path, 32, &secret), "secret-file");
	assert_null(secret);
	g_unlink(p->path);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(a_successor_takes_the_place), CASE(every_crash_is_settled),	     CASE(the_only_key_is_never_destroyed),
		CASE(destroying_overwrites),	   CASE(only_private_regular_files_are_read),
		CASE(one_set_to_0400_is_destroyed_as_well),
		CASE(what_cannot_be_overwritten_is_unlinked_and_told),
	};
	assert_ok_or_exit();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
