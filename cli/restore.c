/*
 * aparte restore: from a backup and the journal into a new home, by the vault's own program while no instance runs there;
 * and the release of what a restore without journal froze, on the running instance.
 */
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/instance.h"
#include "cli/pidfile.h"

#include <aparte/config.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct wish {
	char *from, *journal, *identity, *to, *kek_out, *recording;
	gboolean none; /* --no-journal */
};

static int tell(struct ap_result r)
{
	fprintf(stderr, "aparte restore: %s\n", r.detail);
	return AP_EXIT_FAILED;
}

/* ---- release ---- */

static int release(const struct ap_client_options *options, const struct wish *w)
{
	g_autoptr(JsonNode) answer = NULL;
	if (!options->reason) {
		fputs("Say why with --reason: you answer for the release.\n", stderr);
		return AP_EXIT_USAGE;
	}
	struct ap_client *c = ap_client_new(options);
	JsonNode *body = ap_client_object("reason", options->reason, "recording", w->recording, NULL);
	bool done = ap_client_call(c, "POST", "/v1/restore/release", body, &answer);
	ap_client_free(c);
	if (done && options->json)
		ap_client_print_json(answer);
	else if (done)
		printf("released    %lld recordings\n",
		       (long long)json_object_get_int_member(json_node_get_object(answer), "recordings"));
	return done ? AP_EXIT_OK : AP_EXIT_FAILED;
}

/* ---- restore ---- */

static struct {
	uid_t uid;
	gid_t gid;
	bool failed;
} owner; /* nftw has no context */

static int own_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	owner.failed |= lchown(path, owner.uid, owner.gid) != 0;
	return 0;
}

/* What root restored is the vault's; only that user may reach it. */
static struct ap_result hand_over(const struct ap_instance *i)
{
	static const char *const parts[] = { "vault", "recordings" };
	owner.uid = i->users[AP_ACCOUNT_VAULT].uid;
	owner.gid = i->users[AP_ACCOUNT_VAULT].gid;
	owner.failed = false;
	for (size_t n = 0; i->separate && n < G_N_ELEMENTS(parts); n++) {
		g_autofree char *path = ap_instance_path(i, parts[n]);
		nftw(path, own_one, 16, FTW_PHYS);
	}
	return owner.failed ? ap_fail(AP_ERR_IO, "restore", "what was restored could not be given to the vault's user") : AP_SUCCESS;
}

/* Beside the databases for kek.source=file; else the operator installs it as the credential. */
static struct ap_result kek_place(const char *configuration, const struct wish *w, const struct ap_instance *i, char **ret_path)
{
	struct ap_config *config = NULL;
	AP_TRY(ap_config_load_file(configuration, &config, NULL));
	bool file = strcmp(ap_config_text(config, "kek.source"), "file") == 0;
	ap_config_free(config);
	if (!file && !w->kek_out)
		return ap_fail(AP_ERR_DENIED, "restore",
			       "kek.source is not a file: say with --kek-out where the key-encryption key goes (on a memory disk), "
			       "and make it the credential");
	*ret_path = w->kek_out ? g_strdup(w->kek_out) : ap_instance_path(i, ".restoring-kek");
	return AP_SUCCESS;
}

static int run_recorder(const struct ap_instance *i, const struct wish *w, const char *configuration, const char *kek,
			gboolean json)
{
	g_autofree char *program = g_build_filename(i->bin, "aparte-recorder", NULL);
	const char *argv[18] = { program, "restore", "--from", w->from, "--to", i->home, "--identity", w->identity,
				 "--config", configuration, "--kek-file", kek, NULL };
	int n = 12, status = 0;
	if (w->journal) {
		argv[n++] = "--journal";
		argv[n++] = w->journal;
	}
	if (json)
		argv[n++] = "--json";
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		execv(program, (char *const *)argv);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return AP_EXIT_FAILED;
	if (WEXITSTATUS(status) == 127)
		fputs("aparte-recorder cannot be run; it stands beside aparte.\n", stderr);
	return WEXITSTATUS(status) == 0 ? AP_EXIT_OK : AP_EXIT_FAILED;
}

/* The file's key goes where the vault looks for it, last of all. */
static struct ap_result place_kek(const struct ap_instance *i, const struct wish *w, const char *kek)
{
	g_autofree char *path = ap_instance_path(i, "vault/kek");
	if (!w->kek_out && rename(kek, path) != 0)
		return ap_fail(AP_ERR_IO, "restore", "the key-encryption key cannot be put in its place");
	return AP_SUCCESS;
}

static int restore_into(const struct ap_instance *i, const struct wish *w, gboolean json)
{
	g_autofree char *configuration = ap_instance_path(i, "aparte.conf"), *kek = NULL;
	if (!g_file_test(configuration, G_FILE_TEST_EXISTS))
		return tell(ap_fail(AP_ERR_DENIED, "restore", "there is no aparte.conf in that home: `aparte init --home HOME` first"));
	if (ap_pidfile_running(i))
		return tell(ap_fail(AP_ERR_DENIED, "restore", "an instance runs with that home: stop it first"));
	struct ap_result r = kek_place(configuration, w, i, &kek);
	if (!ap_ok(r))
		return tell(r);
	int status = run_recorder(i, w, configuration, kek, json);
	if (status != AP_EXIT_OK) {
		if (!w->kek_out)
			unlink(kek);
		return status;
	}
	r = place_kek(i, w, kek);
	if (ap_ok(r))
		r = hand_over(i);
	return ap_ok(r) ? AP_EXIT_OK : tell(r);
}

static int restore(const struct wish *w, gboolean json)
{
	struct ap_instance *i = NULL;
	if (!w->from || !w->identity || !w->to || (!w->journal && !w->none) || (w->journal && w->none)) {
		fputs("usage: aparte restore --from DIR --journal DIR --identity FILE --to HOME\n"
		      "Without a journal everything stays frozen: say so with --no-journal.\n",
		      stderr);
		return AP_EXIT_USAGE;
	}
	struct ap_result r = ap_instance_open(w->to, true, &i);
	if (!ap_ok(r))
		return tell(r);
	int status = restore_into(i, w, json);
	ap_instance_free(i);
	return status;
}

int ap_cmd_restore(int argc, char **argv)
{
	struct wish w = {0};
	struct ap_client_options options = {0};
	const GOptionEntry entries[] = {
		{"from", 0, 0, G_OPTION_ARG_FILENAME, &w.from, "the backup", "DIR"},
		{"journal", 0, 0, G_OPTION_ARG_FILENAME, &w.journal, "the journal", "DIR"},
		{"no-journal", 0, 0, G_OPTION_ARG_NONE, &w.none, "there is none: everything stays frozen", NULL},
		{"identity", 0, 0, G_OPTION_ARG_FILENAME, &w.identity, "the restore operator's age identity", "FILE"},
		{"to", 0, 0, G_OPTION_ARG_FILENAME, &w.to, "a new home, made by aparte init", "HOME"},
		{"kek-out", 0, 0, G_OPTION_ARG_FILENAME, &w.kek_out, "where the key-encryption key goes, if not into the home", "FILE"},
		{"recording", 0, 0, G_OPTION_ARG_STRING, &w.recording, "release: this one alone", "ID"},
		{NULL, 0, 0, 0, NULL, NULL, NULL},
	};
	int status = ap_client_parse(&options, "--from DIR --journal DIR --identity FILE --to HOME | release --reason TEXT",
				     "Restores a backup to a new home, or releases what a restore froze.", entries, &argc, &argv);
	if (status < 0 && argc == 2 && strcmp(argv[1], "release") == 0)
		status = release(&options, &w);
	else if (status < 0 && argc == 1)
		status = restore(&w, options.json);
	else if (status < 0) {
		fputs("aparte restore takes options, or the word release.\n", stderr);
		status = AP_EXIT_USAGE;
	}
	char *const owned[] = { w.from, w.journal, w.identity, w.to, w.kek_out, w.recording };
	for (size_t n = 0; n < G_N_ELEMENTS(owned); n++)
		g_free(owned[n]);
	ap_client_options_clear(&options);
	return status;
}
