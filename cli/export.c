/* aparte export: the identities of a recording for the stock `age` tool, and its ciphertext. Logged as an access. */
#include "cli/client.h"
#include "cli/commands.h"

#include <aparte/secret.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] = "--recording ID --identity FILE --reason TEXT [--segments DIR]";

static const char *const roles[] = {"coach", "coachee"};

/* A new file of 0600; what is there is never overwritten. */
static bool write_private(const char *path, const void *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool done = fd >= 0;
	for (size_t at = 0; done && at < len;) {
		ssize_t n = write(fd, (const char *)bytes + at, len - at);
		done = n > 0;
		at += done ? (size_t)n : 0;
	}
	done = done && fsync(fd) == 0;
	if (fd >= 0)
		close(fd);
	if (!done)
		fprintf(stderr, "%s cannot be written anew.\n", path);
	return done;
}

static bool write_identities(JsonObject *answer, const char *path)
{
	JsonObject *identities = json_object_get_object_member(answer, "identities");
	char *text = g_strdup_printf("# coach's track\n%s\n# coachee's track\n%s\n",
				     json_object_get_string_member(identities, "coach"),
				     json_object_get_string_member(identities, "coachee"));
	bool done = write_private(path, text, strlen(text));
	ap_wipe(text, strlen(text));
	g_free(text);
	return done;
}

struct copying {
	struct ap_client *client;
	const char *recording, *access, *dir;
	uint64_t done, total;
};

static bool copy_segment(struct copying *k, const char *role, gint64 number)
{
	g_autoptr(GBytes) bytes = NULL;
	g_autofree char *path = g_strdup_printf("/v1/recordings/%s/segments/%s/%lld?access=%s", k->recording, role,
						(long long)number, k->access);
	g_autofree char *name = g_strdup_printf("%lld.age", (long long)number);
	g_autofree char *file = g_build_filename(k->dir, role, name, NULL);
	if (!ap_client_fetch(k->client, path, &bytes))
		return false;
	gsize len;
	const void *data = g_bytes_get_data(bytes, &len);
	ap_client_progress("segments", ++k->done, k->total);
	return write_private(file, data, len);
}

static bool copy_track(struct copying *k, const char *role, JsonArray *numbers)
{
	g_autofree char *dir = g_build_filename(k->dir, role, NULL);
	if (g_mkdir_with_parents(dir, 0700) != 0) {
		fprintf(stderr, "%s cannot be made.\n", dir);
		return false;
	}
	for (guint i = 0; i < json_array_get_length(numbers); i++)
		if (!copy_segment(k, role, json_array_get_int_element(numbers, i)))
			return false;
	return true;
}

static bool copy_segments(struct ap_client *c, const char *recording, JsonObject *answer, const char *dir)
{
	JsonObject *segments = json_object_get_object_member(answer, "segments");
	struct copying k = {c, recording, json_object_get_string_member(answer, "access"), dir, 0, 0};
	for (int i = 0; i < 2; i++)
		k.total += json_array_get_length(json_object_get_array_member(segments, roles[i]));
	for (int i = 0; i < 2; i++)
		if (!copy_track(&k, roles[i], json_object_get_array_member(segments, roles[i])))
			return false;
	return true;
}

static void print_result(const struct ap_client_options *options, JsonNode *answer, const char *identity,
			 const char *dir)
{
	JsonObject *o = json_node_get_object(answer);
	if (options->json) {
		json_object_remove_member(o, "identities"); /* they stand in the file alone */
		ap_client_print_json(answer);
		return;
	}
	printf("identities  %s\n", identity);
	if (dir)
		printf("segments    %s/{coach,coachee}/N.age\n"
		       "One track:  for n in $(ls %s/coach | sort -n); do age -d -i %s %s/coach/$n; done > "
		       "coach.webm\n",
		       dir, dir, identity, dir);
}

/* R14, R17: nothing was handed out yet. */
static int tell_pending(JsonObject *o)
{
	fprintf(stderr, "This recording needs another admin's word: aparte grant approve %s --admin NAME; then try again.\n",
		json_object_get_string_member(o, "approval"));
	return AP_EXIT_FAILED;
}

static int run(struct ap_client *c, const struct ap_client_options *options, const char *recording,
	       const char *identity, const char *dir)
{
	g_autoptr(JsonNode) answer = NULL;
	if (!recording || !identity || !options->reason) {
		fprintf(stderr, "usage: aparte export %s\n", usage);
		return AP_EXIT_USAGE;
	}
	g_autofree char *path = g_strconcat("/v1/recordings/", recording, "/export", NULL);
	if (!ap_client_call(c, "POST", path, ap_client_object("reason", options->reason, NULL), &answer))
		return AP_EXIT_FAILED;
	JsonObject *o = json_node_get_object(answer);
	if (json_object_has_member(o, "approval"))
		return tell_pending(o);
	if (!write_identities(o, identity) || (dir && !copy_segments(c, recording, o, dir)))
		return AP_EXIT_FAILED;
	print_result(options, answer, identity, dir);
	return AP_EXIT_OK;
}

int ap_cmd_export(int argc, char **argv)
{
	g_autofree char *recording = NULL, *identity = NULL, *dir = NULL;
	struct ap_client_options options = {0};
	const GOptionEntry entries[] = {
		{"recording", 0, 0, G_OPTION_ARG_STRING, &recording, "which one", "ID"},
		{"identity", 0, 0, G_OPTION_ARG_FILENAME, &identity, "where its age identities go (a new file, 0600)",
		 "FILE"},
		{"segments", 0, 0, G_OPTION_ARG_FILENAME, &dir, "where its ciphertext goes", "DIR"},
		{NULL, 0, 0, 0, NULL, NULL, NULL},
	};
	int status = ap_client_parse(&options, usage, "Opens a recording to the stock age tool; logged as an access.",
				     entries, &argc, &argv);
	if (status < 0) {
		struct ap_client *c = ap_client_new(&options);
		status = run(c, &options, recording, identity, dir);
		ap_client_free(c);
	}
	ap_client_options_clear(&options);
	return status;
}
