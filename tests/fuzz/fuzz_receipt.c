/* Receipts from anywhere, with and without a statement. */
#include "fuzz.h"

#include <recorder/receipt.h>
#include <string.h>

static const char vkey[] = "aparte.example/log/1+a2463d70+AbJJHZUCrihjCiussuDHRRD/zdMowzT/PhOT51stMefc";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ap_log_key pinned;
	struct ap_receipt_facts facts = { 0 };
	g_assert_true(ap_ok(ap_log_key_parse(vkey, &pinned)));
	bool alone = ap_ok(ap_receipt_verify((const char *)data, size, &pinned, NULL, 0, &facts));
	if (alone)
		g_assert_true(facts.leaf_index < facts.tree_size && facts.body);
	ap_receipt_facts_clear(&facts);
	bool with = ap_ok(ap_receipt_verify((const char *)data, size, &pinned, "{\"event\":\"ConsentGiven\"}", 24, &facts));
	g_assert_true(alone || !with);
	ap_receipt_facts_clear(&facts);
	return 0;
}
