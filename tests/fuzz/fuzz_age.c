/* A file under docs/FORMAT.md's identity, or any bytes: whole and ranged reading agree, and both refuse alike. */
#include "fuzz.h"

#include <aparte/age.h>
#include <string.h>

static const char identity_text[] = "AGE-SECRET-KEY-16S2D4X6DR2L3T7UFPS7N9Y44LN4QLKW8S5Z84EKKRC8TZGQ0CSQS09W924";

static const struct ap_secret *the_identity(void)
{
	static struct ap_secret *identity; /* one for all runs; libFuzzer counts it as reachable */
	if (!identity)
		g_assert_true(ap_ok(ap_secret_init()) && ap_ok(ap_age_identity_parse(identity_text, &identity)));
	return identity;
}

static void read_in_ranges(struct ap_age_file *file, const uint8_t *plain, size_t len)
{
	uint8_t part[1000];
	g_assert_true(ap_age_file_size(file) == len);
	for (size_t off = 0; off < len; off += sizeof part) {
		size_t n = MIN(sizeof part, len - off);
		g_assert_true(ap_ok(ap_age_file_read(file, off, part, n)));
		g_assert_true(memcmp(part, plain + off, n) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree uint8_t *plain = NULL;
	g_autofree char *text = g_strndup((const char *)data, MIN(size, 128));
	size_t len = 0;
	struct ap_age_recipient recipient;
	struct ap_age_file *file = NULL;
	if (ap_ok(ap_age_recipient_parse(text, &recipient))) {
		char again[AP_AGE_RECIPIENT_TEXT];
		ap_age_recipient_text(&recipient, again);
		g_assert_cmpstr(text, ==, again);
	}
	if (!ap_ok(ap_age_decrypt(the_identity(), data, size, &plain, &len)))
		return 0;
	g_assert_true(ap_ok(ap_age_file_open(data, size, the_identity(), &file)));
	read_in_ranges(file, plain, len);
	ap_age_file_free(file);
	return 0;
}
