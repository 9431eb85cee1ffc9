#include "tests/model/subject_private.h"

#include "recorder/erasure/erasure.h"
#include "recorder/recording/recording.h"

#include <sys/socket.h>
#include <unistd.h>

struct ap_gatekeeper *subject_keeper(struct subject *s)
{
	return ap_gatekeeper_get(s->w->keepers, &s->w->session);
}

void subject_run(void)
{
	while (g_main_context_iteration(NULL, FALSE))
		;
}

/* ---- the gateway, faked ---- */

static void tap_open(void *ctx, const struct ap_uuid *session, uint64_t generation, uint32_t epoch, int fd)
{
	struct subject *s = ctx;
	(void)epoch;
	if (!ap_uuid_equal(session, &s->w->session) || s->tap_count == SUBJECT_TAPS) {
		s->wrong = "a descriptor for another session, or far too many";
		close(fd);
		return;
	}
	s->taps[s->tap_count] = fd;
	s->generations[s->tap_count++] = generation;
	s->pending = true;
	s->pending_generation = generation;
}

static void tap_close(void *ctx, const struct ap_uuid *session, uint64_t generation)
{
	struct subject *s = ctx;
	(void)session;
	s->pending = s->pending && s->pending_generation != generation;
}

static void event(void *ctx, const struct ap_uuid *session, enum ap_role role, const char *name, const char *json)
{
	(void)ctx;
	(void)session;
	(void)role;
	(void)name;
	(void)json;
}

static const struct ap_gateway gateway = { tap_open, tap_close, event };

bool subject_leads(int fd)
{
	return send(fd, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
}

bool subject_taps(struct subject *s, bool *ret_old)
{
	*ret_old = false;
	for (unsigned i = 0; i + 1 < s->tap_count; i++)
		*ret_old = *ret_old || subject_leads(s->taps[i]);
	return s->tap_count > 0 && subject_leads(s->taps[s->tap_count - 1]);
}

/* The gateway says what became of its descriptor, unless it is silent. */
void subject_gateway_answers(struct subject *s)
{
	if (!s->pending || s->silent || !s->w->keepers)
		return;
	bool ok = !s->refuse_next;
	s->pending = s->refuse_next = false;
	ap_gatekeepers_tap_opened(s->w->keepers, &s->w->session, s->pending_generation, ok);
}

/* ---- the vault's life ---- */

static void look(void *ctx)
{
	ap_gatekeepers_look(((struct subject *)ctx)->w->keepers);
}

static void after_finish(void *data)
{
	struct subject *s = data;
	ap_gatekeeper_reload(subject_keeper(s));
}

static void after_discard(void *data)
{
	ap_gatekeeper_finish(subject_keeper(data), 0, after_finish, data);
}

/* As recorder/core.c does: closed without its rest, sealed, looked at anew. */
static void close_gate(void *ctx, const struct ap_uuid *session, unsigned reason, ap_vault_call done, void *data)
{
	(void)session;
	(void)done;
	(void)data;
	ap_gatekeeper_close(subject_keeper(ctx), reason, true, after_discard, ctx);
}

static void port_event(void *ctx, const struct ap_uuid *session, enum ap_role role, const char *name, const char *json)
{
	event(ctx, session, role, name, json);
}

static bool ready(void *ctx)
{
	(void)ctx;
	return true;
}

static const struct ap_vault_port port = { .close_gate = close_gate, .event = port_event, .conditions_changed = look, .ready = ready };

static void nothing(struct ap_vault *v)
{
	(void)v;
}

/* Erasures are ordered, not run: what is ordered is what counts here. */
static const struct ap_rights rights = { .erasure_order = ap_erasure_order,
					 .erasure_kick = nothing,
					 .consents_changed = world_consents_changed,
					 .webhook_enqueue = world_webhook_enqueue };

void subject_stop(struct subject *s)
{
	struct world *w = s->w;
	subject_run();
	ap_consents_free(w->consents);
	ap_gatekeepers_free(w->keepers);
	ap_captures_free(w->captures);
	ap_vault_set_port(w->v, NULL, NULL, NULL);
	ap_vault_free(w->v);
	w->consents = NULL;
	w->keepers = NULL;
}

void subject_start(struct subject *s)
{
	struct world *w = s->w;
	struct ap_vault_setup setup = { .config = w->config, .clock = &w->clock, .home = w->home };
	if (!ap_ok(ap_vault_open(&setup, &w->v)))
		g_error("the vault does not start");
	if (ap_vault_locked_down(w->v)) { /* the model knows a lockdown's gates alone; its key is unit/lockdown's */
		struct ap_secret *kek = NULL;
		const struct ap_kek_place *place = ap_vault_kek_place(w->v);
		if (!ap_ok(ap_kek_load(place->source, place->where, false, &kek)))
			g_error("there is no key");
		ap_db_keys_set_kek(ap_vault_keys(w->v), kek);
		ap_secret_free(kek);
	}
	ap_vault_set_rights(w->v, &rights);
	ap_db_set_patience(ap_vault_db(w->v), 0);
	if (!ap_ok(ap_recording_recover(w->v, ap_vault_db(w->v))))
		g_error("the vault does not recover");
	w->captures = ap_captures_new(-1, NULL, NULL, NULL);
	w->keepers = ap_gatekeepers_new(w->v, w->captures, &gateway, s);
	w->consents = ap_consents_new(w->v, w->keepers, &gateway, s);
	ap_vault_set_port(w->v, NULL, &port, s);
	g_hash_table_remove_all(s->seen_tokens);
	s->env = (struct ap_rpc_env){ w->v, w->keepers, w->consents, s->link, s->seen_tokens };
	ap_gatekeepers_link(w->keepers, true);
	s->silent = s->refuse_next = s->pending = false;
}
