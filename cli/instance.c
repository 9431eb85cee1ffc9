#include "cli/instance.h"

#include <grp.h>
#include <pwd.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const account_names[AP_ACCOUNTS] = {
	[AP_ACCOUNT_GATEWAY] = "aparte-gateway",
	[AP_ACCOUNT_VAULT] = "aparte-vault",
	[AP_ACCOUNT_CAPTURE] = "aparte-capture",
};

const char *ap_instance_account_name(enum ap_account account)
{
	return account_names[account];
}

char *ap_instance_home(const char *home)
{
	if (!home || !*home)
		home = g_getenv("APARTE_HOME");
	return g_canonicalize_filename(home && *home ? home : "var", NULL);
}

char *ap_instance_path(const struct ap_instance *i, const char *name)
{
	return g_build_filename(i->home, name, NULL);
}

static struct ap_result add_user(const char *name)
{
	const char *argv[] = { "useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent",
			       "--shell", "/usr/sbin/nologin", name, NULL };
	int status = -1;
	g_autofree char *trouble = NULL;
	if (!g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, &trouble, &status, NULL) ||
	    status != 0) {
		g_printerr("useradd %s: %s\n", name, trouble ? trouble : "cannot be run");
		return ap_fail(AP_ERR_IO, "account", "a Unix user could not be made with useradd");
	}
	return AP_SUCCESS;
}

static struct ap_result find_accounts(struct ap_instance *i, bool make)
{
	for (int a = 0; a < AP_ACCOUNTS; a++) {
		if (make && !getpwnam(account_names[a]))
			AP_TRY(add_user(account_names[a]));
		const struct passwd *user = getpwnam(account_names[a]);
		if (!user)
			return ap_fail(AP_ERR_DENIED, "account", "the Unix users are missing; `aparte init` makes them");
		i->users[a] = (struct ap_instance_user){ user->pw_uid, user->pw_gid };
	}
	return AP_SUCCESS;
}

static void find_programs(struct ap_instance *i)
{
	g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
	i->bin = g_path_get_dirname(self ? self : "/opt/aparte/bin/aparte");
	g_autofree char *installed = g_build_filename(i->bin, "..", "share", "aparte", NULL);
	g_autofree char *pages = g_build_filename(installed, "web", NULL);
	i->share = g_canonicalize_filename(g_file_test(pages, G_FILE_TEST_IS_DIR) ? installed : AP_SOURCE_DIR, NULL);
}

struct ap_result ap_instance_open(const char *home, bool make_accounts, struct ap_instance **ret_instance)
{
	struct ap_instance *i = g_new0(struct ap_instance, 1);
	i->home = ap_instance_home(home);
	i->separate = geteuid() == 0;
	find_programs(i);
	for (int a = 0; a < AP_ACCOUNTS; a++)
		i->users[a] = (struct ap_instance_user){ geteuid(), getegid() };
	struct ap_result r = i->separate ? find_accounts(i, make_accounts) : AP_SUCCESS;
	if (!ap_ok(r)) {
		ap_instance_free(i);
		return r;
	}
	*ret_instance = i;
	return AP_SUCCESS;
}

void ap_instance_free(struct ap_instance *i)
{
	if (!i)
		return;
	g_free(i->home);
	g_free(i->bin);
	g_free(i->share);
	g_free(i);
}

/* Asked of the kernel, by a child that becomes the account: path permissions are its business. */
bool ap_instance_reaches(const struct ap_instance *i, enum ap_account account, const char *path)
{
	const struct ap_instance_user *user = &i->users[account];
	int mode = g_file_test(path, G_FILE_TEST_IS_DIR) ? R_OK | X_OK : R_OK;
	pid_t child = fork();
	if (child == 0) {
		if (i->separate && (setgroups(0, NULL) || setgid(user->gid) || setuid(user->uid)))
			_exit(1);
		_exit(access(path, mode) ? 1 : 0);
	}
	int status = 1;
	return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
