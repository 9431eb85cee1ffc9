/*
 * A journal outside the backups (recorder/backup/journal_file.h) of entries out of the input, then altered as whoever
 * keeps it could: what is still read is the beginning of what was written, byte for byte, or nothing is; what was only
 * torn off is gone on with. Four bytes say how, where and with what; the rest is one entry a line. Or the rest is the file.
 */
#include "fuzz.h"

#include <aparte/buf.h>
#include <glib/gstdio.h>
#include <recorder/backup/journal_file.h>
#include <string.h>

enum how { ANY_BYTES, FLIP, TEAR, DROP_LINE, REPEAT_LINE, SWAP_LINES, WAYS };

enum { ENTRIES = 4 };

static char *directory, *file;
static struct ap_secret *seed;
static uint8_t public[32];

static void make_once(void)
{
	const uint8_t bytes[32] = { 2, 7, 1, 8 };
	g_assert_true(ap_ok(ap_secret_init()));
	seed = ap_secret_from(bytes, sizeof bytes);
	ap_journal_public(seed, public);
	directory = g_dir_make_tmp("aparte-journal-XXXXXX", NULL);
	file = g_build_filename(directory, "journal", NULL);
}

static struct ap_result append(char **texts)
{
	const struct ap_journal_begin begin = { .time = "2026-11-22T10:00:00Z", .origin = "log", .log_size = 3 };
	g_autoptr(GPtrArray) bodies = g_ptr_array_new_with_free_func((GDestroyNotify)json_object_unref);
	for (int i = 0; texts[i] && i < ENTRIES; i++) {
		g_autofree char *valid = g_utf8_make_valid(texts[i], -1);
		JsonObject *body = json_object_new();
		json_object_set_string_member(body, "event", valid);
		g_ptr_array_add(bodies, body);
	}
	struct ap_journal_end end;
	return ap_journal_file_append(directory, seed, &begin, bodies, &end);
}

/* How many lines it has; -1 when it is refused. */
static int read_all(void)
{
	g_autoptr(GPtrArray) lines = NULL;
	return ap_ok(ap_journal_file_read(directory, public, &lines)) ? (int)lines->len : -1;
}

static GString *contents(void)
{
	char *text = NULL;
	gsize len = 0;
	g_assert_true(g_file_get_contents(file, &text, &len, NULL));
	GString *all = g_string_new_len(text, (gssize)len);
	g_free(text);
	return all;
}

static void put(const char *bytes, size_t len)
{
	FILE *f = g_fopen(file, "w");
	g_assert_true(f && fwrite(bytes, 1, len, f) == len && fclose(f) == 0);
}

/* Lines in another order or number; the last piece, behind the last line's end, is empty. */
static void alter_lines(GString *all, enum how how, unsigned at)
{
	g_auto(GStrv) lines = g_strsplit(all->str, "\n", -1);
	unsigned count = g_strv_length(lines) - 1, i = at % count;
	g_string_truncate(all, 0);
	for (unsigned n = 0; n < count; n++) {
		unsigned which = how == SWAP_LINES && n == i ? (n + 1) % count : how == SWAP_LINES && n == (i + 1) % count ? i : n;
		for (int times = n != i ? 1 : how == DROP_LINE ? 0 : how == REPEAT_LINE ? 2 : 1; times > 0; times--)
			g_string_append_printf(all, "%s\n", lines[which]);
	}
}

static void alter(GString *all, enum how how, unsigned at, uint8_t with)
{
	if (how == FLIP)
		all->str[at % all->len] = (char)(all->str[at % all->len] ^ with);
	else if (how == TEAR)
		g_string_truncate(all, at % (all->len + 1));
	else
		alter_lines(all, how, at);
}

static bool begins_with_lines_of(const GString *whole, const GString *altered)
{
	const char *end = altered->len ? memrchr(altered->str, '\n', altered->len) : NULL;
	size_t len = end ? (size_t)(end + 1 - altered->str) : 0;
	return len <= whole->len && memcmp(whole->str, altered->str, len) == 0;
}

static void try_altered(struct ap_reader *r, enum how how, char **texts)
{
	unsigned at = ap_read_u16(r);
	uint8_t with = ap_read_u8(r);
	g_assert_true(ap_ok(append(texts)));
	int lines = read_all();
	g_assert_cmpint(lines, ==, 1 + (int)MIN(g_strv_length(texts), ENTRIES));
	g_autoptr(GString) whole = contents(), altered = g_string_new_len(whole->str, (gssize)whole->len);
	alter(altered, how, at, with);
	put(altered->str, altered->len);
	int left = read_all();
	g_assert_true((left >= 0) == begins_with_lines_of(whole, altered) && left <= lines);
	bool torn_first = altered->len > 0 && !memchr(altered->str, '\n', altered->len); /* no crash of ours leaves that */
	bool goes_on = ap_ok(append(texts));
	g_assert_true(left < 0 || goes_on == !torn_first);
	if (goes_on && left >= 0)
		g_assert_cmpint(read_all(), ==, MAX(left, 1) + lines - 1);
}

/* Not one line of it is ours, nor is what has no line at all: a journal gets its name with its first line whole. */
static void try_any(const char *bytes, size_t len)
{
	bool has_line = len > 0 && memchr(bytes, '\n', len);
	char *texts[] = { "after", NULL };
	put(bytes, len);
	g_assert_cmpint(read_all(), ==, has_line ? -1 : 0);
	g_assert_true(ap_ok(append(texts)) == (len == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ap_reader r = ap_reader_over(data, size);
	if (!seed)
		make_once();
	if (size < 4)
		return 0;
	enum how how = ap_read_u8(&r) % WAYS;
	g_autofree char *rest = g_strndup((const char *)data + 4, size - 4);
	g_auto(GStrv) texts = g_strsplit(rest, "\n", -1);
	g_unlink(file);
	if (how == ANY_BYTES)
		try_any((const char *)data + 4, size - 4);
	else
		try_altered(&r, how, texts);
	return 0;
}
