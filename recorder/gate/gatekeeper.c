#include "recorder/gate/gatekeeper_private.h"

#include "recorder/db/db_consent.h"
#include "recorder/db/db_session.h"
#include "recorder/consent/notice.h"

#include <aparte/buf.h>
#include <aparte/limits.h>
#include <aparte/log.h>
#include <string.h>

#define MS_NS INT64_C(1000000)
#define SHUT_NS (2 * AP_CAPTURE_ACK_MS * MS_NS) /* beyond this the capture is killed here too */
#define LOG_AGAIN_NS (1000 * MS_NS)
#define PAUSE_MS 500			  /* after the first failed opening; doubles up to */
#define PAUSE_MAX_MS 16000

static int64_t now_ns(const struct ap_gatekeepers *all)
{
	return ap_mono_ns(ap_vault_clock(all->v));
}

/* ---- conditions ---- */

static enum ap_video_codec codec_of(const char *text)
{
	if (g_strcmp0(text, "H264") == 0)
		return AP_CODEC_H264;
	return g_strcmp0(text, "VP9") == 0 ? AP_CODEC_VP9 : AP_CODEC_VP8;
}

static struct ap_result read_person(struct ap_gatekeeper *k, struct ap_db *db, enum ap_role role)
{
	struct ap_keeper_person *p = &k->person[role - AP_COACH];
	struct ap_give give = { 0 };
	bool gives = false;
	AP_TRY(ap_db_device_current(db, &k->session, role, p->device, &p->has_device));
	AP_TRY(ap_db_consent_give(db, &k->session, role, &gives, &give));
	p->gives = gives;
	if (gives && give.presence > 0 && p->presence_s == 0) { /* promised from now on, also when the gate is open already */
		p->present_until_ns = now_ns(k->all) + AP_PRESENCE_MS * MS_NS;
		p->absent = false;
	}
	p->presence_s = gives ? give.presence : 0;
	p->device_fits = !gives || (p->has_device && sodium_memcmp(p->device, give.key, sizeof give.key) == 0);
	ap_give_clear(&give);
	return AP_SUCCESS;
}

/* Its time counts on over a restart of the vault, by as much of the clocks as is believed. */
static struct ap_result read_begun(struct ap_gatekeeper *k, struct ap_db *db)
{
	int64_t begun_ms;
	if (k->begun_ns)
		return AP_SUCCESS;
	AP_TRY(ap_db_session_begun(db, &k->session, &begun_ms));
	int64_t lasted_ms = MAX(ap_vault_believed_ms(k->all->v) - begun_ms, 0), begun_ns = now_ns(k->all) - lasted_ms * MS_NS;
	if (begun_ms)
		k->begun_ns = begun_ns ? begun_ns : 1; /* may lie before the boot */
	return AP_SUCCESS;
}

static struct ap_result read_session(struct ap_gatekeeper *k, struct ap_db *db)
{
	struct ap_session s;
	bool restricted = true;
	AP_TRY(ap_session_load(db, &k->session, &s));
	k->paused = s.paused | k->pause_owed;
	k->ended = s.state == AP_SESSION_ENDED;
	k->active = s.state == AP_SESSION_ACTIVE;
	k->codec = codec_of(s.video_codec);
	struct ap_result r = ap_session_may_record(k->all->v, db, &s, &k->policy);
	ap_session_clear(&s);
	AP_TRY(r);
	AP_TRY(read_begun(k, db));
	AP_TRY(ap_db_session_restricted(db, &k->session, &restricted));
	k->policy = k->policy && !restricted; /* frozen is not to grow (R20) */
	AP_TRY(read_person(k, db, AP_COACH));
	return read_person(k, db, AP_COACHEE);
}

static bool present(const struct ap_gatekeeper *k, const struct ap_keeper_person *p)
{
	if (p->presence_s == 0)
		return true;
	bool gate_lives = k->phase == AP_PHASE_OPEN || k->phase == AP_PHASE_OPENING;
	return gate_lives ? now_ns(k->all) < p->present_until_ns : !p->absent;
}

static struct ap_gate_conditions conditions_of(struct ap_gatekeeper *k)
{
	const struct ap_gatekeepers *all = k->all;
	struct ap_gate_conditions c = {
		.paused = k->paused,
		.policy = k->policy,
		.storage = all->storage && !k->disk_failed,
		.ledger = all->log_disk && k->readable && !k->unlogged && ap_ledger_healthy(ap_vault_ledger(all->v)),
		.sandbox = ap_captures_ready(all->captures),
		.vault = all->link && (k->retry_ns == 0 || k->disk_failed) && !k->run.sealing && !all->ending,
		.lockdown = ap_vault_locked_down(all->v),
		.ended = k->ended,
	};
	for (int i = 0; i < 2; i++) {
		const struct ap_keeper_person *p = &k->person[i];
		c.consent[i] = p->gives && p->blocks == 0;
		c.connected[i] = p->connected;
		c.present[i] = !c.consent[i] || present(k, p);
		c.device[i] = !c.consent[i] || p->device_fits;
	}
	return c;
}

unsigned ap_keeper_conditions(struct ap_gatekeeper *k)
{
	struct ap_gate_conditions c = conditions_of(k);
	return ap_gate_reasons(&c);
}

unsigned ap_keeper_current_reasons(struct ap_gatekeeper *k)
{
	return ap_keeper_conditions(k) | (k->held_closed ? k->order_reasons : 0);
}

/* ---- moves ---- */

/* Invalid in memory is what the phase says; from here on nothing of this generation is accepted. */
static void begin_closing(struct ap_gatekeeper *k)
{
	struct ap_gatekeepers *all = k->all;
	for (int i = 0; i < 2; i++)
		k->person[i].absent = k->person[i].presence_s > 0 && now_ns(all) >= k->person[i].present_until_ns;
	k->closing_reasons = ap_keeper_current_reasons(k);
	k->closing_told = ap_keeper_tellable(k);
	k->closing_ms = ap_wall_ms(ap_vault_clock(all->v));
	k->shut_by_ns = now_ns(all) + SHUT_NS;
	k->closing_recording = k->run.row.id;
	k->closing_epoch = k->run.epoch;
	all->gateway->tap_close(all->gateway_ctx, &k->session, k->generation);
	if (k->run.capture)
		ap_capture_close(k->run.capture, k->generation, k->discard);
	else
		ap_keeper_shut(k);
}

void ap_keeper_input(struct ap_gatekeeper *k, enum ap_gate_input input)
{
	struct ap_gate_step step = ap_gate_next(k->phase, input);
	k->phase = step.next;
	if (step.action == AP_ACTION_OPEN)
		ap_keeper_open(k);
	else if (step.action == AP_ACTION_CLOSE)
		begin_closing(k);
}

void ap_keeper_evaluate(struct ap_gatekeeper *k)
{
	unsigned reasons = ap_keeper_current_reasons(k);
	ap_keeper_input(k, reasons == 0 ? AP_INPUT_HOLD : AP_INPUT_FAIL);
	bool at_rest = k->phase == AP_PHASE_CLOSED;
	if (at_rest && k->run.exists && !k->run.sealing && (k->ended || k->finishing || k->all->ending)) {
		ap_keeper_seal(k);
	} else if (at_rest && !k->run.exists && k->finishers->len > 0) {
		k->finishing = false;
		ap_keeper_run_waiters(k->finishers);
	}
	ap_keeper_tell_late(k);
	ap_keeper_show(k);
}

static bool is_of_the_disk(const char *why)
{
	static const char *const words[] = { "segment-write", "segment-fsync", "segment-unkept", "storage" };
	for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
		if (strcmp(why, words[i]) == 0)
			return true;
	return false;
}

void ap_keeper_blame(struct ap_gatekeeper *k, const char *why)
{
	if (!is_of_the_disk(why) || k->disk_failed)
		return;
	k->disk_failed = true;
	ap_log(AP_LOG_ERROR, "recording_stopped", "session=%s reason=%s advice=see to the disk under recordings/ and vault/",
	       k->session_text, why);
	if (k->retry_ns == 0)
		k->retry_ns = now_ns(k->all) + PAUSE_MS * MS_NS;
}

void ap_keeper_failed(struct ap_gatekeeper *k, const char *why)
{
	ap_keeper_blame(k, why);
	int64_t pause = PAUSE_MS << MIN(k->failures, 5u);
	k->failures++;
	k->retry_ns = now_ns(k->all) + MIN(pause, PAUSE_MAX_MS) * MS_NS;
	ap_log(AP_LOG_WARN, "gate_failed", "session=%s reason=%s", k->session_text, why);
	ap_keeper_evaluate(k);
}

static struct ap_result log_closing(struct ap_gatekeeper *k, struct ap_db *db)
{
	JsonObject *body = json_object_new();
	char recording[AP_UUID_TEXT], time[AP_TIME_TEXT];
	uint64_t leaf = 0;
	ap_uuid_text(&k->closing_recording, recording);
	ap_time_text(k->closing_ms, time);
	json_object_set_string_member(body, "event", "gate-closed");
	json_object_set_string_member(body, "session", k->session_text);
	json_object_set_string_member(body, "recording", recording);
	json_object_set_string_member(body, "closed_at", time);
	json_object_set_int_member(body, "epoch", k->closing_epoch);
	json_object_set_int_member(body, "reasons", k->closing_reasons);
	AP_TRY(ap_ledger_append(ap_vault_ledger(k->all->v), db, AP_LEAF_GATE_CLOSED, body, &leaf));
	AP_TRY(ap_db_epoch_close(db, k->generation, k->closing_ms, k->closing_reasons, leaf));
	ap_keeper_tell_closed(k, db);
	return AP_SUCCESS;
}

void ap_keeper_commit_closing(struct ap_gatekeeper *k)
{
	struct ap_db *db = ap_vault_db(k->all->v);
	struct ap_result r = ap_db_begin(db);
	if (ap_ok(r))
		r = ap_db_finish(db, log_closing(k, db));
	if (ap_ok(r) && k->closing_told)
		k->told = false;
	if (!ap_ok(r) && !k->unlogged)
		ap_log(AP_LOG_ERROR, "gate_closing_unlogged", "session=%s reason=%s", k->session_text, r.name);
	k->unlogged = !ap_ok(r);
	k->log_again_ns = now_ns(k->all) + LOG_AGAIN_NS;
}

void ap_keeper_run_waiters(GArray *waiters)
{
	while (waiters->len > 0) {
		struct ap_keeper_waiter w = g_array_index(waiters, struct ap_keeper_waiter, 0);
		g_array_remove_index(waiters, 0);
		if (w.done)
			w.done(w.data);
	}
}

void ap_keeper_shut(struct ap_gatekeeper *k)
{
	if (k->phase != AP_PHASE_CLOSING)
		return;
	bool ends = k->run.over && !k->discard; /* one that is thrown away is not sealed */
	ap_keeper_commit_closing(k);
	k->discard = false;
	ap_log(AP_LOG_INFO, "gate_closed", "session=%s epoch=%u reasons=%u", k->session_text, k->run.epoch, k->closing_reasons);
	ap_keeper_input(k, AP_INPUT_SHUT);
	if (ends) /* before anybody may open it again */
		ap_keeper_seal_without_capture(k);
	ap_keeper_run_waiters(k->closers);
	ap_keeper_evaluate(k);
}

/* ---- what happens ---- */

void ap_gatekeeper_reload(struct ap_gatekeeper *k)
{
	struct ap_db *db = ap_vault_db(k->all->v);
	k->readable = db && ap_ok(read_session(k, db));
	k->held_closed = false;
	ap_keeper_evaluate(k);
}

void ap_gatekeeper_leg(struct ap_gatekeeper *k, enum ap_role role, bool connected)
{
	struct ap_db *db = ap_vault_db(k->all->v);
	k->person[role - AP_COACH].connected = connected;
	if (connected && k->begun_ns == 0) {
		k->begun_ns = now_ns(k->all);
		AP_IGNORE(ap_db_session_begin(db, &k->session, ap_vault_believed_ms(k->all->v))); /* it counts in memory */
	}
	if (connected && !k->ended && !k->active)
		k->active = ap_ok(ap_db_session_set_state(db, &k->session, AP_SESSION_ACTIVE, 0));
	ap_keeper_evaluate(k);
}

void ap_gatekeeper_tap_lost(struct ap_gatekeeper *k, uint64_t generation)
{
	bool lives = k->phase == AP_PHASE_OPEN || k->phase == AP_PHASE_OPENING;
	if (lives && generation == k->generation)
		ap_keeper_failed(k, "tap-lost");
}

struct ap_result ap_gatekeeper_presence(struct ap_gatekeeper *k, enum ap_role role, const struct ap_presence *presence)
{
	struct ap_keeper_person *p = &k->person[role - AP_COACH];
	if (!p->has_device)
		return ap_fail(AP_ERR_DENIED, "statement-key", "enrol a device first");
	AP_TRY(ap_presence_verify(presence, &k->session, p->device));
	if (k->generation == 0 || presence->generation != k->generation || presence->counter <= p->counter)
		return ap_fail(AP_ERR_DENIED, "conflict", "presence needs the gate's present generation and a higher counter");
	p->counter = presence->counter;
	p->present_until_ns = now_ns(k->all) + AP_PRESENCE_MS * MS_NS;
	p->absent = false;
	ap_keeper_evaluate(k);
	return AP_SUCCESS;
}

/* ---- orders ---- */

void ap_gatekeeper_close(struct ap_gatekeeper *k, unsigned reasons, bool discard, ap_gate_done done, void *data)
{
	struct ap_keeper_waiter waiter = { done, data };
	k->held_closed = true;
	k->order_reasons = reasons;
	if (k->phase != AP_PHASE_CLOSING)
		k->discard = discard && k->phase != AP_PHASE_CLOSED; /* not for the next opening's closing */
	g_array_append_val(k->closers, waiter);
	if (k->phase == AP_PHASE_CLOSED)
		ap_keeper_run_waiters(k->closers);
	ap_keeper_evaluate(k);
}

void ap_gatekeeper_block(struct ap_gatekeeper *k, enum ap_role role, bool blocked)
{
	struct ap_keeper_person *p = &k->person[role - AP_COACH];
	p->blocks += blocked ? 1 : -(p->blocks > 0);
}

void ap_gatekeeper_pause(struct ap_gatekeeper *k, unsigned owed, unsigned kept)
{
	k->pause_owed = (k->pause_owed & ~kept) | owed;
	k->paused |= k->pause_owed;
}

void ap_gatekeeper_finish(struct ap_gatekeeper *k, unsigned reasons, ap_gate_done done, void *data)
{
	struct ap_keeper_waiter waiter = { done, data };
	g_array_append_val(k->finishers, waiter);
	k->finishing = true;
	ap_gatekeeper_close(k, reasons, false, NULL, NULL);
}

void ap_gatekeeper_drop_recording(struct ap_gatekeeper *k, struct ap_uuid *ret_recording, bool *ret_was)
{
	*ret_was = k->run.exists;
	*ret_recording = k->run.row.id;
	ap_capture_free(k->run.capture);
	k->run = (struct ap_keeper_run){ 0 };
}
