/*
 * What a platform hears of a gate by webhooks: that it opened, that it closed and why, as far as it could see that anyway.
 *
 * Any decision taken back or refused closes the gate for a moment, also one about another purpose; then both still give
 * `recording` and it opens again. Of that nothing is told: from a gate that blinks a platform would learn of a refusal
 * (R34). So what was told is a state of its own, kept with the session, and neither epochs nor generations are in it.
 */
#include "recorder/gate/gatekeeper_private.h"

#include "recorder/db/db_session.h"
#include "recorder/vault_port.h"

#include <aparte/jcs.h>
#include <aparte/log.h>

#define TELL_AGAIN_NS INT64_C(1000000000)

unsigned ap_keeper_tellable(struct ap_gatekeeper *k)
{
	unsigned ordered = k->held_closed ? k->order_reasons & ~AP_GATE_REASON(CONSENT_MISSING) : 0;
	return ap_keeper_conditions(k) | ordered;
}

static struct ap_result tell(struct ap_gatekeeper *k, struct ap_db *db, const char *event, JsonObject *data)
{
	int64_t tenant;
	g_autofree char *json = NULL;
	AP_TRY(ap_db_session_tenant(db, &k->session, &tenant));
	AP_TRY(ap_jcs_from_object(data, &json));
	return ap_vault_webhook(k->all->v, db, tenant, event, json);
}

struct ap_result ap_keeper_tell_opened(struct ap_gatekeeper *k, struct ap_db *db, const struct ap_uuid *recording)
{
	char id[AP_UUID_TEXT];
	if (k->told)
		return AP_SUCCESS;
	g_autoptr(JsonObject) data = json_object_new();
	ap_uuid_text(recording, id);
	json_object_set_string_member(data, "session", k->session_text);
	json_object_set_string_member(data, "recording", id);
	AP_TRY(ap_db_session_set_gate_told(db, &k->session, true));
	return tell(k, db, "gate.opened", data);
}

static struct ap_result write_closed(struct ap_gatekeeper *k, struct ap_db *db, unsigned reasons)
{
	g_autoptr(JsonObject) data = json_object_new();
	json_object_set_string_member(data, "session", k->session_text);
	json_object_set_array_member(data, "reasons", ap_keeper_reasons_json(reasons));
	AP_TRY(ap_db_session_set_gate_told(db, &k->session, false));
	return tell(k, db, "gate.closed", data);
}

void ap_keeper_tell_closed(struct ap_gatekeeper *k, struct ap_db *db)
{
	struct ap_result r = k->told && k->closing_told ? write_closed(k, db, k->closing_told) : AP_SUCCESS;
	if (!ap_ok(r))
		ap_log(AP_LOG_WARN, "webhook_not_queued", "reason=%s", r.name);
}

/* It blinked and could not open again, or the vault died while it was open. Without the staff side nobody would take it. */
void ap_keeper_tell_late(struct ap_gatekeeper *k)
{
	struct ap_db *db = ap_vault_db(k->all->v);
	unsigned reasons = k->told && k->phase == AP_PHASE_CLOSED && !k->held_closed && !k->unlogged ? ap_keeper_conditions(k) : 0;
	int64_t now = ap_mono_ns(ap_vault_clock(k->all->v));
	if (!reasons || !ap_vault_rights(k->all->v) || now < k->tell_again_ns)
		return;
	k->tell_again_ns = now + TELL_AGAIN_NS;
	struct ap_result r = ap_db_begin(db);
	if (ap_ok(r))
		r = ap_db_finish(db, write_closed(k, db, reasons));
	k->told = !ap_ok(r);
}
