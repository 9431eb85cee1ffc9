#include "recorder/api/metrics.h"

#include "recorder/db/db_staff_metrics.h"
#include "recorder/ledger/witness_list.h"
#include "recorder/webhook/webhook.h"

#define WITNESS_FRESH_MS (2 * 3600LL * 1000) /* as the doctor has it */

static void gauge(GString *text, const char *name, const char *help, int64_t value)
{
	g_string_append_printf(text, "# HELP aparte_%s %s\n# TYPE aparte_%s gauge\naparte_%s %lld\n", name, help, name,
			       name, (long long)value);
}

static struct ap_result add_counts(const struct ap_api *api, GString *text)
{
	struct ap_staff_counts n;
	int64_t waiting, dead;
	AP_TRY(ap_db_staff_counts(ap_vault_db(api->v), ap_wall_ms(ap_vault_clock(api->v)), &n));
	AP_TRY(ap_webhook_counts(api->v, &waiting, &dead));
	g_string_append(text, "# HELP aparte_recordings Recordings by state.\n# TYPE aparte_recordings gauge\n");
	for (unsigned i = 0; i < AP_RECORDING_STATES; i++)
		g_string_append_printf(text, "aparte_recordings{state=\"%s\"} %lld\n", ap_recording_state_names[i],
				       (long long)n.recordings[i]);
	gauge(text, "erasures_open", "Erasures ordered and not certified yet.", n.erasures_open);
	gauge(text, "accesses_open", "Viewings under way.", n.accesses_open);
	gauge(text, "requests_open", "Requests of persons that wait.", n.requests_open);
	gauge(text, "requests_due_soon", "Requests due within a week, or past their date.", n.requests_soon);
	gauge(text, "checklists_open", "Erasures with something outside the system not ticked yet.", n.checklists_open);
	gauge(text, "requests_overdue", "Requests past their date.", n.requests_overdue);
	gauge(text, "log_leaves", "Leaves in the log.", n.leaves);
	gauge(text, "webhooks_waiting", "Webhook deliveries to be tried.", waiting);
	gauge(text, "webhooks_dead", "Webhook deliveries given up.", dead);
	return AP_SUCCESS;
}

/* How far the witnesses have seen. */
static struct ap_result add_witnesses(const struct ap_api *api, GString *text)
{
	struct ap_witness_state s;
	AP_TRY(ap_witness_state(ap_vault_config(api->v), ap_vault_ledger(api->v), ap_vault_db(api->v),
				ap_wall_ms(ap_vault_clock(api->v)), WITNESS_FRESH_MS, &s));
	gauge(text, "witnesses_configured", "Witnesses of the log.", s.configured);
	gauge(text, "witnesses_fresh", "Witnesses that cosigned within two hours.", s.fresh);
	gauge(text, "witnesses_doubting", "Witnesses that know more of the log, or other: nothing is recorded.", s.doubting);
	gauge(text, "witness_lag_leaves", "Leaves that the least informed witness has not seen.", (int64_t)s.lag);
	return AP_SUCCESS;
}

struct ap_result ap_metrics_text(const struct ap_api *api, char **ret_text)
{
	g_autoptr(GString) text = g_string_new(NULL);
	uint64_t accepted, refused, bytes;
	AP_TRY(add_counts(api, text));
	AP_TRY(add_witnesses(api, text));
	ap_logins_counts(api->logins, &accepted, &refused);
	gauge(text, "logins_accepted", "Logins since the start.", (int64_t)accepted);
	gauge(text, "logins_refused", "Logins refused since the start.", (int64_t)refused);
	gauge(text, "clock_frozen", "1 while the wall clock is not believed and nothing is erased.",
	      ap_retention_frozen(api->retention));
	gauge(text, "retention_scanned_seconds", "The time, in seconds since 1970, that retention last went by.",
	      ap_retention_scanned_ms(api->retention) / 1000);
	gauge(text, "lockdown", "1 while locked down.", ap_vault_locked_down(api->v));
	gauge(text, "log_healthy", "1 while the log can be written.", ap_ledger_healthy(ap_vault_ledger(api->v)));
	if (ap_ok(ap_blob_free_bytes(ap_vault_blob(api->v), &bytes)))
		gauge(text, "storage_free_bytes", "Free for recordings.", (int64_t)bytes);
	*ret_text = g_string_free(g_steal_pointer(&text), FALSE);
	return AP_SUCCESS;
}
