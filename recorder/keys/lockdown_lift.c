#include "recorder/keys/lockdown_private.h"

#include "recorder/api/answer.h"
#include "recorder/api/body.h"
#include "recorder/db/db_lockdown.h"
#include "recorder/db/db_turnover.h"
#include "recorder/keys/kek.h"
#include "recorder/keys/turnover.h"

#include <aparte/buf.h>
#include <aparte/log.h>
#include <string.h>

#define LOOK_MS 1000 /* for words that are too old */

/* One admin's word, for a quarter of an hour. */
struct ap_given {
	GHashTable *halves; /* other admin's name -> struct ap_secret *, owned */
	int64_t at_ns;	    /* monotonic */
};

static void free_secret(void *secret)
{
	ap_secret_free(secret);
}

static void free_given(void *data)
{
	struct ap_given *g = data;
	g_hash_table_unref(g->halves);
	g_free(g);
}

struct ap_lockdown *ap_lockdown_new(struct ap_vault *v)
{
	struct ap_lockdown *l = g_new0(struct ap_lockdown, 1);
	l->v = v;
	l->given = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_given);
	return l;
}

static void stop_timer(struct ap_lockdown *l)
{
	if (!l->timer)
		return;
	g_source_destroy(l->timer);
	g_clear_pointer(&l->timer, g_source_unref);
}

void ap_lockdown_free(struct ap_lockdown *l)
{
	if (!l)
		return;
	stop_timer(l);
	g_hash_table_unref(l->given);
	g_free(l);
}

static gboolean is_old(void *name, void *value, void *data)
{
	const struct ap_given *g = value;
	const int64_t *now_ns = data;
	(void)name;
	return *now_ns - g->at_ns > (int64_t)AP_LOCKDOWN_LIFT_MS * 1000000;
}

static void expire(struct ap_lockdown *l)
{
	int64_t now_ns = ap_mono_ns(ap_vault_clock(l->v));
	g_hash_table_foreach_remove(l->given, is_old, &now_ns);
}

/* A half in memory is not to wait for the next word to be wiped. */
static gboolean on_timer(void *data)
{
	struct ap_lockdown *l = data;
	expire(l);
	if (g_hash_table_size(l->given) == 0)
		stop_timer(l);
	return l->timer ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static void start_timer(struct ap_lockdown *l)
{
	if (l->timer)
		return;
	l->timer = g_timeout_source_new(LOOK_MS);
	g_source_set_callback(l->timer, on_timer, l, NULL);
	g_source_attach(l->timer, g_main_context_get_thread_default());
}

/* ---- for whoever asks ---- */

struct ap_result ap_lockdown_show(const struct ap_lockdown *l, JsonNode **ret_answer)
{
	struct ap_escrow *e = NULL;
	struct ap_vault *v = l->v;
	bool locked = ap_vault_locked_down(v);
	int64_t since_ms = 0;
	AP_TRY(ap_db_lockdown_since(ap_vault_db(v), &since_ms));
	AP_TRY(ap_lockdown_load(v, &e));
	bool covered = ap_lockdown_covered(v, e);
	JsonObject *o = json_object_new();
	JsonArray *enrolled = json_array_new(), *given = json_array_new();
	for (guint i = 0; i < e->admins->len; i++)
		json_array_add_string_element(enrolled, g_array_index(e->admins, struct ap_escrow_admin, i).name);
	GHashTableIter iter;
	void *name;
	g_hash_table_iter_init(&iter, l->given);
	while (g_hash_table_iter_next(&iter, &name, NULL))
		json_array_add_string_element(given, name);
	json_object_set_boolean_member(o, "locked", locked);
	json_object_set_boolean_member(o, "sealed", locked && covered && ap_kek_replaceable(ap_vault_kek_place(v)));
	json_object_set_boolean_member(o, "covered", covered);
	json_object_set_array_member(o, "enrolled", enrolled);
	json_object_set_array_member(o, "given", given);
	ap_answer_time(o, "since", since_ms);
	ap_escrow_free(e);
	*ret_answer = ap_answer_object(o);
	return AP_SUCCESS;
}

static JsonArray *halves_of(const struct ap_escrow *e, const char *name)
{
	JsonArray *list = json_array_new();
	for (guint i = 0; i < e->halves->len; i++) {
		const struct ap_escrow_half *half = &g_array_index(e->halves, struct ap_escrow_half, i);
		if (strcmp(half->of, name) == 0)
			json_array_add_object_element(list, ap_escrow_half_to_json(half));
	}
	return list;
}

struct ap_result ap_lockdown_halves(struct ap_vault *v, const struct ap_actor *by, JsonNode **ret_answer)
{
	struct ap_escrow *e = NULL;
	AP_TRY(ap_lockdown_load(v, &e));
	const struct ap_escrow_admin *admin = ap_escrow_find(e, by->name);
	if (!admin) {
		ap_escrow_free(e);
		return ap_fail(AP_ERR_DENIED, "not-found", "you have not enrolled for lockdowns");
	}
	JsonObject *o = json_object_new();
	json_object_set_object_member(o, "admin", ap_escrow_admin_to_json(admin));
	json_object_set_array_member(o, "halves", halves_of(e, by->name));
	ap_escrow_free(e);
	*ret_answer = ap_answer_object(o);
	return AP_SUCCESS;
}

/* ---- bringing the key back ---- */

static struct ap_secret *key_at(const struct ap_secret *keks, size_t n)
{
	return ap_secret_from(ap_secret_bytes(keks) + n * AP_KEK, AP_KEK);
}

/* On disk first, as a turnover would have left it; then in memory. */
static struct ap_result put_back(struct ap_vault *v, const struct ap_secret *now, const struct ap_secret *old)
{
	const struct ap_kek_place *place = ap_vault_kek_place(v);
	AP_TRY(ap_kek_keep(place, old ? old : now));
	if (old)
		AP_TRY(ap_kek_keep_next(place, now));
	ap_db_keys_set_kek(ap_vault_keys(v), old ? old : now);
	return old ? ap_db_keys_turn_begin(ap_vault_keys(v), now) : AP_SUCCESS;
}

static struct ap_result wrong(void)
{
	return ap_fail(AP_ERR_DENIED, "conflict", "these two halves do not make the key; both admins begin again");
}

/* vault.db names one of the two: the older where a turnover had begun and its row could not be written yet. */
static bool is_one_of(const struct ap_kek_id *id, const struct ap_secret *now, const struct ap_secret *old)
{
	struct ap_kek_id first = ap_kek_id(now), second = old ? ap_kek_id(old) : first;
	return ap_kek_id_equal(id, &first) || ap_kek_id_equal(id, &second);
}

/* The ids say whether it is the key. */
static struct ap_result put_back_joined(struct ap_vault *v, const struct ap_secret *keks)
{
	struct ap_kek_id expected;
	if (ap_secret_len(keks) != AP_KEK && ap_secret_len(keks) != 2 * AP_KEK)
		return wrong();
	struct ap_secret *now = key_at(keks, 0), *old = ap_secret_len(keks) > AP_KEK ? key_at(keks, 1) : NULL;
	struct ap_result r = ap_db_kek_id_get(ap_vault_db(v), &expected);
	if (ap_ok(r))
		r = is_one_of(&expected, now, old) ? put_back(v, now, old) : wrong();
	ap_secret_free(now);
	ap_secret_free(old);
	return r;
}

static struct ap_result join_and_put_back(struct ap_vault *v, const struct ap_secret *a, const struct ap_secret *b)
{
	struct ap_secret *keks = NULL;
	if (!ap_ok(ap_escrow_join(a, b, &keks)))
		return wrong();
	struct ap_result r = put_back_joined(v, keks);
	ap_secret_free(keks);
	return r;
}

/* Nothing was sealed: the key is where it was. */
static struct ap_result read_back(struct ap_vault *v)
{
	const struct ap_kek_place *place = ap_vault_kek_place(v);
	struct ap_secret *kek = NULL, *next = NULL;
	AP_TRY(ap_kek_load(place->source, place->where, false, &kek));
	struct ap_result r = ap_kek_load_next(place, &next);
	if (ap_ok(r) || r.err == AP_ERR_DENIED) /* one that is there and cannot be read: shares under it would not open */
		ap_db_keys_set_kek(ap_vault_keys(v), kek);
	if (ap_ok(r))
		r = ap_db_keys_turn_begin(ap_vault_keys(v), next);
	else if (r.err == AP_ERR_DENIED)
		r = AP_SUCCESS;
	ap_secret_free(kek);
	ap_secret_free(next);
	return r;
}

/* ---- words ---- */

static struct ap_result take_half(JsonObject *o, struct ap_given *g)
{
	uint8_t bytes[AP_ESCROW_SECRET_MAX];
	size_t len = 0;
	const char *with = ap_body_text(o, "with"), *text = ap_body_text(o, "half");
	if (!with || !text || !ap_base64url_read(text, strlen(text), bytes, sizeof bytes, &len) || len == 0)
		return ap_fail(AP_ERR_PROTOCOL, "malformed", "a half has with and half");
	g_hash_table_insert(g->halves, g_strdup(with), ap_secret_from(bytes, len));
	ap_wipe(bytes, sizeof bytes);
	return AP_SUCCESS;
}

static struct ap_result take_halves(JsonObject *body, struct ap_given *g)
{
	JsonNode *node = json_object_get_member(body, "halves");
	if (!node)
		return AP_SUCCESS;
	if (!JSON_NODE_HOLDS_ARRAY(node))
		return ap_fail(AP_ERR_PROTOCOL, "malformed", "halves is an array");
	JsonArray *list = json_node_get_array(node);
	for (guint i = 0; i < json_array_get_length(list); i++) {
		JsonNode *one = json_array_get_element(list, i);
		AP_TRY(JSON_NODE_HOLDS_OBJECT(one) ? take_half(json_node_get_object(one), g) :
						     ap_fail(AP_ERR_PROTOCOL, "malformed", "a half is an object"));
	}
	return AP_SUCCESS;
}

/* Another admin's word that goes with this one's; NULL: this is the first. */
static const char *find_other(struct ap_lockdown *l, const char *name)
{
	GHashTableIter iter;
	void *key;
	g_hash_table_iter_init(&iter, l->given);
	while (g_hash_table_iter_next(&iter, &key, NULL))
		if (strcmp(key, name) != 0)
			return key;
	return NULL;
}

static struct ap_result unlock(struct ap_lockdown *l, const char *a, const char *b, bool covered)
{
	const struct ap_given *one = g_hash_table_lookup(l->given, a), *two = g_hash_table_lookup(l->given, b);
	const struct ap_secret *first = g_hash_table_lookup(one->halves, b), *second = g_hash_table_lookup(two->halves, a);
	if (!covered)
		return read_back(l->v);
	return first && second ? join_and_put_back(l->v, first, second) : wrong();
}

/* Half lifted is not lifted: what was sealed is so again, in memory and on the disk. */
static void shut_again(struct ap_vault *v, bool covered)
{
	ap_db_keys_lock(ap_vault_keys(v));
	struct ap_result r = ap_lockdown_destroy_file(v, covered);
	if (!ap_ok(r))
		ap_log(AP_LOG_ERROR, "lockdown_step_failed", "step=key reason=%s", r.name);
}

static struct ap_result lift(struct ap_lockdown *l, const char *a, const char *b, bool covered)
{
	struct ap_uuid id;
	struct ap_result r = unlock(l, a, b, covered);
	g_hash_table_remove_all(l->given); /* used, or wrong */
	if (ap_ok(r))
		r = ap_vault_set_lockdown(l->v, false);
	if (!ap_ok(r)) {
		shut_again(l->v, covered);
		return r;
	}
	AP_TRY(ap_db_lockdown_logins(ap_vault_db(l->v))); /* one that was under way when it began */
	ap_log(AP_LOG_WARN, "lockdown_lifted", " ");
	/* What two people typed in is not to be worth anything for long. A credential waits for its operator. */
	if (ap_kek_replaceable(ap_vault_kek_place(l->v)))
		AP_TRY(ap_turnover_begin(l->v, AP_TURN_LOCKDOWN, NULL, NULL, &id));
	return AP_SUCCESS;
}

static struct ap_result take_word(struct ap_lockdown *l, const char *name, JsonObject *body)
{
	struct ap_given *g = g_new0(struct ap_given, 1);
	g->halves = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_secret);
	g->at_ns = ap_mono_ns(ap_vault_clock(l->v));
	struct ap_result r = take_halves(body, g);
	if (ap_ok(r)) {
		g_hash_table_replace(l->given, g_strdup(name), g);
		start_timer(l);
	} else {
		free_given(g);
	}
	return r;
}

struct ap_result ap_lockdown_lift(struct ap_lockdown *l, const struct ap_actor *by, JsonObject *body, JsonNode **ret_answer)
{
	struct ap_escrow *e = NULL;
	if (!ap_vault_locked_down(l->v))
		return ap_fail(AP_ERR_DENIED, "conflict", "the vault is not locked down");
	if (by->user == 0)
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "name the admin you are (--admin)");
	AP_TRY(ap_lockdown_load(l->v, &e));
	bool covered = ap_lockdown_covered(l->v, e);
	ap_escrow_free(e);
	expire(l);
	AP_TRY(take_word(l, by->name, body));
	const char *other = find_other(l, by->name);
	if (other) {
		g_autofree char *name = g_strdup(other);
		AP_TRY(lift(l, name, by->name, covered));
	}
	return ap_lockdown_show(l, ret_answer);
}
