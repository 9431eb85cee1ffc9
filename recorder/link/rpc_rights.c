#include "recorder/link/rpc_private.h"

#include "recorder/vault_port.h"

/* The staff side's table, or what to say without it. */
static struct ap_result rights_of(const struct ap_rpc_env *env, const struct ap_rights **ret_rights)
{
	*ret_rights = ap_vault_rights(env->v);
	return *ret_rights ? AP_SUCCESS : ap_fail(AP_ERR_IO, "vault-unavailable", "the vault is starting; try again");
}

/* Who asks, and the table that answers. */
typedef struct {
	const struct ap_rights *rights; /* borrowed */
	struct ap_party party;		/* owned */
} asker;

static void asker_clear(asker *a)
{
	ap_party_clear(&a->party);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(asker, asker_clear)

/* The call's first argument is the person's token. */
static struct ap_result begin(const struct ap_rpc_env *env, GVariant *arguments, asker *a)
{
	const char *token;
	g_variant_get_child(arguments, 0, "&s", &token);
	AP_TRY(rights_of(env, &a->rights));
	return ap_rpc_party(env, token, &a->party);
}

static void answer_bytes(GDBusMethodInvocation *call, uint8_t *bytes, size_t len)
{
	GVariant *array = g_variant_new_from_data(G_VARIANT_TYPE_BYTESTRING, bytes, len, TRUE, g_free, bytes);
	g_dbus_method_invocation_return_value(call, g_variant_new("(@ay)", array));
}

void ap_rpc_webhook_put(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call)
{
	const char *key, *name, *json;
	char *text = NULL;
	int64_t tenant = 0;
	const struct ap_rights *rights = NULL;
	g_variant_get(arguments, "(&s&s&s)", &key, &name, &json);
	struct ap_result r = rights_of(env, &rights);
	if (ap_ok(r))
		r = ap_api_key_check(ap_vault_db(env->v), key, &tenant);
	if (ap_ok(r))
		r = rights->webhook_put(env->v, tenant, name, json, &text);
	ap_rpc_answer_text(call, r, text);
}

void ap_rpc_party_recordings(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call)
{
	char *text = NULL;
	g_auto(asker) a = { 0 };
	struct ap_result r = begin(env, arguments, &a);
	if (ap_ok(r))
		r = a.rights->recordings(env->v, &a.party.session, a.party.role, &text);
	ap_rpc_answer_text(call, r, text);
}

void ap_rpc_party_accesses(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call)
{
	char *text = NULL;
	g_auto(asker) a = { 0 };
	struct ap_result r = begin(env, arguments, &a);
	if (ap_ok(r))
		r = a.rights->accesses(env->v, &a.party.session, a.party.role, &text);
	ap_rpc_answer_text(call, r, text);
}

void ap_rpc_track_open(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call)
{
	const char *recording, *track;
	g_autofree char *access = NULL;
	uint64_t size = 0;
	g_auto(asker) a = { 0 };
	g_variant_get(arguments, "(&s&s&s)", NULL, &recording, &track);
	struct ap_result r = begin(env, arguments, &a);
	if (ap_ok(r))
		r = a.rights->track_open(env->v, &a.party.session, a.party.role, recording, track, &access, &size);
	if (ap_ok(r))
		g_dbus_method_invocation_return_value(call, g_variant_new("(st)", access, size));
	else
		ap_rpc_fail(call, r);
}

void ap_rpc_track_read(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call)
{
	const char *access, *recording, *track;
	guint64 offset;
	guint32 length;
	uint8_t *bytes = NULL;
	size_t len = 0;
	g_auto(asker) a = { 0 };
	g_variant_get(arguments, "(&s&s&s&stu)", NULL, &access, &recording, &track, &offset, &length);
	struct ap_result r = begin(env, arguments, &a);
	if (ap_ok(r))
		r = a.rights->track_read(env->v, &a.party.session, a.party.role, access, recording, track, offset, length,
					 &bytes, &len);
	if (!ap_ok(r)) {
		ap_rpc_fail(call, r);
		return;
	}
	answer_bytes(call, bytes, len);
}

void ap_rpc_passage_erase(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call)
{
	const char *recording, *json;
	char *text = NULL;
	g_auto(asker) a = { 0 };
	g_variant_get(arguments, "(&s&s&s)", NULL, &recording, &json);
	struct ap_result r = begin(env, arguments, &a);
	if (ap_ok(r))
		r = a.rights->passage_erase(env->v, &a.party.session, a.party.role, recording, json, &text);
	ap_rpc_answer_text(call, r, text);
}

void ap_rpc_request_create(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call)
{
	const char *json;
	char *text = NULL;
	g_auto(asker) a = { 0 };
	g_variant_get(arguments, "(&s&s)", NULL, &json);
	struct ap_result r = begin(env, arguments, &a);
	if (ap_ok(r))
		r = a.rights->request_create(env->v, &a.party.session, a.party.role, json, &text);
	ap_rpc_answer_text(call, r, text);
}

void ap_rpc_request_get(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call)
{
	const char *request;
	char *text = NULL;
	g_auto(asker) a = { 0 };
	g_variant_get(arguments, "(&s&s)", NULL, &request);
	struct ap_result r = begin(env, arguments, &a);
	if (ap_ok(r))
		r = a.rights->request_get(env->v, &a.party.session, a.party.role, request, &text);
	ap_rpc_answer_text(call, r, text);
}

void ap_rpc_request_copy(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call)
{
	const char *request, *format, *type = "";
	g_autofree char *text = NULL;
	g_auto(asker) a = { 0 };
	g_variant_get(arguments, "(&s&s&s)", NULL, &request, &format);
	struct ap_result r = begin(env, arguments, &a);
	if (ap_ok(r))
		r = a.rights->request_copy(env->v, &a.party.session, a.party.role, request, format, &type, &text);
	if (ap_ok(r))
		g_dbus_method_invocation_return_value(call, g_variant_new("(ss)", type, text));
	else
		ap_rpc_fail(call, r);
}

void ap_rpc_archive_make(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call)
{
	const char *request, *json;
	char *text = NULL;
	g_auto(asker) a = { 0 };
	g_variant_get(arguments, "(&s&s&s)", NULL, &request, &json);
	struct ap_result r = begin(env, arguments, &a);
	if (ap_ok(r))
		r = a.rights->archive_make(env->v, &a.party.session, a.party.role, request, json, &text);
	ap_rpc_answer_text(call, r, text);
}

void ap_rpc_archive_open(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call)
{
	const char *request;
	uint64_t size = 0;
	g_auto(asker) a = { 0 };
	g_variant_get(arguments, "(&s&s)", NULL, &request);
	struct ap_result r = begin(env, arguments, &a);
	if (ap_ok(r))
		r = a.rights->archive_open(env->v, &a.party.session, a.party.role, request, &size);
	if (ap_ok(r))
		g_dbus_method_invocation_return_value(call, g_variant_new("(t)", size));
	else
		ap_rpc_fail(call, r);
}

void ap_rpc_archive_read(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call)
{
	const char *request;
	guint64 offset;
	guint32 length;
	uint8_t *bytes = NULL;
	size_t len = 0;
	g_auto(asker) a = { 0 };
	g_variant_get(arguments, "(&s&stu)", NULL, &request, &offset, &length);
	struct ap_result r = begin(env, arguments, &a);
	if (ap_ok(r))
		r = a.rights->archive_read(env->v, &a.party.session, a.party.role, request, offset, length, &bytes, &len);
	if (ap_ok(r))
		answer_bytes(call, bytes, len);
	else
		ap_rpc_fail(call, r);
}
