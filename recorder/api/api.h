/*
 * The staff API: who may call what, in one table per area; a handler runs only for a caller its row lets in.
 *
 * Over TCP a caller is a login (bearer or cookie; a change by cookie needs our own Origin and a JSON content type).
 * On admin.sock it is the admin named in Aparte-Admin, vouched for by the kernel's peer credentials, or without that
 * header the operator, who may do only what rows marked AP_MAY_OPERATOR allow.
 *
 * Threads: main thread.
 */
#pragma once

#include "recorder/access/access.h"
#include "recorder/keys/lockdown.h"
#include "recorder/access/login.h"
#include "recorder/erasure/retention.h"
#include "recorder/keys/turnover.h"
#include "recorder/vault.h"

#include <aparte/http.h>
#include <aparte/static_files.h>
#include <sys/types.h>

/* What the handlers of one listener share; all borrowed. */
struct ap_api {
	struct ap_vault *v;
	struct ap_http *http;
	struct ap_logins *logins;
	struct ap_retention *retention;
	struct ap_backups *backups; /* recorder/backup/backup.h */
	struct ap_turnovers *turnovers;
	struct ap_lockdown *lockdown;
	struct ap_static_files *pages; /* NULL on admin.sock */
	bool socket;                   /* this is admin.sock */
	bool tls;
	GPtrArray *bound; /* rows as they hang on it; g_free each */
	uid_t operator_uid;
};

/* Who may: one bit per enum ap_staff_role, and these. */
#define AP_MAY(role) (1u << AP_STAFF_##role)
#define AP_MAY_ANYONE (1u << 16)   /* without login */
#define AP_MAY_OPERATOR (1u << 17) /* admin.sock without a named admin */
#define AP_ONLY_SOCKET (1u << 18)  /* not over TCP */
#define AP_MAY_ALL_STAFF 0x3fu

struct ap_api_call {
	struct ap_api *api;
	struct ap_vault *v;
	struct ap_http_call *http;
	struct ap_actor actor; /* zero for rows that anyone may call */
	JsonObject *body;      /* never NULL where the method is not GET; empty without one */
	/* The answer: 200 with this node, or with none of it 204. A handler that answers itself sets `answered`. */
	unsigned status;
	JsonNode *answer;
	bool answered;
};

struct ap_api_route {
	const char *method, *path;
	unsigned may;
	struct ap_result (*handle)(struct ap_api_call *c);
};

/* Adds rows to the listener; both are borrowed for its life. */
void ap_api_add(struct ap_api *api, const struct ap_api_route *routes, size_t count);

/* The areas. */
void ap_api_add_session(struct ap_api *api);
void ap_api_add_recordings(struct ap_api *api);
void ap_api_add_tracks(struct ap_api *api);
void ap_api_add_notes(struct ap_api *api);
void ap_api_add_governance(struct ap_api *api);
void ap_api_add_desk(struct ap_api *api);
void ap_api_add_requests(struct ap_api *api);
void ap_api_add_erasures(struct ap_api *api);
void ap_api_add_turnovers(struct ap_api *api);
void ap_api_add_lockdown(struct ap_api *api);
void ap_api_add_incidents(struct ap_api *api);
void ap_api_add_backups(struct ap_api *api);
void ap_api_add_account(struct ap_api *api);
void ap_api_add_proofs(struct ap_api *api);
void ap_api_add_offboard(struct ap_api *api);
void ap_api_add_people(struct ap_api *api);
void ap_api_add_export(struct ap_api *api);
void ap_api_add_webhooks(struct ap_api *api);
void ap_api_add_public(struct ap_api *api);
void ap_api_add_overview(struct ap_api *api);
/* All of them. */
void ap_api_add_all(struct ap_api *api);

/* Every row that hangs on the listener, in order. */
void ap_api_each(const struct ap_api *api, void (*look)(void *ctx, const struct ap_api_route *row), void *ctx);
/* An access as it is answered: begun, or pending another person's word. */
JsonNode *ap_api_access(const struct ap_access *access);
/* The {n}th part of the path as an id: "not-found" when it is none. */
struct ap_result ap_api_id(const struct ap_api_call *c, size_t n, struct ap_uuid *ret_id);
/* What touches every tenant is for admins of all of them, or for whoever is at the machine itself: else "role". */
struct ap_result ap_api_all_tenants(const struct ap_api_call *c, const char *why);
/* The cookie's name: aparte_vault_<port>; g_free. */
char *ap_api_cookie_name(const struct ap_api *api);
/* The token the caller sent, by bearer or cookie; NULL without one. g_free. */
char *ap_api_token(const struct ap_api_call *c);
/* Is the request's Origin this listener's own? False without one. */
bool ap_api_own_origin(const struct ap_api_call *c);
