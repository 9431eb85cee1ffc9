#include "recorder/backup/restore_main.h"

#include "recorder/backup/restore.h"

#include <aparte/age.h>
#include <aparte/log.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define IDENTITY_FILE_MAX 65536

struct wish {
	char *from, *journal, *home, *identity, *config, *kek_file;
	gboolean json;
};

/* The first identity in a file as age-keygen writes it: one a line, comments by '#'. */
static struct ap_result find_identity(char *text, struct ap_secret **ret_identity)
{
	for (char *line = text, *next; line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		g_strchomp(line);
		if (*line && *line != '#')
			return ap_age_identity_parse(line, ret_identity);
	}
	return ap_fail(AP_ERR_CRYPTO, "age-key", "there is no identity in that file");
}

static struct ap_result read_identity(const char *path, struct ap_secret **ret_identity)
{
	char *text = NULL;
	gsize len = 0;
	if (!g_file_get_contents(path, &text, &len, NULL) || len > IDENTITY_FILE_MAX)
		return ap_fail(AP_ERR_IO, "restore", "the identity's file cannot be read");
	struct ap_result r = find_identity(text, ret_identity);
	ap_wipe(text, len);
	g_free(text);
	return r;
}

static void print_report(const struct ap_restore_report *report, bool json)
{
	g_autofree char *text = ap_restore_report_text(report);
	char vault[AP_TIME_TEXT], keys[AP_TIME_TEXT];
	if (json) {
		puts(text);
		return;
	}
	ap_time_text(report->vault_made_ms, vault);
	ap_time_text(report->keys_made_ms, keys);
	printf("vault.db    of %s\nkeys        of %s\nrecordings  %lld open\n", vault, keys, (long long)report->living);
	printf("journal     %lld erased, %lld withdrawn, %lld revoked once more\n", (long long)report->erased,
	       (long long)report->withdrawn, (long long)report->revoked);
	printf("log         %s%s\n", report->origin, report->continued ? ", a new name: the backup does not hold all of the old one" : "");
	if (report->frozen)
		printf("FROZEN      everything: nobody can say who withdrew since. An admin releases it: aparte restore release --reason …\n");
	for (guint i = 0; i < report->problems->len; i++)
		printf("problem     %s\n", (const char *)report->problems->pdata[i]);
}

static struct ap_result restore(const struct wish *w)
{
	struct ap_restore_report report;
	struct ap_config *config = NULL;
	struct ap_secret *identity = NULL;
	AP_TRY(ap_secret_init());
#ifdef AP_TEST_CLOCK /* beside vault/, which must be empty */
	g_autofree char *test_clock = g_build_filename(w->home, "test-clock", NULL);
	ap_clock_test_file(test_clock);
#endif
	AP_TRY(ap_config_load_file(w->config, &config, NULL));
	struct ap_result r = read_identity(w->identity, &identity);
	const struct ap_restore_wish wish = { .from = w->from,
					      .journal = w->journal,
					      .home = w->home,
					      .config = config,
					      .clock = ap_clock_system(),
					      .identity = identity,
					      .kek_file = w->kek_file };
	if (ap_ok(r))
		r = ap_restore_run(&wish, &report);
	if (ap_ok(r)) {
		print_report(&report, w->json);
		ap_restore_report_clear(&report);
	}
	ap_secret_free(identity);
	ap_config_free(config);
	return r;
}

static void clear(struct wish *w)
{
	char *const owned[] = { w->from, w->journal, w->home, w->identity, w->config, w->kek_file };
	for (size_t i = 0; i < G_N_ELEMENTS(owned); i++)
		g_free(owned[i]);
}

int ap_restore_main(int argc, char **argv)
{
	struct wish w = { 0 };
	g_autoptr(GError) error = NULL;
	const GOptionEntry entries[] = {
		{ "from", 0, 0, G_OPTION_ARG_FILENAME, &w.from, "a backup", "DIR" },
		{ "journal", 0, 0, G_OPTION_ARG_FILENAME, &w.journal, "the journal", "DIR" },
		{ "to", 0, 0, G_OPTION_ARG_FILENAME, &w.home, "an empty home", "HOME" },
		{ "identity", 0, 0, G_OPTION_ARG_FILENAME, &w.identity, "the restore operator's", "FILE" },
		{ "config", 0, 0, G_OPTION_ARG_FILENAME, &w.config, "its aparte.conf", "FILE" },
		{ "kek-file", 0, 0, G_OPTION_ARG_FILENAME, &w.kek_file, "where the key-encryption key goes", "FILE" },
		{ "json", 0, 0, G_OPTION_ARG_NONE, &w.json, "answer as JSON", NULL },
		G_OPTION_ENTRY_NULL,
	};
	g_autoptr(GOptionContext) context = g_option_context_new("- run by `aparte restore`");
	g_option_context_add_main_entries(context, entries, NULL);
	ap_log_init("restore", AP_LOG_ERROR);
	umask(077);
	if (!g_option_context_parse(context, &argc, &argv, &error) || !w.from || !w.home || !w.identity || !w.config || !w.kek_file) {
		fputs("aparte-recorder restore is run by `aparte restore`.\n", stderr);
		clear(&w);
		return 2;
	}
	struct ap_result r = restore(&w);
	if (!ap_ok(r))
		fprintf(stderr, "aparte restore: %s\n", r.detail);
	clear(&w);
	return ap_ok(r) ? EXIT_SUCCESS : EXIT_FAILURE;
}
