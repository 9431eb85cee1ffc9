#include <aparte/problem.h>

#include <glib.h>
#include <json-glib/json-glib.h>

#define ROW(name, status, camel) { name, status, "fr.aparte.Error." camel }

static const struct ap_problem problems[] = {
	ROW("internal", 500, "Internal"), /* first: the answer for unknown names */
	ROW("malformed", 400, "Malformed"),
	ROW("statement-malformed", 400, "StatementMalformed"),
	ROW("token-invalid", 401, "TokenInvalid"),
	ROW("credentials", 401, "Credentials"),
	ROW("totp-replayed", 401, "TotpReplayed"),
	ROW("role", 403, "Role"),
	ROW("csrf", 403, "Csrf"),
	ROW("statement-signature", 403, "StatementSignature"),
	ROW("statement-key", 403, "StatementKey"),
	ROW("statement-party", 403, "StatementParty"),
	ROW("statement-purpose", 403, "StatementPurpose"),
	ROW("statement-share", 403, "StatementShare"),
	ROW("access-reason-required", 403, "AccessReasonRequired"),
	ROW("not-found", 404, "NotFound"),
	ROW("statement-replayed", 409, "StatementReplayed"),
	ROW("conflict", 409, "Conflict"),
	ROW("token-expired", 410, "TokenExpired"),
	ROW("erased", 410, "Erased"),
	ROW("too-large", 413, "TooLarge"),
	ROW("media-type", 415, "MediaType"),
	ROW("sdp-malformed", 422, "SdpMalformed"),
	ROW("no-common-codec", 422, "NoCommonCodec"),
	ROW("statement-stale", 422, "StatementStale"),
	ROW("statement-notice", 422, "StatementNotice"),
	ROW("invalid", 422, "Invalid"),
	ROW("restricted", 423, "Restricted"),
	ROW("held", 423, "Held"),
	ROW("lockdown", 423, "Lockdown"),
	ROW("rate", 429, "Rate"),
	ROW("segment-altered", 500, "SegmentAltered"),
	ROW("vault-unavailable", 503, "VaultUnavailable"),
};

const struct ap_problem *ap_problem_by_name(const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(problems); i++)
		if (g_strcmp0(problems[i].name, name) == 0)
			return &problems[i];
	return &problems[0];
}

const struct ap_problem *ap_problem_by_dbus(const char *dbus_name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(problems); i++)
		if (g_strcmp0(problems[i].dbus, dbus_name) == 0)
			return &problems[i];
	return &problems[0];
}

/* "token-invalid" -> "Token invalid". */
static char *title_of(const char *name)
{
	char *title = g_strdelimit(g_strdup(name), "-", ' ');
	title[0] = g_ascii_toupper(title[0]);
	return title;
}

char *ap_problem_json(const struct ap_problem *problem, const char *detail)
{
	g_autoptr(JsonBuilder) b = json_builder_new();
	g_autofree char *type = g_strconcat("urn:aparte:error:", problem->name, NULL);
	g_autofree char *title = title_of(problem->name);
	json_builder_begin_object(b);
	json_builder_set_member_name(b, "type");
	json_builder_add_string_value(b, type);
	json_builder_set_member_name(b, "title");
	json_builder_add_string_value(b, title);
	json_builder_set_member_name(b, "status");
	json_builder_add_int_value(b, problem->status);
	json_builder_set_member_name(b, "detail");
	json_builder_add_string_value(b, detail ? detail : "");
	json_builder_end_object(b);
	g_autoptr(JsonNode) root = json_builder_get_root(b);
	return json_to_string(root, FALSE);
}
