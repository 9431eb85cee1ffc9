#include "tests/testlib/vault_world.h"

#include "recorder/db/db_session.h"
#include "recorder/keys/hpke.h"
#include "recorder/consent/notice.h"
#include "tests/testlib/fake_capture.h"

#include <aparte/buf.h>
#include <aparte/jcs.h>
#include <aparte/log.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>
#include <unistd.h>

static int64_t wall(void *ctx)
{
	return ((struct world *)ctx)->wall_ms;
}

static int64_t mono(void *ctx)
{
	return ((struct world *)ctx)->mono_ns;
}

/* ---- the gateway and the staff side, faked ---- */

static void tap_open(void *ctx, const struct ap_uuid *session, uint64_t generation, uint32_t epoch, int fd)
{
	struct world *w = ctx;
	(void)session;
	(void)epoch;
	if (w->told.tap >= 0)
		close(w->told.tap);
	w->told.tap = fd;
	w->told.generation = generation;
	w->told.taps_opened++;
}

static void tap_close(void *ctx, const struct ap_uuid *session, uint64_t generation)
{
	struct world *w = ctx;
	(void)session;
	(void)generation;
	w->told.taps_closed++;
}

static void event(void *ctx, const struct ap_uuid *session, enum ap_role role, const char *name, const char *json)
{
	struct world *w = ctx;
	(void)session;
	g_string_append_printf(w->told.events, "%s %s %s\n", role ? ap_role_text(role) : "both", name, json);
}

static const struct ap_gateway gateway = { tap_open, tap_close, event };

static struct world *the_world; /* the faked staff side has no context of its own */

static struct ap_result order(struct ap_vault *v, struct ap_db *db, const struct ap_uuid *recording, const char *cause)
{
	uint64_t leaf;
	if (the_world->hold_erasures)
		return ap_fail(AP_ERR_DENIED, "held", "a hold is in force");
	assert_true(ap_db_in_transaction(db));
	JsonObject *body = json_object_new();
	json_object_set_string_member(body, "event", "erasure-ordered");
	AP_TRY(ap_ledger_append(ap_vault_ledger(v), db, AP_LEAF_ERASURE_ORDERED, body, &leaf));
	struct ap_uuid id = ap_uuid_random();
	the_world->erasures_ordered++;
	return ap_db_run(db,
			 "INSERT INTO erasure (id, recording, cause, step, ordered_ms, ordered_leaf)"
			 " VALUES (?1, ?2, ?3, 'ordered', 1, ?4) ON CONFLICT DO NOTHING",
			 AP_VALUES(AP_V_UUID(&id), AP_V_UUID(recording), AP_V_TEXT(cause), AP_V_INT(leaf)));
}

static void kick(struct ap_vault *v)
{
	(void)v;
	the_world->kicks++;
}

void world_consents_changed(struct ap_vault *v, const struct ap_uuid *session)
{
	(void)v;
	(void)session;
}

struct ap_result world_webhook_enqueue(struct ap_vault *v, struct ap_db *db, int64_t tenant, const char *name,
				       const char *data)
{
	(void)v;
	(void)db;
	(void)tenant;
	(void)name;
	(void)data;
	return AP_SUCCESS;
}

static const struct ap_rights rights = { .erasure_order = order,
					 .erasure_kick = kick,
					 .consents_changed = world_consents_changed,
					 .webhook_enqueue = world_webhook_enqueue };

/* ---- life ---- */

static void make_person(struct person *p, enum ap_role role, JsonObject *answer)
{
	JsonObject *entry = json_object_get_object_member(json_object_get_object_member(answer, "parties"), ap_role_text(role));
	p->role = role;
	g_strlcpy(p->token, json_object_get_string_member(entry, "token"), sizeof p->token);
	crypto_sign_keypair(p->public, p->secret);
	randombytes_buf(p->share, sizeof p->share);
}

void world_session(struct world *w, const char *extra)
{
	char *answer = NULL;
	g_autoptr(JsonNode) node = NULL;
	g_autofree char *body = g_strdup_printf("{\"reference\":\"r\",\"coach\":{\"id\":\"c1\",\"locale\":\"fr\",\"name\":\"Ana\"},"
						"\"coachee\":{\"id\":\"e1\",\"locale\":\"en\"}%s%s}",
						extra ? "," : "", extra ? extra : "");
	assert_true(ap_ok(ap_vault_session_create(w->v, w->tenant, "", body, &answer)));
	node = json_from_string(answer, NULL);
	g_free(answer);
	JsonObject *o = json_node_get_object(node);
	assert_true(ap_uuid_parse(json_object_get_string_member(o, "id"), &w->session));
	make_person(&w->coach, AP_COACH, o);
	make_person(&w->coachee, AP_COACHEE, o);
}

static void open_vault(struct world *w)
{
	struct ap_vault_setup setup = { .config = w->config, .clock = &w->clock, .home = w->home };
	assert_true(ap_ok(ap_vault_open(&setup, &w->v)));
	ap_vault_set_rights(w->v, &rights);
}

static void watch_gates(struct world *w)
{
	w->captures = ap_captures_new(-1, NULL, NULL, NULL);
	w->keepers = ap_gatekeepers_new(w->v, w->captures, &gateway, w);
	w->consents = ap_consents_new(w->v, w->keepers, &gateway, w);
}

struct world *world_new(const char *session_extra)
{
	struct world *w = g_new0(struct world, 1);
	assert_true(ap_ok(ap_secret_init()));
	ap_log_init("test", AP_LOG_ERROR);
	the_world = w;
	w->home = g_dir_make_tmp("ap-vault-XXXXXX", NULL);
	w->config = ap_config_new();
	assert_true(ap_ok(ap_config_set(w->config, "storage.floor_mib", "0")));
	w->wall_ms = 1790000000000;
	w->mono_ns = 1000000000;
	w->clock = (struct ap_clock){ wall, mono, w };
	w->told = (struct told){ .tap = -1, .events = g_string_new(NULL) };
	fake_captures_reset();
	open_vault(w);
	struct ap_db *db = ap_vault_db(w->v);
	assert_true(ap_ok(ap_tenant_add(db, "t", "default", w->wall_ms, &w->tenant)));
	assert_true(ap_ok(ap_api_key_add(db, w->tenant, "k", w->wall_ms, &w->api_key)));
	world_session(w, session_extra);
	watch_gates(w);
	return w;
}

void world_crash(struct world *w)
{
	world_settle(w);
	ap_consents_free(w->consents);
	ap_gatekeepers_free(w->keepers);
	ap_captures_free(w->captures);
	ap_vault_free(w->v);
	open_vault(w);
	watch_gates(w);
	ap_gatekeepers_link(w->keepers, true);
}

static void remove_tree(const char *path)
{
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	for (const char *name; dir && (name = g_dir_read_name(dir));) {
		g_autofree char *inner = g_build_filename(path, name, NULL);
		remove_tree(inner);
	}
	g_remove(path);
}

void world_free(struct world *w)
{
	world_settle(w);
	ap_consents_free(w->consents);
	ap_gatekeepers_free(w->keepers);
	ap_captures_free(w->captures);
	ap_vault_free(w->v);
	ap_config_free(w->config);
	if (w->told.tap >= 0)
		close(w->told.tap);
	g_string_free(w->told.events, TRUE);
	remove_tree(w->home);
	g_free(w->home);
	g_free(w->api_key);
	g_free(w);
}

struct ap_gatekeeper *world_keeper(struct world *w)
{
	return ap_gatekeeper_get(w->keepers, &w->session);
}

struct ap_party world_party(struct world *w, const struct person *p)
{
	struct ap_party party = { 0 };
	assert_true(ap_ok(ap_party_by_token(ap_vault_db(w->v), p->token, w->wall_ms, &party)));
	return party;
}

void world_enrol(struct world *w, const struct person *p)
{
	assert_true(ap_ok(ap_db_device_enrol(ap_vault_db(w->v), &w->session, p->role, p->public, w->wall_ms)));
	ap_gatekeeper_reload(world_keeper(w));
}

void world_settle(struct world *w)
{
	(void)w;
	while (g_main_context_iteration(NULL, FALSE))
		;
}

void world_pass(struct world *w, int64_t ms)
{
	for (int64_t left = ms; left > 0; left -= 100) {
		int64_t step = MIN(left, 100);
		w->wall_ms += step;
		w->mono_ns += step * 1000000;
		ap_gatekeepers_tick(w->keepers);
		world_settle(w);
	}
}

/* ---- statements ---- */

static JsonObject *notice_of(struct world *w, const struct ap_party *party)
{
	char *text = NULL;
	assert_true(ap_ok(ap_notice_answer(w->v, ap_vault_db(w->v), party, "", "", &text)));
	g_autoptr(JsonNode) node = json_from_string(text, NULL);
	g_free(text);
	return json_object_ref(json_node_get_object(node));
}

static JsonArray *list_of(const char *purposes)
{
	JsonArray *list = json_array_new();
	g_auto(GStrv) parts = g_strsplit(purposes, ",", -1);
	for (char **part = parts; *part; part++)
		json_array_add_string_element(list, *part);
	return list;
}

static bool gives_recording(const char *event, const char *purposes)
{
	g_auto(GStrv) parts = g_strsplit(purposes, ",", -1);
	return strcmp(event, "ConsentGiven") == 0 && g_strv_contains((const char *const *)parts, "recording");
}

static JsonObject *statement_of(struct world *w, struct person *p, const struct ap_party *party, JsonObject *notice,
				const char *event, const char *purposes)
{
	JsonObject *s = json_object_new(), *n = json_object_new();
	struct ap_uuid record = ap_uuid_random();
	char id[AP_UUID_TEXT], session[AP_UUID_TEXT], time[AP_TIME_TEXT];
	w->wall_ms += 2; /* each statement is later than the last */
	ap_uuid_text(&record, id);
	ap_uuid_text(&w->session, session);
	ap_time_text(w->wall_ms, time);
	json_object_set_string_member(s, "schema_version", "1");
	json_object_set_string_member(s, "record_id", id);
	json_object_set_string_member(s, "session", session);
	json_object_set_string_member(s, "pii_principal", party->pii_principal);
	json_object_set_string_member(s, "role", ap_role_text(p->role));
	json_object_set_string_member(s, "event", event);
	json_object_set_array_member(s, "purposes", list_of(purposes));
	json_object_set_string_member(n, "version", json_object_get_string_member(notice, "version"));
	json_object_set_string_member(n, "lang", json_object_get_string_member(notice, "lang"));
	json_object_set_string_member(n, "sha256", json_object_get_string_member(notice, "sha256"));
	json_object_set_object_member(s, "privacy_notice", n);
	json_object_set_string_member(s, "event_time", time);
	json_object_set_string_member(s, "indication_method", "button");
	return s;
}

static void commit_share(struct world *w, struct person *p, JsonObject *statement, const uint8_t seal[32])
{
	struct ap_secret *share = ap_secret_from(p->share, sizeof p->share);
	struct ap_hash commitment = ap_share_commitment(&w->session, p->role, share), hash = ap_sha256(seal, 32);
	g_autofree char *a = ap_hash_base64url(&commitment), *b = ap_hash_hex(&hash);
	json_object_set_string_member(statement, "share_commitment", a);
	json_object_set_string_member(statement, "seal", b);
	ap_secret_free(share);
}

static JsonObject *seal_share(struct world *w, const struct person *p, const char *statement, const uint8_t seal[32])
{
	uint8_t info[64], enc[32], ct[48];
	struct ap_writer out = ap_writer_over(info, sizeof info);
	struct ap_hash aad = ap_sha256(statement, strlen(statement));
	struct ap_secret *share = ap_secret_from(p->share, sizeof p->share);
	ap_write_label(&out, "aparte/share-seal/v1");
	ap_write_u8(&out, 0);
	ap_write_bytes(&out, w->session.b, 16);
	ap_write_u8(&out, (uint8_t)p->role);
	struct ap_hpke_context context = { info, out.len, aad.b, AP_HASH };
	assert_true(ap_ok(ap_hpke_seal(seal, NULL, &context, share, enc, ct)));
	ap_secret_free(share);
	JsonObject *o = json_object_new();
	g_autofree char *a = ap_base64url(enc, sizeof enc), *b = ap_base64url(ct, sizeof ct);
	json_object_set_string_member(o, "enc", a);
	json_object_set_string_member(o, "ct", b);
	return o;
}

char *world_statement(struct world *w, struct person *p, const char *event, const char *purposes, world_twist twist, void *data)
{
	struct ap_party party = world_party(w, p);
	g_autoptr(JsonObject) notice = notice_of(w, &party);
	g_autoptr(JsonObject) statement = statement_of(w, p, &party, notice, event, purposes);
	g_autoptr(JsonObject) body = json_object_new();
	uint8_t seal[32], signature[64];
	char *text = NULL, *answer = NULL;
	ap_party_clear(&party);
	assert_true(ap_base64url_exact(json_object_get_string_member(notice, "seal"), seal, 32));
	if (gives_recording(event, purposes))
		commit_share(w, p, statement, seal);
	if (twist)
		twist(statement, data);
	assert_true(ap_ok(ap_jcs_from_object(statement, &text)));
	crypto_sign_detached(signature, NULL, (const uint8_t *)text, strlen(text), p->secret);
	g_autofree char *key = ap_base64url(p->public, 32), *sig = ap_base64url(signature, 64);
	json_object_set_string_member(body, "statement", text);
	json_object_set_string_member(body, "key", key);
	json_object_set_string_member(body, "signature", sig);
	if (gives_recording(event, purposes))
		json_object_set_object_member(body, "share", seal_share(w, p, text, seal));
	assert_true(ap_ok(ap_jcs_from_object(body, &answer)));
	g_free(text);
	return answer;
}

struct outcome {
	bool came;
	const char *name;
	char *receipt;
};

static void on_put(void *data, struct ap_result r, char *receipt)
{
	struct outcome *o = data;
	*o = (struct outcome){ true, r.name, receipt };
}

const char *world_put(struct world *w, const struct person *p, const char *body, char **ret_receipt)
{
	struct ap_party party = world_party(w, p);
	struct outcome o = { 0 };
	ap_consents_put(w->consents, &party, body, on_put, &o);
	ap_party_clear(&party);
	for (int i = 0; !o.came && i < 20; i++)
		world_pass(w, 100);
	assert_true(o.came);
	if (ret_receipt)
		*ret_receipt = o.receipt;
	else
		g_free(o.receipt);
	return o.name;
}

void world_give(struct world *w, struct person *p)
{
	g_autofree char *body = world_statement(w, p, "ConsentGiven", "recording", NULL, NULL);
	assert_string_equal(world_put(w, p, body, NULL), "ok");
}

void world_open(struct world *w)
{
	ap_gatekeepers_link(w->keepers, true);
	world_enrol(w, &w->coach);
	world_enrol(w, &w->coachee);
	world_give(w, &w->coach);
	world_give(w, &w->coachee);
	ap_gatekeeper_leg(world_keeper(w), AP_COACH, true);
	ap_gatekeeper_leg(world_keeper(w), AP_COACHEE, true);
	assert_int_equal(ap_gatekeeper_phase(world_keeper(w)), AP_PHASE_OPENING);
	ap_gatekeepers_tap_opened(w->keepers, &w->session, w->told.generation, true);
	assert_int_equal(ap_gatekeeper_phase(world_keeper(w)), AP_PHASE_OPEN);
}

struct ap_presence world_presence(struct world *w, const struct person *p, uint64_t generation, uint64_t counter)
{
	uint8_t bytes[64];
	struct ap_presence presence = { .generation = generation, .counter = counter };
	struct ap_writer out = ap_writer_over(bytes, sizeof bytes);
	ap_write_label(&out, "aparte/presence/v1");
	ap_write_u8(&out, 0);
	ap_write_bytes(&out, w->session.b, 16);
	ap_write_u64(&out, generation);
	ap_write_u64(&out, counter);
	crypto_sign_detached(presence.signature, NULL, bytes, out.len, p->secret);
	return presence;
}

int64_t world_count(const struct world *w, const char *sql)
{
	int64_t n = -1;
	assert_true(ap_ok(ap_db_count(ap_vault_db(w->v), sql, AP_NO_VALUES, &n)));
	return n;
}
