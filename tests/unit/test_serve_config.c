#include "cli/pidfile.h"
#include "cli/serve_config.h"
#include "cli/serve_sockets.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const char *const variables[] = { "APARTE_GATEWAY_PORT", "APARTE_VAULT_PORT", "APARTE_MEDIA_PORT",
					 "APARTE_ADVERTISE" };

static int set_up(void **state)
{
	struct ap_instance *i = g_new0(struct ap_instance, 1);
	i->home = g_dir_make_tmp("aparte-XXXXXX", NULL);
	g_autofree char *run = ap_instance_path(i, "run");
	for (size_t v = 0; v < G_N_ELEMENTS(variables); v++)
		g_unsetenv(variables[v]);
	*state = i;
	return g_mkdir(run, 0700);
}

static int tear_down(void **state)
{
	struct ap_instance *i = *state;
	static const char *const names[] = { "aparte.conf", "run/serve.pid", "run/admin.sock", "run", "" };
	for (size_t n = 0; n < G_N_ELEMENTS(names); n++) {
		g_autofree char *path = ap_instance_path(i, names[n]);
		g_remove(path);
	}
	ap_instance_free(i);
	return 0;
}

static void configure(const struct ap_instance *i, const char *text)
{
	g_autofree char *path = ap_instance_path(i, "aparte.conf");
	assert_true(g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, NULL));
}

/* The name of what loading that text says. */
static const char *verdict(const struct ap_instance *i, const char *text)
{
	struct ap_config *config = NULL;
	configure(i, text);
	struct ap_result r = ap_serve_config_load(i, &config);
	ap_config_free(config);
	return r.name;
}

static void the_environment_overrides(void **state)
{
	struct ap_config *config = NULL;
	configure(*state, "[gateway]\nlisten=[::1]:8080\n");
	g_setenv("APARTE_GATEWAY_PORT", "27400", TRUE);
	g_setenv("APARTE_VAULT_PORT", "27401", TRUE);
	g_setenv("APARTE_MEDIA_PORT", "27402", TRUE);
	g_setenv("APARTE_ADVERTISE", "127.0.0.1,10.0.0.1", TRUE);
	assert_true(ap_ok(ap_serve_config_load(*state, &config)));
	assert_string_equal(ap_config_text(config, "gateway.listen"), "[::1]:27400");
	assert_string_equal(ap_config_text(config, "gateway.public_url"), "http://[::1]:27400");
	assert_string_equal(ap_config_text(config, "vault.listen"), "127.0.0.1:27401");
	assert_int_equal(ap_config_int(config, "gateway.media_port"), 27402);
	assert_string_equal(ap_config_list(config, "gateway.advertise")[1], "10.0.0.1");
	ap_config_free(config);
}

static void wrong_overrides_refuse(void **state)
{
	g_setenv("APARTE_GATEWAY_PORT", "99999", TRUE);
	assert_string_not_equal(verdict(*state, ""), "ok");
	g_setenv("APARTE_GATEWAY_PORT", "x", TRUE);
	assert_string_not_equal(verdict(*state, ""), "ok");
	g_unsetenv("APARTE_GATEWAY_PORT");
	g_setenv("APARTE_ADVERTISE", "example.org", TRUE);
	assert_string_equal(verdict(*state, ""), "config-advertise");
}

static void advertise_is_filled(void **state)
{
	struct ap_config *config = NULL;
	configure(*state, "");
	assert_true(ap_ok(ap_serve_config_load(*state, &config)));
	assert_string_equal(ap_config_list(config, "gateway.advertise")[0], "127.0.0.1");
	ap_config_free(config);
}

static void off_loopback_needs_tls_and_a_better_key(void **state)
{
	assert_string_equal(verdict(*state, "[gateway]\nlisten=127.9.9.9:8080\n"), "ok");
	assert_string_equal(verdict(*state, "[gateway]\nlisten=0.0.0.0:8080\n"), "config-tls");
	assert_string_equal(verdict(*state, "[vault]\nlisten=10.1.2.3:8081\n"), "config-tls");
	const char *tls = "[gateway]\nlisten=0.0.0.0:8443\ntls_certificate=/c\ntls_key=/k\n";
	assert_string_equal(verdict(*state, tls), "config-kek");
	g_autofree char *credential = g_strconcat(tls, "[kek]\nsource=credential\n", NULL);
	assert_string_equal(verdict(*state, credential), "ok");
	g_autofree char *allowed = g_strconcat(tls, "[kek]\nallow_file_off_loopback=true\n", NULL);
	assert_string_equal(verdict(*state, allowed), "ok");
}

static void bad_files_refuse(void **state)
{
	assert_string_equal(verdict(*state, "[gateway]\nlisten=localhost:8080\n"), "config-listen");
	assert_string_equal(verdict(*state, "[gateway]\nlisten=127.0.0.1\n"), "config-listen");
	assert_string_equal(verdict(*state, "[gateway]\nno_such_key=1\n"), "config-key");
	g_autofree char *path = ap_instance_path(*state, "aparte.conf");
	assert_int_equal(chmod(path, 0666), 0);
	struct ap_config *config = NULL;
	assert_string_equal(ap_serve_config_load(*state, &config).name, "config-owner");
	assert_int_equal(g_remove(path), 0);
	assert_string_equal(ap_serve_config_load(*state, &config).name, "config-file");
}

static void the_sealed_file_cannot_change(void **state)
{
	struct ap_config *config = ap_config_new(), *again = NULL;
	int fd = -1;
	(void)state;
	assert_true(ap_ok(ap_serve_config_seal(config, &fd)));
	assert_int_equal(write(fd, "x", 1), -1);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_true(ap_ok(ap_config_load_fd(fd, &again, NULL)));
	assert_string_equal(ap_config_text(again, "vault.listen"), ap_config_text(config, "vault.listen"));
	close(fd);
	ap_config_free(again);
	ap_config_free(config);
}

static void one_launcher_an_instance(void **state)
{
	int first = -1, second = -1;
	bool crashed = true;
	assert_string_equal(ap_pidfile_stop(*state, 10).name, "serve-none");
	assert_false(ap_pidfile_running(*state));
	assert_true(ap_ok(ap_pidfile_take(*state, &first, &crashed)));
	assert_false(crashed);
	assert_true(ap_pidfile_running(*state));
	assert_string_equal(ap_pidfile_take(*state, &second, &crashed).name, "serve-running");
	close(first);
	assert_false(ap_pidfile_running(*state));
}

static void a_crash_is_known_to_the_next(void **state)
{
	int fd = -1;
	bool crashed = false;
	assert_true(ap_ok(ap_pidfile_take(*state, &fd, &crashed)));
	close(fd); /* as a killed process leaves it */
	assert_true(ap_ok(ap_pidfile_take(*state, &fd, &crashed)));
	assert_true(crashed);
	ap_pidfile_release(fd);
	assert_true(ap_ok(ap_pidfile_take(*state, &fd, &crashed)));
	assert_false(crashed);
	ap_pidfile_release(fd);
}

/* A number that was given to another process since is not ended. */
static void a_reused_pid_is_left_alone(void **state)
{
	g_autofree char *path = ap_instance_path(*state, "run/serve.pid");
	g_autofree char *text = g_strdup_printf("%d 12345\n", getpid());
	assert_true(g_file_set_contents(path, text, -1, NULL));
	assert_string_equal(ap_pidfile_stop(*state, 10).name, "serve-none");
	assert_true(g_file_set_contents(path, "1 1\n", -1, NULL));
	assert_string_equal(ap_pidfile_stop(*state, 10).name, "serve-none");
	assert_true(g_file_set_contents(path, "garbage", -1, NULL));
	assert_string_equal(ap_pidfile_stop(*state, 10).name, "serve-none");
}

static void sockets_are_private_and_ports_taken_are_told(void **state)
{
	g_autofree char *path = ap_instance_path(*state, "run/admin.sock");
	int one = -1, again = -1;
	struct stat info;
	assert_true(ap_ok(ap_serve_listen_unix(path, &one)));
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	assert_true(ap_ok(ap_serve_listen_unix(path, &again))); /* a stale one is replaced */
	close(one);
	close(again);
	assert_true(ap_ok(ap_serve_listen_tcp("127.0.0.1:27450", &one)));
	assert_string_equal(ap_serve_listen_tcp("127.0.0.1:27450", &again).name, "listen-taken");
	close(one);
	assert_string_equal(ap_serve_listen_tcp("192.0.2.1:27450", &again).name, "listen-bind");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(the_environment_overrides), T(wrong_overrides_refuse), T(advertise_is_filled),
		T(off_loopback_needs_tls_and_a_better_key), T(bad_files_refuse), T(the_sealed_file_cannot_change),
		T(one_launcher_an_instance), T(a_reused_pid_is_left_alone), T(sockets_are_private_and_ports_taken_are_told),
		T(a_crash_is_known_to_the_next),
	};
#undef T
	return cmocka_run_group_tests(tests, NULL, NULL);
}
