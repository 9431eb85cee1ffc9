/*
 * A vault over a directory of its own, with a clock that the test moves, sessions with two consenting persons, and
 * recordings whose segments are real age files of known bytes. For the staff side's unit tests.
 */
#pragma once

#include "recorder/access/access.h"
#include "recorder/vault.h"

struct fixture {
	char *home;
	struct ap_config *config;
	struct ap_clock clock;
	int64_t wall_ms, mono_ns;
	struct ap_vault *v;
	int64_t tenant;
	int64_t number; /* makes references unique */
};

#define FIXTURE_SEGMENTS 5
#define FIXTURE_SEGMENT 100000 /* plaintext bytes in one; more than an age chunk */
#define FIXTURE_TRACK ((uint64_t)FIXTURE_SEGMENTS * FIXTURE_SEGMENT)

struct fixture *fixture_new(void);
void fixture_free(struct fixture *f);
/* Closes and opens the vault again, as a restart does. */
void fixture_restart(struct fixture *f);
/* Moves both clocks. */
void fixture_advance(struct fixture *f, int64_t ms);

struct ap_uuid fixture_session(struct fixture *f, const char *coach, const char *coachee);
/* `purposes` is a JSON array: the person gives them, with a share when `recording` is among them. */
void fixture_give(struct fixture *f, const struct ap_uuid *session, enum ap_role role, const char *purposes);
void fixture_withdraw(struct fixture *f, const struct ap_uuid *session, enum ap_role role, const char *purposes);
/* A session in which both gave `purposes`. */
struct ap_uuid fixture_consented(struct fixture *f, const char *purposes);
/* Sealed, to expire in keep_ms, under the last gives. */
struct ap_uuid fixture_recording(struct fixture *f, const struct ap_uuid *session, int64_t keep_ms);
/* The same with these files as tracks; it says that it lasts 20 s. */
struct ap_uuid fixture_recording_of(struct fixture *f, const struct ap_uuid *session, int64_t keep_ms, GBytes *coach,
				    GBytes *coachee);
/* The same with tracks of so many segments of so many bytes each, all of them fixture_byte's. */
struct ap_uuid fixture_recording_long(struct fixture *f, const struct ap_uuid *session, int64_t keep_ms, unsigned segments,
				      size_t each);
/* The byte that stands at that place of a track. */
uint8_t fixture_byte(enum ap_role track, uint64_t offset);

/* A user without going through passwords. */
struct ap_actor fixture_user(struct fixture *f, const char *name, const char *role, const char *party_id);
struct ap_actor fixture_party(const struct ap_uuid *session, enum ap_role role);
/* {name: number} of one row. */
int64_t fixture_count(struct fixture *f, const char *sql);
/* SQL without values; must succeed. */
void fixture_run(struct fixture *f, const char *sql);
/* The type of the newest leaf. */
int fixture_last_leaf(struct fixture *f);
/* Do these bytes stand in any file of the instance, databases, WAL and all? */
bool fixture_on_disk(struct fixture *f, const void *bytes, size_t len);
/* Files under recordings/<recording>. */
unsigned fixture_files(struct fixture *f, const struct ap_uuid *recording);

#define assert_ok(expr)                                                                                                \
	do {                                                                                                           \
		struct ap_result assert_r_ = (expr);                                                                   \
		if (!ap_ok(assert_r_))                                                                                 \
			fail_msg("%s: %s", assert_r_.name, assert_r_.detail);                                          \
	} while (0)
#define assert_refused(expr, word) assert_string_equal((expr).name, word)
