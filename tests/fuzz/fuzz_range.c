/*
 * Range requests for a source of known bytes, as playback answers them (RFC 9110 §14): two bytes of size, then the header.
 * Whatever is asked, the bytes sent are those the answer says they are, and never one beyond the end.
 */
#include "fuzz.h"

#include "tests/fuzz/fake_http.h"

#include <stdio.h>
#include <string.h>

static uint64_t source_size; /* of this run */

static uint8_t byte_at(uint64_t offset)
{
	return (uint8_t)(offset * 31 + offset / 251);
}

static void read_piece(void *ctx, struct ap_http_call *call, uint64_t offset, uint32_t length)
{
	(void)ctx;
	g_assert_true(length > 0 && length <= AP_HTTP_PIECE && offset < source_size && length <= source_size - offset);
	uint8_t *bytes = g_malloc(length);
	for (uint32_t i = 0; i < length; i++)
		bytes[i] = byte_at(offset + i);
	g_autoptr(GBytes) piece = g_bytes_new_take(bytes, length);
	ap_http_source_give(call, piece);
}

static void done(void *ctx)
{
	++*(unsigned *)ctx;
}

static void serve(struct ap_http_call *call, void *ctx)
{
	const struct ap_http_source source = { source_size, read_piece, done, ctx };
	ap_http_answer_source(call, "video/webm", &source);
}

static struct ap_http *the_http(unsigned *ends)
{
	static struct ap_http *http;
	static const struct ap_http_route route = { "GET", "/track", serve, 0, NULL };
	const struct ap_http_options options = { 0 };
	if (!http) {
		http = ap_http_new(&options);
		ap_http_add_routes(http, &route, 1, ends);
	}
	return http;
}

static void check_part(const struct fake_answer *a)
{
	uint64_t from = 0, to = 0, size = 0;
	g_assert_true(a->content_range && sscanf(a->content_range, "bytes %lu-%lu/%lu", &from, &to, &size) == 3);
	g_assert_true(size == source_size && from <= to && to < size && a->body->len == to - from + 1);
	for (uint64_t i = 0; i < a->body->len; i++)
		g_assert_true(a->body->data[i] == byte_at(from + i));
}

/* One to nine digits: GLib's own reader skips a vertical tab. */
static bool read_number(const char *text, uint64_t *ret_number)
{
	size_t digits = strspn(text, "0123456789");
	return digits > 0 && digits <= 9 && !text[digits] && g_ascii_string_to_unsigned(text, 10, 0, 999999999, ret_number, NULL);
}

/* "bytes=<first>-<last>" in at most nine digits each, read apart from the product, is answered with just that. */
static void check_plain(const struct fake_answer *a, const char *value)
{
	uint64_t first = 0, last = 0, from = 0, to = 0;
	g_auto(GStrv) parts = g_strsplit(value, "-", -1);
	if (!g_str_has_prefix(value, "bytes=") || g_strv_length(parts) != 2 || !read_number(parts[0] + 6, &first) ||
	    !read_number(parts[1], &last) || last < first)
		return;
	g_assert_cmpuint(a->status, ==, first < source_size ? 206 : 416);
	if (a->status == 206)
		g_assert_true(sscanf(a->content_range, "bytes %lu-%lu/", &from, &to) == 2 && from == first &&
			      to == MIN(last, source_size - 1));
}

static void check(const struct fake_answer *a, bool head)
{
	g_assert_true(a->answers == 1 && (a->status == 200 || a->status == 206 || a->status == 416));
	if (a->status == 206)
		check_part(a);
	else
		g_assert_true(a->body->len == (head || a->status == 416 ? 0 : source_size));
	g_assert_true(!head || a->status == 200);
	if (a->status == 416)
		g_assert_true(a->content_range && g_str_has_prefix(a->content_range, "bytes */"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static unsigned ends;
	struct fake_answer answer;
	if (size < 3)
		return 0;
	bool head = data[2] == 'H';
	/* Small as a rule; seldom more than one piece. */
	source_size = (data[0] == 0xF1 ? AP_HTTP_PIECE : 0) + ((unsigned)(data[0] & 0x0F) << 8 | data[1]);
	g_autofree char *value = g_strndup((const char *)data + 3, size - 3), *header = g_strconcat("Range: ", value, NULL);
	const struct fake_request request = { .method = head ? "HEAD" : "GET", .target = "/track", .headers = header };
	unsigned before = ends;
	g_assert_true(fake_http_ask(the_http(&ends), &request, &answer));
	check(&answer, head);
	if (!head && source_size > 0)
		check_plain(&answer, value);
	g_assert_cmpuint(ends, ==, before + 1);
	fake_answer_clear(&answer);
	return 0;
}
