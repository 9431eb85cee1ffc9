/*
 * The asking half of include/aparte/vault.xml: calls to the vault over the link that the launcher hands us, and what
 * the vault asks of the gateway (fr.aparte.Gateway1), as callbacks.
 *
 * Nothing here ever waits: a vault that is dead or slow costs the caller an answer "vault-unavailable" (at once
 * without a link, after 5 s with one), and the calls that run never notice. A new link replaces the old one.
 *
 * Threads: main thread.
 */
#pragma once

#include <aparte/problem.h>
#include <gio/gio.h>
#include <stdbool.h>
#include <stdint.h>

struct ap_vault_client; /* opaque */

/* An answer owed to the vault; exactly one of the functions below gives it. */
typedef GDBusMethodInvocation ap_vault_question;

struct ap_vault_events {
	void (*linked)(void *ctx, const char *settings); /* Hello was answered; settings is JSON */
	void (*unlinked)(void *ctx);
	/* `gate` is owned by the callee. */
	void (*tap_open)(void *ctx, const char *session, uint64_t generation, int gate, ap_vault_question *question);
	void (*tap_close)(void *ctx, const char *session, uint64_t generation, ap_vault_question *question);
	void (*event)(void *ctx, const char *session, const char *role, const char *event, const char *json);
	void (*session_close)(void *ctx, const char *session, const char *reason, ap_vault_question *question);
	void (*token_revoked)(void *ctx, const char *token_hash);
};

/* `problem` is NULL on success; then `answer` is the method's out-arguments, borrowed. */
typedef void (*ap_vault_answer)(void *ctx, const struct ap_problem *problem, const char *detail, GVariant *answer);

struct ap_vault_client *ap_vault_client_new(const struct ap_vault_events *events, void *ctx);
void ap_vault_client_free(struct ap_vault_client *c);
/* A new link; `fd` is owned from here on. */
void ap_vault_client_link(struct ap_vault_client *c, int fd);
/* Whether Hello was answered on the present link. */
bool ap_vault_client_linked(const struct ap_vault_client *c);

/* Calls a method of Vault1; `arguments` may be floating. `answer` may be NULL when nobody cares. */
void ap_vault_call(struct ap_vault_client *c, const char *method, GVariant *arguments, ap_vault_answer answer, void *ctx);
/* For methods that may take longer than 5 s (SessionEnd). */
void ap_vault_call_slow(struct ap_vault_client *c, const char *method, GVariant *arguments, int timeout_ms,
			ap_vault_answer answer, void *ctx);

void ap_vault_answer_tap_open(ap_vault_question *question);
void ap_vault_answer_tap_close(ap_vault_question *question, uint64_t packets, uint64_t dropped);
void ap_vault_answer_session_close(ap_vault_question *question);
void ap_vault_answer_error(ap_vault_question *question, const char *name, const char *detail);
