#include "cli/commands.h"
#include "cli/instance.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* What an instance is made of. Only the vault's user reaches what the vault owns. */
struct part {
	const char *name; /* in home; "" is home itself */
	bool vaults;	  /* owned by the vault's user, else by whoever starts the launcher */
};

static const struct part parts[] = { { "", true }, { "vault", true }, { "recordings", true }, { "run", false } };

static struct ap_result own(const struct ap_instance *i, const char *path, bool vaults)
{
	if (!i->separate)
		return AP_SUCCESS;
	const struct ap_instance_user root = { 0, 0 };
	const struct ap_instance_user *user = vaults ? &i->users[AP_ACCOUNT_VAULT] : &root;
	if (lchown(path, user->uid, user->gid) != 0)
		return ap_fail(AP_ERR_IO, "init-owner", "the owner of a directory could not be set");
	return AP_SUCCESS;
}

static struct ap_result make_part(const struct ap_instance *i, const struct part *part)
{
	g_autofree char *path = ap_instance_path(i, part->name);
	if (*part->name ? mkdir(path, 0700) != 0 && errno != EEXIST : g_mkdir_with_parents(path, 0755) != 0)
		return ap_fail(AP_ERR_IO, "init-directory", "a directory could not be made; is the place writable?");
	if (chmod(path, 0700) != 0)
		return ap_fail(AP_ERR_IO, "init-directory", "the mode of a directory could not be set");
	return own(i, path, part->vaults);
}

/* The annotated default configuration; an existing one is never touched. */
static struct ap_result write_configuration(const struct ap_instance *i, const char *path)
{
	g_autofree char *source = g_build_filename(i->share, "config", "aparte.conf", NULL);
	g_autofree char *text = NULL;
	gsize len = 0;
	if (!g_file_get_contents(source, &text, &len, NULL))
		return ap_fail(AP_ERR_IO, "init-config", "config/aparte.conf is missing from the installation");
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return ap_fail(AP_ERR_IO, "init-config", "aparte.conf could not be made");
	bool written = write(fd, text, len) == (ssize_t)len && fsync(fd) == 0;
	if (close(fd) != 0 || !written)
		return ap_fail(AP_ERR_IO, "init-config", "aparte.conf could not be written");
	return AP_SUCCESS;
}

static bool has_entries(const char *path)
{
	g_autoptr(GDir) directory = g_dir_open(path, 0, NULL);
	return directory && g_dir_read_name(directory);
}

static struct ap_result check_reach(const struct ap_instance *i)
{
	g_autofree char *web = g_build_filename(i->share, "web", NULL);
	g_autofree char *vault = ap_instance_path(i, "vault");
	for (int a = 0; i->separate && a < AP_ACCOUNTS; a++)
		if (!ap_instance_reaches(i, (enum ap_account)a, i->bin) ||
		    !ap_instance_reaches(i, (enum ap_account)a, web))
			return ap_fail(AP_ERR_DENIED, "init-reach",
				       "the Unix users of the processes cannot reach the programs or pages; install them "
				       "with `cmake --install BUILD --prefix /opt/aparte` and run /opt/aparte/bin/aparte");
	if (!ap_instance_reaches(i, AP_ACCOUNT_VAULT, vault))
		return ap_fail(AP_ERR_DENIED, "init-reach",
			       "the Unix user aparte-vault cannot reach APARTE_HOME: choose a place every user may "
			       "traverse, /var/lib/aparte for one");
	return AP_SUCCESS;
}

static struct ap_result make_instance(const struct ap_instance *i)
{
	g_autofree char *configuration = ap_instance_path(i, "aparte.conf");
	bool known = g_file_test(configuration, G_FILE_TEST_EXISTS);
	if (!known && has_entries(i->home))
		return ap_fail(AP_ERR_DENIED, "init-foreign",
			       "the directory is not empty and is no Aparté instance; nothing was changed");
	for (size_t p = 0; p < G_N_ELEMENTS(parts); p++)
		AP_TRY(make_part(i, &parts[p]));
	AP_TRY(check_reach(i));
	if (!known)
		AP_TRY(write_configuration(i, configuration));
	g_print("%s %s\n", known ? "Already an instance:" : "Made an instance in", i->home);
	if (i->separate)
		g_print("Each process runs as a Unix user of its own: %s, %s, %s.\n",
			ap_instance_account_name(AP_ACCOUNT_GATEWAY), ap_instance_account_name(AP_ACCOUNT_VAULT),
			ap_instance_account_name(AP_ACCOUNT_CAPTURE));
	else
		g_print("Not started as root: all processes run as you; separation by Unix users is off.\n");
	return AP_SUCCESS;
}

int ap_cmd_init(int argc, char **argv)
{
	g_autofree char *home = NULL;
	const GOptionEntry options[] = {
		{ "home", 0, 0, G_OPTION_ARG_FILENAME, &home, "the instance's directory", "DIR" }, G_OPTION_ENTRY_NULL
	};
	g_autoptr(GOptionContext) context = g_option_context_new("- make an instance; run again it changes nothing");
	g_option_context_add_main_entries(context, options, NULL);
	g_autoptr(GError) error = NULL;
	if (!g_option_context_parse(context, &argc, &argv, &error) || argc > 1) {
		g_printerr("aparte init: %s\n", error ? error->message : "no further words are expected");
		return AP_EXIT_USAGE;
	}
	struct ap_instance *instance = NULL;
	struct ap_result r = ap_instance_open(home, true, &instance);
	if (ap_ok(r))
		r = make_instance(instance);
	if (!ap_ok(r))
		g_printerr("aparte init: %s (%s)\n", r.detail, instance ? instance->home : "accounts");
	ap_instance_free(instance);
	return ap_ok(r) ? AP_EXIT_OK : AP_EXIT_FAILED;
}
