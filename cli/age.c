/*
 * aparte age: encrypt and decrypt age files, for auditors and for the published vectors. Needs no instance.
 */
#include "cli/commands.h"

#include <aparte/age.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define STEP 65536
#define IDENTITY_PREFIX "AGE-SECRET-KEY-1"

struct options {
	char *identity;
	char *recipient;
	char *output;
	char **files;
	gboolean json;
};

static int failed(const char *subject, const char *reason)
{
	g_printerr("aparte age: %s: %s\n", subject, reason);
	return AP_EXIT_FAILED;
}

static int misused(const char *reason)
{
	g_printerr("aparte age: %s (see `aparte age --help`)\n", reason);
	return AP_EXIT_USAGE;
}

/* ---- input: a mapped file, or all of standard input ---- */

static GBytes *read_stream(FILE *stream)
{
	g_autoptr(GByteArray) all = g_byte_array_new();
	g_autofree uint8_t *step = g_malloc(STEP);
	for (size_t n = fread(step, 1, STEP, stream); n > 0; n = fread(step, 1, STEP, stream))
		g_byte_array_append(all, step, (guint)n);
	return ferror(stream) ? NULL : g_byte_array_free_to_bytes(g_steal_pointer(&all));
}

static GBytes *read_input(const char *path)
{
	if (strcmp(path, "-") == 0)
		return read_stream(stdin);
	g_autoptr(GMappedFile) file = g_mapped_file_new(path, FALSE, NULL);
	return file ? g_mapped_file_get_bytes(file) : NULL;
}

/* ---- output: standard output, or a file that appears only when it is complete ---- */

struct output {
	FILE *stream;
	char *temporary; /* NULL: standard output */
	uint64_t bytes;
};

static struct ap_result write_output(void *ctx, const void *bytes, size_t len)
{
	struct output *out = ctx;
	if (fwrite(bytes, 1, len, out->stream) != len)
		return ap_fail(AP_ERR_IO, "output", "the output could not be written");
	out->bytes += len;
	return AP_SUCCESS;
}

static bool open_output(struct output *out, const char *path)
{
	out->stream = stdout;
	if (!path)
		return true;
	out->temporary = g_strconcat(path, ".part", NULL);
	int fd = open(out->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	out->stream = fd >= 0 ? fdopen(fd, "wb") : NULL;
	return out->stream != NULL;
}

/* Names the file when all went well, else removes it. */
static struct ap_result close_output(struct output *out, const char *path, struct ap_result result)
{
	bool flushed = fflush(out->stream) == 0;
	if (out->temporary)
		flushed = fclose(out->stream) == 0 && flushed;
	if (ap_ok(result) && !flushed)
		result = ap_fail(AP_ERR_IO, "output", "the output could not be written");
	if (out->temporary && ap_ok(result) && g_rename(out->temporary, path) != 0)
		result = ap_fail(AP_ERR_IO, "output", "the output could not be named");
	if (out->temporary && !ap_ok(result))
		g_unlink(out->temporary);
	g_clear_pointer(&out->temporary, g_free);
	return result;
}

static void tell(const struct options *options, const struct output *out)
{
	if (!options->json)
		return;
	g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), json_object_new());
	json_object_set_string_member(json_node_get_object(node), "output", options->output);
	json_object_set_int_member(json_node_get_object(node), "bytes", (gint64)out->bytes);
	g_autofree char *text = json_to_string(node, FALSE);
	g_print("%s\n", text);
}

/* Runs one direction from input to output and tells how it went. */
static int run(const struct options *options, struct ap_result (*work)(const struct options *, GBytes *, struct output *))
{
	const char *path = options->files && options->files[0] ? options->files[0] : "-";
	g_autoptr(GBytes) input = read_input(path);
	struct output out = { 0 };
	if (!input)
		return failed(path, "cannot be read");
	if (!open_output(&out, options->output)) {
		g_free(out.temporary);
		return failed(options->output, "cannot be written");
	}
	struct ap_result result = close_output(&out, options->output, work(options, input, &out));
	if (!ap_ok(result))
		return failed(path, result.detail);
	tell(options, &out);
	return AP_EXIT_OK;
}

/* ---- decrypting ---- */

/* Tries one identity; goes on only when the file is not for it. */
static struct ap_result open_with(const char *text, GBytes *input, struct ap_age_file **ret_file)
{
	struct ap_secret *identity = NULL;
	gsize len = 0;
	const void *bytes = g_bytes_get_data(input, &len);
	AP_TRY(ap_age_identity_parse(text, &identity));
	struct ap_result result = ap_age_file_open(bytes, len, identity, ret_file);
	ap_secret_free(identity);
	return result;
}

static bool is_identity_line(const char *line)
{
	return *line && *line != '#';
}

/* `text` is an identity file: one identity a line, comments by '#'. */
static struct ap_result open_with_any(const char *text, GBytes *input, struct ap_age_file **ret_file)
{
	struct ap_result result = ap_fail(AP_ERR_CRYPTO, "age-key", "there is no identity in the identity file");
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line; line++) {
		if (!is_identity_line(g_strchomp(*line)))
			continue;
		result = open_with(*line, input, ret_file);
		if (ap_ok(result) || strcmp(result.name, "age-no-match") != 0)
			break;
	}
	for (char **line = lines; *line; line++)
		ap_wipe(*line, strlen(*line));
	return result;
}

static struct ap_result open_input(const char *identity, GBytes *input, struct ap_age_file **ret_file)
{
	if (g_str_has_prefix(identity, IDENTITY_PREFIX))
		return open_with(identity, input, ret_file);
	g_autofree char *text = NULL;
	gsize len = 0;
	if (!g_file_get_contents(identity, &text, &len, NULL))
		return ap_fail(AP_ERR_IO, "age-key", "the identity file cannot be read");
	struct ap_result result = open_with_any(text, input, ret_file);
	ap_wipe(text, len);
	return result;
}

static struct ap_result decrypt(const struct options *options, GBytes *input, struct output *out)
{
	struct ap_age_file *file = NULL;
	AP_TRY(open_input(options->identity, input, &file));
	g_autofree uint8_t *step = g_malloc(STEP);
	struct ap_result result = AP_SUCCESS;
	uint64_t size = ap_age_file_size(file);
	for (uint64_t off = 0; ap_ok(result) && off < size; off += STEP) {
		size_t n = (size_t)MIN(size - off, STEP);
		result = ap_age_file_read(file, off, step, n);
		if (ap_ok(result))
			result = write_output(out, step, n);
	}
	ap_age_file_free(file);
	ap_wipe(step, STEP);
	return result;
}

/* ---- encrypting ---- */

static struct ap_result encrypt(const struct options *options, GBytes *input, struct output *out)
{
	struct ap_age_recipient recipient;
	struct ap_age_writer *writer = NULL;
	gsize len = 0;
	const void *bytes = g_bytes_get_data(input, &len);
	AP_TRY(ap_age_recipient_parse(options->recipient, &recipient));
	AP_TRY(ap_age_writer_new(&recipient, write_output, out, &writer));
	struct ap_result result = ap_age_writer_write(writer, bytes, len);
	if (ap_ok(result))
		result = ap_age_writer_finish(writer);
	ap_age_writer_free(writer);
	return result;
}

/* ---- command line ---- */

static int check(const char *verb, const struct options *options)
{
	if (options->files && options->files[0] && options->files[1])
		return misused("one file at a time");
	if (options->json && !options->output)
		return misused("--json needs -o, since the file itself goes to standard output");
	if (strcmp(verb, "decrypt") == 0)
		return options->identity && !options->recipient ? run(options, decrypt) : misused("decrypt needs -i IDENTITY");
	if (strcmp(verb, "encrypt") == 0)
		return options->recipient && !options->identity ? run(options, encrypt) : misused("encrypt needs -r RECIPIENT");
	return misused("decrypt or encrypt");
}

static void options_clear(struct options *options)
{
	if (options->identity)
		ap_wipe(options->identity, strlen(options->identity));
	g_free(options->identity);
	g_free(options->recipient);
	g_free(options->output);
	g_strfreev(options->files);
}

int ap_cmd_age(int argc, char **argv)
{
	struct options o = { 0 };
	const GOptionEntry entries[] = {
		{ "identity", 'i', 0, G_OPTION_ARG_FILENAME, &o.identity, "decrypt: a file of identities (AGE-SECRET-KEY-1…)", "IDENTITY" },
		{ "recipient", 'r', 0, G_OPTION_ARG_STRING, &o.recipient, "encrypt: for this age1… recipient", "RECIPIENT" },
		{ "output", 'o', 0, G_OPTION_ARG_FILENAME, &o.output, "write there; it appears only when complete", "FILE" },
		{ "json", 0, 0, G_OPTION_ARG_NONE, &o.json, "tell as JSON what was written (with -o)", NULL },
		{ G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &o.files, NULL, NULL },
		G_OPTION_ENTRY_NULL,
	};
	const char *verb = argc > 1 && argv[1][0] != '-' ? argv[1] : "";
	g_set_prgname("aparte age");
	g_autoptr(GOptionContext) context = g_option_context_new("decrypt -i IDENTITY [FILE] | encrypt -r RECIPIENT [FILE]");
	g_autoptr(GError) error = NULL;
	g_option_context_set_summary(context, "age v1 files (age-encryption.org) for X25519 recipients.");
	g_option_context_add_main_entries(context, entries, NULL);
	g_option_context_set_help_enabled(context, FALSE);
	if (argc < 2 || strcmp(argv[1], "--help") == 0 || (argc > 2 && strcmp(argv[2], "--help") == 0)) {
		g_autofree char *help = g_option_context_get_help(context, TRUE, NULL);
		(argc < 2 ? g_printerr : g_print)("%s", help);
		return argc < 2 ? AP_EXIT_USAGE : AP_EXIT_OK;
	}
	int shift = *verb ? 1 : 0, rest = argc - shift;
	char **words = argv + shift;
	int status = g_option_context_parse(context, &rest, &words, &error) ? check(verb, &o) : misused(error->message);
	options_clear(&o);
	return status;
}
