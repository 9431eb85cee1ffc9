/* aparte tenant export: a leaving platform's data and recordings, all under its own key, into a directory. */
#include "cli/commands.h"
#include "cli/tenant_leave.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WAIT_S 120 /* for recordings of sessions that have just ended to be sealed */

static const char opener[] =
	"#!/bin/sh\n"
	"# Opens the recordings beside it with the stock age tool: open.sh IDENTITY-FILE OUTPUT-DIRECTORY\n"
	"set -eu\n"
	"umask 077\n"
	"here=$(cd \"$(dirname \"$0\")\" && pwd)\n"
	"identity=$1\n"
	"out=$2\n"
	"mkdir -p \"$out\"\n"
	"for recording in \"$here\"/recordings/*; do\n"
	"\t[ -f \"$recording/identities.age\" ] || continue\n"
	"\tname=$(basename \"$recording\")\n"
	"\tage -d -i \"$identity\" -o \"$out/$name.key\" \"$recording/identities.age\"\n"
	"\tfor role in coach coachee; do\n"
	"\t\t[ -d \"$recording/$role\" ] || continue\n"
	"\t\tls \"$recording/$role\" | sort -n | while read -r part; do\n"
	"\t\t\tage -d -i \"$out/$name.key\" \"$recording/$role/$part\" || exit 1\n"
	"\t\tdone > \"$out/$name-$role.webm\"\n"
	"\tdone\n"
	"\trm \"$out/$name.key\"\n"
	"done\n";

static const char *const roles[] = {"coach", "coachee"};

struct export
{
	/* borrowed */
	struct ap_client *c;
	const char *tenant, *dir;
	/* owned */
	char *base;         /* /v1/tenants/…/offboard */
	GHashTable *wanted; /* recordings that are in it */
	gint64 taken, left_out;
};

static bool failed(const char *path)
{
	fprintf(stderr, "%s cannot be written.\n", path);
	return false;
}

/* Whole and synced, or not there under its name. */
static bool write_whole(const char *path, const void *bytes, gsize len, int mode)
{
	return g_file_set_contents_full(path, bytes, (gssize)len,
					G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, mode, NULL) ||
	       failed(path);
}

static char *inside(const struct export *e, const char *name)
{
	return g_build_filename(e->dir, name, NULL);
}

static bool call(struct export *e, const char *method, const char *rest, JsonNode *body, JsonNode **ret_answer)
{
	g_autofree char *path = g_strconcat(e->base, rest, NULL);
	return ap_client_call(e->c, method, path, body, ret_answer);
}

/* ---- the directory ---- */

static bool is_empty(const char *dir)
{
	g_autoptr(GDir) open = g_dir_open(dir, 0, NULL);
	return open && !g_dir_read_name(open);
}

/* A marker tells whose export it is, so that none goes on in another's directory. */
static bool open_dir(struct export *e, const char *offboarding)
{
	g_autofree char *marker = inside(e, "OFFBOARDING"), *recordings = inside(e, "recordings"), *before = NULL;
	if (g_mkdir_with_parents(e->dir, 0700) != 0)
		return failed(e->dir);
	if (g_file_get_contents(marker, &before, NULL, NULL)) {
		if (strcmp(g_strchomp(before), offboarding) == 0)
			return true;
		fprintf(stderr, "%s holds the export of another off-boarding.\n", e->dir);
		return false;
	}
	if (!is_empty(e->dir)) {
		fprintf(stderr, "%s is not empty.\n", e->dir);
		return false;
	}
	g_autofree char *line = g_strconcat(offboarding, "\n", NULL);
	return (g_mkdir_with_parents(recordings, 0700) == 0 || failed(recordings)) &&
	       write_whole(marker, line, strlen(line), 0600);
}

/* ---- data.age ---- */

static bool wait_for_data(struct export *e, guint64 *ret_size)
{
	for (;;) {
		g_autoptr(JsonNode) answer = NULL;
		if (!call(e, "GET", "", NULL, &answer))
			return false;
		JsonObject *data = json_object_get_object_member(json_node_get_object(answer), "data");
		const char *state = json_object_get_string_member(data, "state");
		if (strcmp(state, "ready") == 0) {
			*ret_size = (guint64)json_object_get_int_member(data, "size");
			return true;
		}
		if (strcmp(state, "making") != 0) {
			fputs("The data could not be put together; the vault's log says why.\n", stderr);
			return false;
		}
		ap_client_progress("sessions", (uint64_t)json_object_get_int_member(data, "done"),
				   (uint64_t)json_object_get_int_member(data, "sessions") + 1);
		g_usleep(200000);
	}
}

static bool fetch_pieces(struct export *e, int fd, guint64 size)
{
	for (guint64 offset = 0; offset < size;) {
		g_autoptr(GBytes) piece = NULL;
		g_autofree char *path = g_strdup_printf("%s/data?offset=%" G_GUINT64_FORMAT, e->base, offset);
		if (!ap_client_fetch(e->c, path, &piece))
			return false;
		gsize len;
		const char *bytes = g_bytes_get_data(piece, &len);
		offset += len;
		for (ssize_t n; len > 0; bytes += n, len -= (gsize)n)
			if ((n = write(fd, bytes, len)) <= 0)
				return failed(e->dir);
	}
	return fsync(fd) == 0;
}

static bool fetch_data(struct export *e)
{
	g_autoptr(JsonNode) begun = NULL;
	g_autofree char *path = inside(e, "data.age"), *part = inside(e, "data.age.part");
	guint64 size = 0;
	if (!call(e, "POST", "/data", NULL, &begun) || !wait_for_data(e, &size))
		return false;
	int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return failed(part);
	bool done = fetch_pieces(e, fd, size);
	close(fd);
	return done && (g_rename(part, path) == 0 || failed(path));
}

/* ---- recordings ---- */

static bool fetch_segment(struct export *e, const char *recording, const char *access, const char *role,
			  JsonObject *segment, const char *dir)
{
	g_autoptr(GBytes) bytes = NULL;
	gint64 n = json_object_get_int_member(segment, "n");
	g_autofree char *name = g_strdup_printf("%lld.age", (long long)n), *file = g_build_filename(dir, name, NULL);
	g_autofree char *path =
		g_strdup_printf("/v1/recordings/%s/segments/%s/%lld?access=%s", recording, role, (long long)n, access);
	if (!ap_client_fetch(e->c, path, &bytes))
		return false;
	g_autofree char *sum = g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, bytes);
	if (strcmp(sum, json_object_get_string_member(segment, "sha256")) != 0) {
		fprintf(stderr, "a segment of %s is not what was recorded.\n", recording);
		return false;
	}
	gsize len;
	const void *data = g_bytes_get_data(bytes, &len);
	return write_whole(file, data, len, 0600);
}

static bool fetch_track(struct export *e, JsonObject *answer, const char *role, const char *into)
{
	JsonArray *list = json_object_get_array_member(json_object_get_object_member(answer, "segments"), role);
	g_autofree char *dir = g_build_filename(into, role, NULL);
	if (g_mkdir_with_parents(dir, 0700) != 0)
		return failed(dir);
	for (guint i = 0; i < json_array_get_length(list); i++)
		if (!fetch_segment(e, json_object_get_string_member(answer, "recording"),
				   json_object_get_string_member(answer, "access"), role,
				   json_array_get_object_element(list, i), dir))
			return false;
	return true;
}

static bool end_access(struct export *e, JsonObject *answer)
{
	g_autofree char *path =
		g_strdup_printf("/v1/recordings/%s/accesses/%s", json_object_get_string_member(answer, "recording"),
				json_object_get_string_member(answer, "access"));
	return ap_client_call(e->c, "DELETE", path, NULL, NULL);
}

/* The identities are written last: where they lie, the recording is whole. */
static bool fetch_recording(struct export *e, const char *id)
{
	g_autoptr(JsonNode) node = NULL;
	g_autofree char *into = g_build_filename(e->dir, "recordings", id, NULL);
	g_autofree char *identities = g_build_filename(into, "identities.age", NULL),
			*rest = g_strconcat("/recordings/", id, NULL);
	if (g_file_test(identities, G_FILE_TEST_EXISTS))
		return true;
	if (!call(e, "POST", rest, NULL, &node))
		return false;
	JsonObject *answer = json_node_get_object(node);
	for (int i = 0; i < 2; i++)
		if (!fetch_track(e, answer, roles[i], into))
			return false;
	gsize len;
	g_autofree guchar *file = g_base64_decode(json_object_get_string_member(answer, "identities"), &len);
	return write_whole(identities, file, len, 0600) && end_access(e, answer);
}

static bool remove_tree(const char *path)
{
	g_autoptr(GDir) dir = g_file_test(path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open(path, 0, NULL);
	for (const char *name; dir && (name = g_dir_read_name(dir)) != NULL;) {
		g_autofree char *child = g_build_filename(path, name, NULL);
		if (!remove_tree(child))
			return false;
	}
	return g_remove(path) == 0 || failed(path);
}

/* What was erased since an export that broke off is not kept in it either. */
static bool remove_unwanted(struct export *e)
{
	g_autofree char *path = inside(e, "recordings");
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	for (const char *name; dir && (name = g_dir_read_name(dir)) != NULL;) {
		g_autofree char *child = g_build_filename(path, name, NULL);
		if (!g_hash_table_contains(e->wanted, name) && !remove_tree(child))
			return false;
	}
	return true;
}

static bool still_recording(JsonArray *left)
{
	for (guint i = 0; i < json_array_get_length(left); i++)
		if (strcmp(json_object_get_string_member(json_array_get_object_element(left, i), "why"), "recording") ==
		    0)
			return true;
	return false;
}

static bool list_recordings(struct export *e, JsonNode **ret_answer)
{
	for (int waited = 0;; waited++) {
		g_autoptr(JsonNode) answer = NULL;
		if (!call(e, "GET", "/recordings", NULL, &answer))
			return false;
		if (waited == WAIT_S ||
		    !still_recording(json_object_get_array_member(json_node_get_object(answer), "left_out"))) {
			*ret_answer = g_steal_pointer(&answer);
			return true;
		}
		g_usleep(G_USEC_PER_SEC);
	}
}

static bool fetch_recordings(struct export *e)
{
	g_autoptr(JsonNode) answer = NULL;
	if (!list_recordings(e, &answer))
		return false;
	JsonArray *list = json_object_get_array_member(json_node_get_object(answer), "recordings");
	JsonArray *left = json_object_get_array_member(json_node_get_object(answer), "left_out");
	guint n = json_array_get_length(list);
	for (guint i = 0; i < n; i++)
		g_hash_table_add(e->wanted, g_strdup(json_array_get_string_element(list, i)));
	for (guint i = 0; i < n; i++) {
		if (!fetch_recording(e, json_array_get_string_element(list, i)))
			return false;
		ap_client_progress("recordings", i + 1, n);
	}
	e->taken = n;
	e->left_out = json_array_get_length(left);
	for (guint i = 0; i < json_array_get_length(left); i++) {
		JsonObject *o = json_array_get_object_element(left, i);
		fprintf(stderr, "left out: %s (%s)\n", json_object_get_string_member(o, "recording"),
			json_object_get_string_member(o, "why"));
	}
	return remove_unwanted(e);
}

/* ---- SHA256SUMS ---- */

static bool sum_file(const char *path, GString *sums, const char *name)
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	g_autofree guchar *buffer = g_malloc(1 << 16);
	FILE *file = fopen(path, "rbe");
	if (!file)
		return false;
	for (size_t n; (n = fread(buffer, 1, 1 << 16, file)) > 0;)
		g_checksum_update(sum, buffer, (gssize)n);
	bool whole = !ferror(file);
	fclose(file);
	g_string_append_printf(sums, "%s  %s\n", g_checksum_get_string(sum), name);
	return whole;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names below `dir`, sorted; directories are walked into. */
static bool sum_tree(struct export *e, const char *below, GString *sums)
{
	g_autofree char *path = inside(e, below);
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	for (const char *name; dir && (name = g_dir_read_name(dir)) != NULL;)
		g_ptr_array_add(names, *below ? g_build_filename(below, name, NULL) : g_strdup(name));
	g_ptr_array_sort(names, by_name);
	for (guint i = 0; i < names->len; i++) {
		const char *name = g_ptr_array_index(names, i);
		g_autofree char *full = inside(e, name);
		bool folder = g_file_test(full, G_FILE_TEST_IS_DIR);
		if (strcmp(name, "SHA256SUMS") != 0 && !(folder ? sum_tree(e, name, sums) : sum_file(full, sums, name)))
			return false;
	}
	return dir != NULL;
}

static bool report(struct export *e, const char *sums, const struct ap_client_options *options)
{
	g_autofree char *sha256 = g_compute_checksum_for_string(G_CHECKSUM_SHA256, sums, -1);
	g_autoptr(JsonNode) answer = NULL;
	JsonNode *body = ap_client_object("sha256", sha256, NULL);
	json_object_set_int_member(json_node_get_object(body), "recordings", e->taken);
	json_object_set_int_member(json_node_get_object(body), "left_out", e->left_out);
	if (!call(e, "POST", "/exported", body, &answer))
		return false;
	if (options->json)
		ap_client_print_json(answer);
	else
		printf("%lld recordings and the data of %s lie in %s; left out: %lld.\nSHA-256 of SHA256SUMS: %s\n"
		       "Once the leaver has opened it (sha256sum -c SHA256SUMS; sh open.sh KEY DIR), another admin has "
		       "it erased:\n"
		       "  aparte tenant erase %s --admin NAME\n",
		       (long long)e->taken, e->tenant, e->dir, (long long)e->left_out, sha256, e->tenant);
	return true;
}

static bool finish(struct export *e, const struct ap_client_options *options)
{
	g_autofree char *open = inside(e, "open.sh"), *list = inside(e, "SHA256SUMS");
	g_autoptr(GString) sums = g_string_new(NULL);
	if (!write_whole(open, opener, strlen(opener), 0700))
		return false;
	if (!sum_tree(e, "", sums)) {
		fprintf(stderr, "%s cannot be read back.\n", e->dir);
		return false;
	}
	return write_whole(list, sums->str, sums->len, 0600) && report(e, sums->str, options);
}

int ap_tenant_export(struct ap_client *c, const struct ap_client_options *options, const char *tenant, const char *dir)
{
	g_autofree char *name = g_uri_escape_string(tenant, NULL, FALSE);
	g_autoptr(JsonNode) answer = NULL;
	struct export e = {.c = c, .tenant = tenant, .dir = dir};
	e.base = g_strconcat("/v1/tenants/", name, "/offboard", NULL);
	e.wanted = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	bool done = call(&e, "GET", "", NULL, &answer) &&
		    open_dir(&e, json_object_get_string_member(json_node_get_object(answer), "id")) &&
		    fetch_recordings(&e) && fetch_data(&e) && finish(&e, options);
	g_hash_table_destroy(e.wanted);
	g_free(e.base);
	return done ? AP_EXIT_OK : AP_EXIT_FAILED;
}
