/*
 * The gateway's calls to the vault, from the link's front on: the permit table, arguments of every method, handlers over
 * a vault with a session. Each line of the input is a call, "Method" and its arguments behind tabs; "$c" "$d" stand for
 * the persons' tokens, "$k" for the platform's key, "$s" for the session, "$p" "$q" for their device keys, "$1" to "$4"
 * for statements they signed: coach gives, coachee gives, coach withdraws, coachee refuses.
 *
 * Every call is answered once, with what the contract says or an error of the API that is not "internal"; before Hello
 * and after a second one the link ends. And whatever was said: while a gate is not closed, both persons have given.
 *
 * Calls have effects that stay: the vault is made anew after some of them, not for each input.
 */
#include "fuzz.h"

#include "recorder/link/rpc_private.h"
#include "tests/testlib/vault_world.h"

#include <aparte/buf.h>
#include <aparte/log.h>
#include <gio/gio.h>
#include <recorder/policy/policy.h>
#include <recorder/api/staff.h>
#include <stdlib.h>
#include <string.h>
#include <vault_dbus.h>

#define CHANGES 150 /* before the vault is made anew */
#define CALLS 24   /* in one input */
#define STATEMENTS 4

struct stand {
	struct world *w;
	struct ap_link *link;
	GHashTable *seen;
	GObject *connection; /* in place of one */
	struct ap_rpc *rpc;
	char *device[2], *statements[STATEMENTS], session[AP_UUID_TEXT];
	unsigned changes;
};

/* ---- GDBus, as far as rpc.c and the handlers call it ---- */

static const GDBusInterfaceVTable *vtable;
static void *vtable_data;

guint g_dbus_connection_register_object(GDBusConnection *connection, const gchar *path, GDBusInterfaceInfo *info,
					const GDBusInterfaceVTable *table, gpointer data, GDestroyNotify free, GError **error)
{
	(void)connection, (void)path, (void)info, (void)free, (void)error;
	vtable = table;
	vtable_data = data;
	return 1;
}

gboolean g_dbus_connection_unregister_object(GDBusConnection *connection, guint id)
{
	(void)connection, (void)id;
	return TRUE;
}

/* What became of the call under way. */
static struct answer {
	const GDBusMethodInfo *method;
	unsigned answers;
	bool value, broken;
} answer;

const gchar *g_dbus_method_invocation_get_method_name(GDBusMethodInvocation *call)
{
	(void)call;
	return answer.method->name;
}

void g_dbus_method_invocation_return_value(GDBusMethodInvocation *call, GVariant *value)
{
	g_autoptr(GVariant) owned = value ? g_variant_ref_sink(value) : NULL;
	g_autoptr(GString) type = g_string_new("(");
	for (GDBusArgInfo **arg = answer.method->out_args; arg && *arg; arg++)
		g_string_append(type, (*arg)->signature);
	g_string_append_c(type, ')');
	g_assert_cmpstr(owned ? g_variant_get_type_string(owned) : "()", ==, type->str);
	answer.value = true;
	answer.answers++;
	g_object_unref(call);
}

void g_dbus_method_invocation_return_dbus_error(GDBusMethodInvocation *call, const gchar *name, const gchar *message)
{
	g_assert_true(g_str_has_prefix(name, "fr.aparte.Error.") && !g_str_has_suffix(name, ".Internal"));
	answer.broken = strcmp(message, "outside the permit table") == 0;
	answer.answers++;
	g_object_unref(call);
}

/* ---- policies: each text is parsed once ---- */

struct ap_result __real_ap_policy_parse(const char *json, struct ap_policy **ret_policy);
struct ap_result __wrap_ap_policy_parse(const char *json, struct ap_policy **ret_policy);

struct ap_result __wrap_ap_policy_parse(const char *json, struct ap_policy **ret_policy)
{
	static GHashTable *parsed;
	if (!parsed)
		parsed = g_hash_table_new(g_str_hash, g_str_equal);
	struct ap_policy *policy = g_hash_table_lookup(parsed, json);
	if (!policy) {
		AP_TRY(__real_ap_policy_parse(json, &policy));
		g_hash_table_insert(parsed, g_strdup(json), policy);
	}
	*ret_policy = ap_policy_ref(policy);
	return AP_SUCCESS;
}

/* ---- the vault ---- */

static void serve(struct stand *s)
{
	const struct ap_rpc_env env = { s->w->v, s->w->keepers, s->w->consents, s->link, s->seen };
	g_assert_true(ap_ok(ap_rpc_new(&env, (GDBusConnection *)s->connection, &s->rpc)));
}

static char *device_of(const struct person *p)
{
	g_autofree char *key = ap_base64url(p->public, 32);
	return g_strdup_printf("{\"key\":\"%s\"}", key);
}

static struct stand *stand_new(void)
{
	static const struct ap_link_events events = { 0 };
	struct stand *s = g_new0(struct stand, 1);
	struct world *w = s->w = world_new(NULL);
	ap_vault_set_rights(w->v, ap_staff_rights());
	s->link = ap_link_new(&events, s);
	s->seen = ap_rpc_seen_new();
	s->connection = g_object_new(G_TYPE_OBJECT, NULL);
	ap_uuid_text(&w->session, s->session);
	s->device[0] = device_of(&w->coach);
	s->device[1] = device_of(&w->coachee);
	s->statements[0] = world_statement(w, &w->coach, "ConsentGiven", "recording,supervision", NULL, NULL);
	s->statements[1] = world_statement(w, &w->coachee, "ConsentGiven", "recording", NULL, NULL);
	s->statements[2] = world_statement(w, &w->coach, "ConsentWithdrawn", "recording", NULL, NULL);
	s->statements[3] = world_statement(w, &w->coachee, "ConsentRefused", "recording", NULL, NULL);
	serve(s);
	return s;
}

static void stand_free(struct stand *s)
{
	ap_rpc_free(s->rpc);
	world_settle(s->w);
	world_free(s->w);
	ap_link_free(s->link);
	g_hash_table_unref(s->seen);
	g_object_unref(s->connection);
	for (int i = 0; i < STATEMENTS; i++)
		g_free(s->statements[i]);
	g_free(s->device[0]);
	g_free(s->device[1]);
	g_free(s);
}

static struct stand *the_stand(void)
{
	static struct stand *s;
	if (s && s->changes > CHANGES)
		g_clear_pointer(&s, stand_free);
	if (!s)
		s = stand_new();
	ap_log_init("fuzz", AP_LOG_ERROR);
	return s;
}

/* ---- a call ---- */

static char *with_words(const struct stand *s, const char *text)
{
	const struct {
		char mark;
		const char *word;
	} words[] = { { 'c', s->w->coach.token }, { 'd', s->w->coachee.token }, { 'k', s->w->api_key }, { 's', s->session },
		      { 'p', s->device[0] },	  { 'q', s->device[1] },	{ '1', s->statements[0] },
		      { '2', s->statements[1] },  { '3', s->statements[2] },	{ '4', s->statements[3] } };
	g_autoptr(GString) out = g_string_new(NULL);
	for (; *text; text++) {
		const char *word = NULL;
		for (size_t i = 0; text[0] == '$' && i < G_N_ELEMENTS(words); i++)
			if (text[1] == words[i].mark)
				word = words[i].word;
		if (word)
			g_string_append(out, word);
		else
			g_string_append_c(out, *text);
		text += word != NULL;
	}
	return g_string_free(g_steal_pointer(&out), FALSE);
}

static GVariant *argument(const struct stand *s, char type, const char *text)
{
	g_autofree char *whole = type == 's' ? with_words(s, text) : NULL;
	g_autofree char *valid = whole ? g_utf8_make_valid(whole, -1) : NULL;
	switch (type) {
	case 's': return g_variant_new_string(valid);
	case 'b': return g_variant_new_boolean(*text == '1');
	case 'u': return g_variant_new_uint32((guint32)strtoull(text, NULL, 10));
	default: return g_variant_new_uint64(strtoull(text, NULL, 10));
	}
}

static GVariant *arguments_of(const struct stand *s, const GDBusMethodInfo *method, char **words)
{
	g_auto(GVariantBuilder) b = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_TUPLE);
	for (GDBusArgInfo **arg = method->in_args; arg && *arg; arg++) {
		g_variant_builder_add_value(&b, argument(s, (*arg)->signature[0], *words ? *words : ""));
		words += *words != NULL;
	}
	return g_variant_ref_sink(g_variant_builder_end(&b));
}

static bool has_given(struct stand *s, enum ap_role role)
{
	g_autoptr(JsonObject) states = ap_consent_states(s->w->consents, &s->w->session, role, true);
	return g_strcmp0(json_object_get_string_member_with_default(states, "recording", ""), "ConsentGiven") == 0;
}

/* Without a keeper, which looking would make, the gate is closed. */
static bool is_closed(struct stand *s)
{
	return !ap_gatekeepers_watch(s->w->keepers, &s->w->session) ||
	       ap_gatekeeper_phase(world_keeper(s->w)) == AP_PHASE_CLOSED;
}

static void check_gate(struct stand *s)
{
	if (!is_closed(s))
		g_assert_true(has_given(s, AP_COACH) && has_given(s, AP_COACHEE));
}

static void check_answer(struct stand *s, bool greeted, const char *json)
{
	bool hello = strcmp(answer.method->name, "Hello") == 0;
	g_assert_cmpuint(answer.answers, ==, 1);
	g_assert_true(hello != greeted || answer.broken);
	/* A token of theirs and that word: a withdrawal, in whatever form. Then the gate is shut before the answer. */
	if (answer.value && strcmp(answer.method->name, "ConsentPut") == 0 && strstr(json, "ConsentWithdrawn") &&
	    !strstr(json, "ConsentGiven") && !strchr(json, '\\'))
		g_assert_true(is_closed(s));
	check_gate(s);
}

static void ask(struct stand *s, const char *line)
{
	g_auto(GStrv) words = g_strsplit(line, "\t", 8);
	const GDBusMethodInfo *method = g_dbus_interface_info_lookup_method(ap_dbus_vault1_interface_info(), words[0] ? words[0] : "");
	if (!method)
		return; /* the link's front lets no other pass */
	GVariant *arguments = arguments_of(s, method, words + 1);
	bool greeted = s->rpc->greeted;
	answer = (struct answer){ .method = method };
	s->w->wall_ms += 1;
	vtable->method_call((GDBusConnection *)s->connection, NULL, "/fr/aparte", "fr.aparte.Vault1", method->name, arguments,
			    g_object_new(G_TYPE_OBJECT, NULL), vtable_data);
	for (int i = 0; i < 20 && answer.answers == 0; i++)
		world_pass(s->w, i > 0 ? 100 : 1);
	check_answer(s, greeted, words[1] && words[2] ? words[2] : "");
	g_variant_unref(arguments);
	if (answer.broken) {
		ap_rpc_free(s->rpc);
		serve(s);
	} else if (answer.value) {
		s->changes += method->out_args == NULL || strstr(method->name, "Put") || strstr(method->name, "Create") ||
			      strstr(method->name, "Renew") || strstr(method->name, "Set");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stand *s = the_stand();
	g_autofree char *text = g_strndup((const char *)data, size);
	g_auto(GStrv) lines = g_strsplit(text, "\n", CALLS);
	for (char **line = lines; *line; line++)
		ask(s, *line);
	world_settle(s->w);
	return 0;
}
