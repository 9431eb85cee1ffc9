#include <recorder/ledger/leaf.h>

#include <aparte/buf.h>
#include <recorder/ledger/merkle.h>

#define BODY_LABEL "aparte/leaf-body/v1"

struct ap_leaf ap_leaf_make(enum ap_leaf_type type, const uint8_t salt[AP_LEAF_SALT], const char *body, size_t body_len)
{
	uint8_t type_byte = (uint8_t)type;
	struct ap_hasher h = ap_hash_begin(BODY_LABEL);
	ap_hash_add(&h, &type_byte, 1);
	ap_hash_add(&h, salt, AP_LEAF_SALT);
	ap_hash_add(&h, body, body_len);
	struct ap_hash hash = ap_hash_end(&h);
	struct ap_leaf leaf;
	struct ap_writer w = ap_writer_over(leaf.b, sizeof leaf.b);
	ap_write_u8(&w, AP_LEAF_VERSION);
	ap_write_u8(&w, type_byte);
	ap_write_bytes(&w, hash.b, sizeof hash.b);
	return leaf;
}

struct ap_hash ap_leaf_hash(const struct ap_leaf *leaf)
{
	return ap_merkle_leaf_hash(leaf->b, sizeof leaf->b);
}

bool ap_leaf_type_known(int64_t type)
{
	return type >= AP_LEAF_CONSENT && type <= AP_LEAF_OTHER;
}

const char *ap_leaf_type_text(enum ap_leaf_type type)
{
	static const char *const names[] = {
		[AP_LEAF_CONSENT] = "consent",
		[AP_LEAF_GATE_OPENED] = "gate opened",
		[AP_LEAF_GATE_CLOSED] = "gate closed",
		[AP_LEAF_SEALED] = "recording sealed",
		[AP_LEAF_ACCESS_BEGUN] = "access begun",
		[AP_LEAF_ACCESS_ENDED] = "access ended",
		[AP_LEAF_GRANT] = "grant",
		[AP_LEAF_POLICY] = "policy",
		[AP_LEAF_REQUEST] = "request",
		[AP_LEAF_ERASURE_ORDERED] = "erasure ordered",
		[AP_LEAF_ERASED] = "erased",
		[AP_LEAF_HOLD] = "hold",
		[AP_LEAF_KEY_TURNOVER] = "key turnover",
		[AP_LEAF_LOCKDOWN] = "lockdown",
		[AP_LEAF_LOG_CONTINUED] = "log continued",
		[AP_LEAF_OTHER] = "other",
	};
	return ap_leaf_type_known(type) ? names[type] : "unknown";
}
