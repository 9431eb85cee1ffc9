/*
 * Who may see which recording, and the record of it: an access is a durable leaf (05) before its first byte, and
 * another (06) at its end.
 *
 * Rights are decided anew at every read, from the database: a revoked grant, a withdrawn purpose, an erasure or an
 * ended login stops a viewing under way at its next read (and who streams asks several times a second beside).
 *
 * Of staff, only who acknowledged the code of conduct in force begins an access (R13, conduct.h); one to a recording
 * of a protected session or in its archive phase waits for a second person's word (R14, R17, approval.h).
 *
 * Threads: main thread. Texts returned are g_free'd by the caller.
 */
#pragma once

#include <aparte/err.h>
#include <aparte/uuid.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <stdint.h>

struct ap_vault;

/* Who asks: a person of a session, a member of staff, or the vault by itself (which never sees content). */
enum ap_actor_kind { AP_ACTOR_PARTY, AP_ACTOR_STAFF, AP_ACTOR_VAULT };
enum ap_staff_role {
	AP_STAFF_PLATFORM,
	AP_STAFF_COACH,
	AP_STAFF_SUPERVISOR,
	AP_STAFF_ADMIN,
	AP_STAFF_AUDITOR,
	AP_STAFF_SPONSOR
};

struct ap_actor {
	enum ap_actor_kind kind;
	/* AP_ACTOR_PARTY */
	struct ap_uuid session;
	enum ap_role role;
	/* AP_ACTOR_STAFF */
	int64_t user;   /* 0: the operator at admin.sock before there is an admin */
	int64_t tenant; /* 0: all tenants */
	enum ap_staff_role staff;
	char name[65];      /* of the user; of the part of the vault for AP_ACTOR_VAULT */
	char party_id[129]; /* of a coach's user, or the coachee whose programme a sponsor pays for; empty without one */
};

/* The same as text in leaves and lists: "user:<name>", "party:coach", "party:coachee", "vault:<part>"; g_free. */
char *ap_actor_text(const struct ap_actor *actor);

struct ap_access {
	struct ap_uuid id;
	struct ap_uuid recording;
	int64_t expires_ms;
	bool approved;		/* begun under `approval` */
	bool pending;		/* not begun: `approval` waits for another person until expires_ms; id is zero */
	struct ap_uuid approval;
};

/* How long one access lasts before a new one must be begun. */
#define AP_ACCESS_MS (4 * 3600 * 1000)

/*
 * Begins an access: checks the right, appends leaf 05, commits. `purpose` is one of the consent purposes ("recording"
 * for the two speakers). Errors: "not-found" (also when the actor may not know of it), "role", "access-reason-required"
 * (empty purpose or reason), "erased", "restricted", "lockdown", "conflict" (still being recorded). A hold does not
 * stop viewing. Where a second person's word is needed and not there yet, it is asked for: success, and `pending`.
 */
struct ap_result ap_access_begin(struct ap_vault *v, const struct ap_actor *actor, const struct ap_uuid *recording,
				 const char *purpose, const char *reason, struct ap_access *ret_access);
/* The same for an operator's export with the recording's identities: an admin at admin.sock, purpose "export". */
struct ap_result ap_access_begin_export(struct ap_vault *v, const struct ap_actor *actor,
					const struct ap_uuid *recording, const char *reason,
					struct ap_access *ret_access);
/* May this actor go on reading under this access, right now? Errors as above; "access-reason-required" when the access
 * is not theirs, ended or expired. */
struct ap_result ap_access_check(struct ap_vault *v, const struct ap_actor *actor, const struct ap_uuid *access,
				 const struct ap_uuid *recording);
/* The open access of this actor to this recording for this purpose; "not-found". */
struct ap_result ap_access_find(struct ap_vault *v, const struct ap_actor *actor, const struct ap_uuid *recording,
				const char *purpose, struct ap_uuid *ret_access);
/* Adds to what was read under it. */
struct ap_result ap_access_count(struct ap_vault *v, const struct ap_uuid *access, uint64_t bytes);
/* Ends it with leaf 06; ended before is success. */
struct ap_result ap_access_end(struct ap_vault *v, const struct ap_uuid *access);
/* Ends every access past its time; with a recording, also those of it that are no longer allowed. */
struct ap_result ap_access_sweep(struct ap_vault *v, const struct ap_uuid *recording);

/* What is wanted of the library; all borrowed, NULL where it does not matter, and all of it must hold. */
struct ap_library_wish {
	const char *words;  /* begins the session's reference or a person's name (ASCII case does not matter; for admins no
			     * names), is a person's id at the platform, or the id of a recording or session */
	const char *person; /* the platform's id of one of the two */
	const char *tenant; /* its name */
	const char *state;  /* as it is shown */
	int64_t from_ms, to_ms;	      /* made at or after the one, before the other; 0 and INT64_MAX: whenever */
	int64_t expires_before_ms;    /* kept now, and to be erased before this; 0: whenever */
	const struct ap_uuid *after;  /* the `next` of the page before */
	int64_t limit;		      /* 1 … 1000 */
	bool count;		      /* "total": how many there are of them */
};
/* What this actor may see of recordings, newest first: {"recordings":[…],"next"?,"total"?}; `next` is what to ask after where
 * there are more. And one of them with its tracks and epochs. */
struct ap_result ap_access_list(struct ap_vault *v, const struct ap_actor *actor, const struct ap_library_wish *wish,
				JsonNode **ret_answer);
struct ap_result ap_access_show(struct ap_vault *v, const struct ap_actor *actor, const struct ap_uuid *recording,
				JsonNode **ret_answer);
/* The JSON answers of GET /v1/party/recordings and /v1/party/accesses for one person of a session (g_free). */
struct ap_result ap_access_party_recordings(struct ap_vault *v, const struct ap_actor *actor, char **ret_json);
struct ap_result ap_access_party_accesses(struct ap_vault *v, const struct ap_actor *actor, char **ret_json);
/* Accesses for admins and auditors of a tenant (0: all), newest first, `limit` of them, from the one after `after` (NULL: the
 * newest). The array is the caller's. */
struct ap_result ap_access_log(struct ap_vault *v, int64_t tenant, const struct ap_uuid *after, int64_t limit, JsonArray **ret_list);
