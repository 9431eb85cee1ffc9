/*
 * The staff side over a fixture's vault, on a TCP port and an admin.sock of its own, and an HTTP client in the same main
 * loop. For tests of what callers see.
 */
#pragma once

#include "recorder/api/staff.h"

#include "tests/testlib/staff_fixture.h"

#include <libsoup/soup.h>

struct site {
	struct fixture *f;
	struct ap_staff *staff;
	SoupSession *net, *local;
	unsigned port;
	/* the last answer */
	unsigned status;
	SoupMessage *message;
	GBytes *body;
};

struct site site_new(void);
void site_free(struct site *s);
/* One request; the status. headers: name, value pairs, NULL-terminated, or NULL. */
unsigned site_call(struct site *s, SoupSession *session, const char *method, const char *path, const char *json,
		   const char *const *headers);
/* Over TCP with this bearer token: that of site_user is the user's name. */
unsigned site_as(struct site *s, const char *token, const char *method, const char *path, const char *json);
/* Of the last answer: its text and a member of its JSON ("" without; both g_free), a header (borrowed). */
char *site_text(struct site *s);
char *site_member(struct site *s, const char *name);
const char *site_header(struct site *s, const char *name);
void site_expect_problem(struct site *s, unsigned status, const char *name);

/* A user who is logged in. */
struct ap_actor site_user(struct site *s, const char *name, const char *role, const char *party_id);
/* A recording that sam may see for supervision, and ada, an admin. */
struct ap_uuid site_granted(struct site *s, struct ap_uuid *ret_grant);
/* "/v1/recordings/<id><rest>"; g_free. */
char *site_path(const struct ap_uuid *recording, const char *rest);
/* The path of sam's access to the coach's track, begun; g_free. */
char *site_begin(struct site *s, const struct ap_uuid *recording);
