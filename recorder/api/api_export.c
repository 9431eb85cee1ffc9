/*
 * Export for the stock `age` tool, on the vault's own machine only: a recording's two track identities and its
 * ciphertext as it lies. Whoever has both can read the recording, so this is an access like any other: an admin, a
 * reason, a leaf before the answer.
 */
#include "recorder/api/answer.h"
#include "recorder/api/body.h"
#include "recorder/api/api.h"
#include "recorder/recording/playback.h"
#include "recorder/recording/recording.h"

#include <string.h>

static struct ap_result add_identity(struct ap_api_call *c, const struct ap_recording *rec, enum ap_role role,
				     JsonObject *o)
{
	struct ap_secret *identity;
	AP_TRY(ap_recording_identity(c->v, ap_vault_db(c->v), rec, role == AP_COACH ? AP_KEY_COACH : AP_KEY_COACHEE,
				     &identity));
	struct ap_secret *text = ap_age_identity_text(identity);
	json_object_set_string_member(o, ap_role_text(role), (const char *)ap_secret_bytes(text));
	ap_secret_free(text);
	ap_secret_free(identity);
	return AP_SUCCESS;
}

static struct ap_result add_segments(struct ap_api_call *c, const struct ap_recording *rec, enum ap_role role,
				     JsonObject *o)
{
	g_autoptr(GArray) list = NULL;
	JsonArray *numbers = json_array_new();
	struct ap_result r = ap_db_segment_list(ap_vault_db(c->v), &rec->id, role, &list);
	for (guint i = 0; ap_ok(r) && i < list->len; i++)
		json_array_add_int_element(numbers, g_array_index(list, struct ap_segment_row, i).number);
	json_object_set_array_member(o, ap_role_text(role), numbers);
	return r;
}

static struct ap_result fill(struct ap_api_call *c, const struct ap_recording *rec, JsonObject *o)
{
	JsonObject *identities = json_object_new(), *segments = json_object_new();
	json_object_set_object_member(o, "identities", identities);
	json_object_set_object_member(o, "segments", segments);
	for (enum ap_role role = AP_COACH; role <= AP_COACHEE; role++) {
		AP_TRY(add_identity(c, rec, role, identities));
		AP_TRY(add_segments(c, rec, role, segments));
	}
	return AP_SUCCESS;
}

static struct ap_result export_recording(struct ap_api_call *c)
{
	struct ap_uuid id;
	struct ap_recording rec;
	struct ap_access access;
	g_autoptr(JsonObject) o = json_object_new();
	AP_TRY(ap_api_id(c, 0, &id));
	AP_TRY(ap_access_begin_export(c->v, &c->actor, &id,
				      ap_body_text_or_empty(c->body, "reason"), &access));
	if (access.pending) {
		c->answer = ap_api_access(&access);
		c->status = 202;
		return AP_SUCCESS;
	}
	AP_TRY(ap_db_recording_load(ap_vault_db(c->v), &id, &rec));
	ap_answer_id(o, "access", &access.id);
	AP_TRY(fill(c, &rec, o));
	c->answer = ap_answer_object(g_steal_pointer(&o));
	c->status = 201;
	return AP_SUCCESS;
}

static struct ap_result segment(struct ap_api_call *c)
{
	struct ap_uuid recording, access;
	enum ap_role role;
	guint64 number;
	const char *text = ap_http_query(c->http, "access");
	uint8_t *bytes;
	size_t len;
	AP_TRY(ap_api_id(c, 0, &recording));
	if (!ap_role_parse(ap_http_param(c->http, 1), &role) ||
	    !g_ascii_string_to_unsigned(ap_http_param(c->http, 2), 10, 0, UINT32_MAX, &number, NULL))
		return ap_fail(AP_ERR_PROTOCOL, "not-found", "there is no such segment");
	if (!text || !ap_uuid_parse(text, &access))
		return ap_fail(AP_ERR_DENIED, "access-reason-required", "export the recording first");
	AP_TRY(ap_access_check(c->v, &c->actor, &access, &recording));
	AP_TRY(ap_playback_ciphertext(c->v, &recording, role, (uint32_t)number, &bytes, &len));
	AP_TRY(ap_access_count(c->v, &access, len));
	g_autoptr(GBytes) body = g_bytes_new_take(bytes, len);
	c->answered = true;
	ap_http_answer(c->http, 200, "application/octet-stream", body);
	return AP_SUCCESS;
}

#define EXPORTERS (AP_MAY(ADMIN) | AP_ONLY_SOCKET)

static const struct ap_api_route routes[] = {
	{"POST", "/v1/recordings/{id}/export", EXPORTERS, export_recording},
	{"GET", "/v1/recordings/{id}/segments/{role}/{n}", EXPORTERS, segment},
};

void ap_api_add_export(struct ap_api *api)
{
	ap_api_add(api, routes, G_N_ELEMENTS(routes));
}
