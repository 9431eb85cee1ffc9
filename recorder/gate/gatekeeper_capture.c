#include "recorder/gate/gatekeeper_private.h"

#include "recorder/recording/manifest.h"
#include "recorder/vault_port.h"

#include <aparte/log.h>

#define SEAL_NS INT64_C(10000000000) /* a capture that has not sealed within 10 s is finished without it */

static void on_closed(void *ctx, uint64_t generation)
{
	struct ap_gatekeeper *k = ctx;
	if (generation != k->generation)
		return;
	if (k->phase == AP_PHASE_OPEN || k->phase == AP_PHASE_OPENING)
		ap_keeper_failed(k, "capture-closed"); /* unasked: it died, or was not renewed while this thread hung */
	ap_keeper_shut(k);
}

static void on_failed(void *ctx, const char *reason);

/* What cannot be kept in vault.db cannot be vouched for, and a track that went on after it would have a hole: the
 * recording ends with what is kept. */
static void on_segment(void *ctx, const struct ap_capture_segment *segment)
{
	struct ap_gatekeeper *k = ctx;
	k->run.has_segments = true;
	struct ap_result r = ap_db_segment_put(ap_vault_db(k->all->v), &k->run.row.id, segment);
	if (ap_ok(r)) {
		k->failures = 0;
		return;
	}
	ap_log(AP_LOG_ERROR, "segment_unkept", "session=%s reason=%s", k->session_text, r.name);
	on_failed(k, "segment-unkept");
}

static void on_epoch(void *ctx, const struct ap_capture_epoch *epoch)
{
	struct ap_gatekeeper *k = ctx;
	g_autofree char *stats = ap_manifest_epoch_stats(epoch);
	struct ap_result r = ap_db_epoch_stats(ap_vault_db(k->all->v), epoch->generation, stats);
	if (!ap_ok(r))
		ap_log(AP_LOG_WARN, "epoch_unkept", "session=%s reason=%s", k->session_text, r.name);
}

static void on_first_frame(void *ctx, uint64_t generation)
{
	struct ap_gatekeeper *k = ctx;
	if (generation != k->generation)
		return;
	k->run.flowing = true;
	k->run.silent_at_ns = 0;
	ap_keeper_show_recording(k, "recording");
	ap_log(AP_LOG_INFO, "recording_flows", "session=%s epoch=%u", k->session_text, k->run.epoch);
}

/* The recording is over: rows, leaf, then ap_gatekeepers_sealed. */
static void conclude(struct ap_gatekeeper *k, const struct ap_uuid *recording, bool complete, int64_t duration_ms)
{
	struct ap_gatekeepers *all = k->all;
	const struct ap_seal_job job = { k->session, *recording, complete, duration_ms, 0 };
	if (all->sealer)
		ap_sealer_give(all->sealer, &job);
	else
		ap_gatekeepers_sealed(all, &job,
				      ap_recording_seal(all->v, ap_vault_db(all->v), recording, complete, duration_ms));
}

static bool is_under_way(const struct ap_gatekeeper *k, const struct ap_uuid *recording)
{
	return k && k->run.sealing && ap_uuid_equal(&k->run.row.id, recording);
}

/* After the first attempt nobody waits any longer; what failed is sealed when the disk allows, or at the next start. */
void ap_gatekeepers_sealed(void *data, const struct ap_seal_job *job, struct ap_result r)
{
	struct ap_gatekeepers *all = data;
	struct ap_gatekeeper *k = g_hash_table_lookup(all->keepers, &job->session);
	bool waits = is_under_way(k, &job->recording);
	if (ap_ok(r) && waits)
		ap_keeper_show_recording(k, "sealed");
	else if (ap_ok(r))
		ap_vault_recording_changed(all->v, &job->session, &job->recording, "sealed");
	else
		ap_log(AP_LOG_ERROR, "recording_unsealed", "reason=%s attempt=%u", r.name, job->attempt);
	if (!waits)
		return;
	k->run = (struct ap_keeper_run){ 0 };
	k->finishing = false;
	ap_keeper_run_waiters(k->finishers);
	ap_keeper_evaluate(k);
}

void ap_gatekeeper_seal_dropped(struct ap_gatekeeper *k, const struct ap_uuid *recording)
{
	conclude(k, recording, false, 0);
}

static void on_sealed(void *ctx, const uint64_t duration_ms[2])
{
	struct ap_gatekeeper *k = ctx;
	ap_capture_free(g_steal_pointer(&k->run.capture));
	k->run.seal_by_ns = G_MAXINT64;
	conclude(k, &k->run.row.id, true, (int64_t)MAX(duration_ms[0], duration_ms[1]));
}

/* For the manifest: a recording that ends for another reason than its persons' says why. */
static void note_failure(struct ap_gatekeeper *k, const char *reason)
{
	struct ap_result r = ap_db_epoch_failed(ap_vault_db(k->all->v), k->generation, reason);
	ap_log(AP_LOG_WARN, "capture_failed", "session=%s reason=%s noted=%s", k->session_text, reason, r.name);
}

static void on_failed(void *ctx, const char *reason)
{
	struct ap_gatekeeper *k = ctx;
	note_failure(k, reason);
	bool lives = k->phase == AP_PHASE_OPEN || k->phase == AP_PHASE_OPENING;
	ap_capture_free(g_steal_pointer(&k->run.capture));
	ap_keeper_blame(k, reason); /* the gateway's word that its tap broke may have come first */
	if (lives)
		ap_keeper_failed(k, reason); /* closes; without a capture it is shut at once */
	else if (k->phase == AP_PHASE_CLOSING) {
		k->run.over = k->run.has_segments;
		ap_keeper_shut(k);
		return;
	}
	/* A crash ends a recording; one that has nothing in it yet may still be begun by the next capture. */
	if (k->phase == AP_PHASE_CLOSED && k->run.exists && (k->run.has_segments || k->run.sealing))
		ap_keeper_seal_without_capture(k);
}

const struct ap_capture_events ap_keeper_capture_events = {
	.closed = on_closed,
	.segment = on_segment,
	.epoch = on_epoch,
	.first_frame = on_first_frame,
	.sealed = on_sealed,
	.failed = on_failed,
};

void ap_keeper_seal(struct ap_gatekeeper *k)
{
	if (!k->run.capture) {
		ap_keeper_seal_without_capture(k);
		return;
	}
	k->run.sealing = true;
	k->run.seal_by_ns = ap_mono_ns(ap_vault_clock(k->all->v)) + SEAL_NS;
	ap_capture_seal(k->run.capture);
}

void ap_keeper_seal_without_capture(struct ap_gatekeeper *k)
{
	k->run.sealing = true; /* while this runs nothing may begin anew */
	k->run.seal_by_ns = G_MAXINT64;
	conclude(k, &k->run.row.id, false, 0);
}
