#include "recorder/vault_private.h"

#include "recorder/backup/db_journal.h"
#include "recorder/backup/journal.h"
#include "recorder/ledger/witness_list.h"
#include "recorder/policy/clock_guard.h"
#include "recorder/db/db_policy.h"
#include "recorder/db/db_staff_erasure.h"
#include "recorder/db/db_turnover.h"
#include "recorder/keys/secret_file.h"
#include "recorder/recording/vouched.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_MS 15000 /* a vault whose launcher was killed seals what it records before it lets go */

static struct ap_result make_directory(const char *path)
{
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return ap_fail(AP_ERR_IO, "home", "a directory of the instance cannot be made");
	return AP_SUCCESS;
}

/* What is missing beside what is there was lost, and is not made anew: with new keys nothing that was recorded could be
 * opened again. They are made in this order: kek, keys.db, vault.db. */
static struct ap_result check_complete(struct ap_vault *v, const char *keys, bool *ret_fresh)
{
	bool has_keys = access(keys, F_OK) == 0, has_vault = access(v->db_path, F_OK) == 0;
	if (has_vault && !has_keys)
		return ap_fail(AP_ERR_IO, "database", "vault/keys.db is missing beside vault.db: restore vault/ from a backup");
	*ret_fresh = !has_keys;
	return AP_SUCCESS;
}

static struct ap_result find_kek(struct ap_vault *v)
{
	enum ap_kek_source source;
	AP_TRY(ap_kek_source_parse(ap_config_text(v->config, "kek.source"), &source));
	if (source == AP_KEK_FILE && ap_vault_policy_facts(v).off_loopback &&
	    !ap_config_bool(v->config, "kek.allow_file_off_loopback"))
		return ap_fail(AP_ERR_DENIED, "kek", "kek.source=file is for demonstration; off loopback configure another");
	v->kek_where = source == AP_KEK_FILE ? g_build_filename(v->home, "vault", "kek", NULL) :
					       g_strdup(ap_config_text(v->config, "kek.credential"));
	v->kek_place = (struct ap_kek_place){ .source = source, .where = v->kek_where };
	return AP_SUCCESS;
}

/* A turnover that a crash ended goes on: what lies in keys.db may be under either key. */
static struct ap_result load_next(struct ap_vault *v)
{
	struct ap_secret *next = NULL;
	struct ap_result r = ap_kek_load_next(&v->kek_place, &next);
	if (r.err == AP_ERR_DENIED)
		return AP_SUCCESS;
	AP_TRY(r);
	v->kek_place.next = true;
	r = ap_db_keys_turn_begin(v->keys, next);
	ap_secret_free(next);
	return r;
}

/* A lockdown destroyed the key's file, and two admins' passphrases bring it back (recorder/keys/lockdown.h). */
static bool was_sealed(const struct ap_vault *v)
{
	g_autofree char *escrow = g_build_filename(v->home, "vault", "escrow", NULL);
	return ap_kek_replaceable(&v->kek_place) && !ap_secret_file_exists(v->kek_where, "") && ap_secret_file_exists(escrow, "");
}

/* Given, or from its place; made once, for a new instance. */
static struct ap_result load_kek(struct ap_vault *v, const struct ap_secret *given, bool fresh, struct ap_secret **ret_kek)
{
	if (given) {
		*ret_kek = ap_secret_from(ap_secret_bytes(given), ap_secret_len(given));
		return AP_SUCCESS;
	}
	AP_TRY(ap_kek_settle(&v->kek_place));
	if (!fresh && was_sealed(v))
		return AP_SUCCESS; /* none: locked down */
	return ap_kek_load(v->kek_place.source, v->kek_where, fresh && ap_kek_replaceable(&v->kek_place), ret_kek);
}

static struct ap_result open_keys(struct ap_vault *v, const struct ap_secret *given)
{
	g_autofree char *path = g_build_filename(v->home, "vault", "keys.db", NULL);
	struct ap_secret *kek = NULL;
	bool fresh = false;
	AP_TRY(find_kek(v));
	AP_TRY(check_complete(v, path, &fresh));
	AP_TRY(load_kek(v, given, fresh, &kek));
	struct ap_result r = ap_db_keys_open(path, kek, v->clock, &v->keys);
	bool none = !kek;
	ap_secret_free(kek);
	AP_TRY(r);
	return given || none ? AP_SUCCESS : load_next(v);
}

/* The key's id is kept, for certificates that are written while none is in memory. Without a key, or locked down, there is
 * none from here on: a vault that is not sure stays shut. */
static struct ap_result note_kek(struct ap_vault *v, struct ap_db *db)
{
	struct ap_kek_id id;
	int64_t locked = 0;
	bool there = ap_ok(ap_db_keys_kek_id(v->keys, &id));
	if (there)
		AP_TRY(ap_db_kek_id_set(db, &id));
	AP_TRY(ap_db_lockdown_get(db, &locked));
	atomic_store(&v->lockdown, locked != 0 || !there);
	if (ap_vault_locked_down(v))
		ap_db_keys_lock(v->keys);
	return AP_SUCCESS;
}

/* "<host of the public URL>/aparte/log/1" unless configured, or gone on under another since a restore. */
static char *log_origin(struct ap_vault *v, struct ap_db *db)
{
	const char *configured = ap_config_text(v->config, "vault.log_origin");
	char *continued = NULL;
	if (ap_ok(ap_db_log_origin(db, &continued)) && continued)
		return continued;
	g_autoptr(GUri) uri = g_uri_parse(v->public_url, G_URI_FLAGS_NONE, NULL);
	return *configured ? g_strdup(configured) : g_strconcat(uri ? g_uri_get_host(uri) : "localhost", "/aparte/log/1", NULL);
}

static struct ap_result open_log(struct ap_vault *v)
{
	g_autofree char *origin = NULL, *journal = ap_journal_directory(v->config, v->home);
	struct ap_db *db = NULL;
	AP_TRY(ap_db_open(v->db_path, ap_schema_vault, &db));
	g_hash_table_insert(v->connections, g_thread_self(), db);
	AP_TRY(ap_db_check(db));
	char boot[AP_CLOCK_BOOT];
	ap_clock_boot(boot);
	ap_vault_believe_kept(v, boot);
	AP_TRY(ap_db_policy_seed(db, ap_wall_ms(v->clock)));
	AP_TRY(note_kek(v, db));
	origin = log_origin(v, db);
	AP_TRY(ap_ledger_open(origin, v->keys, v->clock, db, &v->ledger));
	AP_TRY(ap_witness_compare(v->config, v->ledger, db));
	return ap_journal_compare(journal, v->ledger, db);
}

/* Two vaults over the same files would finish each other's recordings: the lock is held until the process ends, however
 * that comes. */
static struct ap_result take_lock(struct ap_vault *v)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	g_autofree char *path = g_build_filename(v->home, "vault", "lock", NULL);
	gint64 deadline_us = g_get_monotonic_time() + LOCK_MS * 1000;
	v->claim = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	while (v->claim >= 0 && fcntl(v->claim, F_SETLK, &lock) != 0) {
		if (g_get_monotonic_time() > deadline_us)
			return ap_fail(AP_ERR_IO, "home", "another vault still has this instance's files");
		g_usleep(20000);
	}
	return v->claim >= 0 ? AP_SUCCESS : ap_fail(AP_ERR_IO, "home", "vault/lock cannot be opened: see to the disk of vault/, its mount and its owner");
}

static struct ap_result open_all(struct ap_vault *v, const struct ap_secret *kek)
{
	g_autofree char *vault = g_build_filename(v->home, "vault", NULL);
	g_autofree char *run = g_build_filename(v->home, "run", NULL);
	g_autofree char *recordings = g_build_filename(v->home, "recordings", NULL);
	g_autofree char *owed = g_build_filename(vault, "owed", NULL);
	AP_TRY(make_directory(v->home));
	AP_TRY(make_directory(vault));
	AP_TRY(make_directory(run));
	AP_TRY(take_lock(v));
	AP_TRY(ap_owed_open(owed, &v->owed));
	AP_TRY(open_keys(v, kek));
	AP_TRY(open_log(v));
	return ap_blob_open(recordings, &v->blob);
}

static void close_connection(void *db)
{
	ap_db_close(db);
}

struct ap_result ap_vault_open(const struct ap_vault_setup *setup, struct ap_vault **ret_vault)
{
	struct ap_vault *v = g_new0(struct ap_vault, 1);
	const char *url = ap_config_text(setup->config, "gateway.public_url");
	v->claim = -1;
	v->config = setup->config;
	v->clock = setup->clock;
	v->home = g_strdup(setup->home);
	v->web = g_strdup(setup->web);
	v->db_path = g_build_filename(v->home, "vault", "vault.db", NULL);
	v->public_url = *url ? g_strdup(url) : g_strconcat("http://", ap_config_text(v->config, "gateway.listen"), NULL);
	v->main = g_main_context_ref_thread_default();
	v->connections = g_hash_table_new_full(NULL, NULL, NULL, close_connection);
	v->calls = g_hash_table_new(NULL, NULL);
	v->vouched = ap_vouched_new();
	g_mutex_init(&v->lock);
	ap_vault_believe(v, ap_wall_ms(v->clock), ap_mono_ns(v->clock));
	struct ap_result r = open_all(v, setup->kek);
	if (ap_ok(r))
		*ret_vault = v;
	else
		ap_vault_free(v);
	return r;
}

void ap_vault_free(struct ap_vault *v)
{
	if (!v)
		return;
	ap_vault_calls_free(v);
	ap_ledger_free(v->ledger);
	g_hash_table_destroy(v->connections);
	ap_db_keys_free(v->keys);
	g_free(v->kek_where);
	ap_blob_free(v->blob);
	ap_owed_free(v->owed);
	ap_vouched_free(v->vouched);
	if (v->claim >= 0)
		close(v->claim);
	g_main_context_unref(v->main);
	g_mutex_clear(&v->lock);
	g_free(v->home);
	g_free(v->web);
	g_free(v->db_path);
	g_free(v->public_url);
	g_free(v);
}

const struct ap_config *ap_vault_config(struct ap_vault *v)
{
	return v->config;
}

const struct ap_clock *ap_vault_clock(struct ap_vault *v)
{
	return v->clock;
}

static int64_t jump_ms(const struct ap_vault *v)
{
	return ap_config_int(v->config, "retention.jump_seconds") * 1000;
}

void ap_vault_believe(struct ap_vault *v, int64_t wall_ms, int64_t mono_ns)
{
	g_mutex_lock(&v->lock);
	v->believed_wall_ms = wall_ms;
	v->believed_mono_ns = mono_ns;
	g_mutex_unlock(&v->lock);
}

int64_t ap_vault_believed_ms(struct ap_vault *v)
{
	g_mutex_lock(&v->lock);
	struct ap_clock_reading before = { v->believed_wall_ms, v->believed_mono_ns, "" };
	g_mutex_unlock(&v->lock);
	struct ap_clock_reading now = { ap_wall_ms(v->clock), ap_mono_ns(v->clock), "" };
	return ap_clock_believed(&before, &now, jump_ms(v));
}

void ap_vault_believe_kept(struct ap_vault *v, const char *boot)
{
	struct ap_clock_guard kept;
	struct ap_clock_reading now = { ap_wall_ms(v->clock), ap_mono_ns(v->clock), boot };
	if (!ap_ok(ap_db_clock_guard_get(ap_vault_db(v), &kept)))
		return; /* the first start */
	struct ap_clock_reading before = { kept.wall_ms, kept.mono_ns, kept.boot };
	ap_vault_believe(v, ap_clock_believed(&before, &now, jump_ms(v)), now.mono_ns);
}

struct ap_ledger *ap_vault_ledger(struct ap_vault *v)
{
	return v->ledger;
}

struct ap_db_keys *ap_vault_keys(struct ap_vault *v)
{
	return v->keys;
}

struct ap_blob *ap_vault_blob(struct ap_vault *v)
{
	return v->blob;
}

struct ap_vouched *ap_vault_vouched(struct ap_vault *v)
{
	return v->vouched;
}

struct ap_owed *ap_vault_owed(struct ap_vault *v)
{
	return v->owed;
}

const struct ap_kek_place *ap_vault_kek_place(struct ap_vault *v)
{
	return &v->kek_place;
}

const char *ap_vault_home(struct ap_vault *v)
{
	return v->home;
}

const char *ap_vault_web_dir(struct ap_vault *v)
{
	return v->web;
}

const char *ap_vault_public_url(struct ap_vault *v)
{
	return v->public_url;
}

struct ap_db *ap_vault_db(struct ap_vault *v)
{
	g_mutex_lock(&v->lock);
	struct ap_db *db = g_hash_table_lookup(v->connections, g_thread_self());
	if (!db && ap_ok(ap_db_open(v->db_path, ap_schema_vault, &db)))
		g_hash_table_insert(v->connections, g_thread_self(), db);
	g_mutex_unlock(&v->lock);
	return db;
}

void ap_vault_set_rights(struct ap_vault *v, const struct ap_rights *rights)
{
	atomic_store(&v->rights, rights);
}

const struct ap_rights *ap_vault_rights(struct ap_vault *v)
{
	return atomic_load(&v->rights);
}

void ap_vault_set_port(struct ap_vault *v, GMainContext *gate, const struct ap_vault_port *port, void *ctx)
{
	v->gate = gate;
	v->port = port;
	v->port_ctx = ctx;
}

/* ---- lockdown ---- */

static struct ap_result store_lockdown(struct ap_vault *v, struct ap_db *db, bool on)
{
	JsonObject *body = json_object_new();
	uint64_t leaf;
	json_object_set_string_member(body, "event", on ? "lockdown" : "lockdown-lifted");
	/* To shut waits for nothing; to open waits for a log that tells of it. */
	AP_TRY((on ? ap_ledger_append_or_owe : ap_ledger_append)(v->ledger, db, AP_LEAF_LOCKDOWN, body, &leaf));
	return ap_db_lockdown_set(db, on);
}

struct ap_result ap_vault_set_lockdown(struct ap_vault *v, bool on)
{
	struct ap_db *db = ap_vault_db(v);
	if (on) {
		atomic_store(&v->lockdown, true); /* first: closing must not depend on the database */
		ap_vault_look_again(v);
	}
	AP_TRY(ap_db_begin(db));
	struct ap_result r = ap_db_finish(db, store_lockdown(v, db, on));
	if (!ap_ok(r) && on)
		AP_IGNORE(ap_db_lockdown_set(db, true)); /* a log that cannot be written is no reason to open at the next start */
	AP_TRY(r);
	atomic_store(&v->lockdown, on);
	ap_vault_look_again(v);
	return AP_SUCCESS;
}

bool ap_vault_locked_down(struct ap_vault *v)
{
	return atomic_load(&v->lockdown);
}

/* ---- policy ---- */

struct ap_result ap_vault_policy(struct ap_vault *v, const char *name, struct ap_policy **ret_policy, int64_t *ret_version)
{
	g_autofree char *document = NULL;
	struct ap_db *db = ap_vault_db(v);
	struct ap_result r = ap_db_policy_get(db, name, 0, &document, ret_version);
	if (r.err == AP_ERR_DENIED)
		r = ap_db_policy_get(db, "default", 0, &document, ret_version);
	AP_TRY(r);
	return ap_policy_parse(document, ret_policy);
}

static bool host_is_loopback(const char *host)
{
	g_autoptr(GInetAddress) address = host ? g_inet_address_new_from_string(host) : NULL;
	return address ? g_inet_address_get_is_loopback(address) : g_strcmp0(host, "localhost") == 0;
}

/* "127.0.0.1:8080", "[::1]:8080". */
static bool listens_on_loopback(const char *listen)
{
	g_autofree char *url = g_strconcat("http://", listen, NULL);
	g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_NONE, NULL);
	return uri && host_is_loopback(g_uri_get_host(uri));
}

struct ap_policy_facts ap_vault_policy_facts(struct ap_vault *v)
{
	const struct ap_config *c = v->config;
	g_autoptr(GUri) uri = g_uri_parse(v->public_url, G_URI_FLAGS_NONE, NULL);
	bool loopback = listens_on_loopback(ap_config_text(c, "gateway.listen")) &&
			listens_on_loopback(ap_config_text(c, "vault.listen")) && uri && host_is_loopback(g_uri_get_host(uri));
	return (struct ap_policy_facts){
		.off_loopback = !loopback,
		.controller = *ap_config_text(c, "operator.controller_name") && *ap_config_text(c, "operator.controller_contact"),
		.dpo = *ap_config_text(c, "operator.dpo") != 0,
		.complaint = *ap_config_text(c, "operator.complaint") != 0,
		.impact_assessment = *ap_config_text(c, "operator.impact_assessment") != 0,
		.lockdown = ap_vault_locked_down(v),
	};
}

struct ap_result ap_vault_webhook(struct ap_vault *v, struct ap_db *db, int64_t tenant, const char *event, const char *data)
{
	const struct ap_rights *rights = ap_vault_rights(v);
	return rights ? rights->webhook_enqueue(v, db, tenant, event, data) : AP_SUCCESS;
}
