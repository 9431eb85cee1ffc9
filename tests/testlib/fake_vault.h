/*
 * A vault for tests of signalling: the answering half of include/aparte/vault.xml on one end of a socketpair, in the
 * test's own main loop. It knows two tokens ("coach-token" and "coachee-token") and one API key ("key") of one session,
 * and notes every call in order.
 */
#pragma once

#include <aparte/uuid.h>
#include <glib.h>

#define FAKE_SESSION "00112233-4455-6677-8899-aabbccddeeff"
#define FAKE_TRACK_SIZE 600000

struct fake_vault; /* opaque */

/* *ret_fd is the gateway's end. */
struct fake_vault *fake_vault_new(int *ret_fd);
/* Closes the link. */
void fake_vault_free(struct fake_vault *v);
/* "Hello LegState(coach,1) ConsentPut …": methods since the last clear. */
const char *fake_vault_calls(const struct fake_vault *v);
void fake_vault_clear_calls(struct fake_vault *v);
/* From now on it reads calls but does not answer them. */
void fake_vault_mute(struct fake_vault *v, bool mute);
/* The error that ConsentPut answers; NULL: none. E.g. "statement-malformed". */
void fake_vault_refuse(struct fake_vault *v, const char *problem);

/* The error that reads of a track answer from now on; NULL: none. E.g. "role". */
void fake_vault_refuse_reads(struct fake_vault *v, const char *problem);

/* Asks the gateway (asynchronous; `done` counts answers up). */
void fake_vault_tap_open(struct fake_vault *v, uint64_t generation, int fd, int *ret_done);
void fake_vault_tap_close(struct fake_vault *v, uint64_t generation, int *ret_done, uint64_t *ret_packets);
void fake_vault_event(struct fake_vault *v, const char *role, const char *event, const char *json);
void fake_vault_session_close(struct fake_vault *v, const char *reason, int *ret_done);
void fake_vault_token_revoked(struct fake_vault *v, const char *token);
