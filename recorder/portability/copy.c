#include "recorder/portability/copy.h"

#include "recorder/api/answer.h"
#include "recorder/access/note.h"
#include "recorder/db/db_consent.h"
#include "recorder/db/db_staff_access.h"
#include "recorder/erasure/request_private.h"
#include "recorder/consent/session.h"
#include "recorder/proof/proof.h"
#include "recorder/vault.h"

#include <string.h>

/* The sessions and roles that are this person's: ?1 the session or NULL, ?2 the principal, ?3 the tenant,
 * ?4 whether staff are named, as in the person's list of accesses. */
#define MINE                                                                                                           \
	"WITH mine AS (SELECT p.session, p.role FROM party p JOIN session s ON s.id = p.session"                       \
	" WHERE p.pii_principal = ?2 AND s.tenant = ?3 AND (?1 IS NULL OR p.session = ?1) AND ?4 IN (0, 1)) "

static void add_hex(JsonObject *o, const char *name, struct ap_rows *rows, int column)
{
	size_t len;
	const uint8_t *bytes = ap_row_blob(rows, column, &len);
	g_autofree char *text = bytes ? ap_base64url(bytes, len) : NULL;
	ap_answer_text(o, name, text);
}

static void add_role(JsonObject *o, const char *name, struct ap_rows *rows, int column)
{
	ap_answer_text(o, name, ap_role_text((enum ap_role)ap_row_int(rows, column)));
}

static void add_number(JsonObject *o, const char *name, struct ap_rows *rows, int column)
{
	if (!ap_row_null(rows, column))
		ap_answer_row_int(o, name, rows, column);
}

struct section {
	const char *name, *sql;
	struct ap_answer_column columns[14]; /* up to the first without a name */
};

#define ID ap_answer_row_id
#define TEXT ap_answer_row_text
#define TIME ap_answer_row_time

static const struct section sections[] = {
	{"sessions",
	 MINE "SELECT s.id, m.role, s.reference, s.state, s.sensitivity, s.policy, s.policy_version, s.created_ms,"
	      " s.ended_ms, p.name, p.locale, p.minor FROM mine m JOIN session s ON s.id = m.session"
	      " JOIN party p ON p.session = m.session AND p.role = m.role ORDER BY s.created_ms",
	 {{"id", ID}, {"role", add_role}, {"reference", TEXT}, {"state", TEXT}, {"sensitivity", TEXT}, {"policy", TEXT},
	  {"policy_version", add_number}, {"created", TIME}, {"ended", TIME}, {"name", TEXT}, {"locale", TEXT},
	  {"minor", add_number}}},
	{"devices",
	 MINE "SELECT d.session, d.role, d.key, d.enrolled_ms, d.replaced_ms FROM mine m JOIN device d"
	      " ON d.session = m.session AND d.role = m.role ORDER BY d.enrolled_ms",
	 {{"session", ID}, {"role", add_role}, {"key", add_hex}, {"enrolled", TIME}, {"replaced", TIME}}},
	{"statements",
	 MINE "SELECT c.session, c.role, c.event, c.purposes, c.event_ms, c.received_ms, c.evidence, c.notice, c.text,"
	      " c.key, c.signature, c.leaf FROM mine m JOIN consent c ON c.session = m.session AND c.role = m.role"
	      " ORDER BY c.seq",
	 {{"session", ID}, {"role", add_role}, {"event", TEXT}, {"purposes", TEXT}, {"time", TIME}, {"received", TIME},
	  {"evidence", TEXT}, {"notice", add_hex}, {"statement", TEXT}, {"key", add_hex}, {"signature", add_hex},
	  {"leaf", add_number}}},
	{"recordings",
	 MINE "SELECT r.id, r.session, r.state, r.created_ms, r.sealed_ms, r.expires_ms, r.erased_ms, r.duration_ms,"
	      " (SELECT e.cause FROM erasure e WHERE e.recording = r.id) FROM recording r"
	      " WHERE r.session IN (SELECT session FROM mine) ORDER BY r.created_ms",
	 {{"id", ID}, {"session", ID}, {"state", TEXT}, {"created", TIME}, {"sealed", TIME}, {"expires", TIME},
	  {"erased", TIME}, {"duration_ms", add_number}, {"erased_because", TEXT}}},
	{"accesses",
	 MINE "SELECT a.recording, CASE WHEN ?4 OR a.actor NOT LIKE 'user:%' THEN a.actor ELSE"
	      " coalesce((SELECT u.role FROM user_ u WHERE a.actor = 'user:' || u.name), 'user') END, a.purpose, a.reason, a.begun_ms, a.ended_ms, a.bytes FROM access a"
	      " JOIN recording r ON r.id = a.recording WHERE r.session IN (SELECT session FROM mine) ORDER BY a.begun_ms",
	 {{"recording", ID}, {"who", TEXT}, {"purpose", TEXT}, {"reason", TEXT}, {"begun", TIME}, {"ended", TIME},
	  {"bytes", add_number}}},
	{"grants",
	 MINE "SELECT g.recording, CASE WHEN ?4 THEN u.name ELSE u.role END, g.purpose, g.created_ms, g.expires_ms, g.revoked_ms FROM grant_ g"
	      " JOIN user_ u ON u.id = g.supervisor JOIN recording r ON r.id = g.recording"
	      " WHERE r.session IN (SELECT session FROM mine) ORDER BY g.created_ms",
	 {{"recording", ID}, {"to", TEXT}, {"purpose", TEXT}, {"created", TIME}, {"expires", TIME}, {"revoked", TIME}}},
	{"holds",
	 MINE "SELECT h.recording, h.ground, h.reason, h.created_ms, h.ends_ms, h.lifted_ms FROM hold h"
	      " JOIN recording r ON r.id = h.recording WHERE r.session IN (SELECT session FROM mine)"
	      " ORDER BY h.created_ms",
	 {{"recording", ID}, {"ground", TEXT}, {"reason", TEXT}, {"created", TIME}, {"ends", TIME}, {"lifted", TIME}}},
	{"requests",
	 MINE "SELECT q.id, q.session, q.role, q.type, q.detail, q.wish, q.state, q.created_ms, q.due_ms, q.extension,"
	      " q.answered_ms, q.answer, q.article FROM mine m JOIN request q ON q.session = m.session"
	      " AND q.role = m.role ORDER BY q.created_ms",
	 {{"id", ID}, {"session", ID}, {"role", add_role}, {"type", TEXT}, {"detail", TEXT}, {"wish", TEXT},
	  {"state", TEXT}, {"created", TIME}, {"due", TIME}, {"extension", TEXT}, {"answered", TIME}, {"answer", TEXT},
	  {"article", TEXT}}},
};

const char *const *ap_copy_lists(void)
{
	static const char *const names[] = {"sessions", "devices", "statements", "recordings", "accesses",
					    "grants",	"holds",   "requests",	 NULL};
	return names;
}

static struct ap_result add_section(struct ap_vault *v, const struct section *s, const struct ap_value *whose,
				    JsonObject *copy)
{
	JsonArray *list;
	size_t columns = 0;
	while (columns < G_N_ELEMENTS(s->columns) && s->columns[columns].name)
		columns++;
	AP_TRY(ap_answer_rows(ap_db_query(ap_vault_db(v), s->sql, whose), s->columns, columns, &list));
	json_object_set_array_member(copy, s->name, list);
	return AP_SUCCESS;
}

/* What art. 15(1) asks for beside the data themselves. */
static JsonObject *controller(struct ap_vault *v)
{
	const struct ap_config *config = ap_vault_config(v);
	JsonObject *o = json_object_new();
	ap_answer_text(o, "name", ap_config_text(config, "operator.controller_name"));
	ap_answer_text(o, "contact", ap_config_text(config, "operator.controller_contact"));
	ap_answer_text(o, "dpo", ap_config_text(config, "operator.dpo"));
	ap_answer_text(o, "complaint", ap_config_text(config, "operator.complaint"));
	return o;
}

/* Withdrawn and kept by a hold: for the case alone, so its notes are read no more than it is. */
struct ap_result ap_copy_withdrawn(struct ap_vault *v, const struct ap_uuid *recording, bool *ret_withdrawn)
{
	struct ap_access_subject s = {0};
	ap_purposes both;
	AP_TRY(ap_db_access_subject(ap_vault_db(v), recording, &s));
	g_free(s.coach);
	AP_TRY(ap_db_consent_both_of(ap_vault_db(v), recording, &s.session, &both));
	both &= ~ap_owed_taken(ap_vault_owed(v), &s.session);
	*ret_withdrawn = !(both & AP_PURPOSE_BIT(AP_PURPOSE_RECORDING));
	return AP_SUCCESS;
}

/* Of recordings that can be read now; a frozen one's notes wait with it. */
static struct ap_result add_notes_of(struct ap_vault *v, JsonObject *recording, JsonArray *all)
{
	bool withdrawn;
	const char *state = json_object_get_string_member(recording, "state");
	g_autoptr(JsonArray) notes = NULL;
	struct ap_uuid id;
	if ((strcmp(state, "sealed") != 0 && strcmp(state, "archived") != 0) ||
	    !ap_uuid_parse(json_object_get_string_member(recording, "id"), &id))
		return AP_SUCCESS;
	AP_TRY(ap_copy_withdrawn(v, &id, &withdrawn));
	if (withdrawn)
		return AP_SUCCESS;
	struct ap_result r = ap_note_export(v, &id, &notes);
	if (!ap_ok(r))
		return strcmp(r.name, "erased") == 0 ? AP_SUCCESS : r;
	for (guint i = 0; i < json_array_get_length(notes); i++)
		json_array_add_element(all, json_node_copy(json_array_get_element(notes, i)));
	return AP_SUCCESS;
}

static struct ap_result add_notes(struct ap_vault *v, JsonObject *copy)
{
	JsonArray *all = json_array_new(), *recordings = json_object_get_array_member(copy, "recordings");
	json_object_set_array_member(copy, "notes", all);
	for (guint i = 0; i < json_array_get_length(recordings); i++)
		AP_TRY(add_notes_of(v, json_array_get_object_element(recordings, i), all));
	return AP_SUCCESS;
}

static struct ap_result fill(struct ap_vault *v, const struct ap_copy_wish *wish, const struct ap_party *party,
			     int64_t tenant, JsonObject *copy)
{
	JsonObject *person = json_object_new();
	ap_answer_text(person, "id", party->pii_principal);
	ap_answer_text(person, "name", party->name);
	ap_answer_text(person, "locale", party->locale);
	json_object_set_object_member(copy, "person", person);
	json_object_set_object_member(copy, "controller", controller(v));
	ap_answer_time(copy, "made", ap_wall_ms(ap_vault_clock(v)));
	ap_answer_text(copy, "scope", wish->all ? "person" : "session");
	bool names = ap_config_bool(ap_vault_config(v), "access.names_to_persons");
	for (size_t i = 0; i < G_N_ELEMENTS(sections); i++)
		AP_TRY(add_section(v, &sections[i],
				   AP_VALUES(AP_V_BLOB(wish->all ? NULL : wish->session.b, 16),
					     AP_V_TEXT(party->pii_principal), AP_V_INT(tenant), AP_V_INT(names)),
				   copy));
	ap_proof_fill(v, json_object_get_array_member(copy, "statements"));
	return wish->notes ? add_notes(v, copy) : AP_SUCCESS;
}

struct ap_result ap_copy_build(struct ap_vault *v, const struct ap_copy_wish *wish, JsonObject **ret_copy)
{
	struct ap_session session;
	struct ap_party party;
	g_autoptr(JsonObject) copy = json_object_new();
	AP_TRY(ap_session_load(ap_vault_db(v), &wish->session, &session));
	int64_t tenant = session.tenant;
	ap_session_clear(&session);
	AP_TRY(ap_party_load(ap_vault_db(v), &wish->session, wish->role, &party));
	struct ap_result r = fill(v, wish, &party, tenant, copy);
	ap_party_clear(&party);
	AP_TRY(r);
	*ret_copy = g_steal_pointer(&copy);
	return AP_SUCCESS;
}

/* ---- for the person ---- */

static struct ap_result log_copy(struct ap_vault *v, const struct ap_request_row *row, const char *by)
{
	uint64_t leaf;
	AP_TRY(ap_db_begin(ap_vault_db(v)));
	return ap_db_finish(ap_vault_db(v), ap_request_log(v, "request_copied", row, by, &leaf));
}

/* Access or portability, and not refused. */
static struct ap_result find_request(struct ap_vault *v, const struct ap_actor *party, const char *request,
				     struct ap_request_row *ret_row)
{
	struct ap_uuid id;
	if (!ap_ok(ap_request_own(v, party, request, "access", &id)))
		AP_TRY(ap_request_own(v, party, request, "portability", &id));
	AP_TRY(ap_db_request_load(ap_vault_db(v), &id, ret_row));
	if (strcmp(ret_row->state, "refused") == 0)
		return ap_fail(AP_ERR_DENIED, "conflict", "this request was refused");
	return AP_SUCCESS;
}

/* As asked, with its leaf before a byte of it is handed out. */
static struct ap_result answer(struct ap_vault *v, const struct ap_request_row *row, const struct ap_copy_wish *wish,
			       const char *by, bool markdown, const char **ret_type, char **ret_text)
{
	g_autoptr(JsonObject) copy = NULL;
	AP_TRY(ap_copy_build(v, wish, &copy));
	AP_TRY(log_copy(v, row, by));
	JsonObject *person = json_object_get_object_member(copy, "person");
	const char *locale = json_object_get_string_member_with_default(person, "locale", "en");
	*ret_type = markdown ? "text/markdown" : "application/json";
	*ret_text = markdown ? ap_copy_markdown(copy, g_str_has_prefix(locale, "fr") ? "fr" : "en") :
			       ap_answer_take_text(ap_answer_object(g_steal_pointer(&copy)));
	return AP_SUCCESS;
}

static struct ap_result parse_format(const char *format, bool *ret_markdown)
{
	*ret_markdown = strcmp(format, "markdown") == 0;
	if (format[0] && !*ret_markdown && strcmp(format, "json") != 0)
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "the formats are json and markdown");
	return AP_SUCCESS;
}

struct ap_result ap_copy_answer(struct ap_vault *v, const struct ap_actor *party, const char *request,
				const char *format, const char **ret_type, char **ret_text)
{
	struct ap_request_row row;
	bool markdown;
	AP_TRY(parse_format(format, &markdown));
	AP_TRY(find_request(v, party, request, &row));
	bool access = strcmp(row.type, "access") == 0, done = strcmp(row.state, "done") == 0;
	const struct ap_copy_wish wish = {row.session, row.role, access && done, access};
	return answer(v, &row, &wish, ap_role_text(row.role), markdown, ret_type, ret_text);
}

struct ap_result ap_copy_answer_for(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *request,
				    const char *format, const char **ret_type, char **ret_text)
{
	struct ap_request_row row;
	bool markdown;
	g_autofree char *who = ap_actor_text(by);
	AP_TRY(parse_format(format, &markdown));
	AP_TRY(ap_request_within(v, by, request));
	AP_TRY(ap_db_request_load(ap_vault_db(v), request, &row));
	if (strcmp(row.type, "access") != 0 || strcmp(row.state, "refused") == 0)
		return ap_fail(AP_ERR_DENIED, "conflict", "a copy is handed out for a request for access alone");
	return answer(v, &row, &(struct ap_copy_wish){row.session, row.role, true, false}, who, markdown, ret_type, ret_text);
}
