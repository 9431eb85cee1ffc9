#include "recorder/gate/gatekeeper_private.h"

#include <aparte/jcs.h>

JsonArray *ap_keeper_reasons_json(unsigned reasons)
{
	static const char *const names[] = {
#define X(id, name) name,
		AP_GATE_REASONS(X)
#undef X
	};
	JsonArray *list = json_array_new();
	for (unsigned i = 0; i < AP_GATE_REASON_COUNT; i++)
		if (reasons & (1u << i))
			json_array_add_string_element(list, names[i]);
	return list;
}

JsonObject *ap_gatekeeper_json(struct ap_gatekeeper *k, enum ap_role role)
{
	JsonObject *o = json_object_new();
	/* 64 bits are more than a JSON number keeps: text. */
	g_autofree char *generation = g_strdup_printf("%" G_GUINT64_FORMAT, k->generation);
	json_object_set_string_member(o, "state", ap_gate_state_text(ap_gate_visible(k->phase)));
	json_object_set_array_member(o, "reasons", ap_keeper_reasons_json(ap_gatekeeper_reasons(k)));
	json_object_set_int_member(o, "epoch", k->run.epoch);
	json_object_set_string_member(o, "generation", generation);
	if (role) {
		JsonObject *paused = json_object_new();
		json_object_set_boolean_member(paused, "self", (k->paused >> (role - AP_COACH)) & 1);
		json_object_set_boolean_member(paused, "peer", (k->paused >> (ap_role_peer(role) - AP_COACH)) & 1);
		json_object_set_object_member(o, "paused", paused);
	}
	return o;
}

static void send_to(struct ap_gatekeeper *k, enum ap_role role)
{
	g_autoptr(JsonObject) gate = ap_gatekeeper_json(k, role);
	g_autofree char *json = NULL;
	if (ap_ok(ap_jcs_from_object(gate, &json)))
		k->all->gateway->event(k->all->gateway_ctx, &k->session, role, "gate", json);
}

void ap_keeper_show(struct ap_gatekeeper *k)
{
	char *now = g_strdup_printf("%d %u %u %u %" G_GUINT64_FORMAT, (int)ap_gate_visible(k->phase), ap_gatekeeper_reasons(k),
				    k->paused, k->run.epoch, k->generation);
	if (g_strcmp0(now, k->shown) == 0) {
		g_free(now);
		return;
	}
	g_free(k->shown);
	k->shown = now;
	send_to(k, AP_COACH);
	send_to(k, AP_COACHEE);
}

void ap_keeper_show_recording(struct ap_gatekeeper *k, const char *state)
{
	g_autoptr(JsonObject) o = json_object_new();
	g_autofree char *json = NULL, *generation = g_strdup_printf("%" G_GUINT64_FORMAT, k->generation);
	char id[AP_UUID_TEXT];
	ap_uuid_text(&k->run.row.id, id);
	json_object_set_string_member(o, "id", id);
	json_object_set_string_member(o, "state", state);
	json_object_set_string_member(o, "generation", generation);
	json_object_set_boolean_member(o, "media", k->run.flowing);
	if (ap_ok(ap_jcs_from_object(o, &json)))
		k->all->gateway->event(k->all->gateway_ctx, &k->session, 0, "recording", json);
}

bool ap_gatekeeper_connected(const struct ap_gatekeeper *k, enum ap_role role)
{
	return !k->ended && k->person[role - AP_COACH].connected;
}

enum ap_gate_phase ap_gatekeeper_phase(const struct ap_gatekeeper *k)
{
	return k->phase;
}

unsigned ap_gatekeeper_reasons(const struct ap_gatekeeper *k)
{
	return k->phase == AP_PHASE_CLOSING ? k->closing_reasons : ap_keeper_current_reasons((struct ap_gatekeeper *)k);
}

uint64_t ap_gatekeeper_generation(const struct ap_gatekeeper *k)
{
	return k->generation;
}
