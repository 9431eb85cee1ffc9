#include "recorder/rpc_private.h"

#include "recorder/token.h"

#include <aparte/limits.h>
#include <aparte/log.h>
#include <aparte/problem.h>
#include <string.h>
#include <vault_dbus.h>

#define PATH "/fr/aparte"
#define INTERFACE "fr.aparte.Vault1"

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
	{ "PartyReceipts", GREETED, 512, GATE_THREAD, ap_rpc_party_receipts },
	{ "TrackOpen", GREETED, 512, MAIN_THREAD, ap_rpc_track_open },
	{ "TrackRead", GREETED, 512, MAIN_THREAD, ap_rpc_track_read },
	{ "RequestCreate", GREETED, AP_MAX_BODY + 1024, MAIN_THREAD, ap_rpc_request_create },
	{ "RequestGet", GREETED, 512, MAIN_THREAD, ap_rpc_request_get },
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

static struct ap_party copy_party(const struct ap_party *p)
{
	struct ap_party copy = *p;
	copy.pii_principal = g_strdup(p->pii_principal);
	copy.name = g_strdup(p->name);
	copy.locale = g_strdup(p->locale);
	return copy;
}

static void remember(GHashTable *seen, const struct ap_hash *hash, const struct ap_party *p)
{
	if (g_hash_table_contains(seen, hash))
		return;
	struct ap_party *kept = g_new0(struct ap_party, 1);
	*kept = copy_party(p);
	g_hash_table_insert(seen, g_memdup2(hash, sizeof *hash), kept);
}

struct ap_result ap_rpc_party(const struct ap_rpc_env *env, const char *token, struct ap_party *ret_party)
{
	struct ap_hash hash = ap_token_hash(token);
	struct ap_result r = ap_party_by_token(ap_vault_db(env->v), token, ap_wall_ms(ap_vault_clock(env->v)), ret_party);
	if (!env->seen_tokens) /* on the main thread */
		return r;
	if (ap_ok(r))
		remember(env->seen_tokens, &hash, ret_party);
	else if (r.err != AP_ERR_IO)
		g_hash_table_remove(env->seen_tokens, &hash);
	const struct ap_party *seen = r.err == AP_ERR_IO ? g_hash_table_lookup(env->seen_tokens, &hash) : NULL;
	if (!seen)
		return r;
	*ret_party = copy_party(seen);
	return AP_SUCCESS;
}

/* ---- dispatch ---- */

struct passed_on {
	struct ap_rpc_env env;
	const struct permit *permit;
	GVariant *arguments;
	GDBusMethodInvocation *call;
};

static void run_on_main(struct ap_vault *v, void *data)
{
	struct passed_on *p = data;
	(void)v;
	p->permit->handler(&p->env, p->arguments, p->call);
}

static void free_passed_on(void *data)
{
	struct passed_on *p = data;
	g_variant_unref(p->arguments);
	g_free(p);
}

static void on_call(GDBusConnection *connection, const char *sender, const char *path, const char *interface,
		    const char *method, GVariant *arguments, GDBusMethodInvocation *call, void *data)
{
	struct ap_rpc *rpc = data;
	const struct permit *permit = permit_of(method);
	(void)connection;
	(void)sender;
	(void)path;
	(void)interface;
	if (!permit || (permit->state == GREETED) != rpc->greeted || g_variant_get_size(arguments) > permit->cap) {
		ap_rpc_fail(call, ap_fail(AP_ERR_DENIED, "invalid", "outside the permit table"));
		ap_link_break(rpc->env.link, "permit"); /* frees us */
		return;
	}
	if (permit->state == FRESH)
		rpc->greeted = true;
	if (permit->thread == GATE_THREAD) {
		permit->handler(&rpc->env, arguments, call);
		return;
	}
	struct passed_on *p = g_new0(struct passed_on, 1);
	*p = (struct passed_on){ { .v = rpc->env.v }, permit, g_variant_ref(arguments), call };
	ap_vault_on_main(rpc->env.v, run_on_main, p, free_passed_on);
}

/* On GDBus's own thread, before anything is parsed further: calls to other objects, interfaces or methods, and signals,
 * never reach us. The connection is closed, which the link notices. */
static GDBusMessage *on_message(GDBusConnection *connection, GDBusMessage *message, gboolean incoming, void *data)
{
	GDBusMessageType type = g_dbus_message_get_message_type(message);
	(void)data;
	if (!incoming || type == G_DBUS_MESSAGE_TYPE_METHOD_RETURN || type == G_DBUS_MESSAGE_TYPE_ERROR)
		return message;
	if (type == G_DBUS_MESSAGE_TYPE_METHOD_CALL && g_strcmp0(g_dbus_message_get_path(message), PATH) == 0 &&
	    g_strcmp0(g_dbus_message_get_interface(message), INTERFACE) == 0 && permit_of(g_dbus_message_get_member(message)))
		return message;
	ap_log(AP_LOG_ERROR, "link_broken", "reason=message");
	g_object_unref(message);
	g_dbus_connection_close(connection, NULL, NULL, NULL);
	return NULL;
}

static const GDBusInterfaceVTable vtable = { .method_call = on_call };

struct ap_result ap_rpc_new(const struct ap_rpc_env *env, GDBusConnection *connection, struct ap_rpc **ret_rpc)
{
	struct ap_rpc *rpc = g_new0(struct ap_rpc, 1);
	rpc->env = *env;
	rpc->connection = g_object_ref(connection);
	rpc->object = g_dbus_connection_register_object(connection, PATH, ap_dbus_vault1_interface_info(), &vtable, rpc, NULL,
							NULL);
	if (!rpc->object) {
		g_object_unref(connection);
		g_free(rpc);
		return ap_fail(AP_ERR_INTERNAL, "link", "the link's object could not be registered");
	}
	rpc->filter = g_dbus_connection_add_filter(connection, on_message, NULL, NULL);
	*ret_rpc = rpc;
	return AP_SUCCESS;
}

void ap_rpc_free(struct ap_rpc *rpc)
{
	if (!rpc)
		return;
	g_dbus_connection_unregister_object(rpc->connection, rpc->object);
	g_dbus_connection_remove_filter(rpc->connection, rpc->filter);
	g_object_unref(rpc->connection);
	g_free(rpc);
}
