/* What an administrator looks at first: what is recorded, what waits, what ends when. Auditors read the same, without
 * the platform's own words for sessions. */
#include "recorder/api/answer.h"
#include "recorder/api/api.h"
#include "recorder/db/db_overview.h"
#include "recorder/erasure/request_clock.h"

#include <aparte/clock.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)
#define SPAN_DAYS 366 /* where no end is asked for */

static int64_t now_of(const struct ap_api_call *c)
{
	return ap_wall_ms(ap_vault_clock(c->v));
}

static struct ap_result malformed(void)
{
	return ap_fail(AP_ERR_PROTOCOL, "malformed",
		       "a day is 2026-12-31, a month 2026-12, and from comes before to, ten years at most");
}

/* The reference is the platform's own word for a session: nothing for auditors. */
static void hide_references(const struct ap_api_call *c, JsonArray *list)
{
	for (guint i = 0; c->actor.staff != AP_STAFF_ADMIN && i < json_array_get_length(list); i++)
		json_object_remove_member(json_array_get_object_element(list, i), "reference");
}

/* SQL has no truth but 0 and 1. */
static void say_truth(JsonArray *list, const char *name)
{
	for (guint i = 0; i < json_array_get_length(list); i++) {
		JsonObject *o = json_array_get_object_element(list, i);
		json_object_set_boolean_member(o, name, json_object_get_int_member(o, name) != 0);
	}
}

/* ---- overview ---- */

static struct ap_result add_requests(const struct ap_api_call *c, JsonObject *o)
{
	struct ap_overview_requests n;
	int64_t now = now_of(c);
	JsonObject *requests = json_object_new();
	json_object_set_object_member(o, "requests", requests);
	AP_TRY(ap_db_overview_requests(ap_vault_db(c->v), c->actor.tenant, now, now + AP_REQUEST_SOON_MS, &n));
	json_object_set_int_member(requests, "open", n.open);
	json_object_set_int_member(requests, "overdue", n.overdue);
	json_object_set_int_member(requests, "soon", n.soon);
	ap_answer_time(requests, "next", n.next_ms);
	return AP_SUCCESS;
}

static struct ap_result add_recordings(const struct ap_api_call *c, JsonObject *o)
{
	JsonObject *states;
	JsonArray *running;
	int64_t held, erasing, live;
	struct ap_db *db = ap_vault_db(c->v);
	AP_TRY(ap_db_overview_states(db, c->actor.tenant, &states));
	json_object_set_object_member(o, "recordings", states);
	AP_TRY(ap_db_overview_stops(db, c->actor.tenant, now_of(c), &held, &erasing));
	json_object_set_int_member(o, "held", held);
	json_object_set_int_member(o, "erasing", erasing);
	AP_TRY(ap_db_overview_live(db, c->actor.tenant, &live));
	json_object_set_int_member(o, "live", live);
	AP_TRY(ap_db_overview_running(db, c->actor.tenant, &running));
	hide_references(c, running);
	say_truth(running, "open");
	json_object_set_array_member(o, "running", running);
	return AP_SUCCESS;
}

static struct ap_result overview(struct ap_api_call *c)
{
	g_autoptr(JsonObject) o = json_object_new();
	ap_answer_time(o, "as_of", now_of(c));
	AP_TRY(add_recordings(c, o));
	AP_TRY(add_requests(c, o));
	json_object_set_boolean_member(o, "log_healthy", ap_ledger_healthy(ap_vault_ledger(c->v)));
	json_object_set_boolean_member(o, "all_tenants", c->actor.tenant == 0);
	c->answer = ap_answer_object(g_steal_pointer(&o));
	return AP_SUCCESS;
}

/* ---- expiries ---- */

/* The first moment of "2026-12-31", "2026-12" with `day` "-01"; false when it is none. */
static bool read_day(const char *text, const char *day, size_t len, int64_t *ret_ms)
{
	g_autofree char *time = g_strconcat(text, day, "T00:00:00Z", NULL);
	return strlen(text) == len && ap_time_parse(time, ret_ms);
}

static struct ap_result read_span(const struct ap_api_call *c, struct ap_overview_span *ret_span)
{
	const char *from = ap_http_query(c->http, "from"), *to = ap_http_query(c->http, "to");
	struct ap_overview_span span = {.tenant = c->actor.tenant, .now_ms = now_of(c)};
	span.from_ms = span.now_ms / DAY_MS * DAY_MS;
	if (from && !read_day(from, "", 10, &span.from_ms))
		return malformed();
	span.to_ms = span.from_ms + SPAN_DAYS * DAY_MS;
	if (to && !read_day(to, "", 10, &span.to_ms))
		return malformed();
	if (span.to_ms <= span.from_ms || span.to_ms - span.from_ms > AP_OVERVIEW_LONGEST * DAY_MS)
		return malformed();
	*ret_span = span;
	return AP_SUCCESS;
}

/* Cut, it would count too little. */
static struct ap_result read_days(const struct ap_api_call *c, const struct ap_overview_span *span,
				  JsonArray **ret_days)
{
	g_autoptr(JsonArray) days = NULL;
	AP_TRY(ap_db_overview_days(ap_vault_db(c->v), span, &days));
	if (json_array_get_length(days) > AP_OVERVIEW_DAYS)
		return ap_fail(AP_ERR_PROTOCOL, "malformed",
			       "so many days of so many policies do not fit one answer: ask for fewer");
	*ret_days = g_steal_pointer(&days);
	return AP_SUCCESS;
}

static struct ap_result expiries(struct ap_api_call *c)
{
	struct ap_overview_span span;
	int64_t before, after, without;
	JsonArray *days;
	AP_TRY(read_span(c, &span));
	AP_TRY(ap_db_overview_rest(ap_vault_db(c->v), &span, &before, &after, &without));
	AP_TRY(read_days(c, &span, &days));
	JsonObject *o = json_object_new();
	ap_answer_time(o, "from", span.from_ms);
	ap_answer_time(o, "to", span.to_ms);
	json_object_set_int_member(o, "before", before);
	json_object_set_int_member(o, "after", after);
	json_object_set_int_member(o, "without", without);
	json_object_set_array_member(o, "days", days);
	c->answer = ap_answer_object(o);
	return AP_SUCCESS;
}

/* A month's end is the first of the one after. */
static int64_t month_after(int64_t first_ms)
{
	char text[AP_TIME_TEXT];
	int64_t ms = first_ms + 32 * DAY_MS; /* in the next month, whichever it is */
	ap_time_text(ms, text);
	return (ms / DAY_MS - (g_ascii_strtoll(text + 8, NULL, 10) - 1)) * DAY_MS;
}

static struct ap_result read_period(const struct ap_api_call *c, struct ap_overview_span *ret_span)
{
	const char *text = ap_http_param(c->http, 0);
	struct ap_overview_span span = {.tenant = c->actor.tenant, .now_ms = now_of(c)};
	if (strcmp(text, "before") == 0) /* past its end, and kept by something */
		span.to_ms = span.now_ms / DAY_MS * DAY_MS;
	else if (read_day(text, "", 10, &span.from_ms))
		span.to_ms = span.from_ms + DAY_MS;
	else if (read_day(text, "-01", 7, &span.from_ms))
		span.to_ms = month_after(span.from_ms);
	else
		return malformed();
	*ret_span = span;
	return AP_SUCCESS;
}

static struct ap_result expiring(struct ap_api_call *c)
{
	struct ap_overview_span span;
	struct ap_uuid after;
	JsonArray *list;
	const char *cursor = ap_http_query(c->http, "after");
	AP_TRY(read_period(c, &span));
	if (cursor && !ap_uuid_parse(cursor, &after))
		return ap_fail(AP_ERR_PROTOCOL, "malformed", "after is an id: the next of the page before");
	AP_TRY(ap_db_overview_ending(ap_vault_db(c->v), &span, cursor ? &after : NULL, &list));
	bool more = json_array_get_length(list) > AP_OVERVIEW_PAGE;
	if (more)
		json_array_remove_element(list, AP_OVERVIEW_PAGE);
	hide_references(c, list);
	say_truth(list, "held");
	c->answer = ap_answer_list("recordings", list);
	if (more)
		ap_answer_text(
			json_node_get_object(c->answer), "next",
			json_object_get_string_member(json_array_get_object_element(list, AP_OVERVIEW_PAGE - 1), "id"));
	return AP_SUCCESS;
}

#define READERS (AP_MAY(ADMIN) | AP_MAY(AUDITOR))

static const struct ap_api_route routes[] = {
	{"GET", "/v1/overview", READERS, overview},
	{"GET", "/v1/expiries", READERS, expiries},
	{"GET", "/v1/expiries/{period}", READERS, expiring},
};

void ap_api_add_overview(struct ap_api *api)
{
	ap_api_add(api, routes, G_N_ELEMENTS(routes));
}
