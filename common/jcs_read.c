/*
 * A strict JSON reader (RFC 8259 within I-JSON, RFC 7493) that builds json-glib's tree. json-glib's own parser takes
 * duplicate names, comments and single quotes: whoever signs or hashes JSON cannot.
 */
#include <aparte/buf.h>
#include <aparte/jcs.h>
#include <string.h>

struct parser {
	struct ap_reader in;
	unsigned depth;
	const char *why; /* the first thing wrong, static; NULL while all is well */
};

static JsonNode *read_value(struct parser *p);

static JsonNode *fail_node(struct parser *p, const char *why)
{
	if (!p->why)
		p->why = why;
	return NULL;
}

static bool fail_text(struct parser *p, const char *why)
{
	(void)fail_node(p, why);
	return false;
}

/* The next byte without taking it; 0 at the end. */
static uint8_t peek(const struct parser *p)
{
	struct ap_reader probe = p->in;
	return ap_read_u8(&probe);
}

static bool take(struct parser *p, char c)
{
	if (ap_reader_left(&p->in) == 0 || peek(p) != (uint8_t)c)
		return false;
	ap_read_skip(&p->in, 1);
	return true;
}

static void skip_space(struct parser *p)
{
	while (take(p, ' ') || take(p, '\t') || take(p, '\n') || take(p, '\r'))
		;
}

static bool take_after_space(struct parser *p, char c)
{
	skip_space(p);
	return take(p, c);
}

/* ---- strings ---- */

static bool read_hex4(struct parser *p, gunichar *ret_unit)
{
	gunichar unit = 0;
	for (unsigned i = 0; i < 4; i++) {
		int digit = g_ascii_xdigit_value((gchar)ap_read_u8(&p->in));
		if (digit < 0)
			return fail_text(p, "a \\u escape needs four hexadecimal digits");
		unit = unit << 4 | (gunichar)digit;
	}
	*ret_unit = unit;
	return true;
}

/* What follows "\u": one unit, or two that make a pair. */
static bool read_unicode(struct parser *p, GString *text)
{
	gunichar unit, low;
	if (!read_hex4(p, &unit))
		return false;
	if (unit >= 0xd800 && unit < 0xdc00) {
		if (!take(p, '\\') || !take(p, 'u') || !read_hex4(p, &low) || low < 0xdc00 || low > 0xdfff)
			return fail_text(p, "a lone surrogate");
		unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
	} else if (unit >= 0xdc00 && unit <= 0xdfff) {
		return fail_text(p, "a lone surrogate");
	} else if (unit == 0) {
		return fail_text(p, "U+0000 in a string");
	}
	g_string_append_unichar(text, unit);
	return true;
}

static bool read_escape(struct parser *p, GString *text)
{
	static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	uint8_t c = ap_read_u8(&p->in);
	if (c == 'u')
		return read_unicode(p, text);
	const char *at = c ? strchr(names, c) : NULL;
	if (!at)
		return fail_text(p, "an unknown escape");
	g_string_append_c(text, values[at - names]);
	return true;
}

/* After the opening quote; g_free. */
static char *read_string(struct parser *p)
{
	g_autoptr(GString) text = g_string_new(NULL);
	for (uint8_t c = ap_read_u8(&p->in); c != '"'; c = ap_read_u8(&p->in)) {
		if (p->in.bad || c < 0x20) {
			(void)fail_text(p, "a string that does not end, or holds a control character");
			return NULL;
		}
		if (c != '\\')
			g_string_append_c(text, (gchar)c);
		else if (!read_escape(p, text))
			return NULL;
	}
	if (!g_utf8_validate(text->str, (gssize)text->len, NULL)) {
		(void)fail_text(p, "not UTF-8");
		return NULL;
	}
	return g_string_free(g_steal_pointer(&text), FALSE);
}

/* ---- values ---- */

static JsonNode *read_number(struct parser *p)
{
	bool negative = take(p, '-');
	int64_t value = 0;
	unsigned digits = 0;
	bool zero_first = peek(p) == '0';
	for (; g_ascii_isdigit(peek(p)); digits++) {
		if (digits >= 16)
			return fail_node(p, "a number beyond 2^53 - 1");
		value = value * 10 + (ap_read_u8(&p->in) - '0');
	}
	if (digits == 0 || (zero_first && (digits > 1 || negative)))
		return fail_node(p, "a malformed number or value");
	if (peek(p) == '.' || peek(p) == 'e' || peek(p) == 'E')
		return fail_node(p, "numbers are integers here");
	if (value > AP_JSON_INTEGER_MAX)
		return fail_node(p, "a number beyond 2^53 - 1");
	return json_node_init_int(json_node_alloc(), negative ? -value : value);
}

static JsonNode *read_word(struct parser *p)
{
	static const char *const words[] = { "true", "false", "null" };
	for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
		struct ap_reader probe = p->in;
		const uint8_t *at = ap_read_span(&probe, strlen(words[i]));
		if (!at || memcmp(at, words[i], strlen(words[i])) != 0)
			continue;
		p->in = probe;
		return i == 2 ? json_node_init_null(json_node_alloc()) : json_node_init_boolean(json_node_alloc(), i == 0);
	}
	return fail_node(p, "a malformed number or value");
}

/* One "name": value into the object. */
static bool read_member(struct parser *p, JsonObject *object)
{
	if (!take_after_space(p, '"'))
		return fail_text(p, "a member begins with its name");
	g_autofree char *name = read_string(p);
	if (!name)
		return false;
	if (json_object_has_member(object, name))
		return fail_text(p, "a duplicate name");
	if (!take_after_space(p, ':'))
		return fail_text(p, "a name is followed by a colon");
	JsonNode *value = read_value(p);
	if (value)
		json_object_set_member(object, name, value);
	return value != NULL;
}

static bool read_element(struct parser *p, JsonArray *array)
{
	JsonNode *value = read_value(p);
	if (value)
		json_array_add_element(array, value);
	return value != NULL;
}

static JsonNode *read_object(struct parser *p)
{
	g_autoptr(JsonObject) object = json_object_new();
	bool done = take_after_space(p, '}');
	while (!done) {
		if (!read_member(p, object))
			return NULL;
		done = take_after_space(p, '}');
		if (!done && !take(p, ','))
			return fail_node(p, "members are parted by commas");
	}
	return json_node_init_object(json_node_alloc(), object);
}

static JsonNode *read_array(struct parser *p)
{
	g_autoptr(JsonArray) array = json_array_new();
	bool done = take_after_space(p, ']');
	while (!done) {
		if (!read_element(p, array))
			return NULL;
		done = take_after_space(p, ']');
		if (!done && !take(p, ','))
			return fail_node(p, "elements are parted by commas");
	}
	return json_node_init_array(json_node_alloc(), array);
}

static JsonNode *read_nested(struct parser *p)
{
	if (++p->depth > AP_JSON_DEPTH)
		return fail_node(p, "nested too deep");
	JsonNode *node = take(p, '{') ? read_object(p) : take(p, '[') ? read_array(p) : NULL;
	p->depth--;
	return node;
}

static JsonNode *read_value(struct parser *p)
{
	skip_space(p);
	uint8_t c = peek(p);
	if (c == '{' || c == '[')
		return read_nested(p);
	if (c == '-' || g_ascii_isdigit(c))
		return read_number(p);
	if (!take(p, '"'))
		return read_word(p);
	g_autofree char *text = read_string(p);
	return text ? json_node_init_string(json_node_alloc(), text) : NULL;
}

struct ap_result ap_json_parse(const char *text, size_t len, size_t max, JsonNode **ret_node)
{
	if (len > max)
		return ap_fail(AP_ERR_LIMIT, "too-large", "this JSON is longer than allowed");
	struct parser p = { .in = ap_reader_over(text, len) };
	g_autoptr(JsonNode) node = read_value(&p);
	skip_space(&p);
	if (node && ap_reader_left(&p.in) > 0)
		return ap_fail(AP_ERR_PROTOCOL, "malformed", "something follows the JSON value");
	if (!node)
		return ap_fail(AP_ERR_PROTOCOL, "malformed", p.why ? p.why : "not JSON");
	*ret_node = g_steal_pointer(&node);
	return AP_SUCCESS;
}
