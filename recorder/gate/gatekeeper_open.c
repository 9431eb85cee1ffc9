#include "recorder/gate/gatekeeper_private.h"

#include "recorder/db/db_consent.h"
#include "recorder/db/db_session.h"
#include "recorder/vault_port.h"

#include <aparte/buf.h>
#include <aparte/limits.h>
#include <aparte/log.h>
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define QUEUE_BYTES (1 << 20) /* asked of the kernel for the pair; it gives what it allows */

/* 63 random bits, never 0: SQLite's integers are signed. */
static uint64_t draw_generation(void)
{
	uint64_t generation;
	do {
		randombytes_buf(&generation, sizeof generation);
		generation &= (uint64_t)INT64_MAX;
	} while (generation == 0);
	return generation;
}

static JsonObject *opened_body(const struct ap_gatekeeper *k, const struct ap_recording *r, const struct ap_epoch_row *e)
{
	JsonObject *body = json_object_new();
	char recording[AP_UUID_TEXT];
	g_autofree char *generation = g_strdup_printf("%" G_GUINT64_FORMAT, e->generation);
	ap_uuid_text(&r->id, recording);
	json_object_set_string_member(body, "event", "gate-opened");
	json_object_set_string_member(body, "session", k->session_text);
	json_object_set_string_member(body, "recording", recording);
	json_object_set_int_member(body, "epoch", e->number);
	json_object_set_string_member(body, "generation", generation);
	json_object_set_int_member(body, "coach_consent", (int64_t)r->consent[0]);
	json_object_set_int_member(body, "coachee_consent", (int64_t)r->consent[1]);
	return body;
}

static struct ap_result still_allowed(struct ap_gatekeeper *k, struct ap_db *db)
{
	struct ap_session s;
	AP_TRY(ap_session_load(db, &k->session, &s));
	bool allowed = s.state != AP_SESSION_ENDED && s.paused == 0, restricted = true;
	ap_session_clear(&s);
	AP_TRY(ap_db_session_restricted(db, &k->session, &restricted));
	return allowed && !restricted ? AP_SUCCESS :
					ap_fail(AP_ERR_DENIED, "conflict", "the session was paused, frozen or ended meanwhile");
}

static struct ap_result announce_start(struct ap_gatekeeper *k, struct ap_db *db, const struct ap_recording *r)
{
	struct ap_session s;
	char id[AP_UUID_TEXT];
	ap_uuid_text(&r->id, id);
	g_autofree char *data = g_strdup_printf("{\"session\":\"%s\",\"recording\":\"%s\"}", k->session_text, id);
	AP_TRY(ap_session_load(db, &k->session, &s));
	struct ap_result result = ap_vault_webhook(k->all->v, db, s.tenant, "recording.started", data);
	ap_session_clear(&s);
	return result;
}

/* Inside the transaction: consents folded anew (by ap_recording_begin, or the running one's still in force), the
 * generation, leaf 02. */
static struct ap_result commit_part(struct ap_gatekeeper *k, struct ap_db *db, struct ap_recording *r, struct ap_epoch_row *e)
{
	uint64_t leaf = 0;
	ap_purposes both = 0;
	AP_TRY(still_allowed(k, db));
	AP_TRY(ap_db_consent_both(db, &k->session, &both));
	if (!(both & AP_PURPOSE_BIT(AP_PURPOSE_RECORDING)))
		return ap_fail(AP_ERR_DENIED, "consent", "both persons must give `recording`");
	if (!k->run.exists) {
		AP_TRY(ap_recording_begin(k->all->v, db, &k->session, r));
		AP_TRY(announce_start(k, db, r));
	}
	AP_TRY(ap_ledger_append(ap_vault_ledger(k->all->v), db, AP_LEAF_GATE_OPENED, opened_body(k, r, e), &leaf));
	AP_TRY(ap_db_epoch_put(db, &k->session, &r->id, e, leaf));
	return ap_keeper_tell_opened(k, db, &r->id);
}

static struct ap_result commit_opening(struct ap_gatekeeper *k)
{
	struct ap_db *db = ap_vault_db(k->all->v);
	struct ap_recording r = k->run.row;
	struct ap_epoch_row e = { .generation = draw_generation(),
				  .number = k->run.epoch + 1,
				  .opened_ms = ap_wall_ms(ap_vault_clock(k->all->v)) };
	AP_TRY(ap_db_begin(db));
	AP_TRY(ap_db_finish(db, commit_part(k, db, &r, &e)));
	bool fresh = !k->run.exists;
	k->told = true;
	k->run.exists = true;
	k->run.row = r;
	k->run.epoch = e.number;
	k->run.flowing = false;
	k->generation = e.generation;
	return fresh ? ap_recording_confirm(k->all->v, &r) : AP_SUCCESS;
}

static struct ap_result start_capture(struct ap_gatekeeper *k)
{
	const struct ap_recording *r = &k->run.row;
	struct ap_capture_params params = { .recording = r->id, .session = k->session, .video = k->codec };
	if (k->run.capture)
		return AP_SUCCESS;
	for (int i = 0; i < 2; i++)
		ap_copy(params.recipient[i], 32, r->recipient[i], 32);
	return ap_capture_start(k->all->captures, &params, &ap_keeper_capture_events, k, &k->run.capture);
}

/* [0] reads, [1] writes; the reading end cannot be written any more. */
static struct ap_result make_pair(int ret_ends[2])
{
	int ends[2], size = QUEUE_BYTES;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
		return ap_fail(AP_ERR_IO, "gate-pair", "no socket pair could be made");
	/* A smaller queue than asked for is no error. */
	(void)setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	if (shutdown(ends[0], SHUT_WR) != 0) {
		close(ends[0]);
		close(ends[1]);
		return ap_fail(AP_ERR_IO, "gate-pair", "the pair could not be made one-way");
	}
	ret_ends[0] = ends[0];
	ret_ends[1] = ends[1];
	return AP_SUCCESS;
}

static struct ap_result hand_over(struct ap_gatekeeper *k)
{
	struct ap_gatekeepers *all = k->all;
	int ends[2];
	AP_TRY(start_capture(k));
	AP_TRY(make_pair(ends));
	struct ap_result r = ap_capture_open(k->run.capture, k->generation, k->run.epoch, ends[0]);
	if (!ap_ok(r)) {
		close(ends[1]);
		return r;
	}
	all->gateway->tap_open(all->gateway_ctx, &k->session, k->generation, k->run.epoch, ends[1]);
	return AP_SUCCESS;
}

void ap_keeper_open(struct ap_gatekeeper *k)
{
	int64_t fresh_until = ap_mono_ns(ap_vault_clock(k->all->v)) + AP_PRESENCE_MS * INT64_C(1000000);
	struct ap_result r = commit_opening(k);
	if (!ap_ok(r)) {
		/* Nothing was opened, so there is nothing to close either. */
		k->phase = AP_PHASE_CLOSED;
		ap_keeper_failed(k, r.name);
		return;
	}
	k->person[0].present_until_ns = k->person[1].present_until_ns = fresh_until;
	if (ap_keeper_current_reasons(k) != 0) { /* looked at again after the commit */
		ap_keeper_evaluate(k);
		return;
	}
	r = hand_over(k);
	if (!ap_ok(r)) {
		ap_keeper_failed(k, r.name);
		return;
	}
	ap_log(AP_LOG_INFO, "gate_opening", "session=%s epoch=%u", k->session_text, k->run.epoch);
}
