#include "recorder/rpc_private.h"

#include "recorder/vault_port.h"

/* The staff side's table, or what to say without it. */
static struct ap_result rights_of(const struct ap_rpc_env *env, const struct ap_rights **ret_rights)
{
	*ret_rights = ap_vault_rights(env->v);
	return *ret_rights ? AP_SUCCESS : ap_fail(AP_ERR_IO, "vault-unavailable", "the vault is starting; try again");
}

/* Both: the person behind the token, and the table. */
static struct ap_result begin(const struct ap_rpc_env *env, const char *token, const struct ap_rights **ret_rights,
			      struct ap_party *ret_party)
{
	AP_TRY(rights_of(env, ret_rights));
	return ap_rpc_party(env, token, ret_party);
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
	const char *token;
	char *text = NULL;
	struct ap_party p = { 0 };
	const struct ap_rights *rights = NULL;
	g_variant_get(arguments, "(&s)", &token);
	struct ap_result r = begin(env, token, &rights, &p);
	if (ap_ok(r))
		r = rights->recordings(env->v, &p.session, p.role, &text);
	ap_party_clear(&p);
	ap_rpc_answer_text(call, r, text);
}

void ap_rpc_party_accesses(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call)
{
	const char *token;
	char *text = NULL;
	struct ap_party p = { 0 };
	const struct ap_rights *rights = NULL;
	g_variant_get(arguments, "(&s)", &token);
	struct ap_result r = begin(env, token, &rights, &p);
	if (ap_ok(r))
		r = rights->accesses(env->v, &p.session, p.role, &text);
	ap_party_clear(&p);
	ap_rpc_answer_text(call, r, text);
}

void ap_rpc_track_open(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call)
{
	const char *token, *recording, *track;
	g_autofree char *access = NULL;
	uint64_t size = 0;
	struct ap_party p = { 0 };
	const struct ap_rights *rights = NULL;
	g_variant_get(arguments, "(&s&s&s)", &token, &recording, &track);
	struct ap_result r = begin(env, token, &rights, &p);
	if (ap_ok(r))
		r = rights->track_open(env->v, &p.session, p.role, recording, track, &access, &size);
	ap_party_clear(&p);
	if (ap_ok(r))
		g_dbus_method_invocation_return_value(call, g_variant_new("(st)", access, size));
	else
		ap_rpc_fail(call, r);
}

void ap_rpc_track_read(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call)
{
	const char *token, *access, *recording, *track;
	guint64 offset;
	guint32 length;
	uint8_t *bytes = NULL;
	size_t len = 0;
	struct ap_party p = { 0 };
	const struct ap_rights *rights = NULL;
	g_variant_get(arguments, "(&s&s&s&stu)", &token, &access, &recording, &track, &offset, &length);
	struct ap_result r = begin(env, token, &rights, &p);
	if (ap_ok(r))
		r = rights->track_read(env->v, &p.session, p.role, access, recording, track, offset, length, &bytes, &len);
	ap_party_clear(&p);
	if (!ap_ok(r)) {
		ap_rpc_fail(call, r);
		return;
	}
	answer_bytes(call, bytes, len);
}

void ap_rpc_passage_erase(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call)
{
	const char *token, *recording, *json;
	char *text = NULL;
	struct ap_party p = { 0 };
	const struct ap_rights *rights = NULL;
	g_variant_get(arguments, "(&s&s&s)", &token, &recording, &json);
	struct ap_result r = begin(env, token, &rights, &p);
	if (ap_ok(r))
		r = rights->passage_erase(env->v, &p.session, p.role, recording, json, &text);
	ap_party_clear(&p);
	ap_rpc_answer_text(call, r, text);
}

void ap_rpc_request_create(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call)
{
	const char *token, *json;
	char *text = NULL;
	struct ap_party p = { 0 };
	const struct ap_rights *rights = NULL;
	g_variant_get(arguments, "(&s&s)", &token, &json);
	struct ap_result r = begin(env, token, &rights, &p);
	if (ap_ok(r))
		r = rights->request_create(env->v, &p.session, p.role, json, &text);
	ap_party_clear(&p);
	ap_rpc_answer_text(call, r, text);
}

void ap_rpc_request_get(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call)
{
	const char *token, *request;
	char *text = NULL;
	struct ap_party p = { 0 };
	const struct ap_rights *rights = NULL;
	g_variant_get(arguments, "(&s&s)", &token, &request);
	struct ap_result r = begin(env, token, &rights, &p);
	if (ap_ok(r))
		r = rights->request_get(env->v, &p.session, p.role, request, &text);
	ap_party_clear(&p);
	ap_rpc_answer_text(call, r, text);
}

void ap_rpc_request_copy(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call)
{
	const char *token, *request, *format, *type = "";
	g_autofree char *text = NULL;
	struct ap_party p = { 0 };
	const struct ap_rights *rights = NULL;
	g_variant_get(arguments, "(&s&s&s)", &token, &request, &format);
	struct ap_result r = begin(env, token, &rights, &p);
	if (ap_ok(r))
		r = rights->request_copy(env->v, &p.session, p.role, request, format, &type, &text);
	ap_party_clear(&p);
	if (ap_ok(r))
		g_dbus_method_invocation_return_value(call, g_variant_new("(ss)", type, text));
	else
		ap_rpc_fail(call, r);
}

void ap_rpc_archive_make(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call)
{
	const char *token, *request, *json;
	char *text = NULL;
	struct ap_party p = { 0 };
	const struct ap_rights *rights = NULL;
	g_variant_get(arguments, "(&s&s&s)", &token, &request, &json);
	struct ap_result r = begin(env, token, &rights, &p);
	if (ap_ok(r))
		r = rights->archive_make(env->v, &p.session, p.role, request, json, &text);
	ap_party_clear(&p);
	ap_rpc_answer_text(call, r, text);
}

void ap_rpc_archive_open(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call)
{
	const char *token, *request;
	uint64_t size = 0;
	struct ap_party p = { 0 };
	const struct ap_rights *rights = NULL;
	g_variant_get(arguments, "(&s&s)", &token, &request);
	struct ap_result r = begin(env, token, &rights, &p);
	if (ap_ok(r))
		r = rights->archive_open(env->v, &p.session, p.role, request, &size);
	ap_party_clear(&p);
	if (ap_ok(r))
		g_dbus_method_invocation_return_value(call, g_variant_new("(t)", size));
	else
		ap_rpc_fail(call, r);
}

void ap_rpc_archive_read(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call)
{
	const char *token, *request;
	guint64 offset;
	guint32 length;
	uint8_t *bytes = NULL;
	size_t len = 0;
	struct ap_party p = { 0 };
	const struct ap_rights *rights = NULL;
	g_variant_get(arguments, "(&s&stu)", &token, &request, &offset, &length);
	struct ap_result r = begin(env, token, &rights, &p);
	if (ap_ok(r))
		r = rights->archive_read(env->v, &p.session, p.role, request, offset, length, &bytes, &len);
	ap_party_clear(&p);
	if (ap_ok(r))
		answer_bytes(call, bytes, len);
	else
		ap_rpc_fail(call, r);
}
