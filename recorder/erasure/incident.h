/*
 * Incidents (R28, GDPR art. 33 and 34): a record with its 72-hour clock, which runs from when one became aware; notes; and
 * the report of which recordings and which persons the access log names for a time, or for one user.
 *
 * Opened by an admin, and by a lockdown. Leaves (type 10) carry ids and times, never the words; while the log
 * is stopped they are owed, and the clock runs. Threads: main thread.
 */
#pragma once

#include <aparte/err.h>
#include <aparte/uuid.h>
#include <json-glib/json-glib.h>

struct ap_vault;
struct ap_actor; /* recorder/access/access.h */

#define AP_INCIDENT_MS (72LL * 3600 * 1000)

/* {"summary","aware"?}: aware is not in the future, and now without it. Answers as ap_incident_show. */
struct ap_result ap_incident_open(struct ap_vault *v, const struct ap_actor *by, JsonObject *body, JsonNode **ret_answer);
/* Unless one of a lockdown is open. */
struct ap_result ap_incident_of_lockdown(struct ap_vault *v, const struct ap_actor *by, const char *reason);
/* {"text"}. */
struct ap_result ap_incident_note(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *id, JsonObject *body,
				  JsonNode **ret_answer);
/* {"outcome": notified | no-risk | false-alarm, "reason", "notified"?}: when the authority was told, for notified. */
struct ap_result ap_incident_close(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *id, JsonObject *body,
				   JsonNode **ret_answer);
struct ap_result ap_incident_list(struct ap_vault *v, const struct ap_actor *by, JsonNode **ret_answer);
struct ap_result ap_incident_show(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *id, JsonNode **ret_answer);

struct ap_incident_wish {
	int64_t from_ms, to_ms; /* 0: 30 days before one became aware, and now */
	const char *user;	/* borrowed; NULL: everybody */
};
/* {"incident","from","to","generated","recordings":[…],"persons":[…],"accesses"}. */
struct ap_result ap_incident_report(struct ap_vault *v, const struct ap_actor *by, const struct ap_uuid *id,
				    const struct ap_incident_wish *wish, JsonNode **ret_answer);
/* The same as Markdown, in French (lang "fr") or English; g_free. Pure. */
char *ap_incident_markdown(JsonObject *report, const char *lang);
