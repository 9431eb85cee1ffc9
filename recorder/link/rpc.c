#include "recorder/link/rpc_private.h"

#include "recorder/consent/token.h"

#include <aparte/buf.h>
#include <aparte/limits.h>
#include <aparte/log.h>
#include <aparte/problem.h>
#include <string.h>
#include <vault_dbus.h>

#define PATH "/fr/aparte"
#define SEEN_MOST 4096 /* tokens remembered, before those that nobody needs go */

enum state { FRESH, GREETED };		   /* before Hello only Hello may come */
enum thread { GATE_THREAD, MAIN_THREAD }; /* what may take long runs on the main thread */

/* The permit table (docs/PROCESSES.md): who may call what is the link itself: only the gateway holds its other end. */
static const struct permit {
	const char *method;
	enum state state;
	size_t cap; /* bytes of the whole argument tuple */
	enum thread thread;
	ap_rpc_handler handler;
} permits[] = {
	{ "Hello", FRESH, 256, GATE_THREAD, ap_rpc_hello },
	{ "SessionCreate", GREETED, AP_MAX_BODY + 1024, GATE_THREAD, ap_rpc_session_create },
	{ "SessionGet", GREETED, 512, GATE_THREAD, ap_rpc_session_get },
	{ "SessionEnd", GREETED, 512, GATE_THREAD, ap_rpc_session_end },
	{ "TokenRenew", GREETED, 512, GATE_THREAD, ap_rpc_token_renew },
	{ "WebhookPut", GREETED, AP_MAX_BODY + 1024, MAIN_THREAD, ap_rpc_webhook_put },
	{ "PartyOpen", GREETED, 512, GATE_THREAD, ap_rpc_party_open },
	{ "PartyGet", GREETED, 512, GATE_THREAD, ap_rpc_party_get },
	{ "DevicePut", GREETED, AP_MAX_BODY + 1024, GATE_THREAD, ap_rpc_device_put },
	{ "NoticeGet", GREETED, 1024, GATE_THREAD, ap_rpc_notice_get },
	{ "ConsentPut", GREETED, AP_MAX_BODY + 1024, GATE_THREAD, ap_rpc_consent_put },
	{ "PresencePut", GREETED, 2048, GATE_THREAD, ap_rpc_presence_put },
	{ "PauseSet", GREETED, 512, GATE_THREAD, ap_rpc_pause_set },
	{ "PartyRecordings", GREETED, 512, MAIN_THREAD, ap_rpc_party_recordings },
	{ "PartyAccesses", GREETED, 512, MAIN_THREAD, ap_rpc_party_accesses },
	{ "PartyReceipts", GREETED, 512, MAIN_THREAD, ap_rpc_party_receipts },
	{ "TrackOpen", GREETED, 512, MAIN_THREAD, ap_rpc_track_open },
	{ "TrackRead", GREETED, 512, MAIN_THREAD, ap_rpc_track_read },
	{ "PassageErase", GREETED, 1024, MAIN_THREAD, ap_rpc_passage_erase },
	{ "RequestCreate", GREETED, AP_MAX_BODY + 1024, MAIN_THREAD, ap_rpc_request_create },
	{ "RequestGet", GREETED, 512, MAIN_THREAD, ap_rpc_request_get },
	{ "RequestCopy", GREETED, 512, MAIN_THREAD, ap_rpc_request_copy },
	{ "ArchiveMake", GREETED, 2048, MAIN_THREAD, ap_rpc_archive_make },
	{ "ArchiveOpen", GREETED, 512, MAIN_THREAD, ap_rpc_archive_open },
	{ "ArchiveRead", GREETED, 512, MAIN_THREAD, ap_rpc_archive_read },
	{ "LedgerGet", GREETED, 1024, GATE_THREAD, ap_rpc_ledger_get },
	{ "LegState", GREETED, 256, GATE_THREAD, ap_rpc_leg_state },
	{ "TapLost", GREETED, 256, GATE_THREAD, ap_rpc_tap_lost },
};

static const struct permit *permit_of(const char *method)
{
	for (size_t i = 0; i < G_N_ELEMENTS(permits); i++)
		if (g_strcmp0(permits[i].method, method) == 0)
			return &permits[i];
	return NULL;
}

/* ---- answers ---- */

void ap_rpc_fail(GDBusMethodInvocation *call, struct ap_result r)
{
	/* What has no name in the API is our own trouble and is told as such; its name stays in our log. */
	bool ours = strcmp(ap_problem_by_name(r.name)->name, r.name) != 0;
	const char *name = ours && r.err == AP_ERR_IO ? "vault-unavailable" : r.name;
	if (ours)
		ap_log(AP_LOG_WARN, "call_failed", "method=%s reason=%s", g_dbus_method_invocation_get_method_name(call), r.name);
	g_dbus_method_invocation_return_dbus_error(call, ap_problem_by_name(name)->dbus, r.detail);
}

void ap_rpc_answer_text(GDBusMethodInvocation *call, struct ap_result r, char *text)
{
	if (ap_ok(r))
		g_dbus_method_invocation_return_value(call, g_variant_new("(s)", text));
	else
		ap_rpc_fail(call, r);
	g_free(text);
}

void ap_rpc_answer_empty(GDBusMethodInvocation *call, struct ap_result r)
{
	if (ap_ok(r))
		g_dbus_method_invocation_return_value(call, NULL);
	else
		ap_rpc_fail(call, r);
}

/* ---- persons ---- */

static guint hash_of(const void *hash)
{
	guint n;
	ap_copy(&n, sizeof n, hash, sizeof n);
	return n;
}

static gboolean same_hash(const void *a, const void *b)
{
	return ap_hash_equal(a, b);
}

static void free_party(void *party)
{
	ap_party_clear(party);
	g_free(party);
}

GHashTable *ap_rpc_seen_new(void)
{
	return g_hash_table_new_full(hash_of, same_hash, g_free, free_party);
}

static struct ap_party copy_party(const struct ap_party *p)
{
	struct ap_party copy = *p;
	copy.pii_principal = g_strdup(p->pii_principal);
	copy.name = g_strdup(p->name);
	copy.locale = g_strdup(p->locale);
	return copy;
}

static gboolean is_unwatched(void *hash, void *party, void *env)
{
	(void)hash;
	return !ap_gatekeepers_watch(((const struct ap_rpc_env *)env)->keepers, &((const struct ap_party *)party)->session);
}

/* Beyond so many, persons whose session nobody watches have nothing to withdraw from in a hurry. */
static void remember(const struct ap_rpc_env *env, const struct ap_hash *hash, const struct ap_party *p)
{
	if (g_hash_table_contains(env->seen_tokens, hash))
		return;
	if (g_hash_table_size(env->seen_tokens) >= SEEN_MOST)
		g_hash_table_foreach_remove(env->seen_tokens, is_unwatched, (void *)env);
	struct ap_party *kept = g_new0(struct ap_party, 1);
	*kept = copy_party(p);
	g_hash_table_insert(env->seen_tokens, g_memdup2(hash, sizeof *hash), kept);
}

struct ap_result ap_rpc_party(const struct ap_rpc_env *env, const char *token, struct ap_party *ret_party)
{
	struct ap_hash hash = ap_token_hash(token);
	struct ap_result r = ap_party_by_token(ap_vault_db(env->v), token, ap_vault_believed_ms(env->v), ret_party);
	if (!env->seen_tokens) /* on the main thread */
		return r;
	if (ap_ok(r) && env->consents) /* what this session gave comes before what is asked for it now */
		ap_consents_settle(env->consents, &ret_party->session);
	if (ap_ok(r))
		remember(env, &hash, ret_party);
	else if (r.err != AP_ERR_IO)
		g_hash_table_remove(env->seen_tokens, &hash);
	const struct ap_party *seen = r.err == AP_ERR_IO ? g_hash_table_lookup(env->seen_tokens, &hash) : NULL;
	if (!seen)
		return r;
	*ret_party = copy_party(seen);
	return AP_SUCCESS;
}

/* ---- dispatch ---- */

bool ap_rpc_permits(const char *method, const char *signature)
{
	const GDBusMethodInfo *info = g_dbus_interface_info_lookup_method(ap_dbus_vault1_interface_info(), method);
	if (!info || !permit_of(method))
		return false;
	for (GDBusArgInfo **arg = info->in_args; arg && *arg; arg++) {
		if (!g_str_has_prefix(signature, (*arg)->signature))
			return false;
		signature += strlen((*arg)->signature);
	}
	return *signature == '\0';
}

struct waiting {
	const struct permit *permit;
	GVariant *arguments;	     /* owned */
	GDBusMethodInvocation *call; /* owned until it is answered */
};

static void free_waiting(void *data)
{
	struct waiting *w = data;
	g_clear_object(&w->call);
	g_variant_unref(w->arguments);
	g_free(w);
}

/* Calls for the main thread go there one at a time, so that staff never stand behind a gateway's queue. The lane outlives
 * its link as long as a call of it is there. */
struct ap_rpc_lane {
	struct ap_rpc_env env; /* of it the vault alone is used on the main thread */
	GQueue calls;	       /* of struct waiting */
	bool busy, gone;
};

static void send_next(struct ap_rpc_lane *lane);

static void on_done(struct ap_vault *v, void *data)
{
	struct ap_rpc_lane *lane = data;
	(void)v;
	lane->busy = false;
	if (lane->gone)
		g_free(lane);
	else
		send_next(lane);
}

struct passed_on {
	struct ap_rpc_lane *lane;
	struct waiting *waiting; /* owned */
};

static void run_on_main(struct ap_vault *v, void *data)
{
	struct passed_on *p = data;
	const struct ap_rpc_env env = { .v = v };
	p->waiting->permit->handler(&env, p->waiting->arguments, g_steal_pointer(&p->waiting->call));
}

static void free_passed_on(void *data)
{
	struct passed_on *p = data;
	ap_vault_on_gate(p->lane->env.v, on_done, p->lane, NULL);
	free_waiting(p->waiting);
	g_free(p);
}

static void send_next(struct ap_rpc_lane *lane)
{
	struct waiting *next = lane->busy ? NULL : g_queue_pop_head(&lane->calls);
	if (!next)
		return;
	struct passed_on *p = g_new0(struct passed_on, 1);
	*p = (struct passed_on){ lane, next };
	lane->busy = true;
	ap_vault_on_main(lane->env.v, run_on_main, p, free_passed_on);
}

static void free_lane(struct ap_rpc_lane *lane)
{
	g_queue_clear_full(&lane->calls, free_waiting);
	lane->gone = true;
	if (!lane->busy)
		g_free(lane);
}

static void take(struct ap_rpc *rpc, struct waiting *w)
{
	if ((w->permit->state == GREETED) != rpc->greeted || g_variant_get_size(w->arguments) > w->permit->cap) {
		ap_rpc_fail(g_steal_pointer(&w->call), ap_fail(AP_ERR_DENIED, "invalid", "outside the permit table"));
		free_waiting(w);
		ap_link_break(rpc->env.link, "permit"); /* frees us */
		return;
	}
	if (w->permit->state == FRESH)
		rpc->greeted = true;
	if (w->permit->thread == MAIN_THREAD) {
		g_queue_push_tail(&rpc->lane->calls, w);
		send_next(rpc->lane);
		return;
	}
	w->permit->handler(&rpc->env, w->arguments, g_steal_pointer(&w->call));
	free_waiting(w);
}

/* One call, then everything else that is due on this thread: ticks, captures, the other links' ends. */
static gboolean on_turn(void *data)
{
	struct ap_rpc *rpc = data;
	struct waiting *w = g_queue_pop_head(&rpc->calls);
	if (g_queue_is_empty(&rpc->calls)) {
		g_source_unref(rpc->turn);
		rpc->turn = NULL;
		take(rpc, w);
		return G_SOURCE_REMOVE;
	}
	GSource *turn = rpc->turn;
	take(rpc, w); /* may free us, and destroys the source then */
	return g_source_is_destroyed(turn) ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

static void on_call(GDBusConnection *connection, const char *sender, const char *path, const char *interface,
		    const char *method, GVariant *arguments, GDBusMethodInvocation *call, void *data)
{
	struct ap_rpc *rpc = data;
	struct waiting *w = g_new0(struct waiting, 1);
	(void)connection;
	(void)sender;
	(void)path;
	(void)interface;
	*w = (struct waiting){ permit_of(method), g_variant_ref(arguments), call }; /* the link's front let it pass */
	g_queue_push_tail(&rpc->calls, w);
	if (rpc->turn)
		return;
	rpc->turn = g_idle_source_new();
	g_source_set_priority(rpc->turn, G_PRIORITY_DEFAULT);
	g_source_set_callback(rpc->turn, on_turn, rpc, NULL);
	g_source_attach(rpc->turn, g_main_context_get_thread_default());
}

static const GDBusInterfaceVTable vtable = { .method_call = on_call };

struct ap_result ap_rpc_new(const struct ap_rpc_env *env, GDBusConnection *connection, struct ap_rpc **ret_rpc)
{
	struct ap_rpc *rpc = g_new0(struct ap_rpc, 1);
	rpc->env = *env;
	rpc->connection = g_object_ref(connection);
	g_queue_init(&rpc->calls);
	rpc->object = g_dbus_connection_register_object(connection, PATH, ap_dbus_vault1_interface_info(), &vtable, rpc, NULL,
							NULL);
	if (!rpc->object) {
		g_object_unref(connection);
		g_free(rpc);
		return ap_fail(AP_ERR_INTERNAL, "link", "the link's object could not be registered");
	}
	rpc->lane = g_new0(struct ap_rpc_lane, 1);
	rpc->lane->env.v = env->v;
	g_queue_init(&rpc->lane->calls);
	*ret_rpc = rpc;
	return AP_SUCCESS;
}

void ap_rpc_free(struct ap_rpc *rpc)
{
	if (!rpc)
		return;
	g_dbus_connection_unregister_object(rpc->connection, rpc->object);
	if (rpc->turn) {
		g_source_destroy(rpc->turn);
		g_source_unref(rpc->turn);
	}
	g_queue_clear_full(&rpc->calls, free_waiting);
	free_lane(rpc->lane);
	g_object_unref(rpc->connection);
	g_free(rpc);
}
