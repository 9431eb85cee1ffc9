/*
 * What happens to live sessions, whoever causes it: the media plane (a leg came or went, a gate's reader is gone), the
 * vault (open or close a tap, tell an event, end a session, revoke a token), a person (a decision that takes
 * recording away), time. Each cause is translated here, once, into what the others must learn.
 *
 * Threads: main thread.
 */
#pragma once

#include "gateway/gateway.h"

/* Callback tables; their context is the struct ap_gateway. */
extern const struct ap_media_events ap_switchboard_media;
extern const struct ap_vault_events ap_switchboard_vault;

/* Closes the session's tap, whatever is open; `done` once nothing more can enter the recording, with the generation
 * closed (0: none was open). The vault is not told: what it is told next depends on why. */
void ap_switchboard_drop_tap(struct ap_gateway *gw, const struct ap_uuid *session,
			     void (*done)(void *ctx, uint64_t generation), void *ctx);
/* Shows both persons a gate closed for want of the vault. */
void ap_switchboard_show_closed(struct ap_gateway *gw, const struct ap_uuid *session);
/* Tells the vault that this opening has lost its tap (TapLost); nothing for generation 0. */
void ap_switchboard_report_tap(struct ap_gateway *gw, const struct ap_uuid *session, uint64_t generation);

/* Puts a leg that signalling negotiated in place of the person's older one. `page` as in events.h. */
void ap_switchboard_put_leg(struct ap_gateway *gw, struct ap_session *session, const struct ap_leg_desc *leg,
			    const struct ap_party *party, const char *page);
void ap_switchboard_hang_up(struct ap_gateway *gw, struct ap_session *session, enum ap_role role);

/* Keeps a decision for the day the vault is back; the oldest is given up when there are too many. */
void ap_switchboard_keep(struct ap_gateway *gw, const struct ap_uuid *session, const char *token, const char *json);

/* Every 10 s: sessions that are over their time are hung up, those that nobody uses are forgotten. */
void ap_switchboard_sweep(struct ap_gateway *gw);
/* Hangs up everybody, for an orderly end. */
void ap_switchboard_shut(struct ap_gateway *gw);
