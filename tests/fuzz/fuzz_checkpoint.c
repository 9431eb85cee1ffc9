/* Notes and verifier keys from anywhere; the first line of the input is tried as a key. */
#include "fuzz.h"

#include <recorder/checkpoint.h>
#include <string.h>

static const char vkey[] = "aparte.example/log/1+a2463d70+AbJJHZUCrihjCiussuDHRRD/zdMowzT/PhOT51stMefc";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ap_log_key pinned, key;
	struct ap_checkpoint checkpoint;
	g_assert_true(ap_ok(ap_log_key_parse(vkey, &pinned)));
	if (ap_ok(ap_checkpoint_verify((const char *)data, size, &pinned, &checkpoint)))
		g_assert_cmpstr(checkpoint.origin, ==, pinned.name);
	g_autofree char *text = g_strndup((const char *)data, size);
	text[strcspn(text, "\n")] = '\0';
	if (!ap_ok(ap_log_key_parse(text, &key)))
		return 0;
	g_autofree char *again = ap_log_key_text(&key);
	struct ap_log_key second;
	g_assert_true(ap_ok(ap_log_key_parse(again, &second)) && strcmp(second.name, key.name) == 0);
	return 0;
}
