/*
 * Requests of persons, their checklists, and what stands in their way, in vault.db.
 *
 * Each function runs on the calling thread's connection, inside the caller's transaction where it writes more than
 * one row. Lists are the caller's to unref.
 */
#pragma once

#include "recorder/db/db.h"

#include <glib.h>
#include <json-glib/json-glib.h>

struct ap_request_row {
	struct ap_uuid id, session;
	enum ap_role role;
	char type[16], state[12], opened_by[72];
	int64_t created_ms, due_ms, lifts_ms, tenant;
	unsigned told;
};
/* What a new one brings; borrowed. */
struct ap_request_text {
	const char *detail;
	const char *wish; /* JSON, or NULL */
};
struct ap_result ap_db_request_insert(struct ap_db *db, const struct ap_request_row *row,
				      const struct ap_request_text *text, uint64_t leaf);
/* "not-found". */
struct ap_result ap_db_request_load(struct ap_db *db, const struct ap_uuid *id, struct ap_request_row *ret_row);
/* The wish's JSON, or NULL: g_free. */
struct ap_result ap_db_request_wish(struct ap_db *db, const struct ap_uuid *id, char **ret_wish);
struct ap_result ap_db_request_set_wish(struct ap_db *db, const struct ap_uuid *id, const char *wish);
/* GArray of struct ap_request_row: those of a type (NULL: all) that wait, nearest end first, at most 1000. */
struct ap_result ap_db_request_open(struct ap_db *db, const char *type, GArray **ret_rows);
/* Restrictions whose announced end has come. */
struct ap_result ap_db_request_lifting(struct ap_db *db, int64_t now_ms, GArray **ret_rows);
/* Answered erasures with something unticked. */
struct ap_result ap_db_request_unticked(struct ap_db *db, GArray **ret_rows);
/* How many of one person wait. */
struct ap_result ap_db_request_waiting(struct ap_db *db, const struct ap_uuid *session, enum ap_role role,
				       int64_t *ret_n);

struct ap_request_answer {
	const char *state, *answer, *article; /* borrowed; article NULL unless refused */
	int64_t answered_ms;
};
struct ap_result ap_db_request_answer(struct ap_db *db, const struct ap_uuid *id, const struct ap_request_answer *a);
struct ap_result ap_db_request_extend(struct ap_db *db, const struct ap_uuid *id, const char *reason, int64_t due_ms,
				      int64_t now_ms);
/* The announced end of a restriction, and why. */
struct ap_result ap_db_request_announce(struct ap_db *db, const struct ap_uuid *id, const char *reason,
					int64_t lifts_ms);
struct ap_result ap_db_request_told(struct ap_db *db, const struct ap_uuid *id, unsigned told);

/* Which of them; zero members do not count. */
struct ap_request_filter {
	const struct ap_uuid *id, *session;
	int role;
	int64_t tenant;
	int64_t due_before_ms; /* waiting ones that end before */
	const struct ap_uuid *after; /* those behind this one, newest first */
	int64_t limit;		     /* a thousand unless given */
	bool named; /* each with its platform and that one's word for the session: for staff, not for persons */
};
/* As JSON (docs/openapi.yaml, Request), without checklist, obstacles and archive. */
struct ap_result ap_db_request_list(struct ap_db *db, const struct ap_request_filter *filter, JsonArray **ret_list);

/* Freezes or unfreezes what is sealed of a session. */
struct ap_result ap_db_request_freeze(struct ap_db *db, const struct ap_uuid *session, bool frozen);
/* Sessions under a restriction with something sealed since: freezes it. */
struct ap_result ap_db_request_freeze_new(struct ap_db *db);
/* Other restrictions in force on the session. */
struct ap_result ap_db_request_frozen_by_others(struct ap_db *db, const struct ap_uuid *session,
						const struct ap_uuid *except, int64_t *ret_n);
/* Recordings of a session that are not erased, and those of them still being made. */
struct ap_result ap_db_request_living(struct ap_db *db, const struct ap_uuid *session, int64_t *ret_living,
				      int64_t *ret_running);
/* What keeps a session's recordings from being erased: [{"why":"held","ground","reason","until"} or
 * {"why":"restricted"} or {"why":"running"}]. */
struct ap_result ap_db_request_obstacles(struct ap_db *db, const struct ap_uuid *session, int64_t now_ms,
					 JsonArray **ret_list);
/* Name and locale of the person in all their sessions of the tenant; NULL leaves one as it is, "" clears the name. */
struct ap_result ap_db_request_rectify(struct ap_db *db, const struct ap_request_row *row, const char *name,
				       const char *locale);

struct ap_result ap_db_item_insert(struct ap_db *db, const struct ap_uuid *request, int number, const char *item);
/* "not-found"; "conflict" when it was ticked before. */
struct ap_result ap_db_item_tick(struct ap_db *db, const struct ap_uuid *request, int64_t number, const char *by,
				 const char *note, int64_t now_ms);
/* [{"number","item","ticked_by"?,"ticked"?,"note"?}] */
struct ap_result ap_db_item_list(struct ap_db *db, const struct ap_uuid *request, JsonArray **ret_list);
