/*
 * The live gates: one keeper per session with conditions, phase (gate.h), capture and reasons; and the registry of all.
 *
 * Opening: one IMMEDIATE transaction folds the consents anew, draws the generation, appends leaf 02 (and makes the
 * recording when there is none); after the commit everything is looked at again; then a fresh SEQPACKET pair, whose
 * capture end can no longer be written, goes to capture and gateway.
 * Closing: invalid in memory first; the capture closes its reading end; leaf 03; then whoever asked is answered.
 *
 * Threads: the gate thread only. Time comes by ap_gatekeepers_tick, which the owner calls at least every 200 ms.
 */
#pragma once

#include "recorder/recording/capture_spawn.h"
#include "recorder/gate/gate.h"
#include "recorder/gate/presence.h"
#include "recorder/vault.h"

struct ap_gatekeepers; /* all of them; opaque */
struct ap_gatekeeper;  /* one session's; opaque, owned by the registry */

/* The gateway, asked. Every call may fail silently: then its answer never comes, and the link's loss is told by
 * ap_gatekeepers_link. */
struct ap_gateway {
	/* `fd` is owned from here on; answered by ap_gatekeepers_tap_opened. */
	void (*tap_open)(void *ctx, const struct ap_uuid *session, uint64_t generation, uint32_t epoch, int fd);
	void (*tap_close)(void *ctx, const struct ap_uuid *session, uint64_t generation);
	void (*event)(void *ctx, const struct ap_uuid *session, enum ap_role role, const char *event, const char *json);
};

typedef void (*ap_gate_done)(void *data);

/* All borrowed. */
struct ap_gatekeepers *ap_gatekeepers_new(struct ap_vault *v, struct ap_captures *captures, const struct ap_gateway *gateway,
					  void *gateway_ctx);
/* From here on the disk is watched, and recordings are finished, on threads of their own. */
void ap_gatekeepers_use_threads(struct ap_gatekeepers *all);
/* A word: ap_disk_watch_trouble. */
const char *ap_gatekeepers_disk_trouble(const struct ap_gatekeepers *all);
/* Kills captures that still run: shut them down first. */
void ap_gatekeepers_free(struct ap_gatekeepers *all);

/* The keeper of a session, made (and read from vault.db) at first use. */
struct ap_gatekeeper *ap_gatekeeper_get(struct ap_gatekeepers *all, const struct ap_uuid *session);
/* Whether this session has a keeper now: it is let go once nothing depends on it, and made anew from vault.db. */
bool ap_gatekeepers_watch(const struct ap_gatekeepers *all, const struct ap_uuid *session);

/* ---- what happens ---- */
void ap_gatekeepers_tick(struct ap_gatekeepers *all);
/* A session that ran as long as gateway.max_session_minutes allows, or that both left a day ago; false when none. */
bool ap_gatekeepers_overdue(struct ap_gatekeepers *all, struct ap_uuid *ret_session);
/* The link to the gateway came (true; every leg counts as disconnected until told otherwise) or went. */
void ap_gatekeepers_link(struct ap_gatekeepers *all, bool there);
/* Something all gates depend on changed: lockdown. */
void ap_gatekeepers_look(struct ap_gatekeepers *all);
void ap_gatekeepers_tap_opened(struct ap_gatekeepers *all, const struct ap_uuid *session, uint64_t generation, bool ok);
void ap_gatekeeper_leg(struct ap_gatekeeper *k, enum ap_role role, bool connected);
void ap_gatekeeper_tap_lost(struct ap_gatekeeper *k, uint64_t generation);
/* A presence by this person: "statement-signature", "conflict" (other generation, counter not higher). */
struct ap_result ap_gatekeeper_presence(struct ap_gatekeeper *k, enum ap_role role, const struct ap_presence *presence);
/* Consents, devices, pauses or the session changed in vault.db: read them anew and act. */
void ap_gatekeeper_reload(struct ap_gatekeeper *k);

/* ---- orders; `done` comes once it is so, possibly at once ---- */
/* Closes for `reasons` (told with the closing); what waits in the jitter buffers is thrown away when `discard`. It
 * opens again by itself only after ap_gatekeeper_reload, if all holds. */
void ap_gatekeeper_close(struct ap_gatekeeper *k, unsigned reasons, bool discard, ap_gate_done done, void *data);
/* This person withdrew or refused: their consent counts as missing from now on, whatever vault.db says, until each of
 * these was unblocked, after its commit. Such a keeper is not let go. */
void ap_gatekeeper_block(struct ap_gatekeeper *k, enum ap_role role, bool blocked);
/* Pauses that hold whatever vault.db says (`owed`, bits of persons), and those that it says right again (`kept`). */
void ap_gatekeeper_pause(struct ap_gatekeeper *k, unsigned owed, unsigned kept);
/* Closed, flushed and sealed: the recording under way is finished. The next opening starts a new one. */
void ap_gatekeeper_finish(struct ap_gatekeeper *k, unsigned reasons, ap_gate_done done, void *data);
/* After a close with discard: the capture is killed and forgotten, its recording is left to be erased. */
void ap_gatekeeper_drop_recording(struct ap_gatekeeper *k, struct ap_uuid *ret_recording, bool *ret_was);
/* What lies on disk of a recording that was dropped, and is kept after all. */
void ap_gatekeeper_seal_dropped(struct ap_gatekeeper *k, const struct ap_uuid *recording);
/* Finish all, for the end of the process. */
void ap_gatekeepers_shut_down(struct ap_gatekeepers *all, ap_gate_done done, void *data);

/* ---- what is shown ---- */
/* The gate as JSON object; for a person (role) with who paused, for the platform (0) without. */
JsonObject *ap_gatekeeper_json(struct ap_gatekeeper *k, enum ap_role role);
bool ap_gatekeeper_connected(const struct ap_gatekeeper *k, enum ap_role role);
enum ap_gate_phase ap_gatekeeper_phase(const struct ap_gatekeeper *k);
unsigned ap_gatekeeper_reasons(const struct ap_gatekeeper *k);
uint64_t ap_gatekeeper_generation(const struct ap_gatekeeper *k);
