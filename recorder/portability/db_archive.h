/*
 * Archives in vault.db. A row's file is vault/archives/<request>.age while it is 'making' or 'ready'.
 */
#pragma once

#include "recorder/db/db.h"

#include <aparte/uuid.h>

#include <glib.h>

struct ap_archive_row {
	struct ap_uuid request;
	char state[8];
	int64_t created_ms, done, total, size, ready_ms, fetched_ms;
	char failure[32];
	int64_t films; /* in it */
	char film_failure[16];
};

/* "not-found". */
struct ap_result ap_db_archive_load(struct ap_db *db, const struct ap_uuid *request, struct ap_archive_row *ret_row);
/* A new one, or in place of one that failed or was erased: "conflict" while one is being made or ready. */
struct ap_result ap_db_archive_begin(struct ap_db *db, const struct ap_uuid *request, const char *lock, int64_t now_ms);
struct ap_result ap_db_archive_progress(struct ap_db *db, const struct ap_uuid *request, int64_t done, int64_t total);
struct ap_result ap_db_archive_ready(struct ap_db *db, const struct ap_uuid *request, int64_t size, int64_t now_ms);
struct ap_result ap_db_archive_failed(struct ap_db *db, const struct ap_uuid *request, const char *failure);
struct ap_result ap_db_archive_fetched(struct ap_db *db, const struct ap_uuid *request, int64_t now_ms);
struct ap_result ap_db_archive_erased(struct ap_db *db, const struct ap_uuid *request, int64_t now_ms);
/* One more film is going into it. */
struct ap_result ap_db_archive_film_in(struct ap_db *db, const struct ap_uuid *request);
/* Why one is not: the last word stays. */
struct ap_result ap_db_archive_film_failed(struct ap_db *db, const struct ap_uuid *request, const char *why);
/* GArray of struct ap_uuid: ready ones with a film; of a session, or (NULL) all. */
struct ap_result ap_db_archive_filmed(struct ap_db *db, const struct ap_uuid *session, GArray **ret_requests);
/* What this person took back of a copy of themselves since then, though they may have given it anew: statements. */
struct ap_result ap_db_archive_unshared(struct ap_db *db, const struct ap_uuid *session, enum ap_role role, int64_t since_ms,
					int64_t *ret_count);
/* Recordings of a session that are frozen; erasures ordered and withdrawals of `recording` since then. */
struct ap_result ap_db_archive_obstacles(struct ap_db *db, const struct ap_uuid *session, int64_t since_ms,
					 int64_t *ret_frozen, int64_t *ret_gone);
/* GArray of struct ap_uuid: ready ones made before or fetched before these times, or of a session with a recording that
 * was to be erased or was withdrawn since. */
struct ap_result ap_db_archive_due(struct ap_db *db, int64_t made_before_ms, int64_t fetched_before_ms,
				   GArray **ret_requests);
/* The ready ones of one person: GArray of struct ap_uuid. */
struct ap_result ap_db_archive_of(struct ap_db *db, const struct ap_uuid *session, enum ap_role role, GArray **ret_requests);
/* Begun for one person since then. */
struct ap_result ap_db_archive_count(struct ap_db *db, const struct ap_uuid *session, enum ap_role role, int64_t since_ms,
				     int64_t *ret_count);
/* Those being made. */
struct ap_result ap_db_archive_making(struct ap_db *db, GArray **ret_requests);
