#include "recorder/access/login.h"

#include "recorder/access/auth.h"
#include "recorder/db/db_staff_user.h"
#include "recorder/vault.h"

#include <aparte/log.h>
#include <string.h>

/* Names that do not exist and are being tried; forgotten when they are too many. */
#define STRANGERS 20000 /* more than can be tried within the longest lock */

struct stranger {
	int64_t failures, locked_until_ms;
};

struct ap_logins {
	/* borrowed */
	struct ap_vault *v;
	/* owned */
	struct ap_auth *auth;
	GHashTable *strangers; /* name -> struct stranger */
	GHashTable *under_way; /* name -> how many attempts are being compared */
	struct ap_offers *offers;
	/* state */
	uint64_t accepted, refused;
};

/* One attempt under way. */
struct attempt {
	struct ap_logins *l;
	char *user, *totp;
	ap_login_done done;
	void *ctx;
	bool counted; /* in under_way */
};

struct ap_logins *ap_logins_new(struct ap_vault *v)
{
	struct ap_logins *l = g_new0(struct ap_logins, 1);
	l->v = v;
	l->auth = ap_auth_new();
	l->offers = ap_offers_new(v);
	l->strangers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	l->under_way = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	return l;
}

void ap_logins_free(struct ap_logins *l)
{
	if (!l)
		return;
	ap_auth_free(l->auth);
	ap_offers_free(l->offers);
	g_hash_table_unref(l->strangers);
	g_hash_table_unref(l->under_way);
	g_free(l);
}

struct ap_offers *ap_logins_offers(struct ap_logins *l)
{
	return l->offers;
}

/* Who sets the clock neither ends a lock-out nor lengthens a login. */
static int64_t now(const struct ap_logins *l)
{
	return ap_vault_believed_ms(l->v);
}

/* One that was set in a future that was none ends with it: none lasts longer than the longest. */
static bool is_locked(const struct ap_logins *l, int64_t until_ms)
{
	int64_t left = until_ms - now(l);
	return left > 0 && left <= AP_AUTH_LONGEST_LOCK_MS;
}

static struct ap_result wrong(void)
{
	return ap_fail(AP_ERR_DENIED, "credentials", "user, password or code is wrong");
}

static unsigned attempts_of(const struct ap_logins *l, const char *user)
{
	return GPOINTER_TO_UINT(g_hash_table_lookup(l->under_way, user));
}

static void count_attempt(struct attempt *a, int change)
{
	unsigned count = attempts_of(a->l, a->user) + (unsigned)change;
	if (count)
		g_hash_table_replace(a->l->under_way, g_strdup(a->user), GUINT_TO_POINTER(count));
	else
		g_hash_table_remove(a->l->under_way, a->user);
	a->counted = change > 0;
}

static void attempt_end(struct attempt *a, struct ap_result result, const struct ap_login *login)
{
	if (a->counted)
		count_attempt(a, -1);
	if (ap_ok(result))
		a->l->accepted++;
	else
		a->l->refused++;
	a->done(a->ctx, result, login);
	ap_wipe(a->totp, strlen(a->totp));
	g_free(a->totp);
	g_free(a->user);
	g_free(a);
}

static int64_t locked_until(struct ap_logins *l, const char *user, const struct ap_user_row *row)
{
	const struct stranger *s = row ? NULL : g_hash_table_lookup(l->strangers, user);
	return row ? row->locked_until_ms : s ? s->locked_until_ms : 0;
}

/* Guesses at once are no more than guesses one after the other: each under way may be one of the wrong ones that are
 * free; once those are spent, one at a time. */
static bool too_many_at_once(struct ap_logins *l, const char *user, const struct ap_user_row *row)
{
	const struct stranger *s = row ? NULL : g_hash_table_lookup(l->strangers, user);
	int64_t failures = row ? row->failures : s ? s->failures : 0;
	return attempts_of(l, user) >= MAX(1, AP_AUTH_FREE_FAILURES - failures);
}

static void count_stranger(struct ap_logins *l, const char *user)
{
	struct stranger *s = g_hash_table_lookup(l->strangers, user);
	if (!s) {
		if (g_hash_table_size(l->strangers) >= STRANGERS)
			g_hash_table_remove_all(l->strangers);
		s = g_new0(struct stranger, 1);
		g_hash_table_insert(l->strangers, g_strdup(user), s);
	}
	int64_t lock = ap_auth_lock_ms(++s->failures);
	s->locked_until_ms = lock ? now(l) + lock : 0;
}

static struct ap_result count_failure(struct ap_logins *l, const char *user, const struct ap_user_row *row)
{
	if (!row) {
		count_stranger(l, user);
		return wrong();
	}
	int64_t failures = row->failures + 1, lock = ap_auth_lock_ms(failures);
	AP_TRY(ap_db_user_failed(ap_vault_db(l->v), row->actor.user, failures, lock ? now(l) + lock : 0));
	return wrong();
}

/* Always some secret, so that an unknown user's code costs the same work. */
static enum ap_totp_verdict check_totp(struct ap_logins *l, const struct attempt *a, const struct ap_user_row *row,
				       int64_t *ret_step)
{
	struct ap_secret *secret = NULL;
	g_autofree char *name = g_strconcat("totp:", a->user, NULL);
	bool known = row && ap_ok(ap_db_keys_server_get(ap_vault_keys(l->v), name, &secret));
	if (!known)
		secret = ap_secret_random(AP_TOTP_SECRET);
	enum ap_totp_verdict verdict = ap_auth_totp(secret, a->totp, ap_wall_ms(ap_vault_clock(l->v)), row ? row->totp_step : 0, ret_step);
	ap_secret_free(secret);
	return known ? verdict : AP_TOTP_WRONG;
}

static struct ap_result write_login(struct ap_logins *l, const struct ap_user_row *row, int64_t step,
				    const struct ap_hash *hash, int64_t expires_ms)
{
	AP_TRY(ap_db_user_accepted(ap_vault_db(l->v), row->actor.user, step));
	return ap_db_login_insert(ap_vault_db(l->v), hash, row->actor.user, now(l), expires_ms);
}

static struct ap_result accept_login(struct ap_logins *l, const struct ap_user_row *row, int64_t step,
				     struct ap_login *ret_login)
{
	struct ap_secret *random = ap_secret_random(32);
	char *token = ap_base64url(ap_secret_bytes(random), 32);
	struct ap_hash hash = ap_sha256(token, strlen(token));
	ap_secret_free(random);
	int64_t expires_ms = now(l) + ap_config_int(ap_vault_config(l->v), "vault.login_minutes") * 60000;
	struct ap_result r = ap_db_begin(ap_vault_db(l->v));
	if (ap_ok(r))
		r = ap_db_finish(ap_vault_db(l->v), write_login(l, row, step, &hash, expires_ms));
	if (ap_ok(r))
		*ret_login = (struct ap_login){token, expires_ms, row->actor};
	else
		g_free(token);
	return r;
}

static struct ap_result judge(struct attempt *a, bool password_right, struct ap_login *ret_login)
{
	struct ap_logins *l = a->l;
	struct ap_user_row row;
	int64_t step = 0;
	/* Loaded anew: the user may have been disabled, or the code used, while the password was compared. */
	bool known = ap_ok(ap_db_user_load(ap_vault_db(l->v), a->user, false, &row));
	enum ap_totp_verdict verdict = check_totp(l, a, known ? &row : NULL, &step);
	if (!known || !password_right || verdict == AP_TOTP_WRONG)
		return count_failure(l, a->user, known ? &row : NULL);
	if (verdict == AP_TOTP_REPLAYED)
		return ap_fail(AP_ERR_DENIED, "totp-replayed", "this code was used; wait for the next one");
	return accept_login(l, &row, step, ret_login);
}

static void on_compared(void *ctx, bool right)
{
	struct attempt *a = ctx;
	struct ap_login login = {0};
	struct ap_result r = judge(a, right, &login);
	attempt_end(a, r, ap_ok(r) ? &login : NULL);
	if (login.token)
		ap_wipe(login.token, strlen(login.token));
	g_free(login.token);
}

void ap_login_begin(struct ap_logins *l, const char *user, const char *password, const char *totp, ap_login_done done,
		    void *ctx)
{
	struct attempt *a = g_new0(struct attempt, 1);
	*a = (struct attempt){.l = l, .user = g_strdup(user), .totp = g_strdup(totp), .done = done, .ctx = ctx};
	struct ap_user_row row;
	bool known = ap_ok(ap_db_user_load(ap_vault_db(l->v), user, false, &row));
	size_t len = strlen(password);
	if (is_locked(l, locked_until(l, user, known ? &row : NULL)) || too_many_at_once(l, user, known ? &row : NULL)) {
		attempt_end(a, ap_fail(AP_ERR_LIMIT, "rate", "too many wrong logins; wait before the next one"), NULL);
		return;
	}
	if (len == 0 || len > AP_PASSWORD_MAX) {
		attempt_end(a, wrong(), NULL);
		return;
	}
	count_attempt(a, +1);
	struct ap_result r = ap_auth_verify_later(l->auth, known ? row.password : NULL, ap_secret_from(password, len),
						  on_compared, a);
	if (!ap_ok(r))
		attempt_end(a, r, NULL);
}

struct ap_result ap_login_actor(struct ap_vault *v, const char *token, struct ap_actor *ret_actor,
				int64_t *ret_expires_ms)
{
	struct ap_hash hash = ap_sha256(token, strlen(token));
	int64_t expires_ms, now_ms = ap_vault_believed_ms(v);
	AP_TRY(ap_db_login_actor(ap_vault_db(v), &hash, now_ms, ret_actor, &expires_ms));
	if (expires_ms - now_ms > ap_config_int(ap_vault_config(v), "vault.login_minutes") * 60000)
		return ap_fail(AP_ERR_DENIED, "token-expired", "the clock was set back since this login; log in again");
	if (ret_expires_ms)
		*ret_expires_ms = expires_ms;
	return AP_SUCCESS;
}

struct ap_result ap_login_end(struct ap_vault *v, const char *token)
{
	struct ap_hash hash = ap_sha256(token, strlen(token));
	return ap_db_login_delete(ap_vault_db(v), &hash);
}

void ap_logins_counts(const struct ap_logins *l, uint64_t *ret_accepted, uint64_t *ret_refused)
{
	*ret_accepted = l->accepted;
	*ret_refused = l->refused;
}
