#include "recorder/consent/session_end.h"

#include "recorder/consent/consent.h"
#include "recorder/db/db_session.h"
#include "recorder/db/db_sweep.h"
#include "recorder/recording/sweep.h"
#include "recorder/vault_port.h"

#include <aparte/log.h>

struct ending {
	struct ap_vault *v; /* borrowed */
	struct ap_link *link;
	struct ap_uuid session;
	ap_session_end_done done;
	void *data;
};

static struct ap_result commit_part(struct ap_vault *v, struct ap_db *db, const struct ap_session *s)
{
	int64_t now_ms = ap_wall_ms(ap_vault_clock(v));
	char id[AP_UUID_TEXT];
	ap_uuid_text(&s->id, id);
	g_autofree char *data = g_strdup_printf("{\"session\":\"%s\"}", id);
	AP_TRY(ap_db_session_set_state(db, &s->id, AP_SESSION_ENDED, now_ms));
	return ap_vault_webhook(v, db, s->tenant, "session.ended", data);
}

static struct ap_result commit(struct ap_vault *v, const struct ap_uuid *session)
{
	struct ap_db *db = ap_vault_db(v);
	struct ap_session s;
	AP_TRY(ap_session_load(db, session, &s));
	bool ended = s.state == AP_SESSION_ENDED;
	struct ap_result r = ended ? AP_SUCCESS : ap_db_begin(db);
	if (ap_ok(r) && !ended)
		r = ap_db_finish(db, commit_part(v, db, &s));
	ap_session_clear(&s);
	return r;
}

static void on_hung_up(void *data)
{
	struct ending *e = data;
	struct ap_db *db = ap_vault_db(e->v);
	/* Without a living recording the rights' year begins at once; otherwise erasure starts it. */
	struct ap_result r = ap_db_sweep_tokens(db, &e->session, ap_wall_ms(ap_vault_clock(e->v)) + AP_RIGHTS_MS);
	if (ap_ok(r))
		r = ap_consent_destroy_unused(e->v, db, &e->session, 0);
	if (!ap_ok(r))
		ap_log(AP_LOG_WARN, "session_end_incomplete", "reason=%s", r.name);
	e->done(e->data, AP_SUCCESS);
	g_free(e);
}

static void on_sealed(void *data)
{
	struct ending *e = data;
	ap_link_session_close(e->link, &e->session, "ended", on_hung_up, e);
}

void ap_session_end(struct ap_vault *v, struct ap_gatekeepers *keepers, struct ap_link *link, const struct ap_uuid *session,
		    ap_session_end_done done, void *data)
{
	struct ap_result r = commit(v, session);
	if (!ap_ok(r)) {
		done(data, r);
		return;
	}
	struct ending *e = g_new0(struct ending, 1);
	*e = (struct ending){ v, link, *session, done, data };
	struct ap_gatekeeper *k = ap_gatekeeper_get(keepers, session);
	ap_gatekeeper_reload(k);
	ap_gatekeeper_finish(k, AP_GATE_REASON(ENDED), on_sealed, e);
}
