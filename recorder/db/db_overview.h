/*
 * What an administrator looks at first, in vault.db: how many recordings there are, what is being recorded, and how
 * many end on which day. Numbers and metadata only: nothing of a person.
 *
 * `tenant` 0 is all of them. Days are UTC's. A recording whose erasure was ordered has no end to come any more.
 * Threads: those of the connection. Lists and objects are the caller's.
 */
#pragma once

#include "recorder/db/db.h"

#include <json-glib/json-glib.h>

#define AP_OVERVIEW_LONGEST 3660 /* days of a span: ten years */
#define AP_OVERVIEW_DAYS (3 * AP_OVERVIEW_LONGEST) /* rows of days at most: of three policies */
#define AP_OVERVIEW_RUNNING 50
#define AP_OVERVIEW_PAGE 200

/* {"recording","sealed","archived","restricted","erased"}: how many of each; those being erased still count as what
 * they were. */
struct ap_result ap_db_overview_states(struct ap_db *db, int64_t tenant, JsonObject **ret_states);
/* Holds in force, and erasures ordered that have no certificate yet. */
struct ap_result ap_db_overview_stops(struct ap_db *db, int64_t tenant, int64_t now_ms, int64_t *ret_held,
				      int64_t *ret_erasing);

struct ap_overview_requests {
	int64_t open, overdue, soon; /* soon: due by `soon_ms`, overdue ones too */
	int64_t next_ms;             /* the nearest date; 0 without any open */
};
struct ap_result ap_db_overview_requests(struct ap_db *db, int64_t tenant, int64_t now_ms, int64_t soon_ms,
					 struct ap_overview_requests *ret_requests);

/* How many have their gate open: all of them, while the list below is cut. */
struct ap_result ap_db_overview_live(struct ap_db *db, int64_t tenant, int64_t *ret_live);
/* Those being made, newest first, AP_OVERVIEW_RUNNING of them:
 * [{"recording","session","tenant","reference","begun","open"}], open while its gate is (1), else 0. */
struct ap_result ap_db_overview_running(struct ap_db *db, int64_t tenant, JsonArray **ret_running);

struct ap_overview_span {
	int64_t tenant;
	int64_t from_ms, to_ms; /* from, and before */
	int64_t now_ms;
};
/* [{"day","policy","count","held"}], in order, AP_OVERVIEW_DAYS of them and one more where there are more: the
 * session's policy; held: of them, how many a hold or a restriction keeps. */
struct ap_result ap_db_overview_days(struct ap_db *db, const struct ap_overview_span *span, JsonArray **ret_days);
/* How many end before the span (something keeps them), after it, and have no end yet. */
struct ap_result ap_db_overview_rest(struct ap_db *db, const struct ap_overview_span *span, int64_t *ret_before,
				     int64_t *ret_after, int64_t *ret_without);
/* Those of the span, the nearest end first, AP_OVERVIEW_PAGE of them behind `after` (NULL: from the first), and one
 * more where there are more: [{"id","session","tenant","policy","reference","state","created","expires","held"}]. */
struct ap_result ap_db_overview_ending(struct ap_db *db, const struct ap_overview_span *span,
				       const struct ap_uuid *after, JsonArray **ret_recordings);
