/*
 * What a wall clock that jumps by hours and years may not do: end a hold or a lock-out, lengthen a login, let a code be
 * used twice, stop the log, erase before its time. First one by one, then random histories of both clocks (a seed in
 * APARTE_TEST_SEED; APARTE_TORTURE_SECONDS for longer).
 */
#include "tests/testlib/staff_fixture.h"

#include "recorder/access/auth.h"
#include "recorder/erasure/erasure.h"
#include "recorder/access/login.h"
#include "recorder/erasure/retention.h"
#include "recorder/access/user.h"

#include <liboath/oath.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MINUTE 60000LL
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define YEAR (365 * DAY)

struct world {
	struct fixture *f;
	struct ap_logins *logins;
	struct ap_retention *retention;
	char *password, *secret; /* raw TOTP secret */
	size_t secret_len;
};

static void world_open(struct world *w)
{
	w->logins = ap_logins_new(w->f->v);
	w->retention = ap_retention_new(w->f->v, "boot");
}

static struct world world_new(void)
{
	struct world w = {.f = fixture_new()};
	struct ap_actor operator= {.kind = AP_ACTOR_STAFF, .staff = AP_STAFF_ADMIN, .name = "operator"};
	struct ap_user_wish wish = {.name = "sam", .role = "supervisor", .tenant = "platform"};
	g_autoptr(JsonNode) answer = NULL;
	world_open(&w);
	assert_ok(ap_user_add(w.f->v, &operator, & wish, &answer));
	JsonObject *o = json_node_get_object(answer);
	const char *text = json_object_get_string_member(o, "totp_secret");
	w.password = g_strdup(json_object_get_string_member(o, "password"));
	assert_int_equal(oath_base32_decode(text, strlen(text), &w.secret, &w.secret_len), OATH_OK);
	assert_ok(ap_retention_scan(w.retention));
	return w;
}

/* What was said to the gates is dispatched while there is a vault: there is no gate thread here. */
static void world_close(struct world *w)
{
	while (g_main_context_iteration(NULL, FALSE))
		;
	ap_retention_free(w->retention);
	ap_logins_free(w->logins);
}

static void world_free(struct world *w)
{
	world_close(w);
	g_free(w->password);
	free(w->secret);
	fixture_free(w->f);
}

struct outcome {
	bool done;
	char name[32], token[64];
};

static void on_login(void *ctx, struct ap_result result, const struct ap_login *login)
{
	struct outcome *o = ctx;
	o->done = true;
	g_strlcpy(o->name, result.name, sizeof o->name);
	if (login)
		g_strlcpy(o->token, login->token, sizeof o->token);
}

/* With the code of that time's step; password NULL: the right one. */
static struct outcome log_in(struct world *w, const char *password, int64_t code_ms)
{
	struct outcome o = {0};
	char code[7];
	assert_int_equal(oath_totp_generate(w->secret, w->secret_len, code_ms / 1000, 30, 0, 6, code), OATH_OK);
	ap_login_begin(w->logins, "sam", password ? password : w->password, code, on_login, &o);
	while (!o.done)
		g_main_context_iteration(NULL, TRUE);
	return o;
}

static struct outcome log_in_now(struct world *w)
{
	return log_in(w, NULL, w->f->wall_ms);
}

static const char *token_says(struct world *w, const char *token)
{
	struct ap_actor actor;
	return ap_login_actor(w->f->v, token, &actor, NULL).name;
}

static void hold(struct fixture *f, const struct ap_uuid *recording, int64_t ends_ms)
{
	struct ap_uuid id = ap_uuid_random();
	assert_ok(ap_db_run(ap_vault_db(f->v),
			    "INSERT INTO hold (id, recording, ground, reason, proposed_by, confirmed_by, created_ms, ends_ms)"
			    " VALUES (?1, ?2, 'g', 'r', 'a', 'b', 0, ?3)",
			    AP_VALUES(AP_V_UUID(&id), AP_V_UUID(recording), AP_V_INT(ends_ms))));
}

static struct ap_result erase(struct world *w, const struct ap_uuid *recording)
{
	g_autofree char *certificate = NULL;
	return ap_erasure_now(w->f->v, recording, AP_ERASE_ADMIN, &certificate);
}

static int64_t erased(struct fixture *f)
{
	return fixture_count(f, "SELECT count(*) FROM recording WHERE state = 'erased'");
}

/* R20: an erasure by hand, and a withdrawal's, sees what the scan sees. */
static void under_a_jump_a_hold_still_holds(void **state)
{
	(void)state;
	struct world w = world_new();
	struct ap_uuid session = fixture_consented(w.f, "[\"recording\"]");
	struct ap_uuid recording = fixture_recording(w.f, &session, 100 * DAY);
	hold(w.f, &recording, w.f->wall_ms + 2 * DAY);
	w.f->wall_ms += 3 * DAY; /* no scan has seen it yet */
	assert_refused(erase(&w, &recording), "held");
	assert_ok(ap_retention_scan(w.retention));
	assert_refused(erase(&w, &recording), "held");
	world_close(&w);
	fixture_restart(w.f);
	world_open(&w);
	assert_refused(erase(&w, &recording), "held");
	fixture_withdraw(w.f, &session, AP_COACHEE, "[\"recording\"]");
	assert_ok(ap_erasure_catch_up(w.f->v, &recording));
	assert_int_equal(erased(w.f), 0);
	assert_ok(ap_retention_confirm(w.retention, "user:ada"));
	assert_ok(ap_erasure_catch_up(w.f->v, &recording));
	assert_int_equal(erased(w.f), 1);
	world_free(&w);
}

/* Its true end comes although the clock stands wrong. */
static void a_hold_ends_when_its_time_has_truly_passed(void **state)
{
	(void)state;
	struct world w = world_new();
	struct ap_uuid session = fixture_consented(w.f, "[\"recording\"]");
	struct ap_uuid recording = fixture_recording(w.f, &session, 100 * DAY);
	hold(w.f, &recording, w.f->wall_ms + 2 * DAY);
	w.f->wall_ms -= YEAR;
	fixture_advance(w.f, 2 * DAY - MINUTE);
	assert_refused(erase(&w, &recording), "held");
	fixture_advance(w.f, MINUTE);
	assert_ok(erase(&w, &recording));
	world_free(&w);
}

static void a_lock_out_ends_by_waiting_alone(void **state)
{
	(void)state;
	struct world w = world_new();
	for (int i = 0; i < AP_AUTH_FREE_FAILURES; i++)
		assert_string_equal(log_in(&w, "wrong", w.f->wall_ms).name, "credentials");
	assert_string_equal(log_in_now(&w).name, "rate");
	w.f->wall_ms += YEAR;
	assert_string_equal(log_in_now(&w).name, "rate");
	w.f->wall_ms -= 2 * YEAR;
	assert_string_equal(log_in_now(&w).name, "rate");
	w.f->wall_ms += YEAR;
	fixture_advance(w.f, 30000);
	assert_string_equal(log_in_now(&w).name, "ok");
	world_free(&w);
}

static void a_lock_out_outlasts_no_correction(void **state)
{
	(void)state;
	struct world w = world_new();
	w.f->wall_ms += YEAR;
	assert_ok(ap_retention_confirm(w.retention, "user:ada"));
	for (int i = 0; i < AP_AUTH_FREE_FAILURES; i++)
		assert_string_equal(log_in(&w, "wrong", w.f->wall_ms).name, "credentials");
	w.f->wall_ms -= YEAR; /* it was wrong before, and now is right */
	assert_ok(ap_retention_confirm(w.retention, "user:ada"));
	fixture_advance(w.f, HOUR);
	assert_string_equal(log_in_now(&w).name, "ok");
	world_free(&w);
}

static void a_login_lasts_its_own_time(void **state)
{
	(void)state;
	struct world w = world_new();
	int64_t lasts = ap_config_int(w.f->config, "vault.login_minutes") * MINUTE;
	struct outcome o = log_in_now(&w);
	assert_string_equal(o.name, "ok");
	w.f->wall_ms += YEAR;
	assert_string_equal(token_says(&w, o.token), "ok");
	assert_ok(ap_retention_scan(w.retention));
	assert_string_equal(token_says(&w, o.token), "ok");
	w.f->wall_ms -= 2 * YEAR;
	fixture_advance(w.f, lasts);
	assert_string_not_equal(token_says(&w, o.token), "ok");
	world_free(&w);
}

static void a_login_of_a_wrong_future_ends_when_the_clock_is_set_right(void **state)
{
	(void)state;
	struct world w = world_new();
	w.f->wall_ms += YEAR;
	assert_ok(ap_retention_confirm(w.retention, "user:ada"));
	struct outcome o = log_in_now(&w);
	assert_string_equal(o.name, "ok");
	w.f->wall_ms -= YEAR;
	assert_ok(ap_retention_confirm(w.retention, "user:ada"));
	assert_string_not_equal(token_says(&w, o.token), "ok");
	world_free(&w);
}

static void a_code_works_once_although_time_comes_again(void **state)
{
	(void)state;
	struct world w = world_new();
	assert_string_equal(log_in_now(&w).name, "ok");
	fixture_advance(w.f, 40 * 1000);
	int64_t second = w.f->wall_ms;
	assert_string_equal(log_in(&w, NULL, second).name, "ok");
	w.f->wall_ms -= 40 * 1000; /* less than a jump */
	assert_string_equal(log_in_now(&w).name, "totp-replayed");
	w.f->wall_ms -= YEAR;
	assert_string_equal(log_in_now(&w).name, "totp-replayed");
	w.f->wall_ms = second;
	assert_string_equal(log_in_now(&w).name, "totp-replayed");
	world_free(&w);
}

static void the_log_goes_on_in_the_past(void **state)
{
	(void)state;
	struct world w = world_new();
	struct ap_uuid session = fixture_consented(w.f, "[\"recording\"]");
	int64_t before = fixture_count(w.f, "SELECT count(*) FROM leaf");
	w.f->wall_ms -= YEAR;
	fixture_withdraw(w.f, &session, AP_COACH, "[\"recording\"]");
	w.f->wall_ms -= 100 * YEAR; /* before 1970 */
	fixture_withdraw(w.f, &session, AP_COACHEE, "[\"recording\"]");
	assert_int_equal(fixture_count(w.f, "SELECT count(*) FROM leaf"), before + 2);
	assert_true(ap_ledger_healthy(ap_vault_ledger(w.f->v)));
	world_close(&w);
	fixture_restart(w.f); /* reads it all again */
	world_open(&w);
	assert_true(ap_ledger_healthy(ap_vault_ledger(w.f->v)));
	world_free(&w);
}

/* ---- random histories ---- */

#define RECORDINGS 6
#define STEPS 60
#define HISTORIES 6

struct one {
	struct ap_uuid id;
	int64_t due_ms, held_ms; /* true (monotonic) times; held_ms 0: no hold */
	bool confirmed_since;	 /* a time was confirmed after it was made: its term may be another one now */
};

struct history {
	struct world w;
	GRand *rand;
	struct one all[RECORDINGS];
	GHashTable *spent; /* time steps whose code was taken */
	GString *told;
};

static int64_t true_ms(const struct history *h)
{
	return h->w.f->mono_ns / 1000000;
}

static bool is_erased(struct history *h, const struct ap_uuid *id)
{
	int64_t n;
	assert_ok(ap_db_count(ap_vault_db(h->w.f->v), "SELECT count(*) FROM recording WHERE id = ?1 AND state = 'erased'",
			      AP_VALUES(AP_V_UUID(id)), &n));
	return n > 0;
}

static void check(struct history *h)
{
	for (int i = 0; i < RECORDINGS; i++) {
		struct one *r = &h->all[i];
		if (r->confirmed_since || !is_erased(h, &r->id))
			continue;
		if (true_ms(h) < r->due_ms)
			fail_msg("erased %lld ms before its time%s", (long long)(r->due_ms - true_ms(h)), h->told->str);
		if (true_ms(h) < r->held_ms)
			fail_msg("erased %lld ms before its hold ended%s", (long long)(r->held_ms - true_ms(h)), h->told->str);
	}
}

static void try_code(struct history *h)
{
	gint64 step = h->w.f->wall_ms / 30000;
	struct outcome o = log_in_now(&h->w);
	if (strcmp(o.name, "ok") != 0)
		return;
	if (!g_hash_table_add(h->spent, g_memdup2(&step, sizeof step)))
		fail_msg("a code was taken twice%s", h->told->str);
}

/* More than what is believed without being asked, to either side. */
static int64_t any_jump(struct history *h)
{
	static const int64_t sizes[] = { 10 * MINUTE, HOUR, DAY, 30 * DAY, YEAR, 20 * YEAR };
	int64_t size = sizes[g_rand_int_range(h->rand, 0, (int)G_N_ELEMENTS(sizes))];
	return g_rand_boolean(h->rand) ? size : -size;
}

static void confirm(struct history *h)
{
	assert_ok(ap_retention_confirm(h->w.retention, "user:ada"));
	for (int i = 0; i < RECORDINGS; i++)
		h->all[i].confirmed_since = true;
}

static void restart(struct history *h)
{
	world_close(&h->w);
	fixture_restart(h->w.f);
	world_open(&h->w);
}

static void step(struct history *h, int64_t *wrong_ms)
{
	int what = g_rand_int_range(h->rand, 0, 100);
	int64_t by = what < 30 ? 1000LL * g_rand_int_range(h->rand, 1, 86400) : any_jump(h);
	g_string_append_printf(h->told, " %d/%lld", what, (long long)by);
	if (what < 30) {
		fixture_advance(h->w.f, by);
	} else if (what < 50 && h->w.f->wall_ms + by > YEAR) {
		h->w.f->wall_ms += by;
		*wrong_ms += by;
	} else if (what < 60) {
		h->w.f->wall_ms -= *wrong_ms; /* somebody sets it right */
		*wrong_ms = 0;
	} else if (what < 80) {
		assert_ok(ap_retention_scan(h->w.retention));
	} else if (what < 86) {
		restart(h);
	} else if (what < 94) {
		try_code(h);
	} else if (what < 99) {
		struct one *r = &h->all[g_rand_int_range(h->rand, 0, RECORDINGS)];
		if (r->held_ms && true_ms(h) < r->held_ms && !r->confirmed_since)
			assert_refused(erase(&h->w, &r->id), "held");
	} else {
		confirm(h);
		*wrong_ms = 0;
	}
}

static void one_history(uint64_t seed, unsigned steps)
{
	struct history h = {.w = world_new(), .rand = g_rand_new_with_seed((guint32)seed), .told = g_string_new(" after")};
	h.spent = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	for (int i = 0; i < RECORDINGS; i++) {
		int64_t term = DAY * g_rand_int_range(h.rand, 1, 40), held = i % 2 ? DAY * g_rand_int_range(h.rand, 1, 60) : 0;
		struct ap_uuid session = fixture_consented(h.w.f, "[\"recording\"]");
		h.all[i] = (struct one){.id = fixture_recording(h.w.f, &session, term), .due_ms = true_ms(&h) + term,
					.held_ms = held ? true_ms(&h) + held : 0};
		if (held)
			hold(h.w.f, &h.all[i].id, h.w.f->wall_ms + held);
	}
	int64_t wrong_ms = 0;
	for (unsigned i = 0; i < steps; i++) {
		step(&h, &wrong_ms);
		check(&h);
	}
	world_free(&h.w);
	g_rand_free(h.rand);
	g_hash_table_destroy(h.spent);
	g_string_free(h.told, TRUE);
}

static void random_histories(void **state)
{
	(void)state;
	const char *given = g_getenv("APARTE_TEST_SEED"), *seconds = g_getenv("APARTE_TORTURE_SECONDS");
	uint64_t seed = given ? g_ascii_strtoull(given, NULL, 10) : g_random_int();
	int64_t until_us = seconds ? g_get_monotonic_time() + (int64_t)g_ascii_strtoull(seconds, NULL, 10) * G_USEC_PER_SEC : 0;
	unsigned n = 0;
	printf("seed %llu\n", (unsigned long long)seed);
	for (; until_us ? g_get_monotonic_time() < until_us : n < HISTORIES; n++) {
		if (n % 100 == 99)
			printf("history %u\n", n);
		one_history(seed + n, STEPS);
	}
	printf("%u histories\n", n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(under_a_jump_a_hold_still_holds),
		cmocka_unit_test(a_hold_ends_when_its_time_has_truly_passed),
		cmocka_unit_test(a_lock_out_ends_by_waiting_alone),
		cmocka_unit_test(a_lock_out_outlasts_no_correction),
		cmocka_unit_test(a_login_lasts_its_own_time),
		cmocka_unit_test(a_login_of_a_wrong_future_ends_when_the_clock_is_set_right),
		cmocka_unit_test(a_code_works_once_although_time_comes_again),
		cmocka_unit_test(the_log_goes_on_in_the_past),
		cmocka_unit_test(random_histories),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
