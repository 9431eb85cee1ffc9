#include <aparte/static_files.h>

#include <gio/gio.h>
#include <libsoup/soup.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_BYTES (32u << 20)
#define MAX_DEPTH 8

/* One representation of a file: RFC 9110 §8.8.3 wants a strong ETag for each. */
struct form {
	GBytes *bytes; /* NULL: there is none */
	char *etag;
};

struct file {
	struct form plain, zipped;
	const char *type; /* static */
};

struct ap_static_files {
	GHashTable *by_path; /* owned: path -> struct file */
	char *policy;	     /* Content-Security-Policy */
	bool camera;
	size_t total;
};

static const struct {
	const char *ending, *type;
} types[] = {
	{ ".html", "text/html; charset=utf-8" },	{ ".js", "text/javascript; charset=utf-8" },
	{ ".mjs", "text/javascript; charset=utf-8" },	{ ".css", "text/css; charset=utf-8" },
	{ ".json", "application/json" },		{ ".svg", "image/svg+xml" },
	{ ".png", "image/png" },			{ ".ico", "image/x-icon" },
	{ ".woff2", "font/woff2" },			{ ".webmanifest", "application/manifest+json" },
	{ ".md", "text/plain; charset=utf-8" },
};

static const char *type_of(const char *path)
{
	for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
		if (g_str_has_suffix(path, types[i].ending))
			return types[i].type;
	return "application/octet-stream";
}

static void file_free(void *data)
{
	struct file *file = data;
	g_bytes_unref(file->plain.bytes);
	g_clear_pointer(&file->zipped.bytes, g_bytes_unref);
	g_free(file->plain.etag);
	g_free(file->zipped.etag);
	g_free(file);
}

static struct form form_of(GBytes *bytes)
{
	uint8_t hash[crypto_hash_sha256_BYTES];
	char hex[2 * 16 + 1];
	crypto_hash_sha256(hash, g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
	sodium_bin2hex(hex, sizeof hex, hash, 16);
	return (struct form){ .bytes = bytes, .etag = g_strdup_printf("\"%s\"", hex) };
}

/* NULL when that saves nothing, as for fonts and pictures. */
static GBytes *gzipped(GBytes *plain)
{
	g_autoptr(GConverter) zip = G_CONVERTER(g_zlib_compressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP, 9));
	g_autoptr(GOutputStream) memory = g_memory_output_stream_new_resizable();
	g_autoptr(GOutputStream) through = g_converter_output_stream_new(memory, zip);
	size_t len, written;
	const void *data = g_bytes_get_data(plain, &len);
	if (!g_output_stream_write_all(through, data, len, &written, NULL, NULL) ||
	    !g_output_stream_close(through, NULL, NULL))
		return NULL;
	g_autoptr(GBytes) bytes = g_memory_output_stream_steal_as_bytes(G_MEMORY_OUTPUT_STREAM(memory));
	return g_bytes_get_size(bytes) < len ? g_steal_pointer(&bytes) : NULL;
}

static struct ap_result add_file(struct ap_static_files *files, const char *full, const char *path)
{
	char *text;
	size_t len;
	if (!g_file_get_contents(full, &text, &len, NULL))
		return ap_fail(AP_ERR_IO, "static-files", "a page cannot be read");
	files->total += len;
	struct file *file = g_new0(struct file, 1);
	file->plain = form_of(g_bytes_new_take(text, len));
	GBytes *zipped = gzipped(file->plain.bytes);
	if (zipped)
		file->zipped = form_of(zipped);
	file->type = type_of(path);
	g_hash_table_replace(files->by_path, g_strdup(path), file);
	if (files->total > MAX_BYTES)
		return ap_fail(AP_ERR_LIMIT, "static-files", "the pages are larger than 32 MiB");
	return AP_SUCCESS;
}

/* Symbolic links are not followed: what is served is what stands in the directory. */
static struct ap_result add_directory(struct ap_static_files *files, const char *dir, const char *prefix, int depth)
{
	g_autoptr(GDir) open = g_dir_open(dir, 0, NULL);
	if (!open || depth > MAX_DEPTH)
		return ap_fail(AP_ERR_IO, "static-files", "the directory of the pages cannot be read");
	for (const char *name; (name = g_dir_read_name(open));) {
		g_autofree char *full = g_build_filename(dir, name, NULL);
		g_autofree char *path = g_strconcat(prefix, name, NULL);
		struct stat st;
		if (*name == '.' || strcmp(name, "node_modules") == 0 || lstat(full, &st) != 0)
			continue;
		if (S_ISREG(st.st_mode)) {
			AP_TRY(add_file(files, full, path));
		} else if (S_ISDIR(st.st_mode)) {
			g_autofree char *below = g_strconcat(path, "/", NULL);
			AP_TRY(add_directory(files, full, below, depth + 1));
		}
	}
	return AP_SUCCESS;
}

static char *policy_text(const char *const *ancestors)
{
	g_autofree char *joined = ancestors && *ancestors ? g_strjoinv(" ", (char **)ancestors) : g_strdup("'none'");
	return g_strconcat("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
			   "font-src 'self'; media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
			   "frame-ancestors ",
			   joined, NULL);
}

struct ap_result ap_static_files_load(const char *dir, const struct ap_static_options *options,
				      struct ap_static_files **ret_files)
{
	struct ap_static_files *files = g_new0(struct ap_static_files, 1);
	files->by_path = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, file_free);
	files->policy = policy_text(options->frame_ancestors);
	files->camera = options->camera;
	struct ap_result r = add_directory(files, dir, "", 0);
	if (!ap_ok(r)) {
		ap_static_files_free(files);
		return r;
	}
	*ret_files = files;
	return AP_SUCCESS;
}

void ap_static_files_free(struct ap_static_files *files)
{
	if (!files)
		return;
	g_hash_table_unref(files->by_path);
	g_free(files->policy);
	g_free(files);
}

/* If-None-Match: RFC 9110 §13.1.2, weak comparison of any entry. */
static bool has_it_already(const struct ap_http_call *call, const char *etag)
{
	const char *header = ap_http_header(call, "If-None-Match");
	return header && (strcmp(header, "*") == 0 || strstr(header, etag));
}

/* RFC 9110 §12.5.3: named and not of weight zero. Who names nothing gets plain bytes. */
static bool takes_gzip(const struct ap_http_call *call)
{
	const char *header = ap_http_header(call, "Accept-Encoding");
	GSList *taken = header ? soup_header_parse_quality_list(header, NULL) : NULL;
	bool found = false;
	for (GSList *one = taken; one && !found; one = one->next)
		found = g_ascii_strcasecmp(one->data, "gzip") == 0;
	soup_header_free_list(taken);
	return found;
}

void ap_static_files_answer(const struct ap_static_files *files, struct ap_http_call *call, const char *path)
{
	const struct file *file = g_hash_table_lookup(files->by_path, path);
	if (!file) {
		ap_http_answer_problem(call, "not-found", "There is no such page.");
		return;
	}
	bool zipped = file->zipped.bytes && takes_gzip(call);
	const struct form *form = zipped ? &file->zipped : &file->plain;
	ap_http_set_header(call, "ETag", form->etag);
	ap_http_add_header(call, "Vary", "Accept-Encoding");
	if (zipped)
		ap_http_set_header(call, "Content-Encoding", "gzip");
	ap_http_set_header(call, "Cache-Control", "no-cache");
	ap_http_set_header(call, "Content-Security-Policy", files->policy);
	ap_http_set_header(call, "Cross-Origin-Opener-Policy", "same-origin");
	ap_http_set_header(call, "Permissions-Policy",
			   files->camera ? "camera=(self), microphone=(self), display-capture=(self), geolocation=()" :
					   "camera=(), microphone=(), display-capture=(), geolocation=()");
	if (has_it_already(call, form->etag))
		ap_http_answer_empty(call, 304);
	else
		ap_http_answer(call, 200, file->type, form->bytes);
}
