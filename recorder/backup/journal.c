#include "recorder/backup/journal.h"

#include "recorder/backup/db_journal.h"
#include "recorder/backup/journal_file.h"
#include "recorder/ledger/checkpoint.h"
#include "recorder/db/db_ledger.h"
#include "recorder/vault.h"

#include <string.h>

bool ap_journal_is_inside(const struct ap_config *config)
{
	return !*ap_config_text(config, "backup.journal");
}

char *ap_journal_directory(const struct ap_config *config, const char *home)
{
	const char *named = ap_config_text(config, "backup.journal");
	return g_canonicalize_filename(*named ? named : "vault/journal", home);
}

/* ---- what is due ---- */

/* Where it ended when we last wrote, as far as vault.db can say. */
static bool known_end(struct ap_vault *v, struct ap_journal_end *ret_end)
{
	bool known = false;
	return ap_ok(ap_db_journal_end(ap_vault_db(v), ret_end, &known)) && known;
}

/* The checkpoint that lies there is said again to be of these lines: until the next one, what is cut off shows. What fails
 * is made good with that one. */
static void bind(const char *directory, const struct ap_secret *seed, const struct ap_journal_end *end)
{
	struct ap_journal_kept kept = { 0 };
	if (ap_ok(ap_journal_file_kept(directory, &kept)))
		AP_IGNORE(ap_journal_file_checkpoint(directory, seed, kept.note, end));
	ap_journal_kept_clear(&kept);
}

static struct ap_result append(struct ap_vault *v, const GPtrArray *bodies, struct ap_journal_end *ret_end)
{
	char time[AP_TIME_TEXT];
	uint64_t size = 0;
	struct ap_secret *seed = NULL;
	struct ap_journal_end known;
	g_autofree char *directory = ap_journal_directory(ap_vault_config(v), ap_vault_home(v));
	const char *vkey = ap_ledger_vkey(ap_vault_ledger(v));
	g_autofree char *origin = g_strndup(vkey, strcspn(vkey, "+"));
	ap_time_text(ap_wall_ms(ap_vault_clock(v)), time);
	AP_TRY(ap_db_ledger_size(ap_vault_db(v), &size));
	AP_TRY(ap_db_keys_server(ap_vault_keys(v), "journal", &seed));
	const struct ap_journal_begin begin = {
		.time = time, .origin = origin, .log_size = size, .known = known_end(v, &known) ? &known : NULL
	};
	struct ap_result r = ap_journal_file_append(directory, seed, &begin, bodies, ret_end);
	if (ap_ok(r))
		bind(directory, seed, ret_end);
	ap_secret_free(seed);
	return r;
}

struct ap_result ap_journal_flush(struct ap_vault *v)
{
	for (;;) {
		g_autoptr(GPtrArray) bodies = NULL;
		struct ap_journal_end end;
		int64_t last = 0;
		AP_TRY(ap_db_journal_due(ap_vault_db(v), &bodies, &last));
		if (bodies->len == 0)
			return AP_SUCCESS;
		AP_TRY(append(v, bodies, &end));
		AP_TRY(ap_db_journal_done(ap_vault_db(v), last, &end));
	}
}

/* ---- what vault.db does not hold yet ---- */

static void unref_object(void *object)
{
	json_object_unref(object);
}

static JsonArray *purpose_list(ap_purposes purposes)
{
	JsonArray *list = json_array_new();
	for (int p = 0; p < AP_PURPOSE_COUNT; p++)
		if (purposes & AP_PURPOSE_BIT(p))
			json_array_add_string_element(list, ap_purpose_text((enum ap_purpose)p));
	return list;
}

static JsonObject *owed_body(const struct ap_owed_entry *e)
{
	JsonObject *o = json_object_new();
	char session[AP_UUID_TEXT], at[AP_TIME_TEXT];
	ap_uuid_text(&e->session, session);
	ap_time_text(e->received_ms, at);
	json_object_set_string_member(o, "event", e->event == AP_REFUSED ? "refused" : "withdrawn");
	json_object_set_string_member(o, "session", session);
	json_object_set_string_member(o, "role", ap_role_text(e->role));
	json_object_set_array_member(o, "purposes", purpose_list(e->purposes));
	json_object_set_string_member(o, "at", at);
	return o;
}

static char *owed_name(const struct ap_owed_entry *e)
{
	char session[AP_UUID_TEXT];
	ap_uuid_text(&e->session, session);
	return g_strdup_printf("%s %d %" G_GINT64_FORMAT, session, (int)e->role, e->received_ms);
}

struct ap_result ap_journal_put_owed(struct ap_vault *v, GHashTable *seen)
{
	g_autoptr(GArray) owed = ap_owed_list(ap_vault_owed(v));
	g_autoptr(GPtrArray) bodies = g_ptr_array_new_with_free_func(unref_object);
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	struct ap_journal_end end;
	for (guint i = 0; i < owed->len; i++) {
		const struct ap_owed_entry *e = &g_array_index(owed, struct ap_owed_entry, i);
		g_autofree char *name = owed_name(e);
		if (g_hash_table_contains(seen, name))
			continue;
		g_ptr_array_add(bodies, owed_body(e));
		g_ptr_array_add(names, g_steal_pointer(&name));
	}
	if (bodies->len == 0)
		return AP_SUCCESS;
	AP_TRY(append(v, bodies, &end));
	AP_IGNORE(ap_db_journal_ends(ap_vault_db(v), &end)); /* it may be what fails; then the journal is longer than it knows */
	for (guint i = 0; i < names->len; i++)
		g_hash_table_add(seen, g_strdup(names->pdata[i]));
	return AP_SUCCESS;
}

/* ---- the checkpoint ---- */

struct ap_result ap_journal_checkpoint_read(const char *directory, char **ret_note)
{
	struct ap_journal_kept kept = { 0 };
	AP_TRY(ap_journal_file_kept(directory, &kept));
	*ret_note = g_steal_pointer(&kept.note);
	ap_journal_kept_clear(&kept);
	return AP_SUCCESS;
}

/* A journal without lines has no place to keep a checkpoint for: its first line says where it begins. */
static struct ap_result begin_if_new(struct ap_vault *v, const char *directory)
{
	struct ap_journal_end end;
	g_autofree char *path = g_build_filename(directory, "journal", NULL);
	g_autoptr(GPtrArray) none = g_ptr_array_new();
	if (g_file_test(path, G_FILE_TEST_EXISTS))
		return AP_SUCCESS;
	AP_TRY(append(v, none, &end));
	return ap_db_journal_ends(ap_vault_db(v), &end);
}

/* The same note about the same lines lies there already. */
static bool is_kept(const char *directory, const struct ap_secret *seed, const char *note, const struct ap_journal_end *end)
{
	uint8_t public[32];
	struct ap_journal_kept kept = { 0 };
	struct ap_journal_end there;
	ap_journal_public(seed, public);
	bool same = ap_ok(ap_journal_file_kept(directory, &kept)) && strcmp(kept.note, note) == 0 &&
		    ap_journal_kept_end(&kept, public, &there) && there.lines == end->lines &&
		    ap_hash_equal(&there.last, &end->last);
	ap_journal_kept_clear(&kept);
	return same;
}

static struct ap_result keep(struct ap_vault *v, const char *directory, const struct ap_secret *seed, const char *note)
{
	struct ap_journal_end known, end;
	AP_TRY(ap_journal_file_end(directory, seed, known_end(v, &known) ? &known : NULL, &end));
	return is_kept(directory, seed, note, &end) ? AP_SUCCESS : ap_journal_file_checkpoint(directory, seed, note, &end);
}

struct ap_result ap_journal_keep_checkpoint(struct ap_vault *v)
{
	g_autofree char *directory = ap_journal_directory(ap_vault_config(v), ap_vault_home(v));
	g_autofree char *note = NULL;
	struct ap_secret *seed = NULL;
	AP_TRY(ap_ledger_checkpoint(ap_vault_ledger(v), ap_vault_db(v), &note));
	AP_TRY(begin_if_new(v, directory));
	AP_TRY(ap_db_keys_server(ap_vault_keys(v), "journal", &seed));
	struct ap_result r = keep(v, directory, seed, note);
	ap_secret_free(seed);
	return r;
}

/* Whether vault.db holds what this checkpoint of our own says. */
static bool holds(struct ap_db *db, const struct ap_checkpoint *c)
{
	uint64_t size = 0;
	struct ap_hash root;
	struct ap_merkle_store store = ap_db_ledger_store(db);
	return ap_ok(ap_db_ledger_size(db, &size)) && c->size <= size &&
	       (c->size == 0 || (ap_ok(ap_merkle_root(&store, c->size, &root)) && ap_hash_equal(&root, &c->root)));
}

/* The first line of a note. */
static char *origin_of(const char *note)
{
	return g_strndup(note, strcspn(note, "\n"));
}

struct ap_result ap_journal_compare(const char *directory, struct ap_ledger *ledger, struct ap_db *db)
{
	g_autofree char *note = NULL;
	struct ap_log_key key;
	struct ap_checkpoint checkpoint;
	bool former = false;
	if (!ap_ok(ap_journal_checkpoint_read(directory, &note)))
		return AP_SUCCESS; /* not there (yet): doctor says so */
	g_autofree char *origin = origin_of(note);
	AP_TRY(ap_db_log_was(db, origin, &former));
	if (former)
		return AP_SUCCESS; /* the log went on under another name since */
	AP_TRY(ap_log_key_parse(ap_ledger_vkey(ledger), &key));
	if (!ap_ok(ap_checkpoint_verify(note, strlen(note), &key, &checkpoint)) || !holds(db, &checkpoint))
		ap_ledger_stop(ledger);
	return AP_SUCCESS;
}
