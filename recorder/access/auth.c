#include "recorder/access/auth.h"

#include <liboath/oath.h>
#include <sodium.h>
#include <string.h>
#include <sys/resource.h>

#define OPS 3
#define MEMORY (64u << 20)
#define THREADS 2
#define WAITING 32
#define NICE 10

struct ap_result ap_auth_hash(const struct ap_secret *password, char ret_hash[AP_PASSWORD_HASH])
{
	char hash[crypto_pwhash_STRBYTES];
	_Static_assert(sizeof hash == AP_PASSWORD_HASH, "libsodium");
	if (crypto_pwhash_str_alg(hash, (const char *)ap_secret_bytes(password), ap_secret_len(password), OPS, MEMORY,
				  crypto_pwhash_ALG_ARGON2ID13) != 0)
		return ap_fail(AP_ERR_LIMIT, "internal", "there is not enough memory to hash a password");
	g_strlcpy(ret_hash, hash, AP_PASSWORD_HASH);
	return AP_SUCCESS;
}

bool ap_auth_verify(const char *hash, const struct ap_secret *password)
{
	return crypto_pwhash_str_verify(hash, (const char *)ap_secret_bytes(password), ap_secret_len(password)) == 0;
}

/* ---- workers ---- */

struct ap_auth {
	GThreadPool *pool;
	char *decoy;      /* a hash of a password nobody has */
	unsigned pending; /* asked and not told yet; main thread */
};

struct job {
	char *hash;
	struct ap_secret *password;
	GMainContext *context;
	struct ap_auth *owner;
	ap_auth_done done;
	void *ctx;
	bool right;
};

static void job_free(gpointer data)
{
	struct job *job = data;
	g_free(job->hash);
	ap_secret_free(job->password);
	g_main_context_unref(job->context);
	g_free(job);
}

static gboolean tell(gpointer data)
{
	struct job *job = data;
	job->owner->pending--;
	job->done(job->ctx, job->right);
	return G_SOURCE_REMOVE;
}

static void work(gpointer data, gpointer pool_data)
{
	struct job *job = data;
	(void)pool_data;
	/* Of this thread, which is the pool's own: guesses wait for calls, gates and pages, and not these for them. */
	(void)!setpriority(PRIO_PROCESS, 0, NICE);
	job->right = ap_auth_verify(job->hash, job->password);
	GSource *source = g_idle_source_new();
	g_source_set_priority(source, G_PRIORITY_DEFAULT);
	g_source_set_callback(source, tell, job, job_free);
	g_source_attach(source, job->context);
	g_source_unref(source);
}

struct ap_auth *ap_auth_new(void)
{
	struct ap_auth *a = g_new0(struct ap_auth, 1);
	char hash[AP_PASSWORD_HASH];
	struct ap_secret *nobodys = ap_secret_random(32);
	if (!ap_ok(ap_auth_hash(nobodys, hash)))
		g_error("not enough memory to hash passwords");
	ap_secret_free(nobodys);
	a->decoy = g_strdup(hash);
	a->pool = g_thread_pool_new(work, NULL, THREADS, TRUE, NULL);
	return a;
}

void ap_auth_free(struct ap_auth *a)
{
	if (!a)
		return;
	while (a->pending > 0)
		g_main_context_iteration(g_main_context_get_thread_default(), TRUE);
	g_thread_pool_free(a->pool, FALSE, TRUE);
	g_free(a->decoy);
	g_free(a);
}

struct ap_result ap_auth_verify_later(struct ap_auth *a, const char *hash, struct ap_secret *password,
				      ap_auth_done done, void *ctx)
{
	if (g_thread_pool_unprocessed(a->pool) >= WAITING) {
		ap_secret_free(password);
		return ap_fail(AP_ERR_LIMIT, "rate", "too many logins at once; try again in a moment");
	}
	struct job *job = g_new0(struct job, 1);
	*job = (struct job){.hash = g_strdup(hash ? hash : a->decoy),
			    .password = password,
			    .context = g_main_context_ref_thread_default(),
			    .owner = a,
			    .done = done,
			    .ctx = ctx};
	a->pending++;
	g_thread_pool_push(a->pool, job, NULL);
	return AP_SUCCESS;
}

/* ---- one-time codes ---- */

enum ap_totp_verdict ap_auth_totp(const struct ap_secret *secret, const char *code, int64_t wall_ms, int64_t last_step,
				  int64_t *ret_step)
{
	int position = 0;
	time_t at = (time_t)(wall_ms / 1000);
	if (strlen(code) != 6)
		return AP_TOTP_WRONG;
	int found = oath_totp_validate2((const char *)ap_secret_bytes(secret), ap_secret_len(secret), at,
					AP_TOTP_STEP_S, 0, 1, &position, code);
	if (found < 0)
		return AP_TOTP_WRONG;
	int64_t step = at / AP_TOTP_STEP_S + position;
	if (step <= last_step)
		return AP_TOTP_REPLAYED;
	*ret_step = step;
	return AP_TOTP_RIGHT;
}

char *ap_auth_totp_text(const struct ap_secret *secret)
{
	char *text = NULL;
	if (oath_base32_encode((const char *)ap_secret_bytes(secret), ap_secret_len(secret), &text, NULL) != OATH_OK)
		g_error("not enough memory");
	char *copy = g_strdup(text);
	ap_wipe(text, strlen(text));
	free(text);
	g_strdelimit(copy, "=", '\0');
	return copy;
}

char *ap_auth_totp_uri(const struct ap_secret *secret, const char *user)
{
	g_autofree char *name = g_uri_escape_string(user, NULL, FALSE);
	char *text = ap_auth_totp_text(secret);
	char *uri = g_strconcat("otpauth://totp/Aparte:", name, "?secret=", text,
				"&issuer=Aparte&algorithm=SHA1&digits=6&period=30", NULL);
	ap_wipe(text, strlen(text));
	g_free(text);
	return uri;
}

int64_t ap_auth_lock_ms(int64_t failures)
{
	int64_t over = failures - AP_AUTH_FREE_FAILURES;
	if (over < 0)
		return 0;
	return over >= 5 ? AP_AUTH_LONGEST_LOCK_MS : 30000LL << over;
}
