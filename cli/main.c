#include "cli/commands.h"

#include <aparte/secret.h>

#include <glib.h>
#include <locale.h>
#include <string.h>

#ifndef AP_VERSION
#error "AP_VERSION comes from CMake"
#endif

struct command {
	const char *name;
	const char *summary;
	int (*run)(int argc, char **argv);
};

#define X(name, summary) { #name, summary, ap_cmd_##name },
static const struct command commands[] = { AP_COMMANDS(X) };
#undef X

static int help(void)
{
	g_print("Usage: aparte COMMAND [OPTION…]\n\n"
		"Coaching sessions, recorded only with both persons' signed consent.\n\n");
	for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
		g_print("  %-9s %s\n", commands[i].name, commands[i].summary);
	g_print("\n`aparte COMMAND --help` says more. The instance is $APARTE_HOME (default ./var).\n");
	return AP_EXIT_OK;
}

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

int main(int argc, char **argv)
{
	setlocale(LC_CTYPE, "C.UTF-8"); /* our texts are UTF-8, wherever they are shown */
	struct ap_result ready = ap_secret_init();
	if (!ap_ok(ready)) {
		g_printerr("aparte: %s\n", ready.detail);
		return AP_EXIT_FAILED;
	}
	if (argc < 2) {
		g_printerr("aparte: which command? `aparte --help` lists them\n");
		return AP_EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)
		return help();
	if (strcmp(argv[1], "--version") == 0) {
		g_print("aparte %s\n", AP_VERSION);
		return AP_EXIT_OK;
	}
	const struct command *command = find(argv[1]);
	if (!command) {
		g_printerr("aparte: there is no command '%s'; `aparte --help` lists them\n", argv[1]);
		return AP_EXIT_USAGE;
	}
	return command->run(argc - 1, argv + 1);
}
