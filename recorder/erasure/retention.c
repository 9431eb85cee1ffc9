#include "recorder/erasure/retention.h"

#include "recorder/access/access.h"
#include "recorder/api/answer.h"
#include "recorder/policy/clock_guard.h"
#include "recorder/db/db_staff_desk.h"
#include "recorder/db/db_staff_erasure.h"
#include "recorder/db/db_staff_user.h"
#include "recorder/erasure/erasure.h"
#include "recorder/erasure/hold.h"
#include "recorder/erasure/lifecycle.h"
#include "recorder/erasure/passage.h"
#include "recorder/offboard/hand_over.h"
#include "recorder/offboard/offboard.h"
#include "recorder/portability/archive.h"
#include "recorder/erasure/request.h"
#include "recorder/access/review.h"
#include "recorder/policy/terms.h"
#include "recorder/vault.h"

#include <aparte/log.h>
#include <string.h>

/* How often the reading of both clocks is kept for the next start. */
#define KEEP_MS 60000
#define REVIEW_MS 60000

struct ap_retention {
	/* borrowed */
	struct ap_vault *v;
	/* owned */
	GSource *timer;
	/* state */
	struct ap_clock_guard last; /* what the next reading is compared with */
	char boot[AP_CLOCK_BOOT];
	int64_t kept_ms;        /* wall time of the reading in the database */
	struct ap_lifecycle lifecycle;
	int64_t reviewed_ms;    /* when users and grants were last looked at */
	int64_t scanned_ms;     /* what the last scan went by whose clock was believed */
	bool frozen;
};

static struct ap_clock_guard read_clocks(const struct ap_retention *r)
{
	const struct ap_clock *clock = ap_vault_clock(r->v);
	struct ap_clock_guard guard = {.wall_ms = ap_wall_ms(clock), .mono_ns = ap_mono_ns(clock)};
	g_strlcpy(guard.boot, r->boot, sizeof guard.boot);
	return guard;
}

struct ap_retention *ap_retention_new(struct ap_vault *v, const char *boot)
{
	struct ap_retention *r = g_new0(struct ap_retention, 1);
	r->v = v;
	if (boot)
		g_strlcpy(r->boot, boot, sizeof r->boot);
	else
		ap_clock_boot(r->boot);
	if (!ap_ok(ap_db_clock_guard_get(ap_vault_db(v), &r->last)))
		r->last = read_clocks(r); /* the first start: there is nothing to compare with */
	ap_vault_believe_kept(v, r->boot);
	return r;
}

static void keep(struct ap_retention *r, const struct ap_clock_guard *guard, int64_t confirmed_ms)
{
	if (!ap_ok(ap_db_clock_guard_set(ap_vault_db(r->v), guard, confirmed_ms)))
		ap_log(AP_LOG_WARN, "clock_guard_not_kept", " ");
	r->kept_ms = guard->wall_ms;
}

void ap_retention_free(struct ap_retention *r)
{
	if (!r)
		return;
	ap_archive_stop();
	ap_passage_stop();
	ap_hand_over_stop();
	if (r->timer) {
		g_source_destroy(r->timer);
		g_source_unref(r->timer);
	}
	if (!r->frozen)
		keep(r, &r->last, 0);
	g_free(r);
}

/* While frozen the last believed reading stays, so that a clock that is set right again unfreezes by itself. */
static void judge_clock(struct ap_retention *r)
{
	struct ap_clock_guard now = read_clocks(r);
	int64_t jump_ms = ap_config_int(ap_vault_config(r->v), "retention.jump_seconds") * 1000;
	bool agrees = ap_clock_agrees(&(struct ap_clock_reading){r->last.wall_ms, r->last.mono_ns, r->last.boot},
				      &(struct ap_clock_reading){now.wall_ms, now.mono_ns, now.boot}, jump_ms);
	if (agrees != !r->frozen)
		ap_log(AP_LOG_WARN, agrees ? "clock_believed" : "clock_jumped", "seconds=%lld",
		       (long long)((now.wall_ms - r->last.wall_ms) / 1000));
	r->frozen = !agrees;
	if (!agrees)
		return;
	r->last = now;
	ap_vault_believe(r->v, now.wall_ms, now.mono_ns);
	if (now.wall_ms - r->kept_ms >= KEEP_MS || now.wall_ms < r->kept_ms)
		keep(r, &now, 0);
}

static struct ap_result order_due(struct ap_retention *r)
{
	g_autoptr(GArray) ids = NULL;
	struct ap_db *db = ap_vault_db(r->v);
	AP_TRY(ap_db_erasure_due(db, ap_wall_ms(ap_vault_clock(r->v)), &ids));
	for (guint i = 0; i < ids->len; i++) {
		const struct ap_uuid *id = &g_array_index(ids, struct ap_uuid, i);
		AP_TRY(ap_db_begin(db));
		struct ap_result done = ap_db_finish(db, ap_erasure_order(r->v, db, id, AP_ERASE_EXPIRY));
		if (done.err != AP_ERR_DENIED) /* held by the believed time, not by the wall clock: it waits, the others do not */
			AP_TRY(done);
	}
	return AP_SUCCESS;
}

/* It counts in days and reads every user and grant: once a minute will do. */
static struct ap_result review_now_and_then(struct ap_retention *r)
{
	int64_t now = ap_vault_believed_ms(r->v);
	if (now < r->reviewed_ms + REVIEW_MS && now >= r->reviewed_ms)
		return AP_SUCCESS;
	r->reviewed_ms = now;
	return ap_review_run(r->v);
}

static void note_first(struct ap_result *first, struct ap_result r)
{
	if (ap_ok(*first))
		*first = r;
}

/* Each part on its own: none that fails keeps another from what is due. */
struct ap_result ap_retention_scan(struct ap_retention *r)
{
	struct ap_result first = AP_SUCCESS;
	judge_clock(r);
	note_first(&first, ap_ledger_settle(ap_vault_ledger(r->v), ap_vault_db(r->v)));
	note_first(&first, ap_access_sweep(r->v, NULL));
	note_first(&first, ap_db_login_delete_expired(ap_vault_db(r->v), ap_vault_believed_ms(r->v)));
	note_first(&first, ap_request_work(r->v));
	if (!r->frozen) { /* a clock that is not believed ends no hold, no purpose and no recording */
		note_first(&first, ap_lifecycle_scan(r->v, &r->lifecycle));
		note_first(&first, ap_hold_work(r->v));
		note_first(&first, order_due(r));
		note_first(&first, review_now_and_then(r));
	}
	note_first(&first, ap_offboard_work(r->v));
	note_first(&first, ap_erasure_run(r->v));
	if (!r->frozen)
		r->scanned_ms = r->last.wall_ms;
	return first;
}

static gboolean on_timer(gpointer data)
{
	struct ap_result result = ap_retention_scan(data);
	if (!ap_ok(result))
		ap_log(AP_LOG_ERROR, "retention_scan_failed", "reason=%s", result.name);
	return G_SOURCE_CONTINUE;
}

void ap_retention_start(struct ap_retention *r)
{
	AP_IGNORE(ap_archive_recover(r->v)); /* what is left of one cannot be fetched, and goes when another is made */
	struct ap_result cut = ap_passage_recover(r->v);
	if (!ap_ok(cut))
		ap_log(AP_LOG_ERROR, "passages_not_recovered", "reason=%s", cut.name);
	struct ap_result old = ap_terms_catch_up(r->v, true);
	if (!ap_ok(old))
		ap_log(AP_LOG_ERROR, "terms_not_caught_up", "reason=%s", old.name);
	on_timer(r);
	r->timer = g_timeout_source_new_seconds((guint)ap_config_int(ap_vault_config(r->v), "retention.scan_seconds"));
	g_source_set_callback(r->timer, on_timer, r, NULL);
	g_source_attach(r->timer, g_main_context_get_thread_default());
}

bool ap_retention_frozen(const struct ap_retention *r)
{
	return r->frozen;
}

int64_t ap_retention_scanned_ms(const struct ap_retention *r)
{
	return r->scanned_ms;
}

static struct ap_result write_confirmation(struct ap_retention *r, const struct ap_clock_guard *now, const char *admin)
{
	uint64_t leaf;
	JsonObject *body = json_object_new();
	ap_answer_text(body, "event", "clock_confirmed");
	ap_answer_text(body, "by", admin);
	ap_answer_time(body, "before", r->last.wall_ms);
	AP_TRY(ap_ledger_append(ap_vault_ledger(r->v), ap_vault_db(r->v), AP_LEAF_OTHER, body, &leaf));
	return ap_db_clock_guard_set(ap_vault_db(r->v), now, now->wall_ms);
}

struct ap_result ap_retention_confirm(struct ap_retention *r, const char *admin)
{
	struct ap_clock_guard now = read_clocks(r);
	AP_TRY(ap_db_begin(ap_vault_db(r->v)));
	AP_TRY(ap_db_finish(ap_vault_db(r->v), write_confirmation(r, &now, admin)));
	r->last = now;
	r->kept_ms = now.wall_ms;
	r->frozen = false;
	ap_vault_believe(r->v, now.wall_ms, now.mono_ns);
	ap_log(AP_LOG_INFO, "clock_confirmed", " ");
	return AP_SUCCESS;
}
