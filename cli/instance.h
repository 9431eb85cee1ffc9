/*
 * Where an instance and its programs lie.
 *
 * home: --home, else $APARTE_HOME, else ./var. Programs stand beside the running `aparte`; pages, notices and
 * policies in ../share/aparte beside them when installed, else in the source tree this build came from.
 * Started as root the processes get Unix users of their own; as anyone else they all run as the caller.
 *
 * Ownership: strings belong to the struct. Threads: one.
 */
#pragma once

#include <aparte/err.h>
#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

enum ap_account { AP_ACCOUNT_GATEWAY, AP_ACCOUNT_VAULT, AP_ACCOUNT_CAPTURE, AP_ACCOUNTS };

struct ap_instance_user {
	uid_t uid;
	gid_t gid;
};

struct ap_instance {
	char *home;  /* absolute */
	char *bin;   /* directory of the programs */
	char *share; /* directory that holds web/ and config/ */
	bool separate; /* started as root: `users` are the accounts' own */
	struct ap_instance_user users[AP_ACCOUNTS];
};

/* `home` NULL: from the environment. As root the accounts must exist, unless `make_accounts` creates them. */
struct ap_result ap_instance_open(const char *home, bool make_accounts, struct ap_instance **ret_instance);
void ap_instance_free(struct ap_instance *i);

/* The account's Unix user, e.g. "aparte-vault". */
const char *ap_instance_account_name(enum ap_account account);
/* Whether that account may reach `path` (read it, or traverse and list a directory). */
bool ap_instance_reaches(const struct ap_instance *i, enum ap_account account, const char *path);
/* home/<name>; g_free. */
char *ap_instance_path(const struct ap_instance *i, const char *name);

/* --home or $APARTE_HOME or ./var, absolute; g_free. */
char *ap_instance_home(const char *home);
