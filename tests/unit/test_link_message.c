/* What the link's front lets pass, judged on bytes made here by hand. */
#include "recorder/link/link_message.h"

#include <aparte/buf.h>

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#define ORDER (G_BYTE_ORDER == G_LITTLE_ENDIAN ? 'l' : 'B')

/* A message under construction, in our own byte order. */
struct made {
	uint8_t bytes[AP_LINK_MESSAGE + 64];
	size_t len;
};

static void put(struct made *m, const void *bytes, size_t n)
{
	assert_true(ap_copy(m->bytes + m->len, sizeof m->bytes - m->len, bytes, n));
	m->len += n;
}

static void put_u8(struct made *m, uint8_t v)
{
	put(m, &v, 1);
}

static void align(struct made *m, size_t to)
{
	while (m->len % to)
		put_u8(m, 0);
}

static void put_u32(struct made *m, uint32_t v)
{
	align(m, 4);
	put(m, &v, sizeof v);
}

static void put_text(struct made *m, const char *text)
{
	put_u32(m, (uint32_t)strlen(text));
	put(m, text, strlen(text) + 1);
}

static void put_field(struct made *m, uint8_t code, char type, const char *text, uint32_t number)
{
	align(m, 8);
	put_u8(m, code);
	put_u8(m, 1);
	put_u8(m, (uint8_t)type);
	put_u8(m, 0);
	if (type == 'u')
		put_u32(m, number);
	else if (type == 'g') {
		put_u8(m, (uint8_t)strlen(text));
		put(m, text, strlen(text) + 1);
	} else
		put_text(m, text);
}

static void set_u32(struct made *m, size_t at, uint32_t v)
{
	assert_true(ap_copy(m->bytes + at, sizeof m->bytes - at, &v, sizeof v));
}

static struct made begun(enum ap_link_kind kind)
{
	struct made m = { 0 };
	const uint8_t head[] = { ORDER, (uint8_t)kind, 0, 1 };
	put(&m, head, sizeof head);
	put_u32(&m, 0);
	put_u32(&m, 7);
	put_u32(&m, 0);
	return m;
}

/* The fields are all there: the body begins. Gives where. */
static size_t begin_body(struct made *m)
{
	set_u32(m, 12, (uint32_t)(m->len - AP_LINK_HEAD));
	align(m, 8);
	return m->len;
}

static void end(struct made *m, size_t body)
{
	set_u32(m, 4, (uint32_t)(m->len - body));
}

static struct made call_of(const char *path, const char *interface, const char *member)
{
	struct made m = begun(AP_LINK_CALL);
	put_field(&m, 1, 'o', path, 0);
	put_field(&m, 2, 's', interface, 0);
	put_field(&m, 3, 's', member, 0);
	put_field(&m, 8, 'g', "sb", 0);
	size_t body = begin_body(&m);
	put_text(&m, "a token");
	put_u32(&m, 1);
	end(&m, body);
	return m;
}

static struct made plain(void)
{
	return call_of("/fr/aparte", "fr.aparte.Vault1", "PauseSet");
}

static bool passes(const struct made *m)
{
	/* On the heap and of the exact size, so that reading beyond it is seen by the sanitizers. */
	g_autofree uint8_t *bytes = g_memdup2(m->bytes, m->len);
	struct ap_link_message message;
	return ap_ok(ap_link_message_read(bytes, m->len, &message));
}

static void reads_a_call(void **state)
{
	struct made m = plain();
	struct ap_link_message message;
	(void)state;
	assert_int_equal(ap_link_message_size(m.bytes), m.len);
	assert_true(ap_ok(ap_link_message_read(m.bytes, m.len, &message)));
	assert_int_equal(message.kind, AP_LINK_CALL);
	assert_string_equal(message.member, "PauseSet");
	assert_string_equal(message.signature, "sb");
}

static void reads_answers(void **state)
{
	struct made answer = begun(AP_LINK_RETURN), error = begun(AP_LINK_ERROR);
	struct ap_link_message message;
	(void)state;
	put_field(&answer, 5, 'u', NULL, 3);
	begin_body(&answer);
	assert_true(ap_ok(ap_link_message_read(answer.bytes, answer.len, &message)));
	assert_string_equal(message.member, "");
	assert_string_equal(message.signature, "");
	put_field(&error, 5, 'u', NULL, 3);
	put_field(&error, 4, 's', "fr.aparte.Error.Malformed", 0);
	put_field(&error, 8, 'g', "s", 0);
	size_t body = begin_body(&error);
	put_text(&error, "why");
	end(&error, body);
	assert_true(passes(&error));
}

static void refuses_other_heads(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} spoils[] = {
		{ 0, ORDER == 'l' ? 'B' : 'l' }, { 0, 0 }, { 1, 0 }, { 1, 4 }, { 1, 255 }, { 2, 1 }, { 3, 0 }, { 3, 2 },
	};
	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(spoils); i++) {
		struct made m = plain();
		m.bytes[spoils[i].at] = spoils[i].value;
		assert_int_equal(ap_link_message_size(m.bytes), 0);
		assert_false(passes(&m));
	}
	struct made m = plain();
	set_u32(&m, 8, 0); /* a serial of 0 would have no answer */
	assert_int_equal(ap_link_message_size(m.bytes), 0);
}

static void refuses_sizes_without_bound(void **state)
{
	static const uint32_t sizes[] = { AP_LINK_MESSAGE, 1u << 27, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF8, 0xFFFFFFFF };
	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++)
		for (size_t at = 4; at <= 12; at += 8) {
			struct made m = plain();
			set_u32(&m, at, sizes[i]);
			assert_int_equal(ap_link_message_size(m.bytes), 0);
			set_u32(&m, 16 - at, sizes[i]); /* both: their sum may not wrap round to something small */
			assert_int_equal(ap_link_message_size(m.bytes), 0);
		}
}

static void refuses_others_objects(void **state)
{
	const struct made others[] = {
		call_of("/", "fr.aparte.Vault1", "PauseSet"),
		call_of("/fr/aparte", "fr.aparte.Gateway1", "PauseSet"),
		call_of("/fr/aparte", "org.freedesktop.DBus.Peer", "Ping"),
		call_of("/fr/aparte", "fr.aparte.Vault1", ""),
		call_of("/fr/aparte", "fr.aparte.Vault1", "no-name"),
	};
	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
		assert_false(passes(&others[i]));
}

/* A call with one field more than it may have. */
static bool passes_with(uint8_t code, char type, const char *text)
{
	struct made m = begun(AP_LINK_CALL);
	put_field(&m, 1, 'o', "/fr/aparte", 0);
	put_field(&m, 2, 's', "fr.aparte.Vault1", 0);
	put_field(&m, 3, 's', "PauseSet", 0);
	if (code)
		put_field(&m, code, type, text, 1);
	begin_body(&m);
	return passes(&m);
}

static void refuses_fields_too_many(void **state)
{
	(void)state;
	assert_true(passes_with(0, 0, NULL));
	assert_true(passes_with(8, 'g', ""));
	assert_false(passes_with(3, 's', "PauseSet")); /* twice */
	assert_false(passes_with(4, 's', "fr.aparte.Error.Malformed"));
	assert_false(passes_with(5, 'u', NULL));
	assert_false(passes_with(6, 's', "fr.aparte"));
	assert_false(passes_with(7, 's', ":1.1"));
	assert_false(passes_with(9, 'u', NULL)); /* descriptors */
	assert_false(passes_with(200, 's', ""));
	assert_false(passes_with(8, 's', ""));	/* of another type */
	assert_false(passes_with(8, 'g', "a{sv}"));
	assert_false(passes_with(8, 'g', "s")); /* what it announces is not there */
}

static void refuses_broken_values(void **state)
{
	(void)state;
	struct made m = plain();
	set_u32(&m, m.len - 4, 2);
	assert_false(passes(&m)); /* a truth value is 0 or 1 */
	m = plain();
	m.bytes[m.len - 9] = 0xFF;
	assert_false(passes(&m)); /* no UTF-8 */
	m = plain();
	m.bytes[m.len - 9] = 0;
	assert_false(passes(&m)); /* an end within the text */
	m = plain();
	m.bytes[m.len - 5] = 'x';
	assert_false(passes(&m)); /* no end after it */
	m = plain();
	set_u32(&m, m.len - 16, 0xFFFFFFFF);
	assert_false(passes(&m)); /* longer than the message */
	m = plain();
	put_u32(&m, 0);
	set_u32(&m, 4, 20);
	assert_false(passes(&m)); /* something after the last */
}

/* However it is cut or changed, nothing is read beyond it, and what still passes is whole. */
static void bears_any_change(void **state)
{
	(void)state;
	const struct made whole = plain();
	for (size_t len = 0; len < whole.len; len++) {
		struct made m = whole;
		m.len = len;
		assert_false(passes(&m));
	}
	for (size_t at = 0; at < whole.len; at++)
		for (unsigned value = 0; value < 256; value++) {
			struct made m = whole;
			m.bytes[at] = (uint8_t)value;
			if (passes(&m))
				assert_int_equal(ap_link_message_size(m.bytes), m.len);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_call),
		cmocka_unit_test(reads_answers),
		cmocka_unit_test(refuses_other_heads),
		cmocka_unit_test(refuses_sizes_without_bound),
		cmocka_unit_test(refuses_others_objects),
		cmocka_unit_test(refuses_fields_too_many),
		cmocka_unit_test(refuses_broken_values),
		cmocka_unit_test(bears_any_change),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
