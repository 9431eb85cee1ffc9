#include "recorder/proof/proof.h"

#include "recorder/api/answer.h"
#include "recorder/policy/rule_book.h"
#include "recorder/proof/db_proof.h"
#include "recorder/proof/proof_document.h"
#include "recorder/vault_port.h"

#include <aparte/log.h>

#define LOOK 500	    /* sessions in one scan: some index look-ups each */
#define MOVE 50		    /* of which so many are sealed, in one transaction */
#define DESTROY 50
#define SHORTEN 200
#define SHORTEN_MS 60000

static int64_t now_of(struct ap_vault *v)
{
	return ap_wall_ms(ap_vault_clock(v));
}

/* ---- when it ends ---- */

static int64_t shortest(const struct ap_rules *rules)
{
	int64_t ms = INT64_MAX;
	for (size_t i = 0; i < rules->n; i++)
		ms = MIN(ms, ap_policy_consent_proof_ms(rules->rule[i].policy));
	return ms == INT64_MAX ? 0 : ms;
}

static struct ap_result end_of(struct ap_rule_book *book, const struct ap_uuid *session, const struct ap_proof_facts *f,
			       int64_t base_ms, int64_t *ret_until)
{
	struct ap_rules rules = {0};
	const struct ap_rule_subject subject = {*session, f->tenant, f->policy, f->policy_version};
	AP_TRY(ap_rule_book_of(book, &subject, &rules));
	*ret_until = base_ms + shortest(&rules);
	ap_rules_clear(&rules);
	return AP_SUCCESS;
}

/* ---- moving ---- */

struct moving {
	struct ap_vault *v;
	struct ap_db *db;
	struct ap_rule_book *book;
};

/* A new document, or the one there is with what came since. */
static struct ap_result build(const struct moving *m, const struct ap_uuid *session, const struct ap_secret *key,
			      JsonObject **ret_document)
{
	struct ap_proof_row old;
	JsonArray *parties, *consents;
	struct ap_result r = ap_db_proof_load(m->db, session, &old);
	if (!ap_ok(r) && r.err != AP_ERR_DENIED)
		return r;
	AP_TRY(ap_db_proof_consents(m->db, session, &consents));
	if (ap_ok(r)) {
		size_t len;
		const uint8_t *sealed = g_bytes_get_data(old.sealed, &len);
		r = ap_proof_unseal(key, session, sealed, len, ret_document);
		g_bytes_unref(old.sealed);
		if (ap_ok(r))
			ap_proof_document_add(*ret_document, consents);
		else
			json_array_unref(consents);
		return r;
	}
	r = ap_db_proof_parties(m->db, session, &parties);
	if (ap_ok(r))
		*ret_document = ap_proof_document(session, parties, consents);
	else
		json_array_unref(consents);
	return r;
}

static struct ap_result put(const struct moving *m, const struct ap_uuid *session, const struct ap_secret *key)
{
	struct ap_proof_facts f;
	g_autoptr(JsonObject) document = NULL;
	struct ap_proof_row row = {.session = *session, .kept_ms = now_of(m->v)};
	AP_TRY(ap_db_proof_facts(m->db, session, &f));
	row.tenant = f.tenant;
	row.base_ms = f.base_ms;
	AP_TRY(end_of(m->book, session, &f, f.base_ms, &row.until_ms));
	AP_TRY(build(m, session, key, &document));
	AP_TRY(ap_proof_seal(key, session, document, &row.sealed));
	struct ap_result r = ap_db_proof_put(m->db, &row);
	g_bytes_unref(row.sealed);
	return ap_ok(r) ? ap_db_proof_strip(m->db, session) : r;
}

static struct ap_result move_one(const struct moving *m, const struct ap_uuid *session)
{
	struct ap_secret *key = NULL;
	AP_TRY(ap_db_keys_proof_get(ap_vault_keys(m->v), session, &key));
	struct ap_result r = put(m, session, key);
	ap_secret_free(key);
	return r;
}

static struct ap_result move_all(const struct moving *m, const struct ap_uuid *ids, size_t count)
{
	for (size_t i = 0; i < count; i++)
		AP_TRY(move_one(m, &ids[i]));
	return ap_db_proof_owe_purge(m->db);
}

static struct ap_result move_together(const struct moving *m, const struct ap_uuid *ids, size_t count)
{
	AP_TRY(ap_db_begin(m->db));
	return ap_db_finish(m->db, move_all(m, ids, count));
}

/* One that cannot be sealed holds up no other. */
static struct ap_result move_ids(const struct moving *m, const struct ap_uuid *ids, size_t count)
{
	AP_TRY(ap_db_keys_proof_make(ap_vault_keys(m->v), ids, count));
	struct ap_result first = move_together(m, ids, count);
	if (ap_ok(first) || count < 2)
		return first;
	for (size_t i = 0; i < count; i++)
		AP_IGNORE(move_together(m, &ids[i], 1)); /* the first failure is told */
	return first;
}

static struct ap_result move_some(struct ap_vault *v, struct ap_proofs *p)
{
	g_autoptr(GArray) ids = NULL;
	struct moving m = {.v = v, .db = ap_vault_db(v)};
	struct ap_uuid before = p->sessions;
	if (ap_vault_locked_down(v))
		return AP_SUCCESS;
	AP_TRY(ap_db_proof_candidates(m.db, &p->sessions, LOOK, &ids));
	if (ids->len == 0)
		return AP_SUCCESS;
	if (ids->len > MOVE)
		p->sessions = before; /* the others of these at the next scan */
	m.book = ap_rule_book_new(m.db);
	struct ap_result r = move_ids(&m, (const struct ap_uuid *)(void *)ids->data, MIN(ids->len, MOVE));
	ap_rule_book_free(m.book);
	return r;
}

/* ---- a stricter policy ---- */

static struct ap_result shorten_one(struct ap_db *db, struct ap_rule_book *book, const struct ap_proof_row *row)
{
	struct ap_proof_facts f;
	int64_t until;
	struct ap_result r = ap_db_proof_facts(db, &row->session, &f);
	if (!ap_ok(r))
		return r.err == AP_ERR_DENIED ? AP_SUCCESS : r; /* its tenant left: it keeps the end it has */
	AP_TRY(end_of(book, &row->session, &f, row->base_ms, &until));
	if (until >= row->until_ms)
		return AP_SUCCESS;
	AP_TRY(ap_db_begin(db));
	return ap_db_finish(db, ap_db_proof_shorten(db, &row->session, until));
}

static struct ap_result shorten_some(struct ap_vault *v, struct ap_proofs *p)
{
	g_autoptr(GArray) rows = NULL;
	struct ap_db *db = ap_vault_db(v);
	if (now_of(v) < p->ends_next_ms)
		return AP_SUCCESS;
	p->ends_next_ms = now_of(v) + SHORTEN_MS;
	AP_TRY(ap_db_proof_some(db, &p->ends, SHORTEN, &rows));
	if (rows->len == 0)
		return AP_SUCCESS;
	struct ap_rule_book *book = ap_rule_book_new(db);
	struct ap_result r = AP_SUCCESS;
	for (guint i = 0; ap_ok(r) && i < rows->len; i++)
		r = shorten_one(db, book, &g_array_index(rows, struct ap_proof_row, i));
	ap_rule_book_free(book);
	return r;
}

/* ---- the end ---- */

static struct ap_result forget_all(struct ap_vault *v, struct ap_db *db, const GArray *ids)
{
	uint64_t leaf;
	JsonObject *body = json_object_new();
	ap_answer_text(body, "event", "proofs_destroyed");
	json_object_set_int_member(body, "count", ids->len); /* whose, nobody can tell from here on */
	for (guint i = 0; i < ids->len; i++) {
		struct ap_result r = ap_db_proof_forget(db, &g_array_index(ids, struct ap_uuid, i));
		if (!ap_ok(r)) {
			json_object_unref(body);
			return r;
		}
	}
	AP_TRY(ap_ledger_append(ap_vault_ledger(v), db, AP_LEAF_OTHER, body, &leaf));
	return ap_db_proof_owe_purge(db);
}

/* The keys first: what follows may be done again, and without them nothing that was sealed can be read. */
static struct ap_result destroy_due(struct ap_vault *v, struct ap_proofs *p)
{
	g_autoptr(GArray) ids = NULL;
	struct ap_db *db = ap_vault_db(v);
	AP_TRY(ap_db_proof_due(db, now_of(v), DESTROY, &ids));
	if (ids->len == 0)
		return AP_SUCCESS;
	AP_TRY(ap_db_keys_proof_destroy(ap_vault_keys(v), (const struct ap_uuid *)(void *)ids->data, ids->len));
	AP_TRY(ap_db_begin(db));
	AP_TRY(ap_db_finish(db, forget_all(v, db, ids)));
	ap_log(AP_LOG_INFO, "proofs_destroyed", "count=%u", ids->len);
	p->purge_ms = MIN(p->purge_ms, now_of(v));
	return AP_SUCCESS;
}

struct ap_result ap_proof_scan(struct ap_vault *v, struct ap_proofs *p)
{
	if (ap_ledger_behind(ap_vault_ledger(v))) /* a witness's doubt keeps nothing beyond its end */
		return AP_SUCCESS; /* nothing can be said of it in the log */
	struct ap_result parts[] = {
		move_some(v, p),
		shorten_some(v, p),
		destroy_due(v, p),
		ap_proof_purge(v, p),
	};
	for (size_t i = 0; i < G_N_ELEMENTS(parts); i++)
		AP_TRY(parts[i]);
	return AP_SUCCESS;
}
