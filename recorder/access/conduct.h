/*
 * The code of conduct (R13): versioned texts in French and English, acknowledged by each member of staff, with a quiz
 * where the policy sets a pass mark, before they see any content. A new version is asked for anew.
 *
 * Version 1 is the shipped one (config/conduct/), put into vault.db when it is first looked for. Setting a version and
 * acknowledging one are leaves (10); an acknowledgement names the hash of the text that was shown.
 *
 * Threads: main thread.
 */
#pragma once

#include "recorder/access/access.h"

struct ap_vault;

/* The pass mark is the highest that the policies of this user's tenant set ("conduct_pass_percent"; of all tenants for
 * a user of all). 0: no quiz. */

/* Has this member of staff acknowledged the version in force? "role" with what to do. */
struct ap_result ap_conduct_check(struct ap_vault *v, const struct ap_actor *actor);
/* {"version","lang","title","text","questions","sha256","pass_percent","acknowledged"} for one who is logged in; without
 * questions where no quiz is set. */
struct ap_result ap_conduct_show(struct ap_vault *v, const struct ap_actor *actor, const char *lang,
				 JsonNode **ret_answer);
/* {"version","sha256","answers":[…]}: "conflict" when this is not the version in force or not its text, "invalid" when
 * too few answers are right. */
struct ap_result ap_conduct_acknowledge(struct ap_vault *v, const struct ap_actor *actor, JsonObject *body,
					JsonNode **ret_answer);
/* Recorded by an admin for somebody else who acknowledged the version in force outside the system (on paper). Refused
 * ("role") where a quiz is set: nobody passes it for another. */
struct ap_result ap_conduct_record(struct ap_vault *v, const struct ap_actor *by, const char *user);
/* A new version from {"documents":[{fr},{en}]}: "invalid" unless both languages are there with as many questions. */
struct ap_result ap_conduct_set(struct ap_vault *v, const struct ap_actor *by, JsonObject *body, JsonNode **ret_answer);
/* {"version","users":[{"user","role","version","acknowledged"}]} of the actor's tenant. */
struct ap_result ap_conduct_status(struct ap_vault *v, const struct ap_actor *actor, JsonNode **ret_answer);
/* The version in force, and the one this user acknowledged (0: none). */
struct ap_result ap_conduct_versions(struct ap_vault *v, const struct ap_actor *actor, int64_t *ret_current,
				     int64_t *ret_acknowledged);
