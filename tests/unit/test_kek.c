#include "vectors.h"

#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <recorder/keys/kek.h>
#include <recorder/keys/keys.h>
#include <sys/stat.h>
#include <unistd.h>

static char *new_directory(void)
{
	char *directory = g_dir_make_tmp("aparte-kek-XXXXXX", NULL);
	assert_non_null(directory);
	return directory;
}

static void a_file_is_made_once(void **state)
{
	(void)state;
	g_autofree char *directory = new_directory();
	g_autofree char *path = g_build_filename(directory, "kek", NULL);
	g_autofree char *fresh = g_strconcat(path, ".new", NULL);
	struct ap_secret *a = NULL, *b = NULL, *none = NULL;
	struct stat st;
	assert_fails(ap_kek_load(AP_KEK_FILE, path, false, &none), "kek");
	assert_ok(ap_kek_load(AP_KEK_FILE, path, true, &a));
	assert_ok(ap_kek_load(AP_KEK_FILE, path, true, &b));
	assert_true(ap_secret_equal(a, b));
	assert_int_equal(ap_secret_len(a), AP_KEK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_not_equal(access(fresh, F_OK), 0);
	assert_int_equal(chmod(path, 0640), 0);
	assert_fails(ap_kek_load(AP_KEK_FILE, path, true, &none), "kek");
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(truncate(path, 31), 0);
	assert_fails(ap_kek_load(AP_KEK_FILE, path, true, &none), "kek");
	g_unlink(path);
	assert_int_equal(symlink("/dev/zero", path), 0);
	assert_fails(ap_kek_load(AP_KEK_FILE, path, true, &none), "kek");
	assert_null(none);
	g_unlink(path);
	g_rmdir(directory);
	ap_secret_free(a);
	ap_secret_free(b);
}

static void a_key_half_made_is_made_anew(void **state)
{
	(void)state;
	g_autofree char *directory = new_directory();
	g_autofree char *path = g_build_filename(directory, "kek", NULL);
	g_autofree char *fresh = g_strconcat(path, ".new", NULL);
	struct ap_secret *kek = NULL;
	assert_true(g_file_set_contents(fresh, "half", 4, NULL));
	assert_ok(ap_kek_load(AP_KEK_FILE, path, true, &kek));
	assert_int_not_equal(access(fresh, F_OK), 0);
	ap_secret_free(kek);
	g_unlink(path);
	g_rmdir(directory);
}

static void a_credential_is_read_by_name(void **state)
{
	(void)state;
	g_autofree char *directory = new_directory();
	g_autofree char *path = g_build_filename(directory, "aparte-kek", NULL);
	struct ap_secret *kek = NULL, *expected = vector_secret('k');
	g_unsetenv("CREDENTIALS_DIRECTORY");
	assert_fails(ap_kek_load(AP_KEK_CREDENTIAL, "aparte-kek", true, &kek), "kek");
	g_setenv("CREDENTIALS_DIRECTORY", directory, TRUE);
	assert_fails(ap_kek_load(AP_KEK_CREDENTIAL, "aparte-kek", true, &kek), "kek");
	assert_true(g_file_set_contents_full(path, (const char *)ap_secret_bytes(expected), AP_KEK,
					     G_FILE_SET_CONTENTS_CONSISTENT, 0400, NULL));
	assert_fails(ap_kek_load(AP_KEK_CREDENTIAL, "../aparte-kek", true, &kek), "kek");
	assert_ok(ap_kek_load(AP_KEK_CREDENTIAL, "aparte-kek", false, &kek));
	assert_true(ap_secret_equal(kek, expected));
	ap_secret_free(kek);
	ap_secret_free(expected);
	g_unlink(path);
	g_rmdir(directory);
}

static void sources_have_names(void **state)
{
	(void)state;
	enum ap_kek_source source;
	assert_ok(ap_kek_source_parse("file", &source));
	assert_true(source == AP_KEK_FILE && ap_kek_source_is_demo(source));
	assert_ok(ap_kek_source_parse("credential", &source));
	assert_true(source == AP_KEK_CREDENTIAL && !ap_kek_source_is_demo(source));
	assert_fails(ap_kek_source_parse("vault", &source), "kek-source");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_made_once),
		cmocka_unit_test(a_key_half_made_is_made_anew),
		cmocka_unit_test(a_credential_is_read_by_name),
		cmocka_unit_test(sources_have_names),
	};
	assert_ok_or_exit();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
