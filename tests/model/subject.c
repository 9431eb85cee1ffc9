#include "tests/model/subject_private.h"

#include "recorder/access/access.h"
#include "recorder/erasure/request.h"
#include "tests/testlib/fake_capture.h"

#include <aparte/buf.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#define STEP_MS 200
#define MIB_NEVER "10000000"

static struct ap_gatekeeper *keeper(struct subject *s)
{
	return subject_keeper(s);
}

/* ---- time ---- */

static void presence(struct subject *s, unsigned who, unsigned flaw)
{
	struct subject_person *p = &s->person[who], *other = &s->person[!who];
	uint64_t generation = ap_gatekeeper_generation(keeper(s)) + (flaw == 2);
	uint64_t counter = flaw == 1 ? 0 : ++s->counter;
	struct ap_presence made = world_presence(s->w, flaw == 3 ? &other->p : &p->p, generation, counter);
	g_autofree char *signature = ap_base64url(made.signature, sizeof made.signature);
	g_autofree char *body = g_strdup_printf("{\"generation\":\"%" G_GUINT64_FORMAT "\",\"counter\":%" G_GUINT64_FORMAT
						",\"signature\":\"%s\"}", generation, counter, signature);
	call_clear(&s->call);
	call_begin(&s->call, &s->env, ap_rpc_presence_put, g_variant_new("(ss)", p->p.token, body));
}

static bool live(struct subject *s)
{
	enum ap_gate_phase phase = ap_gatekeeper_phase(keeper(s));
	return phase == AP_PHASE_OPEN || phase == AP_PHASE_OPENING;
}

static void ping(struct subject *s, unsigned who_bits)
{
	struct call kept = s->call;
	s->call = (struct call){ 0 };
	for (unsigned who = 0; who < 2; who++)
		if (who_bits & 1u << who && s->person[who].promise && live(s))
			presence(s, who, 0);
	call_clear(&s->call);
	s->call = kept;
}

static void step(struct subject *s)
{
	s->w->wall_ms += STEP_MS;
	s->w->mono_ns += STEP_MS * INT64_C(1000000);
	ap_gatekeepers_tick(s->w->keepers);
	subject_run();
	subject_gateway_answers(s);
}

/* Passes time; those in `pinging` say every 2 s that they are there. */
static void pass(struct subject *s, unsigned ms, unsigned pinging)
{
	for (unsigned done = 0; done < ms; done += STEP_MS) {
		if (done % 2000 == 0)
			ping(s, pinging);
		step(s);
		if (done % 1000 == 0)
			ap_consents_tick(s->w->consents);
		subject_run();
		subject_gateway_answers(s);
	}
}

/* Until nothing moves any more: a closing is over, and a pause after a failed opening. */
static void come_to_rest(struct subject *s)
{
	subject_run();
	subject_gateway_answers(s);
	for (unsigned i = 0; i < 3 && ap_gatekeeper_phase(keeper(s)) == AP_PHASE_CLOSING; i++)
		step(s);
	for (unsigned i = 0; i < 100; i++) {
		if (s->blocker || !(ap_gatekeeper_reasons(keeper(s)) & AP_GATE_REASON(VAULT)))
			return;
		if (i % 10 == 0)
			ping(s, 3);
		step(s);
	}
}

/* ---- histories ---- */

/* Never connected: what is asked through it goes nowhere, the gateway above is the one that counts. */
static const struct ap_link_events link_events = { .up = NULL };

struct subject *subject_new(void)
{
	struct subject *s = g_new0(struct subject, 1);
	s->w = world_new(NULL);
	/* Restrictions end when they are lifted: what the person is told before is unit/request's. */
	if (!ap_ok(ap_config_set(s->w->config, "vault.seal_idle_minutes", "1440")) ||
	    !ap_ok(ap_config_set(s->w->config, "requests.lift_notice_hours", "0")))
		g_error("configuration");
	s->link = ap_link_new(&link_events, s);
	s->seen_tokens = ap_rpc_seen_new();
	subject_stop(s);
	subject_start(s);
	return s;
}

static void forget_bodies(struct subject_person *p)
{
	g_free(p->given);
	g_free(p->prepared);
	g_free(p->taken);
	*p = (struct subject_person){ 0 };
}

static void let_go(struct subject *s)
{
	for (unsigned i = 0; i < s->tap_count; i++)
		close(s->taps[i]);
	s->tap_count = 0;
	forget_bodies(&s->person[0]);
	forget_bodies(&s->person[1]);
	call_clear(&s->call);
}

static void mend(struct subject *s)
{
	if (!s->blocker)
		return;
	ap_db_rollback(s->blocker);
	ap_db_close(g_steal_pointer(&s->blocker));
}

void subject_free(struct subject *s)
{
	mend(s);
	let_go(s);
	ap_vault_set_port(s->w->v, NULL, NULL, NULL);
	world_free(s->w);
	ap_link_free(s->link);
	g_hash_table_destroy(s->seen_tokens);
	g_free(s);
}

static void make_person(struct subject_person *p, enum ap_role role, JsonObject *answer)
{
	JsonObject *entry = json_object_get_object_member(json_object_get_object_member(answer, "parties"), ap_role_text(role));
	p->p.role = role;
	g_strlcpy(p->p.token, json_object_get_string_member(entry, "token"), sizeof p->p.token);
	crypto_sign_keypair(p->p.public, p->p.secret); /* not enrolled yet */
}

/* Before a person can decide, their page has shown them the notice. */
static void show_notice(struct subject *s, unsigned who)
{
	struct call c = { 0 };
	call_begin(&c, &s->env, ap_rpc_notice_get, g_variant_new("(sss)", s->person[who].p.token, "", ""));
	if (!c.text)
		s->wrong = "no notice";
	call_clear(&c);
}

void subject_begin(struct subject *s)
{
	struct world *w = s->w;
	char *answer = NULL;
	let_go(s);
	s->silent = s->refuse_next = s->pending = false;
	s->wrong = NULL;
	fake_captures()->mute = false;
	fake_captures()->ready = true;
	if (!ap_ok(ap_vault_session_create(w->v, w->tenant, "",
					   "{\"reference\":\"r\",\"coach\":{\"id\":\"c1\",\"locale\":\"fr\"},"
					   "\"coachee\":{\"id\":\"e1\",\"locale\":\"en\"}}", &answer)))
		g_error("no session");
	g_autoptr(JsonNode) node = json_from_string(answer, NULL);
	g_free(answer);
	JsonObject *o = json_node_get_object(node);
	if (!ap_uuid_parse(json_object_get_string_member(o, "id"), &w->session))
		g_error("no session id");
	make_person(&s->person[0], AP_COACH, o);
	make_person(&s->person[1], AP_COACHEE, o);
	show_notice(s, 0);
	show_notice(s, 1);
	if (!ap_ok(ap_db_count(ap_vault_db(w->v), "SELECT count(*) FROM leaf", AP_NO_VALUES, (int64_t *)&s->log)))
		g_error("no log");
}

/* ---- asking ---- */

static void on_answer(void *data)
{
	struct subject *s = data;
	s->open_at_answer = s->tap_count > 0 && subject_leads(s->taps[s->tap_count - 1]);
}

static void ask(struct subject *s, ap_rpc_handler handler, GVariant *arguments)
{
	call_clear(&s->call);
	s->call.on_answer = on_answer;
	s->call.data = s;
	s->asked = true;
	call_begin(&s->call, &s->env, handler, arguments);
	subject_run();
	for (unsigned i = 0; i < 80 && !s->call.answered; i++) /* 16 s: a deaf capture does not seal */
		step(s);
	if (!s->call.answered)
		s->wrong = "a call was never answered";
}

JsonNode *subject_party(struct subject *s, unsigned who)
{
	struct call c = { 0 };
	call_begin(&c, &s->env, ap_rpc_party_get, g_variant_new("(s)", s->person[who].p.token));
	JsonNode *node = c.text ? json_from_string(c.text, NULL) : NULL;
	call_clear(&c);
	return node;
}

/* ---- statements ---- */

struct twist {
	unsigned flaws;
	bool promise;
	int64_t at_ms;
};

static void twist_statement(JsonObject *o, void *data)
{
	struct twist *t = data;
	if (t->promise)
		json_object_set_int_member(o, "presence", 5);
	if (t->flaws & F_PARTY)
		json_object_set_string_member(o, "pii_principal", "somebody");
	if (t->flaws & F_NOTICE)
		json_object_set_string_member(json_object_get_object_member(o, "privacy_notice"), "sha256",
					      "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
	if (t->flaws & F_PURPOSE)
		json_array_add_string_element(json_object_get_array_member(o, "purposes"), "marketing");
	if (t->flaws & F_SHARE && json_object_has_member(o, "share_commitment"))
		json_object_set_string_member(o, "share_commitment", "V4R-2M7Nx4gnPCCjFFWT-my6sybgpBJw5pce-vKKdXw");
	if (t->flaws & F_STALE) {
		char time[AP_TIME_TEXT];
		t->at_ms -= 301000;
		ap_time_text(t->at_ms, time);
		json_object_set_string_member(o, "event_time", time);
	}
}

static char *purposes_text(unsigned bits)
{
	static const char *const names[] = { "recording", "supervision", "quality" };
	GString *text = g_string_new(NULL);
	for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
		if (bits & 1u << i)
			g_string_append_printf(text, "%s%s", text->len ? "," : "", names[i]);
	return g_string_free(text, FALSE);
}

static char *make_statement(struct subject *s, const struct event *e, const char *word, unsigned purposes, unsigned flaws)
{
	struct subject_person *p = &s->person[e->who];
	struct person signer = p->p;
	struct twist t = { flaws, (flaws & PROMISE) != 0, s->w->wall_ms + 2 }; /* world_statement takes 2 ms */
	g_autofree char *list = purposes_text(purposes);
	randombytes_buf(signer.share, sizeof signer.share);
	if (flaws & (F_KEY | F_SIGNATURE))
		crypto_sign_keypair(signer.public, signer.secret);
	if (flaws & F_SIGNATURE && !(flaws & F_KEY))
		ap_copy(signer.public, sizeof signer.public, p->p.public, sizeof p->p.public);
	char *body = world_statement(s->w, &signer, word, list, twist_statement, &t);
	s->said_ms = t.at_ms;
	return body;
}

static void put(struct subject *s, unsigned who, const char *body)
{
	ask(s, ap_rpc_consent_put, g_variant_new("(ss)", s->person[who].p.token, body));
}

static void give(struct subject *s, const struct event *e)
{
	struct subject_person *p = &s->person[e->who];
	g_autofree char *body = make_statement(s, e, "ConsentGiven", e->a, e->b);
	if (e->b & F_MALFORMED)
		put(s, e->who, "{\"statement\":\"{}\"}");
	else
		put(s, e->who, body);
	if (g_strcmp0(s->call.name, "ok") != 0)
		return;
	if (e->a & P_RECORDING)
		p->promise = e->b & PROMISE;
	g_free(p->given);
	p->given = g_steal_pointer(&body);
	p->given_ms = s->said_ms;
}

static void send_prepared(struct subject *s, unsigned who)
{
	struct subject_person *p = &s->person[who];
	put(s, who, p->prepared);
	s->said_ms = p->prepared_ms;
	if (g_strcmp0(s->call.name, "ok") != 0)
		return;
	p->promise = false;
	g_free(p->given);
	p->given = g_strdup(p->prepared);
}

static void take(struct subject *s, const struct event *e)
{
	struct subject_person *p = &s->person[e->who];
	const char *word = e->b & REFUSED ? "ConsentRefused" : "ConsentWithdrawn";
	char *body = make_statement(s, e, word, e->a, e->b & F_ALL);
	if (e->b & F_MALFORMED) {
		g_free(body);
		body = g_strconcat("{{{", word, NULL);
	}
	g_free(p->taken);
	p->taken = body;
	p->taken_ms = s->said_ms;
	put(s, e->who, body);
}

/* ---- devices and presence ---- */

static void enrol(struct subject *s, const struct event *e)
{
	struct subject_person *p = &s->person[e->who];
	unsigned next = e->kind == EV_RETURN && p->devices > 0 ? 1 : p->devices + 1;
	if (next > p->devices)
		crypto_sign_keypair(p->public[next - 1], p->secret[next - 1]);
	g_autofree char *key = ap_base64url(p->public[next - 1], 32);
	g_autofree char *body = g_strdup_printf("{\"key\":\"%s\"}", key);
	ask(s, ap_rpc_device_put, g_variant_new("(ss)", p->p.token, body));
	if (g_strcmp0(s->call.name, "ok") != 0)
		return;
	p->device = next;
	p->devices = MAX(p->devices, next);
	ap_copy(p->p.public, sizeof p->p.public, p->public[next - 1], 32);
	ap_copy(p->p.secret, sizeof p->p.secret, p->secret[next - 1], 64);
}

/* ---- the machine ---- */

static void set_ledger(struct subject *s, bool broken)
{
	if (broken && !s->blocker) {
		g_autofree char *path = g_build_filename(s->w->home, "vault", "vault.db", NULL);
		if (!ap_ok(ap_db_open(path, ap_schema_vault, &s->blocker)) || !ap_ok(ap_db_begin(s->blocker)))
			g_error("vault.db cannot be held");
	} else if (!broken && s->blocker) {
		mend(s);
		pass(s, 18000, 3);
	}
}

static void set_storage(struct subject *s, bool low)
{
	if (!ap_ok(ap_config_set(s->w->config, "storage.floor_mib", low ? MIB_NEVER : "0")))
		g_error("configuration");
	pass(s, 1400, 3);
}

static void count(void *data)
{
	++*(unsigned *)data;
}

static void restart(struct subject *s, bool orderly)
{
	unsigned ended = 0;
	mend(s);
	if (orderly) {
		ap_gatekeepers_shut_down(s->w->keepers, count, &ended);
		subject_run();
		for (unsigned i = 0; i < 80 && !ended; i++)
			step(s);
		if (!ended)
			s->wrong = "the vault's end was never over";
	}
	subject_stop(s);
	subject_start(s);
	(void)keeper(s);
	pass(s, 1400, 3);
}

static void set_link(struct subject *s, bool there)
{
	s->pending = false;
	if (there) {
		struct call c = { 0 };
		call_begin(&c, &s->env, ap_rpc_hello, g_variant_new("(us)", 1, "gateway"));
		call_clear(&c);
	} else {
		ap_gatekeepers_link(s->w->keepers, false);
	}
}

static void lose_tap(struct subject *s, bool old)
{
	char id[AP_UUID_TEXT];
	uint64_t generation = ap_gatekeeper_generation(keeper(s)) + old;
	ap_uuid_text(&s->w->session, id);
	if (old && s->tap_count > 1)
		generation = s->generations[s->tap_count - 2];
	struct call c = { 0 };
	call_begin(&c, &s->env, ap_rpc_tap_lost, g_variant_new("(st)", id, generation));
	call_clear(&c);
	if (old) { /* and a late answer to a TapOpen of long ago */
		ap_gatekeepers_tap_opened(s->w->keepers, &s->w->session, generation, true);
		ap_gatekeepers_tap_opened(s->w->keepers, &s->w->session, generation, false);
	}
}

static void request(struct subject *s, unsigned who)
{
	struct ap_actor actor = { .kind = AP_ACTOR_PARTY, .session = s->w->session, .role = (enum ap_role)(AP_COACH + who) };
	g_autofree char *json = NULL;
	if (!ap_ok(ap_request_create(s->w->v, &actor, "{\"type\":\"restriction\",\"detail\":\"\"}", &json)))
		s->wrong = "a request for restriction failed";
}

static void lift(struct subject *s)
{
	struct ap_actor admin = { .kind = AP_ACTOR_STAFF, .staff = AP_STAFF_ADMIN, .name = "admin" };
	g_autoptr(JsonNode) answer = NULL, body = json_from_string("{\"reason\":\"settled\"}", NULL);
	struct ap_uuid id;
	struct ap_rows *rows = ap_db_query(ap_vault_db(s->w->v),
					   "SELECT id FROM request WHERE session = ?1 AND type = 'restriction' AND state = 'done'"
					   " LIMIT 1",
					   AP_VALUES(AP_V_UUID(&s->w->session)));
	bool found = ap_rows_next(rows);
	if (found)
		id = ap_row_uuid(rows, 0);
	if (!ap_ok(ap_rows_end(rows)) || !found)
		return;
	if (!ap_ok(ap_request_decide(s->w->v, &admin, &id, "lift", json_node_get_object(body), &answer)))
		s->wrong = "a restriction could not be lifted";
}

/* What befalls the gateway and the capture. */
static bool change_others(struct subject *s, const struct event *e)
{
	switch (e->kind) {
	case EV_SANDBOX:
		fake_captures()->ready = !e->a;
		step(s);
		return true;
	case EV_LINK:
		set_link(s, e->a);
		return true;
	case EV_GATEWAY:
		s->silent = e->a == 1;
		subject_gateway_answers(s);
		s->refuse_next = (s->refuse_next && !s->silent) || e->a == 2;
		return true;
	case EV_TAP_LOST:
		lose_tap(s, e->a);
		return true;
	case EV_DIES:
		fake_capture_fail("capture-died");
		return true;
	case EV_DEAF:
		fake_captures()->mute = e->a;
		return true;
	case EV_SEGMENT:
		fake_capture_segment(AP_COACH, (uint32_t)(s->counter++ & 0xfffff), 2048);
		return true;
	default:
		return false;
	}
}

static void change_world(struct subject *s, const struct event *e)
{
	switch (e->kind) {
	case EV_STORAGE:
		set_storage(s, e->a);
		break;
	case EV_LEDGER:
		set_ledger(s, e->a);
		break;
	case EV_RESTART:
		restart(s, e->a);
		break;
	case EV_LOCKDOWN:
		if (!ap_ok(ap_vault_set_lockdown(s->w->v, e->a)))
			s->wrong = "lockdown could not be set";
		break;
	case EV_RESTRICT:
		request(s, e->who);
		break;
	case EV_LIFT:
		lift(s);
		break;
	default:
		if (!change_others(s, e))
			pass(s, 12200, e->a);
		break;
	}
}

/* Decisions, spoken as statements. */
static bool says(struct subject *s, const struct event *e)
{
	struct subject_person *p = &s->person[e->who];
	switch (e->kind) {
	case EV_GIVE:
		give(s, e);
		return true;
	case EV_REPLAY:
		put(s, e->who, p->given);
		return true;
	case EV_PREPARE:
		g_free(p->prepared);
		p->prepared = make_statement(s, e, "ConsentGiven", P_RECORDING, 0);
		p->prepared_ms = s->said_ms;
		return true;
	case EV_SEND:
		send_prepared(s, e->who);
		return true;
	case EV_TAKE:
		take(s, e);
		return true;
	case EV_RETAKE:
		put(s, e->who, p->taken);
		return true;
	default:
		return false;
	}
}

static void person_does(struct subject *s, const struct event *e)
{
	struct subject_person *p = &s->person[e->who];
	char id[AP_UUID_TEXT];
	ap_uuid_text(&s->w->session, id);
	switch (e->kind) {
	case EV_ENROL:
	case EV_RETURN:
		enrol(s, e);
		break;
	case EV_PAUSE:
	case EV_RESUME:
		ask(s, ap_rpc_pause_set, g_variant_new("(sb)", p->p.token, e->kind == EV_PAUSE));
		break;
	case EV_LEG:
		ask(s, ap_rpc_leg_state, g_variant_new("(ssb)", id, ap_role_text(p->p.role), e->a != 0));
		break;
	case EV_PRESENCE:
		presence(s, e->who, e->b);
		s->asked = true;
		break;
	case EV_END:
		ask(s, ap_rpc_session_end, g_variant_new("(ss)", s->w->api_key, id));
		break;
	default:
		if (!says(s, e))
			change_world(s, e);
	}
}

void subject_apply(struct subject *s, const struct event *e)
{
	s->asked = s->open_at_answer = false;
	s->said_ms = 0;
	s->w->wall_ms += 3;
	s->w->mono_ns += 3000000;
	person_does(s, e);
	come_to_rest(s);
	ping(s, 3);
	subject_run();
}
