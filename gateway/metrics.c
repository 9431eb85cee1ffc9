#include "metrics.h"

struct legs {
	unsigned present, connected, taps;
};

static void count_legs(struct ap_session *session, void *ctx)
{
	struct legs *legs = ctx;
	legs->taps += session->tap_open != 0;
	for (size_t i = 0; i < 2; i++) {
		legs->present += session->legs[i].present;
		legs->connected += session->legs[i].connected;
	}
}

static void append(GString *out, const char *name, const char *type, const char *help, uint64_t value)
{
	g_string_append_printf(out, "# HELP aparte_%s %s\n# TYPE aparte_%s %s\naparte_%s %" G_GUINT64_FORMAT "\n", name,
			       help, name, type, name, value);
}

char *ap_metrics_text(struct ap_gateway *gw)
{
	GString *out = g_string_new(NULL);
	struct legs legs = { 0 };
	const struct ap_counters *c = &gw->counters;
	ap_sessions_each(gw->sessions, count_legs, &legs);
	append(out, "sessions", "gauge", "Live sessions.", ap_sessions_count(gw->sessions));
	append(out, "legs", "gauge", "Media connections negotiated.", legs.present);
	append(out, "legs_connected", "gauge", "Media connections with life in them.", legs.connected);
	append(out, "taps_open", "gauge", "Recordings being fed.", legs.taps);
	append(out, "event_streams", "gauge", "Open event streams.", ap_events_count(gw->events));
	append(out, "vault_linked", "gauge", "1 while the vault answers.", ap_vault_client_linked(gw->vault));
	append(out, "decisions_undelivered", "gauge", "Decisions that wait for the vault.", gw->undelivered.length);
	append(out, "http_requests_total", "counter", "Requests to the API.", c->requests);
	append(out, "http_refused_total", "counter", "Requests refused for their rate.", c->refused);
	append(out, "vault_calls_failed_total", "counter", "Calls the vault refused or did not answer.",
	       c->vault_calls_failed);
	append(out, "taps_opened_total", "counter", "Taps opened.", c->taps_opened);
	append(out, "taps_dropped_total", "counter", "Taps closed by the gateway itself.", c->taps_dropped);
	ap_media_metrics(gw->media, out);
	return g_string_free(out, FALSE);
}
