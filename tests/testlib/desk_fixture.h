/*
 * Two platforms, of which one leaves: for the tests of off-boarding. The leaving one, "platform", has two recordings and
 * the two admins who order it, "other" has one.
 */
#pragma once

#include "tests/testlib/staff_fixture.h"

#include <aparte/age.h>
#include <json-glib/json-glib.h>

#define DAY 86400000LL
#define NAME "Aliénor Unverwechselbar" /* of every person */
#define SHA "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

struct desk {
	struct fixture *f;
	struct ap_uuid session, first, second, others_session, others;
	struct ap_actor ada, bob;
	struct ap_secret *identity; /* the leaver's */
	char recipient[AP_AGE_RECIPIENT_TEXT];
	int64_t other;
};

struct desk desk_new(void);
void desk_free(struct desk *d);
/* Until nothing is to be done on the main context. */
void desk_settle(void);
/* The caller's. */
JsonObject *desk_object(const char *text);
/* A POST; *ret_member, if wanted, is that member of the answer. */
struct ap_result desk_post(struct desk *d, const struct ap_actor *by, const char *json, const char *member,
			   char **ret_member);
/* By ada, then bob. */
void desk_order(struct desk *d);
/* Exported; to be erased. */
struct ap_result desk_report(struct desk *d, const struct ap_actor *by);
struct ap_result desk_erase(struct desk *d, const struct ap_actor *by, const char *json);
JsonNode *desk_status(struct desk *d);
void desk_assert_state(struct desk *d, const char *expected);
