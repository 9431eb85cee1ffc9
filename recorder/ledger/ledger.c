#include "recorder/ledger/ledger.h"

#include "recorder/ledger/checkpoint.h"
#include "recorder/keys/db_keys.h"
#include "recorder/db/db_ledger.h"
#include "recorder/db/db_witness.h"
#include "recorder/ledger/receipt.h"

#include <aparte/buf.h>
#include <aparte/jcs.h>
#include <glib.h>
#include <stdatomic.h>
#include <string.h>

#define PAGE_NS 20000000LL /* of leaves for strangers: 50 a second, all of them together */
#define PAGES_AHEAD 100
#define LEAVES_AT_START 100000 /* compared one by one, in well under a second; `aparte ledger verify` looks at all */

/* Why nothing is signed or appended. */
enum stop {
	STOP_BEHIND = 1,  /* found at the start: until the next one */
	STOP_DOUBTED = 2, /* a witness knows more, or other: until it no longer does */
};

struct ap_ledger {
	struct ap_db_keys *keys;	/* borrowed */
	const struct ap_clock *clock;	/* borrowed */
	struct ap_secret *seed;		/* owned: the log key, for checkpoints alone */
	struct ap_log_key key;
	char *vkey; /* owned */
	unsigned quorum; /* witnesses without whom a checkpoint is not shown as cosigned */
	GMutex signing;
	atomic_uint stopped; /* enum stop; 0: it goes on */
	atomic_bool ill;
	_Atomic int64_t pages_until_ns; /* monotonic time that the pages handed out so far are worth */
};

static struct ap_result ledger_failure(const char *detail)
{
	return ap_fail(AP_ERR_IO, "ledger", detail);
}

/* Remembers that the log could not be written, or can be again: the gate asks. */
static struct ap_result note(struct ap_ledger *l, struct ap_result r)
{
	if (r.err == AP_ERR_IO)
		atomic_store(&l->ill, true);
	else if (ap_ok(r))
		atomic_store(&l->ill, false);
	return r;
}

/* The log must hold what we once signed: same root at the size known in keys.db, made of the leaves that lie there. */
static struct ap_result compare(struct ap_ledger *l, struct ap_db *db)
{
	uint64_t known = 0, size = 0;
	bool whole = false;
	struct ap_hash known_root, root;
	AP_TRY(ap_db_keys_known_get(l->keys, &known, &known_root));
	AP_TRY(ap_db_ledger_size(db, &size));
	AP_TRY(ap_db_ledger_whole(db, size > LEAVES_AT_START ? size - LEAVES_AT_START : 0, &whole));
	bool holds = size >= known && whole;
	struct ap_merkle_store store = ap_db_ledger_store(db);
	if (holds && known > 0)
		holds = ap_ok(ap_merkle_root(&store, known, &root)) && ap_hash_equal(&root, &known_root);
	if (!holds)
		ap_ledger_stop(l);
	return AP_SUCCESS;
}

struct ap_result ap_ledger_open(const char *origin, struct ap_db_keys *keys, const struct ap_clock *clock, struct ap_db *db,
				struct ap_ledger **ret_ledger)
{
	struct ap_ledger *l = g_new0(struct ap_ledger, 1);
	l->keys = keys;
	l->clock = clock;
	l->quorum = 1;
	g_mutex_init(&l->signing);
	struct ap_result r = ap_db_keys_server(keys, "log", &l->seed);
	if (ap_ok(r))
		r = ap_log_key_from_seed(origin, l->seed, &l->key);
	if (ap_ok(r))
		r = compare(l, db);
	if (!ap_ok(r)) {
		ap_ledger_free(l);
		return r;
	}
	l->vkey = ap_log_key_text(&l->key);
	*ret_ledger = l;
	return AP_SUCCESS;
}

void ap_ledger_free(struct ap_ledger *l)
{
	if (!l)
		return;
	ap_secret_free(l->seed);
	g_free(l->vkey);
	g_mutex_clear(&l->signing);
	g_free(l);
}

bool ap_ledger_healthy(const struct ap_ledger *l)
{
	return !ap_ledger_stopped(l) && !atomic_load(&l->ill);
}

bool ap_ledger_stopped(const struct ap_ledger *l)
{
	return atomic_load(&l->stopped) != 0;
}

bool ap_ledger_behind(const struct ap_ledger *l)
{
	return (atomic_load(&l->stopped) & STOP_BEHIND) != 0;
}

void ap_ledger_stop(struct ap_ledger *l)
{
	atomic_fetch_or(&l->stopped, STOP_BEHIND);
}

void ap_ledger_doubt(struct ap_ledger *l, bool doubted)
{
	if (doubted)
		atomic_fetch_or(&l->stopped, STOP_DOUBTED);
	else
		atomic_fetch_and(&l->stopped, ~(unsigned)STOP_DOUBTED);
}

void ap_ledger_probe(struct ap_ledger *l, struct ap_db *db)
{
	if (ap_ledger_stopped(l) || !atomic_load(&l->ill) || !ap_ok(ap_db_begin(db)))
		return;
	AP_IGNORE(note(l, ap_db_commit(db))); /* an empty transaction that commits is all we ask */
}

static struct ap_result put(struct ap_db *db, enum ap_leaf_type type, const char *body, int64_t now_ms, uint64_t *ret_index)
{
	uint8_t salt[AP_LEAF_SALT];
	uint64_t size = 0;
	struct ap_merkle_added added;
	randombytes_buf(salt, sizeof salt);
	struct ap_leaf leaf = ap_leaf_make(type, salt, body, strlen(body));
	struct ap_hash hash = ap_leaf_hash(&leaf);
	struct ap_merkle_store store = ap_db_ledger_store(db);
	AP_TRY(ap_db_ledger_size(db, &size));
	AP_TRY(ap_merkle_append(&store, size, &hash, &added));
	AP_TRY(ap_db_ledger_put(db, size, &leaf, salt, body, now_ms));
	for (size_t i = 0; i < added.count; i++)
		AP_TRY(ap_db_ledger_put_node(db, &added.nodes[i]));
	*ret_index = size;
	return AP_SUCCESS;
}

/* While a witness doubts us nothing new begins, but what ends something is written all the same: no lie of a witness keeps
 * a withdrawal or an erasure waiting, nor what makes one final. It is signed once the doubt is over. */
static bool ends_something(enum ap_leaf_type type, JsonObject *body)
{
	static const char *const other_ends[] = { "proofs_destroyed", "user_disabled",	 "user_logged_out", "user_reset",
						  "incident_opened",  "incident_closed", NULL };
	const char *event = json_object_get_string_member_with_default(body, "event", "");
	switch (type) {
	case AP_LEAF_GATE_CLOSED:
	case AP_LEAF_ACCESS_ENDED:
	case AP_LEAF_REQUEST:
	case AP_LEAF_ERASURE_ORDERED:
	case AP_LEAF_ERASED:
	case AP_LEAF_LOCKDOWN:
	case AP_LEAF_KEY_TURNOVER: /* the old key is gone by then; whether one begins is asked elsewhere */
		return true;
	case AP_LEAF_CONSENT:
		return strcmp(event, "ConsentWithdrawn") == 0 || strcmp(event, "ConsentRefused") == 0;
	case AP_LEAF_HOLD:
		return strcmp(event, "hold_lifted") == 0 || strcmp(event, "hold_ended") == 0;
	case AP_LEAF_GRANT:
		return strcmp(event, "revoked") == 0;
	case AP_LEAF_OTHER:
		return g_strv_contains(other_ends, event);
	default:
		return false;
	}
}

static bool takes(const struct ap_ledger *l, enum ap_leaf_type type, JsonObject *body)
{
	unsigned stopped = atomic_load(&l->stopped);
	return !stopped || (stopped == STOP_DOUBTED && ends_something(type, body));
}

struct ap_result ap_ledger_append(struct ap_ledger *l, struct ap_db *db, enum ap_leaf_type type, JsonObject *body,
				  uint64_t *ret_index)
{
	g_autoptr(JsonObject) owned = body;
	g_autofree char *text = NULL;
	char time[AP_TIME_TEXT];
	int64_t now_ms = ap_wall_ms(l->clock);
	if (!takes(l, type, body))
		return ledger_failure("the log is behind or different from what was signed; see aparte doctor");
	if (!ap_db_in_transaction(db))
		return ap_fail(AP_ERR_INTERNAL, "internal", "a leaf needs its caller's transaction");
	ap_time_text(now_ms, time);
	json_object_set_string_member(owned, "time", time);
	AP_TRY(ap_jcs_from_object(owned, &text));
	return note(l, put(db, type, text, now_ms, ret_index));
}

/* ---- owed ---- */

struct ap_result ap_ledger_append_or_owe(struct ap_ledger *l, struct ap_db *db, enum ap_leaf_type type, JsonObject *body,
					 uint64_t *ret_index)
{
	g_autofree char *text = NULL;
	char happened[AP_TIME_TEXT];
	if (takes(l, type, body))
		return ap_ledger_append(l, db, type, body, ret_index);
	g_autoptr(JsonObject) owned = body;
	if (!ap_db_in_transaction(db))
		return ap_fail(AP_ERR_INTERNAL, "internal", "a leaf needs its caller's transaction");
	ap_time_text(ap_wall_ms(l->clock), happened);
	json_object_set_string_member(owned, "happened", happened);
	AP_TRY(ap_jcs_from_object(owned, &text));
	return ap_db_ledger_owe(db, type, text, ret_index);
}

static struct ap_result settle_one(struct ap_ledger *l, struct ap_db *db, const struct ap_owed_leaf *owed)
{
	uint64_t index;
	g_autoptr(JsonNode) node = json_from_string(owed->body, NULL);
	if (!node || !JSON_NODE_HOLDS_OBJECT(node))
		return ap_fail(AP_ERR_INTERNAL, "internal", "a leaf that is owed has no body");
	AP_TRY(ap_ledger_append(l, db, owed->type, json_object_ref(json_node_get_object(node)), &index));
	return ap_db_ledger_owed_done(db, owed->number, index);
}

struct ap_result ap_ledger_settle(struct ap_ledger *l, struct ap_db *db)
{
	struct ap_owed_leaf owed;
	while (!ap_ledger_stopped(l)) {
		struct ap_result r = ap_db_ledger_owed(db, &owed);
		if (r.err == AP_ERR_DENIED)
			return AP_SUCCESS; /* none */
		AP_TRY(r);
		r = ap_db_begin(db);
		if (ap_ok(r))
			r = ap_db_finish(db, settle_one(l, db, &owed));
		g_free(owed.body);
		AP_TRY(r);
	}
	return AP_SUCCESS;
}

struct ap_result ap_ledger_continue(struct ap_ledger *l, struct ap_db *db, const struct ap_checkpoint *old, uint64_t kept)
{
	uint64_t index;
	JsonObject *body = json_object_new();
	g_autofree char *root = ap_base64(old->root.b, AP_HASH);
	json_object_set_string_member(body, "event", "log_continued");
	json_object_set_string_member(body, "origin", l->key.name);
	json_object_set_string_member(body, "old_origin", old->origin);
	json_object_set_int_member(body, "old_size", (gint64)old->size);
	json_object_set_string_member(body, "old_root", root);
	json_object_set_int_member(body, "kept", (gint64)kept);
	return ap_ledger_append(l, db, AP_LEAF_LOG_CONTINUED, body, &index);
}

struct ap_result ap_ledger_leaf_hash(struct ap_ledger *l, struct ap_db *db, uint64_t index, uint8_t ret_hash[32])
{
	(void)l;
	struct ap_leaf_row row;
	AP_TRY(ap_db_ledger_get(db, index, &row));
	g_free(row.body);
	struct ap_hash hash = ap_leaf_hash(&row.leaf);
	ap_copy(ret_hash, 32, hash.b, AP_HASH);
	return AP_SUCCESS;
}

static struct ap_result sign(struct ap_ledger *l, struct ap_db *db, uint64_t size, char **ret_text)
{
	struct ap_checkpoint checkpoint = { .size = size };
	struct ap_merkle_store store = ap_db_ledger_store(db);
	g_autofree char *text = NULL;
	g_strlcpy(checkpoint.origin, l->key.name, sizeof checkpoint.origin);
	AP_TRY(ap_merkle_root(&store, size, &checkpoint.root));
	AP_TRY(ap_checkpoint_sign(&checkpoint, l->seed, &text));
	/* Known elsewhere before anyone sees it: a log restored from an older copy is noticed. */
	AP_TRY(ap_db_keys_known_set(l->keys, size, &checkpoint.root));
	AP_TRY(ap_db_checkpoint_put(db, size, text, ap_wall_ms(l->clock)));
	*ret_text = g_steal_pointer(&text);
	return AP_SUCCESS;
}

/* The checkpoint of the committed size, signed now when there is none yet. */
static struct ap_result newest(struct ap_ledger *l, struct ap_db *db, uint64_t *ret_size, char **ret_text)
{
	if (ap_ledger_stopped(l))
		return ledger_failure("the log is stopped: nothing is signed until that is resolved");
	if (ap_db_in_transaction(db))
		return ap_fail(AP_ERR_INTERNAL, "internal", "checkpoints are of what is committed");
	g_mutex_lock(&l->signing);
	struct ap_result r = ap_db_ledger_size(db, ret_size);
	if (ap_ok(r) && !ap_ok(ap_db_checkpoint_get(db, *ret_size, ret_text)))
		r = sign(l, db, *ret_size, ret_text);
	g_mutex_unlock(&l->signing);
	return note(l, r);
}

struct ap_result ap_ledger_checkpoint(struct ap_ledger *l, struct ap_db *db, char **ret_text)
{
	uint64_t size;
	return newest(l, db, &size, ret_text);
}

struct ap_result ap_ledger_checkpoint_last(struct ap_ledger *l, struct ap_db *db, char **ret_text)
{
	(void)l;
	return ap_db_checkpoint_last(db, ret_text);
}

/* The note of that size with what witnesses signed under it. */
static struct ap_result with_cosignatures(const struct ap_ledger *l, struct ap_db *db, uint64_t size, const char *note_text,
					  char **ret_text)
{
	g_autofree char *lines = NULL;
	AP_TRY(ap_db_cosigned_lines(db, l->key.name, size, &lines));
	*ret_text = g_strconcat(note_text, lines, NULL);
	return AP_SUCCESS;
}

struct ap_result ap_ledger_shown(struct ap_ledger *l, struct ap_db *db, char **ret_text)
{
	uint64_t size;
	g_autofree char *text = NULL;
	AP_TRY(newest(l, db, &size, &text));
	return with_cosignatures(l, db, size, text, ret_text);
}

struct ap_result ap_ledger_cosigned(struct ap_ledger *l, struct ap_db *db, uint64_t above, uint64_t *ret_size, char **ret_text)
{
	uint64_t size;
	g_autofree char *text = NULL;
	if (ap_ledger_stopped(l))
		return ledger_failure("the log is stopped: nothing of it is vouched for until that is resolved");
	AP_TRY(ap_db_cosigned_newest(db, l->key.name, above, l->quorum, &size));
	AP_TRY(ap_db_checkpoint_get(db, size, &text));
	AP_TRY(with_cosignatures(l, db, size, text, ret_text));
	*ret_size = size;
	return AP_SUCCESS;
}

/* What a receipt stands under: a checkpoint that witnesses saw, where there is one that holds the leaf. */
static struct ap_result checkpoint_over(struct ap_ledger *l, struct ap_db *db, uint64_t index, uint64_t *ret_size, char **ret_text)
{
	struct ap_result r = ap_ledger_cosigned(l, db, index, ret_size, ret_text);
	return r.err == AP_ERR_DENIED ? newest(l, db, ret_size, ret_text) : r;
}

static struct ap_result receipt_of(struct ap_ledger *l, struct ap_db *db, uint64_t index, const struct ap_leaf_row *row,
				   char **ret_json)
{
	uint64_t size = 0;
	g_autofree char *checkpoint = NULL;
	struct ap_merkle_proof proof;
	AP_TRY(checkpoint_over(l, db, index, &size, &checkpoint));
	struct ap_merkle_store store = ap_db_ledger_store(db);
	AP_TRY(ap_merkle_inclusion(&store, index, size, &proof));
	struct ap_receipt_parts parts = { .leaf_index = index,
					  .tree_size = size,
					  .type = (enum ap_leaf_type)row->leaf.b[1],
					  .salt = row->salt,
					  .body = row->body,
					  .proof = &proof,
					  .checkpoint = checkpoint,
					  .log_key = l->vkey };
	return ap_receipt_build(&parts, ret_json);
}

struct ap_result ap_ledger_receipt(struct ap_ledger *l, struct ap_db *db, uint64_t index, char **ret_json)
{
	struct ap_leaf_row row;
	AP_TRY(ap_db_ledger_get(db, index, &row));
	struct ap_result r = row.opened && row.body ? receipt_of(l, db, index, &row, ret_json) :
						      ap_fail(AP_ERR_DENIED, "erased", "this leaf's opening was destroyed");
	g_free(row.body);
	return r;
}

struct ap_result ap_ledger_receipt_with(struct ap_ledger *l, struct ap_db *db, uint64_t index,
					const uint8_t salt[AP_LEAF_SALT], const char *body, char **ret_json)
{
	struct ap_leaf_row row;
	AP_TRY(ap_db_ledger_get(db, index, &row));
	g_free(row.body);
	struct ap_leaf made = ap_leaf_make((enum ap_leaf_type)row.leaf.b[1], salt, body, strlen(body));
	if (memcmp(made.b, row.leaf.b, sizeof made.b) != 0)
		return ap_fail(AP_ERR_CRYPTO, "receipt-leaf", "this opening is not that leaf's");
	g_autofree char *text = g_strdup(body);
	row.body = text;
	(void)ap_copy(row.salt, sizeof row.salt, salt, AP_LEAF_SALT);
	return receipt_of(l, db, index, &row, ret_json);
}

const char *ap_ledger_vkey(const struct ap_ledger *l)
{
	return l->vkey;
}

const char *ap_ledger_origin(const struct ap_ledger *l)
{
	return l->key.name;
}

void ap_ledger_set_quorum(struct ap_ledger *l, unsigned quorum)
{
	l->quorum = MAX(quorum, 1);
}

/* Each page is worth a slice of time; what is asked for faster than that is lent for PAGES_AHEAD pages. */
bool ap_ledger_may_page(struct ap_ledger *l)
{
	int64_t now = ap_mono_ns(l->clock), until = atomic_load(&l->pages_until_ns), next;
	do {
		next = MAX(until, now) + PAGE_NS;
		if (next - now > PAGES_AHEAD * PAGE_NS)
			return false;
	} while (!atomic_compare_exchange_weak(&l->pages_until_ns, &until, next));
	return true;
}
