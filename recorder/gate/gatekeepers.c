#include "recorder/gate/gatekeeper_private.h"

#include "recorder/db/db_session.h"

#include <aparte/buf.h>
#include <aparte/log.h>
#include <string.h>

#define MS_NS INT64_C(1000000)
#define STORAGE_POLL_NS (1000 * MS_NS)
#define FORGOTTEN_NS (INT64_C(86400000) * MS_NS) /* a session both left a day ago is over */
#define LET_GO_NS (600000 * MS_NS)		  /* a keeper that nothing depends on, after this without anybody there */
#define SILENT_NS (1000 * MS_NS)		  /* an open gate through which nothing comes is told after this */
#define LOG_AGAIN_NS (1000 * MS_NS)

static int64_t now_ns(const struct ap_gatekeepers *all)
{
	return ap_mono_ns(ap_vault_clock(all->v));
}

/* ---- the disk ---- */

/* Is there anybody whose gate waits for the disk, or depends on it? */
static bool wants_disk(const struct ap_gatekeepers *all)
{
	GHashTableIter at;
	void *value;
	g_hash_table_iter_init(&at, all->keepers);
	while (g_hash_table_iter_next(&at, NULL, &value)) {
		const struct ap_gatekeeper *k = value;
		if (k->person[0].connected && k->person[1].connected && !k->ended)
			return true;
	}
	return false;
}

static void watch_disk(struct ap_gatekeepers *all)
{
	if (wants_disk(all))
		ap_disk_watch_ask(all->watch);
	struct ap_disk_state now = ap_disk_watch_state(all->watch);
	if (now.storage != all->storage || now.log != all->log_disk)
		ap_log(now.storage && now.log ? AP_LOG_INFO : AP_LOG_ERROR, "disk",
		       "recordings=%s vault=%s trouble=%s", now.storage ? "good" : "failing", now.log ? "good" : "failing",
		       ap_disk_watch_trouble(all->watch));
	all->storage = now.storage;
	all->log_disk = now.log;
}

static void poll_storage(struct ap_gatekeepers *all)
{
	uint64_t bytes = 0;
	if (all->watch)
		watch_disk(all);
	if (all->storage_polled_ns && now_ns(all) - all->storage_polled_ns < STORAGE_POLL_NS)
		return;
	uint64_t floor = (uint64_t)ap_config_int(ap_vault_config(all->v), "storage.floor_mib") << 20;
	all->storage_polled_ns = now_ns(all);
	if (!all->watch)
		all->storage = ap_ok(ap_blob_free_bytes(ap_vault_blob(all->v), &bytes)) && bytes >= floor;
	ap_ledger_probe(ap_vault_ledger(all->v), ap_vault_db(all->v));
}

/* ---- deadlines ---- */

/* Off the record must outlive us: both must resume, whatever happens in between (R31). */
static void keep_pause(struct ap_gatekeeper *k)
{
	struct ap_db *db = ap_vault_db(k->all->v);
	struct ap_session s;
	k->log_again_ns = now_ns(k->all) + LOG_AGAIN_NS;
	if (!ap_ok(ap_session_load(db, &k->session, &s)))
		return;
	if (ap_ok(ap_db_session_set_paused(db, &k->session, s.paused | k->pause_owed)))
		k->pause_owed = 0;
	ap_session_clear(&s);
}

/* A recording that both left is not kept waiting for ever; one who comes back begins a new one. */
static void check_idle(struct ap_gatekeeper *k, int64_t now)
{
	int64_t limit = ap_config_int(ap_vault_config(k->all->v), "vault.seal_idle_minutes") * 60000 * MS_NS;
	if (k->person[0].connected || k->person[1].connected)
		k->away_since_ns = 0;
	else if (k->away_since_ns == 0)
		k->away_since_ns = now;
	else if (now - k->away_since_ns >= limit && k->phase == AP_PHASE_CLOSED && k->run.exists && !k->run.sealing)
		ap_keeper_seal(k);
}

/* A capture that does not obey is killed; whoever waits is answered. */
static void check_deadlines(struct ap_gatekeeper *k)
{
	int64_t now = now_ns(k->all);
	if (k->phase == AP_PHASE_CLOSING && now >= k->shut_by_ns)
		ap_keeper_capture_events.failed(k, "capture-deaf"); /* killed: a crash like any other */
	if (k->run.sealing && now >= k->run.seal_by_ns) {
		ap_capture_free(g_steal_pointer(&k->run.capture));
		ap_keeper_seal_without_capture(k);
	}
	if (k->retry_ns && now >= k->retry_ns) {
		k->retry_ns = 0;
		k->disk_failed = false;
	}
	check_idle(k, now);
	if (k->phase == AP_PHASE_OPEN && k->run.silent_at_ns && now >= k->run.silent_at_ns) {
		k->run.silent_at_ns = 0;
		ap_log(AP_LOG_WARN, "recording_silent", "session=%s epoch=%u", k->session_text, k->run.epoch);
		ap_keeper_show_recording(k, "recording");
	}
	if (now < k->log_again_ns)
		return;
	if (k->unlogged && k->phase == AP_PHASE_CLOSED)
		ap_keeper_commit_closing(k);
	if (k->pause_owed && !k->ended)
		keep_pause(k);
}

/* It knows nothing that vault.db does not, and nobody waits for it. */
static bool at_rest(const struct ap_gatekeeper *k)
{
	return k->phase == AP_PHASE_CLOSED && !k->run.exists && !k->unlogged && k->closers->len == 0 &&
	       k->finishers->len == 0 && k->person[0].blocks == 0 && k->person[1].blocks == 0;
}

/* Nobody ever connected here, and nobody has been heard of for long: a link that was only looked at. */
static bool idle(const struct ap_gatekeeper *k, int64_t now)
{
	return !k->active && k->begun_ns == 0 && !k->pause_owed && !k->held_closed && k->retry_ns == 0 &&
	       k->away_since_ns && now - k->away_since_ns >= LET_GO_NS;
}

/* Whoever asks again gets a new one from vault.db. What a platform is to hear is told first. */
static bool over(const struct ap_gatekeeper *k, int64_t now)
{
	return at_rest(k) && !k->told && (k->ended || idle(k, now));
}

/*
 * Said by the thread that hears withdrawals, and after it looked at the conditions: whatever keeps it from hearing (a
 * disk that does not answer, a stopped process) keeps it from saying this too, and the capture closes by itself.
 */
static void renew(struct ap_gatekeeper *k)
{
	if (k->run.capture && (k->phase == AP_PHASE_OPEN || k->phase == AP_PHASE_OPENING))
		ap_capture_renew(k->run.capture, k->generation);
}

void ap_gatekeepers_tick(struct ap_gatekeepers *all)
{
	g_autoptr(GList) keepers = g_hash_table_get_values(all->keepers);
	poll_storage(all);
	for (GList *at = keepers; at; at = at->next) {
		struct ap_gatekeeper *k = at->data;
		check_deadlines(k);
		if (k->readable)
			ap_keeper_evaluate(k);
		else
			ap_gatekeeper_reload(k);
		renew(k);
		if (over(k, now_ns(all)))
			g_hash_table_remove(all->keepers, &k->session);
	}
}

bool ap_gatekeepers_overdue(struct ap_gatekeepers *all, struct ap_uuid *ret_session)
{
	int64_t longest = ap_config_int(ap_vault_config(all->v), "gateway.max_session_minutes") * 60000 * MS_NS;
	int64_t now = now_ns(all);
	GHashTableIter at;
	void *value;
	g_hash_table_iter_init(&at, all->keepers);
	while (g_hash_table_iter_next(&at, NULL, &value)) {
		const struct ap_gatekeeper *k = value;
		bool long_run = k->begun_ns && now - k->begun_ns >= longest;
		bool long_gone = k->active && k->away_since_ns && now - k->away_since_ns >= FORGOTTEN_NS;
		if (!k->ended && (long_run || long_gone)) {
			*ret_session = k->session;
			return true;
		}
	}
	return false;
}

void ap_gatekeepers_look(struct ap_gatekeepers *all)
{
	g_autoptr(GList) keepers = g_hash_table_get_values(all->keepers);
	for (GList *at = keepers; at; at = at->next)
		ap_gatekeeper_reload(at->data);
}

void ap_gatekeepers_link(struct ap_gatekeepers *all, bool there)
{
	g_autoptr(GList) keepers = g_hash_table_get_values(all->keepers);
	all->link = there;
	for (GList *at = keepers; at; at = at->next) {
		struct ap_gatekeeper *k = at->data;
		k->person[0].connected = k->person[1].connected = false;
		g_clear_pointer(&k->shown, g_free); /* a new gateway has shown nothing yet */
		ap_keeper_evaluate(k);
	}
}

void ap_gatekeepers_tap_opened(struct ap_gatekeepers *all, const struct ap_uuid *session, uint64_t generation, bool ok)
{
	struct ap_gatekeeper *k = g_hash_table_lookup(all->keepers, session);
	if (!k || k->phase != AP_PHASE_OPENING || generation != k->generation)
		return;
	if (!ok) {
		ap_keeper_failed(k, "tap-refused");
		return;
	}
	ap_keeper_input(k, AP_INPUT_OPENED);
	k->run.silent_at_ns = k->run.flowing ? 0 : now_ns(all) + SILENT_NS;
	ap_keeper_show(k);
	ap_keeper_show_recording(k, "recording");
}

static void one_finished(void *data)
{
	struct ap_gatekeepers *all = data;
	g_autoptr(GList) keepers = g_hash_table_get_values(all->keepers);
	for (GList *at = keepers; at; at = at->next)
		if (((struct ap_gatekeeper *)at->data)->run.exists)
			return;
	ap_gate_done ended = g_steal_pointer(&all->ended);
	if (ended)
		ended(all->ended_data);
}

void ap_gatekeepers_shut_down(struct ap_gatekeepers *all, ap_gate_done done, void *data)
{
	g_autoptr(GList) keepers = g_hash_table_get_values(all->keepers);
	all->ending = true;
	all->ended = done;
	all->ended_data = data;
	for (GList *at = keepers; at; at = at->next)
		ap_gatekeeper_finish(at->data, AP_GATE_REASON(VAULT), one_finished, all);
	one_finished(all);
}

/* ---- life ---- */

static guint hash_id(const void *id)
{
	guint h;
	ap_copy(&h, sizeof h, id, sizeof h);
	return h;
}

static gboolean same_id(const void *a, const void *b)
{
	return ap_uuid_equal(a, b);
}

static void free_keeper(void *data)
{
	struct ap_gatekeeper *k = data;
	ap_capture_free(k->run.capture);
	g_array_unref(k->closers);
	g_array_unref(k->finishers);
	g_free(k->shown);
	g_free(k);
}

struct ap_gatekeepers *ap_gatekeepers_new(struct ap_vault *v, struct ap_captures *captures, const struct ap_gateway *gateway,
					  void *gateway_ctx)
{
	struct ap_gatekeepers *all = g_new0(struct ap_gatekeepers, 1);
	all->v = v;
	all->captures = captures;
	all->gateway = gateway;
	all->gateway_ctx = gateway_ctx;
	all->keepers = g_hash_table_new_full(hash_id, same_id, NULL, free_keeper);
	all->log_disk = true;
	poll_storage(all);
	return all;
}

void ap_gatekeepers_use_threads(struct ap_gatekeepers *all)
{
	g_autofree char *vault = g_build_filename(ap_vault_home(all->v), "vault", NULL);
	const struct ap_disk_setup setup = { vault, ap_vault_blob(all->v), ap_vault_clock(all->v),
					     (uint64_t)ap_config_int(ap_vault_config(all->v), "storage.floor_mib") << 20 };
	all->watch = ap_disk_watch_new(&setup);
	all->sealer = ap_sealer_new(all->v, ap_gatekeepers_sealed, all);
}

const char *ap_gatekeepers_disk_trouble(const struct ap_gatekeepers *all)
{
	return all->watch ? ap_disk_watch_trouble(all->watch) : "none";
}

void ap_gatekeepers_free(struct ap_gatekeepers *all)
{
	if (!all)
		return;
	ap_sealer_free(all->sealer);
	ap_disk_watch_free(all->watch);
	g_hash_table_destroy(all->keepers);
	g_free(all);
}

struct ap_gatekeeper *ap_gatekeeper_get(struct ap_gatekeepers *all, const struct ap_uuid *session)
{
	struct ap_gatekeeper *k = g_hash_table_lookup(all->keepers, session);
	if (k)
		return k;
	k = g_new0(struct ap_gatekeeper, 1);
	k->all = all;
	k->session = *session;
	k->closers = g_array_new(FALSE, FALSE, sizeof(struct ap_keeper_waiter));
	k->finishers = g_array_new(FALSE, FALSE, sizeof(struct ap_keeper_waiter));
	ap_uuid_text(session, k->session_text);
	AP_IGNORE(ap_db_session_gate_told(ap_vault_db(all->v), session, &k->told)); /* unreadable: as if not */
	g_hash_table_insert(all->keepers, &k->session, k);
	ap_gatekeeper_reload(k);
	return k;
}

bool ap_gatekeepers_watch(const struct ap_gatekeepers *all, const struct ap_uuid *session)
{
	return g_hash_table_contains(all->keepers, session);
}
