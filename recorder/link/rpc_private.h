/*
 * Shared by rpc.c (table and dispatch) and the handlers: rpc_platform.c, rpc_party.c, rpc_rights.c.
 * A handler answers its invocation exactly once, now or later.
 */
#pragma once

#include "recorder/link/rpc.h"
#include "recorder/consent/session.h"

struct ap_rpc {
	struct ap_rpc_env env;
	GDBusConnection *connection; /* owned */
	GQueue calls;		     /* owned: what waits for its turn */
	GSource *turn;		     /* owned; NULL while nothing waits */
	struct ap_rpc_lane *lane;    /* owned: to the main thread */
	guint object;
	bool greeted; /* Hello came */
};

typedef void (*ap_rpc_handler)(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call);

/* Answers with the API's error. */
void ap_rpc_fail(GDBusMethodInvocation *call, struct ap_result r);
/* Answers "(s)" with the text (which it frees), or the error. */
void ap_rpc_answer_text(GDBusMethodInvocation *call, struct ap_result r, char *text);
/* Answers "()", or the error. */
void ap_rpc_answer_empty(GDBusMethodInvocation *call, struct ap_result r);
/* Token to person; falls back on what this process has seen when vault.db cannot be read. */
struct ap_result ap_rpc_party(const struct ap_rpc_env *env, const char *token, struct ap_party *ret_party);

/* rpc_platform.c */
void ap_rpc_hello(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call);
void ap_rpc_session_create(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call);
void ap_rpc_session_get(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call);
void ap_rpc_session_end(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call);
void ap_rpc_token_renew(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call);
void ap_rpc_ledger_get(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call);
void ap_rpc_leg_state(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call);
void ap_rpc_tap_lost(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call);

/* rpc_party.c */
void ap_rpc_party_open(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call);
void ap_rpc_party_get(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call);
void ap_rpc_device_put(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call);
void ap_rpc_notice_get(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call);
void ap_rpc_consent_put(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call);
void ap_rpc_presence_put(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call);
void ap_rpc_pause_set(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call);
void ap_rpc_party_receipts(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call);

/* rpc_rights.c: these run on the main thread; of `env` they use the vault alone. */
void ap_rpc_webhook_put(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call);
void ap_rpc_party_recordings(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call);
void ap_rpc_party_accesses(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call);
void ap_rpc_track_open(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call);
void ap_rpc_track_read(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call);
void ap_rpc_passage_erase(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call);
void ap_rpc_request_create(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call);
void ap_rpc_request_get(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call);
void ap_rpc_request_copy(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call);
void ap_rpc_archive_make(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call);
void ap_rpc_archive_open(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call);
void ap_rpc_archive_read(const struct ap_rpc_env *env, GVariant *arguments, GDBusMethodInvocation *call);
