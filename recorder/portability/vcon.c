#include "recorder/portability/vcon.h"

#include "recorder/api/answer.h"

#include <aparte/clock.h>
#include <string.h>

/* RFC 9562: version 8, whose content is ours to choose. */
static void set_uuid(JsonObject *o)
{
	struct ap_uuid id = ap_uuid_random();
	id.b[6] = (uint8_t)(0x80 | (id.b[6] & 0x0f));
	ap_answer_id(o, "uuid", &id);
}

static JsonObject *party(const struct ap_vcon_facts *f, enum ap_role role)
{
	JsonObject *o = json_object_new(), *person = json_object_get_object_member(f->copy, "person");
	json_object_set_string_member(o, "type", ap_role_text(role));
	if (role == f->role)
		ap_answer_text(o, "name", json_object_get_string_member_with_default(person, "name", NULL));
	return o;
}

static JsonObject *dialog(const struct ap_vcon_facts *f, const struct ap_vcon_track *t)
{
	JsonObject *o = json_object_new();
	JsonArray *parties = json_array_new();
	g_autofree char *hash = ap_base64url(t->sha512, sizeof t->sha512);
	g_autofree char *named = g_strconcat("sha512-", hash, NULL);
	for (enum ap_role role = AP_COACH; role <= AP_COACHEE; role++)
		if (t->both || role == f->role)
			json_array_add_int_element(parties, role - 1);
	json_object_set_string_member(o, "type", "recording");
	ap_answer_time(o, "start", t->start_ms);
	json_object_set_double_member(o, "duration", (double)t->duration_ms / 1000);
	json_object_set_array_member(o, "parties", parties);
	json_object_set_string_member(o, "mediatype", "video/webm");
	json_object_set_string_member(o, "filename", t->file);
	json_object_set_string_member(o, "content_hash", named);
	return o;
}

/* The member of the statement itself, so that what was signed is what is told. */
static JsonArray *grants(JsonObject *row)
{
	JsonArray *list = json_array_new();
	g_autoptr(JsonNode) node = json_from_string(json_object_get_string_member(row, "purposes"), NULL);
	bool granted = strcmp(json_object_get_string_member(row, "event"), "ConsentGiven") == 0;
	JsonArray *purposes = node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
	for (guint i = 0; purposes && i < json_array_get_length(purposes); i++) {
		JsonObject *grant = json_object_new();
		json_object_set_string_member(grant, "purpose", json_array_get_string_element(purposes, i));
		json_object_set_boolean_member(grant, "granted", granted);
		ap_answer_text(grant, "granted_at", json_object_get_string_member_with_default(row, "time", NULL));
		json_array_add_object_element(list, grant);
	}
	return list;
}

static JsonArray *proofs(JsonObject *row)
{
	JsonArray *list = json_array_new();
	JsonObject *proof = json_object_new(), *data = json_object_new();
	bool is_signed = json_object_has_member(row, "signature");
	static const char *const kept[] = {"statement", "key", "signature", "notice"};
	json_object_set_string_member(proof, "proof_type", is_signed ? "cryptographic_signature" : "external_system");
	ap_answer_text(proof, "timestamp", json_object_get_string_member_with_default(row, "received", NULL));
	for (size_t i = 0; i < G_N_ELEMENTS(kept); i++)
		ap_answer_text(data, kept[i], json_object_get_string_member_with_default(row, kept[i], NULL));
	if (json_object_has_member(row, "leaf"))
		json_object_set_int_member(data, "leaf", json_object_get_int_member(row, "leaf"));
	json_object_set_object_member(proof, "proof_data", data);
	json_array_add_object_element(list, proof);
	return list;
}

static JsonObject *attachment(const struct ap_vcon_facts *f, JsonObject *row)
{
	JsonObject *o = json_object_new(), *body = json_object_new();
	json_object_set_string_member(body, "lawful_basis", "consent");
	json_object_set_null_member(body, "expiration"); /* until it is withdrawn */
	json_object_set_array_member(body, "purpose_grants", grants(row));
	json_object_set_array_member(body, "proof_mechanisms", proofs(row));
	json_object_set_string_member(o, "purpose", "lawful_basis");
	ap_answer_text(o, "start", json_object_get_string_member_with_default(row, "received", NULL));
	json_object_set_int_member(o, "party", f->role - 1);
	json_object_set_int_member(o, "dialog", 0);
	json_object_set_string_member(o, "mediatype", "application/json");
	json_object_set_string_member(o, "encoding", "json");
	json_object_set_object_member(o, "body", body);
	return o;
}

/* An attachment belongs to a dialog: without a recording the statements stand in data.json alone. */
static JsonArray *attachments(const struct ap_vcon_facts *f)
{
	JsonArray *list = json_array_new(), *rows = json_object_get_array_member(f->copy, "statements");
	for (guint i = 0; f->count && i < json_array_get_length(rows); i++) {
		JsonObject *row = json_array_get_object_element(rows, i);
		if (strcmp(json_object_get_string_member(row, "session"), f->session) == 0)
			json_array_add_object_element(list, attachment(f, row));
	}
	return list;
}

JsonObject *ap_vcon_build(const struct ap_vcon_facts *f)
{
	JsonObject *o = json_object_new();
	JsonArray *extensions = json_array_new(), *parties = json_array_new(), *dialogs = json_array_new();
	json_array_add_string_element(extensions, "lawful_basis");
	json_array_add_object_element(parties, party(f, AP_COACH));
	json_array_add_object_element(parties, party(f, AP_COACHEE));
	for (size_t i = 0; i < f->count; i++)
		json_array_add_object_element(dialogs, dialog(f, &f->tracks[i]));
	set_uuid(o);
	json_object_set_array_member(o, "extensions", extensions);
	ap_answer_time(o, "created_at", f->now_ms);
	json_object_set_array_member(o, "parties", parties);
	json_object_set_array_member(o, "dialog", dialogs);
	json_object_set_array_member(o, "attachments", attachments(f));
	return o;
}
