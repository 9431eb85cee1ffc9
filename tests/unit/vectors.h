/*
 * What the tests of encodings and keys share: result assertions and docs/FORMAT.md's fixed inputs.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <aparte/encode.h>
#include <aparte/err.h>
#include <aparte/secret.h>
#include <aparte/uuid.h>
#include <stdlib.h>
#include <string.h>

#define assert_ok(expr)                                                                      \
	do {                                                                                 \
		struct ap_result ok_ = (expr);                                               \
		if (!ap_ok(ok_))                                                             \
			fail_msg("%s: %s: %s", #expr, ok_.name, ok_.detail);                 \
	} while (0)

#define assert_fails(expr, word)                                                             \
	do {                                                                                 \
		struct ap_result fails_ = (expr);                                            \
		if (ap_ok(fails_))                                                           \
			fail_msg("%s succeeded, %s was expected", #expr, word);              \
		assert_string_equal(fails_.name, word);                                      \
	} while (0)

static inline void assert_ok_or_exit(void)
{
	if (!ap_ok(ap_secret_init()))
		exit(1);
}

#define VECTOR_SESSION "00112233-4455-6677-8899-aabbccddeeff"
#define VECTOR_RECORDING "01020304-0506-0708-090a-0b0c0d0e0f10"
#define VECTOR_RECORD_ID "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"

static inline struct ap_uuid vector_uuid(const char *text)
{
	struct ap_uuid id = { 0 };
	if (!ap_uuid_parse(text, &id))
		abort();
	return id;
}

/* 32 times one byte: the form of all secrets in the vectors. */
static inline struct ap_secret *vector_secret(uint8_t byte)
{
	struct ap_secret *s = ap_secret_new(32);
	memset(ap_secret_bytes_rw(s), byte, 32);
	return s;
}

static inline struct ap_hash vector_hash(const char *hex)
{
	struct ap_hash h = { 0 };
	if (!ap_hex_exact(hex, h.b, sizeof h.b))
		abort();
	return h;
}

static inline void assert_hex(const void *bytes, size_t len, const char *hex)
{
	char *text = ap_hex(bytes, len);
	assert_string_equal(text, hex);
	free(text);
}
