/*
 * The keeper's own state, shared by the files that make it up: gatekeeper.c (conditions and moves),
 * gatekeeper_open.c (opening), gatekeeper_capture.c (what the capture reports, sealing), gatekeeper_show.c (events), gatekeeper_tell.c (webhooks),
 * gatekeepers.c (all of them: the registry, the disk they share, deadlines).
 */
#pragma once

#include "recorder/gate/disk_watch.h"
#include "recorder/gate/gatekeeper.h"
#include "recorder/recording/recording.h"
#include "recorder/gate/sealer.h"

struct ap_gatekeepers {
	/* borrowed */
	struct ap_vault *v;
	struct ap_captures *captures;
	const struct ap_gateway *gateway;
	void *gateway_ctx;
	/* owned */
	GHashTable *keepers; /* struct ap_uuid * (inside the keeper) -> struct ap_gatekeeper * */
	struct ap_disk_watch *watch; /* NULL: only the free space is looked at */
	struct ap_sealer *sealer;    /* NULL: recordings are finished at once, on this thread */
	/* state */
	bool link, storage, log_disk;
	int64_t storage_polled_ns; /* 0: never */
	bool ending;
	ap_gate_done ended;
	void *ended_data;
};

/* What is known of one person. */
struct ap_keeper_person {
	bool gives, connected, device_fits;
	unsigned blocks; /* withdrawals on their way to vault.db */
	bool has_device;
	uint8_t device[32];	/* the device in use now */
	unsigned presence_s;	/* as promised in the statement; 0: none */
	int64_t present_until_ns; /* while the gate is open, and after it closed for presence */
	bool absent;		/* the last closing was for presence, and nothing was heard since */
	uint64_t counter;	/* of the last presence accepted */
};

/* The recording under way. */
struct ap_keeper_run {
	bool exists;
	struct ap_recording row;
	struct ap_capture *capture; /* owned; NULL when none runs */
	bool has_segments;
	bool over; /* its capture died while closing: nothing more is added to it */
	bool sealing;
	int64_t seal_by_ns;
	bool flowing;	     /* media of this epoch was accepted */
	int64_t silent_at_ns; /* when an open gate without media is told; 0: was told, or flows */
	uint32_t epoch; /* the last one's number */
};

struct ap_keeper_waiter {
	ap_gate_done done;
	void *data;
};

struct ap_gatekeeper {
	struct ap_gatekeepers *all; /* borrowed */
	struct ap_uuid session;
	char session_text[AP_UUID_TEXT];
	/* what the conditions are made of */
	struct ap_keeper_person person[2];
	unsigned paused, pause_owed; /* pause_owed: bits of it that vault.db may not hold */
	bool policy, ended, active, readable; /* readable: vault.db could be read */
	enum ap_video_codec codec;
	int64_t begun_ns;      /* first connection seen here; 0: none */
	int64_t away_since_ns; /* both persons; 0: at least one is there */
	bool held_closed; /* an order closed it; the next reload may open it */
	int64_t retry_ns; /* not before; 0: at once */
	bool disk_failed; /* it is the disk that the pause is for */
	unsigned failures;
	/* the gate */
	enum ap_gate_phase phase;
	uint64_t generation; /* of the last opening; 0 before the first */
	unsigned closing_reasons, order_reasons;
	unsigned closing_told; /* what a platform may hear of closing_reasons; 0: nothing */
	bool told;	       /* as session.gate_told: the platform knows it as open */
	int64_t tell_again_ns; /* not before */
	int64_t closing_ms, shut_by_ns;
	struct ap_uuid closing_recording;
	uint32_t closing_epoch;
	bool discard;
	bool unlogged; /* leaf 03 of the last closing could not be written yet */
	int64_t log_again_ns;
	struct ap_keeper_run run;
	/* who waits: for the closing, for the seal */
	GArray *closers, *finishers; /* owned, of struct ap_keeper_waiter */
	bool finishing;
	/* what was last shown */
	char *shown; /* owned */
};

/* gatekeeper.c */
unsigned ap_keeper_current_reasons(struct ap_gatekeeper *k);
/* Without what an order adds. */
unsigned ap_keeper_conditions(struct ap_gatekeeper *k);
void ap_keeper_evaluate(struct ap_gatekeeper *k);
void ap_keeper_input(struct ap_gatekeeper *k, enum ap_gate_input input);
/* The opening broke: no new attempt before a growing pause is over. */
void ap_keeper_failed(struct ap_gatekeeper *k, const char *why);
/* When it was the disk: shown as `storage`, and a pause before the next attempt. */
void ap_keeper_blame(struct ap_gatekeeper *k, const char *why);
/* Writes leaf 03, or remembers that it is owed. */
void ap_keeper_commit_closing(struct ap_gatekeeper *k);
/* The reading end is closed: leaf 03, then whoever waits. */
void ap_keeper_shut(struct ap_gatekeeper *k);
void ap_keeper_run_waiters(GArray *waiters);

/* gatekeeper_tell.c */
/* gate.opened, unless the platform knows it as open. Inside the caller's transaction. */
struct ap_result ap_keeper_tell_opened(struct ap_gatekeeper *k, struct ap_db *db, const struct ap_uuid *recording);
/* gate.closed, where it is to hear of it. Inside the caller's transaction, last: no closing fails for it. */
void ap_keeper_tell_closed(struct ap_gatekeeper *k, struct ap_db *db);
/* At every look: a gate known as open that stays closed. In a transaction of its own, and hardly ever. */
void ap_keeper_tell_late(struct ap_gatekeeper *k);
/* What may be told of a closing that begins now; 0: nothing. */
unsigned ap_keeper_tellable(struct ap_gatekeeper *k);

/* gatekeeper_open.c */
void ap_keeper_open(struct ap_gatekeeper *k);

/* gatekeeper_capture.c */
extern const struct ap_capture_events ap_keeper_capture_events;
/* Seals what is under way, when nothing is open; finishers are run at the end. */
void ap_keeper_seal(struct ap_gatekeeper *k);
void ap_gatekeepers_sealed(void *all, const struct ap_seal_job *job, struct ap_result r);
/* The capture is gone for good: the recording is finished without it. */
void ap_keeper_seal_without_capture(struct ap_gatekeeper *k);

/* gatekeeper_show.c */
void ap_keeper_show(struct ap_gatekeeper *k);
JsonArray *ap_keeper_reasons_json(unsigned reasons);
void ap_keeper_show_recording(struct ap_gatekeeper *k, const char *state);
