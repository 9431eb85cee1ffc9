#include "recorder/consent/statement.h"

#include <aparte/clock.h>
#include <aparte/jcs.h>
#include <glib.h>
#include <string.h>

static struct ap_result malformed(const char *detail)
{
	return ap_fail(AP_ERR_PROTOCOL, "statement-malformed", detail);
}

/* NULL when absent or no string. */
static const char *text_of(JsonObject *o, const char *name)
{
	JsonNode *node = json_object_get_member(o, name);
	return node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING ?
		       json_node_get_string(node) : NULL;
}

static bool decision_parse(const char *text, enum ap_decision *ret_decision)
{
	for (int d = AP_GIVEN; text && d <= AP_WITHDRAWN; d++)
		if (strcmp(text, ap_decision_text((enum ap_decision)d)) == 0) {
			*ret_decision = (enum ap_decision)d;
			return true;
		}
	return false;
}

static bool method_known(const char *text)
{
	static const char *const known[] = { "button", "keyboard", "api", NULL };
	return text && g_strv_contains(known, text);
}

static bool read_purposes(JsonObject *o, struct ap_statement *s)
{
	JsonNode *node = json_object_get_member(o, "purposes");
	JsonArray *list = node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
	guint n = list ? json_array_get_length(list) : 0;
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	for (guint i = 0; i < n; i++) {
		JsonNode *item = json_array_get_element(list, i);
		enum ap_purpose purpose;
		if (!JSON_NODE_HOLDS_VALUE(item) || json_node_get_value_type(item) != G_TYPE_STRING ||
		    !g_hash_table_add(seen, (char *)json_node_get_string(item)))
			return false;
		if (ap_purpose_parse(json_node_get_string(item), &purpose))
			s->purposes |= AP_PURPOSE_BIT(purpose);
		else
			s->unknown_purposes = true;
	}
	return n > 0;
}

static bool read_notice(JsonObject *o, struct ap_statement *s)
{
	JsonNode *node = json_object_get_member(o, "privacy_notice");
	if (!node || !JSON_NODE_HOLDS_OBJECT(node))
		return false;
	JsonObject *notice = json_node_get_object(node);
	s->notice_version = g_strdup(text_of(notice, "version"));
	s->notice_lang = g_strdup(text_of(notice, "lang"));
	return s->notice_version && s->notice_lang &&
	       ap_hex_exact(text_of(notice, "sha256"), s->notice_sha256.b, AP_HASH);
}

/* share_commitment and seal: both exactly when giving `recording`. The commitment is base64url, the seal hash hex. */
static bool read_share(JsonObject *o, struct ap_statement *s)
{
	bool needed = ap_statement_gives_recording(s);
	if (!needed)
		return !json_object_has_member(o, "share_commitment") && !json_object_has_member(o, "seal");
	const char *commitment = text_of(o, "share_commitment");
	return (ap_base64url_exact(commitment, s->share_commitment.b, AP_HASH) ||
		ap_hex_exact(commitment, s->share_commitment.b, AP_HASH)) &&
	       ap_hex_exact(text_of(o, "seal"), s->seal.b, AP_HASH);
}

static bool read_presence(JsonObject *o, struct ap_statement *s)
{
	JsonNode *node = json_object_get_member(o, "presence");
	if (!node)
		return true;
	if (!JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_INT64)
		return false;
	int64_t seconds = json_node_get_int(node);
	s->presence = (unsigned)seconds;
	return seconds >= 1 && seconds <= 3600;
}

static struct ap_result read_members(JsonObject *o, struct ap_statement *s)
{
	const char *principal = text_of(o, "pii_principal");
	if (g_strcmp0(text_of(o, "schema_version"), "1") != 0)
		return malformed("schema_version must be \"1\"");
	if (!ap_uuid_parse(text_of(o, "record_id"), &s->record_id) || !ap_uuid_parse(text_of(o, "session"), &s->session))
		return malformed("record_id and session are UUIDs");
	if (!principal || !*principal || !ap_role_parse(text_of(o, "role"), &s->role))
		return malformed("pii_principal and role say whose statement it is");
	s->pii_principal = g_strdup(principal);
	if (!decision_parse(text_of(o, "event"), &s->event))
		return malformed("event is ConsentGiven, ConsentRefused or ConsentWithdrawn");
	if (!read_purposes(o, s))
		return malformed("purposes is a list of different words, at least one");
	if (!read_notice(o, s))
		return malformed("privacy_notice has version, lang and sha256 (hex)");
	const char *time = text_of(o, "event_time");
	if (!time || !ap_time_parse(time, &s->event_ms) || !method_known(text_of(o, "indication_method")))
		return malformed("event_time is RFC 3339 UTC; indication_method is button, keyboard or api");
	if (!read_share(o, s))
		return malformed("share_commitment and seal stand there exactly when `recording` is given");
	if (!read_presence(o, s))
		return malformed("presence is a number of seconds");
	return AP_SUCCESS;
}

struct ap_result ap_statement_parse(const char *text, struct ap_statement *ret_statement)
{
	size_t len = strlen(text);
	g_autoptr(JsonNode) node = NULL;
	if (len > AP_MAX_STATEMENT)
		return ap_fail(AP_ERR_LIMIT, "too-large", "a statement has at most 8192 bytes");
	if (!ap_ok(ap_jcs_parse(text, len, AP_MAX_STATEMENT, &node)) || !JSON_NODE_HOLDS_OBJECT(node))
		return malformed("a statement is one JSON object in RFC 8785 form");
	struct ap_statement s = { .sha256 = ap_sha256(text, len) };
	struct ap_result r = read_members(json_node_get_object(node), &s);
	if (!ap_ok(r)) {
		ap_statement_clear(&s);
		return r;
	}
	s.text = g_strdup(text);
	*ret_statement = s;
	return AP_SUCCESS;
}

void ap_statement_clear(struct ap_statement *s)
{
	g_free(s->text);
	g_free(s->pii_principal);
	g_free(s->notice_version);
	g_free(s->notice_lang);
	*s = (struct ap_statement){ 0 };
}

bool ap_statement_gives_recording(const struct ap_statement *s)
{
	return s->event == AP_GIVEN && s->purposes & AP_PURPOSE_BIT(AP_PURPOSE_RECORDING);
}

static ap_purposes purposes_within(const char *body)
{
	ap_purposes found = 0;
	for (int p = 0; p < AP_PURPOSE_COUNT; p++)
		if (strstr(body, ap_purpose_text((enum ap_purpose)p)))
			found |= AP_PURPOSE_BIT(p);
	return found ? found : AP_PURPOSE_BIT(AP_PURPOSE_RECORDING);
}

/* The `event` member of anything that can still be parsed as a JSON object, or of the statement text inside it. */
static enum ap_decision readable_event(const char *body, int depth)
{
	g_autoptr(JsonNode) node = NULL;
	enum ap_decision decision = AP_DECISION_NONE;
	if (!ap_ok(ap_json_parse(body, strlen(body), AP_MAX_BODY, &node)) || !JSON_NODE_HOLDS_OBJECT(node))
		return AP_DECISION_NONE;
	JsonObject *o = json_node_get_object(node);
	const char *inner = text_of(o, "statement");
	if (!decision_parse(text_of(o, "event"), &decision) && inner && depth == 0)
		return readable_event(inner, 1);
	return decision;
}

/* Of several words the last counts, as the last of equal names does for most readers of JSON. */
static enum ap_decision last_word(const char *body)
{
	enum ap_decision decision = AP_DECISION_NONE;
	const char *latest = NULL;
	for (int d = AP_GIVEN; d <= AP_WITHDRAWN; d++) {
		const char *at = g_strrstr(body, ap_decision_text((enum ap_decision)d));
		if (at && (!latest || at > latest)) {
			latest = at;
			decision = (enum ap_decision)d;
		}
	}
	return decision;
}

struct ap_salvage ap_statement_salvage(const char *body)
{
	enum ap_decision event = readable_event(body, 0);
	if (event == AP_DECISION_NONE)
		event = last_word(body);
	return (struct ap_salvage){ .event = event, .purposes = purposes_within(body) };
}
