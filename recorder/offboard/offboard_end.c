#include "recorder/offboard/offboard_end.h"

#include "recorder/api/answer.h"
#include "recorder/db/db_policy.h"
#include "recorder/db/db_turnover.h"
#include "recorder/erasure/erasure.h"
#include "recorder/offboard/db_offboard.h"
#include "recorder/offboard/hand_over.h"
#include "recorder/offboard/offboard.h"
#include "recorder/policy/policy.h"
#include "recorder/portability/archive_private.h"
#include "recorder/proof/db_proof.h"
#include "recorder/vault.h"

#include <aparte/log.h>

struct ap_result ap_offboard_end_sessions(struct ap_vault *v, int64_t tenant)
{
	g_autoptr(GArray) ids = NULL;
	AP_TRY(ap_db_offboard_unended(ap_vault_db(v), tenant, &ids));
	for (guint i = 0; i < ids->len; i++)
		ap_vault_end_session(v, &g_array_index(ids, struct ap_uuid, i));
	return AP_SUCCESS;
}

/* ---- the certificate ---- */

/* Until when, at the latest, proofs of the tenant's consents are kept: by the longest of the documents that bind its
 * sessions, from now. */
static struct ap_result proofs_until(struct ap_vault *v, int64_t tenant, int64_t now_ms, int64_t *ret_ms)
{
	int64_t longest = 0;
	g_autoptr(GPtrArray) documents = NULL;
	AP_TRY(ap_db_offboard_documents(ap_vault_db(v), tenant, &documents));
	for (guint i = 0; i < documents->len; i++) {
		struct ap_policy *policy = NULL;
		AP_TRY(ap_policy_parse(g_ptr_array_index(documents, i), &policy));
		longest = MAX(longest, ap_policy_consent_proof_ms(policy));
		ap_policy_free(policy);
	}
	*ret_ms = documents->len ? now_ms + longest : 0;
	return AP_SUCCESS;
}

/* In a lockdown no key is in memory: the id of the one that was. */
static struct ap_result find_kek(struct ap_vault *v, struct ap_kek_id *ret_id)
{
	return ap_ok(ap_db_keys_kek_id(ap_vault_keys(v), ret_id)) ? AP_SUCCESS
								  : ap_db_kek_id_get(ap_vault_db(v), ret_id);
}

static void add_hex(JsonObject *o, const char *name, const void *bytes, size_t len)
{
	g_autofree char *hex = ap_hex(bytes, len);
	ap_answer_text(o, name, hex);
}

static struct ap_result certificate_body(struct ap_vault *v, const struct ap_offboarding *o,
					 const struct ap_offboard_end *end, JsonObject *body)
{
	struct ap_hash erasures;
	int64_t until;
	AP_TRY(ap_db_offboard_erasures_hash(ap_vault_db(v), o->tenant, &erasures));
	AP_TRY(proofs_until(v, o->tenant, end->erased_ms, &until));
	ap_answer_text(body, "event", "tenant_erased");
	ap_answer_id(body, "offboarding", &o->id);
	json_object_set_int_member(body, "tenant", o->tenant);
	json_object_set_int_member(body, "sessions", end->sessions);
	json_object_set_int_member(body, "recordings", end->recordings);
	add_hex(body, "erasures_sha256", erasures.b, sizeof erasures.b);
	if (o->exported)
		add_hex(body, "export_sha256", o->export_sha256, sizeof o->export_sha256);
	ap_answer_time(body, "ordered_at", o->ordered_ms);
	ap_answer_time(body, "exported_at", o->exported ? o->exported_ms : 0);
	ap_answer_time(body, "erased_at", end->erased_ms);
	ap_answer_time(body, "proofs_until", until);
	add_hex(body, "kek_id", end->kek.b, sizeof end->kek.b);
	ap_answer_text(body, "unrecoverable_at", "pending");
	return AP_SUCCESS;
}

/* One transaction: what is left of the tenant, the leaf, the state. */
static struct ap_result write_end(struct ap_vault *v, const struct ap_offboarding *o, const GArray *staff,
				  struct ap_offboard_end *end)
{
	struct ap_db *db = ap_vault_db(v);
	JsonObject *body = json_object_new();
	struct ap_result r = certificate_body(v, o, end, body);
	if (!ap_ok(r)) {
		json_object_unref(body);
		return r;
	}
	AP_TRY(ap_ledger_append(ap_vault_ledger(v), db, AP_LEAF_ERASED, body, &end->leaf));
	AP_TRY(ap_db_offboard_forget_leaves(db, staff));
	AP_TRY(ap_db_offboard_clear(db, o->tenant, end->erased_ms));
	AP_TRY(ap_db_proof_owe_purge(db)); /* of what rewritten pages may still hold */
	return ap_db_offboard_erased(db, end);
}

static struct ap_result remove_archives(struct ap_vault *v, int64_t tenant)
{
	g_autoptr(GArray) requests = NULL;
	AP_TRY(ap_db_offboard_archives(ap_vault_db(v), tenant, &requests));
	for (guint i = 0; i < requests->len; i++)
		AP_TRY(ap_archive_remove(v, &g_array_index(requests, struct ap_uuid, i)));
	return AP_SUCCESS;
}

/* While their names are still known; done again after a crash. */
static struct ap_result destroy_factors(struct ap_vault *v, int64_t tenant)
{
	g_autoptr(GPtrArray) names = NULL;
	AP_TRY(ap_db_offboard_staff(ap_vault_db(v), tenant, &names));
	for (guint i = 0; i < names->len; i++) {
		g_autofree char *key = g_strconcat("totp:", g_ptr_array_index(names, i), NULL);
		AP_TRY(ap_db_keys_server_destroy(ap_vault_keys(v), key));
	}
	return AP_SUCCESS;
}

static struct ap_result finish(struct ap_vault *v, const struct ap_offboarding *o, const struct ap_offboard_counts *n)
{
	struct ap_offboard_end end = {.id = o->id,
				      .sessions = n->sessions,
				      .recordings = n->recordings,
				      .erased_ms = ap_wall_ms(ap_vault_clock(v))};
	g_autoptr(GArray) staff = NULL; /* leaves */
	AP_TRY(find_kek(v, &end.kek));
	AP_TRY(remove_archives(v, o->tenant));
	AP_TRY(destroy_factors(v, o->tenant));
	AP_TRY(ap_db_offboard_staff_leaves(ap_vault_db(v), o->tenant, &staff));
	AP_TRY(ap_db_begin(ap_vault_db(v)));
	AP_TRY(ap_db_finish(ap_vault_db(v), write_end(v, o, staff, &end)));
	AP_IGNORE(
		ap_db_truncate_wal(ap_vault_db(v))); /* a reader stands in the way: the next checkpoint overwrites it */
	ap_log(AP_LOG_WARN, "tenant_erased", "tenant=%lld recordings=%lld", (long long)o->tenant,
	       (long long)n->recordings);
	return AP_SUCCESS;
}

static struct ap_result certify(struct ap_vault *v, const struct ap_offboarding *o)
{
	g_autofree char *receipt = NULL;
	AP_TRY(ap_ledger_receipt(ap_vault_ledger(v), ap_vault_db(v), o->leaf, &receipt));
	return ap_db_offboard_certify(ap_vault_db(v), &o->id, receipt);
}

struct ap_result ap_offboard_certificate(struct ap_vault *v, const char *tenant, char **ret_json)
{
	struct ap_offboarding o;
	int64_t leaf, at;
	g_autofree char *json = NULL;
	AP_TRY(ap_offboard_find(v, tenant, &o));
	AP_TRY(ap_db_offboard_certificate(ap_vault_db(v), o.tenant, &json, &leaf, &at));
	if (leaf >= 0)
		AP_IGNORE(ap_erasure_date(v, leaf, at,
					  &json)); /* the first part stands even while the log signs nothing */
	*ret_json = g_steal_pointer(&json);
	return AP_SUCCESS;
}

/* ---- what is due ---- */

static struct ap_result order_erasures(struct ap_vault *v, const struct ap_offboarding *o)
{
	g_autoptr(GArray) ids = NULL;
	AP_TRY(ap_db_offboard_erasable(ap_vault_db(v), o->tenant, ap_vault_believed_ms(v), &ids));
	return ids->len ? ap_erasure_order_many(v, ids, AP_ERASE_OFFBOARDING, &o->id) : AP_SUCCESS;
}

static struct ap_result erase_on(struct ap_vault *v, const struct ap_offboarding *o)
{
	struct ap_offboard_counts n;
	g_autoptr(GArray) unended = NULL;
	AP_TRY(order_erasures(v, o));
	AP_TRY(ap_erasure_run(v));
	AP_TRY(ap_db_offboard_unended(ap_vault_db(v), o->tenant, &unended));
	AP_TRY(ap_db_offboard_counts(ap_vault_db(v), o->tenant, &n));
	if (unended->len || n.erased < n.recordings || n.making)
		return AP_SUCCESS; /* at the next look */
	return finish(v, o, &n);
}

static struct ap_result work_on(struct ap_vault *v, int64_t tenant)
{
	struct ap_offboarding o;
	AP_TRY(ap_offboard_end_sessions(v, tenant));
	AP_TRY(ap_db_offboard_load(ap_vault_db(v), tenant, &o));
	if (o.state < AP_OFFBOARD_ERASING)
		ap_hand_over_tidy(v, &o);
	if (o.state == AP_OFFBOARD_ERASING) {
		AP_TRY(erase_on(v, &o));
		AP_TRY(ap_db_offboard_load(ap_vault_db(v), tenant, &o));
	}
	return o.state == AP_OFFBOARD_ERASED && !o.certified ? certify(v, &o) : AP_SUCCESS;
}

struct ap_result ap_offboard_work(struct ap_vault *v)
{
	struct ap_result first = AP_SUCCESS;
	g_autoptr(GArray) tenants = NULL;
	AP_TRY(ap_db_offboard_open(ap_vault_db(v), &tenants));
	for (guint i = 0; i < tenants->len; i++) {
		struct ap_result r = work_on(v, g_array_index(tenants, int64_t, i));
		if (ap_ok(first))
			first = r;
	}
	return first;
}
