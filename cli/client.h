/*
 * The command line's way to the running vault: the staff API over run/admin.sock, as a named admin with a reason.
 *
 * Every subcommand parses its options through here, so that --home, --admin, --reason, --json and --help mean the
 * same everywhere. Exit status: 0 done, 1 refused or failed (the problem's detail on stderr), 2 wrong usage.
 *
 * Ownership: as named. Threads: one.
 */
#pragma once

#include <aparte/err.h>
#include <glib.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <stdint.h>

struct ap_client; /* opaque */

/* What all subcommands share; zero-initialise. Strings are owned: ap_client_options_clear. */
struct ap_client_options {
	char *home;   /* --home, else $APARTE_HOME, else ./var */
	char *admin;  /* --admin, else $APARTE_ADMIN; NULL: the operator */
	char *reason; /* --reason; NULL: "command line" */
	gboolean json;
};

/*
 * Parses argv with the common options and `entries` (may be NULL). `usage` is what stands after the name
 * ("add NAME --role ROLE"), `about` one sentence. What is left are the positional arguments in *argc, argv[1…].
 * On -1 go on; else the exit status to return (0 after --help, 2 on a wrong option, told on stderr).
 */
int ap_client_parse(struct ap_client_options *ret_options, const char *usage, const char *about,
		    const GOptionEntry *entries, int *argc, char ***argv);
void ap_client_options_clear(struct ap_client_options *options);

struct ap_client *ap_client_new(const struct ap_client_options *options);
void ap_client_free(struct ap_client *c);

/*
 * One call. `body` may be NULL and is taken; a POST without one sends {}. True on a 2xx, with *ret_answer (may be
 * NULL when not wanted; NULL for an empty answer; json_node_unref). Otherwise the problem is told on stderr.
 */
bool ap_client_call(struct ap_client *c, const char *method, const char *path, JsonNode *body, JsonNode **ret_answer);
/* The same for an answer that is not JSON. */
bool ap_client_fetch(struct ap_client *c, const char *path, GBytes **ret_bytes);
/* HTTP status of the last call, 0 when the vault could not be reached. */
unsigned ap_client_status(const struct ap_client *c);

/* {"name": "value", …} from pairs, NULL-terminated; members whose value is NULL are left out. */
JsonNode *ap_client_object(const char *name, ...) G_GNUC_NULL_TERMINATED;
/* Prints a node as JSON (--json), indented. */
void ap_client_print_json(JsonNode *node);
/* Prints an array of objects as a table with these members as columns, or as JSON with --json. */
void ap_client_print_table(const struct ap_client_options *options, JsonNode *answer, const char *array,
			   const char *const *columns);
/* Asks for such an array and prints it; the exit status. */
int ap_client_list(struct ap_client *c, const struct ap_client_options *options, const char *path, const char *array,
		   const char *const *columns);
/* A progress bar on stderr when that is a terminal; done = total ends it. */
void ap_client_progress(const char *what, uint64_t done, uint64_t total);
