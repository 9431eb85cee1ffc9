#include "session.h"

#include <sodium.h>
#include <string.h>

#define TOKENS_PER_SESSION 4
#define TOGETHER 50 /* sessions on a worker, see ap_sessions_ensure */

struct ap_sessions {
	GHashTable *by_id;   /* owned: id (in the session) -> struct ap_session */
	GHashTable *by_hash; /* owned: hash (in the party) -> struct ap_party */
	size_t max;
	unsigned on[AP_WORKERS_MAX]; /* sessions of each worker */
};

/* Ids and hashes are random: any four bytes of them will do. */
static unsigned bytes_hash(const void *bytes)
{
	struct ap_reader r = ap_reader_over(bytes, sizeof(uint32_t));
	return ap_read_u32(&r);
}

static int id_equal(const void *a, const void *b)
{
	return ap_uuid_equal(a, b);
}

static int hash_equal(const void *a, const void *b)
{
	return sodium_memcmp(a, b, AP_TOKEN_HASH) == 0;
}

struct ap_sessions *ap_sessions_new(size_t max)
{
	struct ap_sessions *s = g_new0(struct ap_sessions, 1);
	s->by_id = g_hash_table_new_full(bytes_hash, id_equal, NULL, g_free);
	s->by_hash = g_hash_table_new_full(bytes_hash, hash_equal, NULL, g_free);
	s->max = max;
	return s;
}

void ap_sessions_free(struct ap_sessions *s)
{
	if (!s)
		return;
	g_hash_table_unref(s->by_hash);
	g_hash_table_unref(s->by_id);
	g_free(s);
}

size_t ap_sessions_count(const struct ap_sessions *s)
{
	return g_hash_table_size(s->by_id);
}

struct ap_session *ap_sessions_find(struct ap_sessions *s, const struct ap_uuid *id)
{
	return g_hash_table_lookup(s->by_id, id);
}

/* 32 random bits that are neither 0 nor used in this session. */
static uint32_t fresh_ssrc(const struct ap_session *session)
{
	const uint32_t *all[] = { session->ssrc[0], session->ssrc[1], session->rtx_ssrc[0], session->rtx_ssrc[1] };
	for (;;) {
		uint32_t candidate = randombytes_random();
		bool used = candidate == 0;
		for (size_t i = 0; i < G_N_ELEMENTS(all); i++)
			for (size_t line = 0; line < AP_LINES; line++)
				used |= all[i][line] == candidate;
		if (!used)
			return candidate;
	}
}

static struct ap_session *session_new(const struct ap_party *party, unsigned worker, int64_t now_ns)
{
	struct ap_session *session = g_new0(struct ap_session, 1);
	uint8_t random[8];
	session->id = party->session;
	ap_uuid_text(&session->id, session->text);
	session->codec = party->codec;
	session->worker = worker;
	session->created_ns = session->seen_ns = now_ns;
	randombytes_buf(random, sizeof random);
	sodium_bin2hex(session->cname, sizeof session->cname, random, sizeof random);
	for (size_t role = 0; role < 2; role++) {
		for (size_t line = 0; line < AP_LINES; line++) {
			session->ssrc[role][line] = fresh_ssrc(session);
			session->rtx_ssrc[role][line] = fresh_ssrc(session);
		}
	}
	return session;
}

static unsigned pick_worker(const struct ap_sessions *s, unsigned workers)
{
	unsigned best = 0;
	for (unsigned i = 1; i < workers && s->on[best] >= TOGETHER; i++)
		if (s->on[i] < s->on[best])
			best = i;
	return best;
}

struct ap_result ap_sessions_ensure(struct ap_sessions *s, const struct ap_party *party, unsigned workers, int64_t now_ns,
				    struct ap_session **ret_session)
{
	struct ap_session *session = ap_sessions_find(s, &party->session);
	if (!session) {
		if (ap_sessions_count(s) >= s->max)
			return ap_fail(AP_ERR_LIMIT, "rate", "The gateway holds as many sessions as it may; try again later.");
		session = session_new(party, pick_worker(s, workers), now_ns);
		s->on[session->worker]++;
		g_hash_table_insert(s->by_id, &session->id, session);
	}
	session->seen_ns = now_ns;
	*ret_session = session;
	return AP_SUCCESS;
}

static gboolean is_of_session(void *key, void *party, void *id)
{
	(void)key;
	return ap_uuid_equal(&((struct ap_party *)party)->session, id);
}

void ap_sessions_remove(struct ap_sessions *s, const struct ap_uuid *id)
{
	struct ap_uuid copy = *id; /* `id` may lie in the session itself */
	const struct ap_session *session = ap_sessions_find(s, &copy);
	if (session)
		s->on[session->worker]--;
	g_hash_table_foreach_remove(s->by_hash, is_of_session, &copy);
	g_hash_table_remove(s->by_id, &copy);
}

/* Over a snapshot, so that `each` may remove. */
void ap_sessions_each(struct ap_sessions *s, void (*each)(struct ap_session *session, void *ctx), void *ctx)
{
	g_autoptr(GList) all = g_hash_table_get_values(s->by_id);
	for (GList *at = all; at; at = at->next)
		each(at->data, ctx);
}

void ap_token_hash(const char *token, uint8_t ret_hash[AP_TOKEN_HASH])
{
	crypto_hash_sha256(ret_hash, (const uint8_t *)token, strlen(token));
}

bool ap_sessions_recall(const struct ap_sessions *s, const uint8_t hash[AP_TOKEN_HASH], struct ap_party *ret_party)
{
	const struct ap_party *party = g_hash_table_lookup(s->by_hash, hash);
	if (party)
		*ret_party = *party;
	return party != NULL;
}

void ap_sessions_remember(struct ap_sessions *s, const struct ap_party *party)
{
	if (g_hash_table_size(s->by_hash) >= s->max * TOKENS_PER_SESSION && !g_hash_table_contains(s->by_hash, party->token))
		return;
	struct ap_party *copy = g_new(struct ap_party, 1);
	*copy = *party;
	g_hash_table_replace(s->by_hash, copy->token, copy);
}

void ap_sessions_forget_token(struct ap_sessions *s, const uint8_t hash[AP_TOKEN_HASH])
{
	g_hash_table_remove(s->by_hash, hash);
}

struct ap_session_leg *ap_session_leg(struct ap_session *session, enum ap_role role)
{
	return &session->legs[ap_role_index(role)];
}

/* ice-chars: exactly 64 of them, so a random byte's low six bits pick one evenly. */
static void random_ice(char *ret_text, size_t n)
{
	static const char chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; i < n; i++)
		ret_text[i] = chars[randombytes_random() & 63];
	ret_text[n] = '\0';
}

void ap_session_new_credentials(struct ap_session *session, struct ap_leg_desc *leg)
{
	random_ice(leg->local_ufrag, AP_LOCAL_UFRAG);
	leg->local_ufrag[0] = (char)('a' + session->worker);
	random_ice(leg->local_pwd, AP_LOCAL_PWD);
}

void ap_session_new_etag(struct ap_session_leg *leg)
{
	uint8_t random[8];
	char hex[17];
	randombytes_buf(random, sizeof random);
	sodium_bin2hex(hex, sizeof hex, random, sizeof random);
	g_strlcpy(leg->etag, "\"", sizeof leg->etag);
	g_strlcat(leg->etag, hex, sizeof leg->etag);
	g_strlcat(leg->etag, "\"", sizeof leg->etag);
}

void ap_session_dress_leg(struct ap_session *session, enum ap_role role, struct ap_leg_desc *leg)
{
	size_t me = ap_role_index(role);
	leg->session = session->id;
	leg->role = role;
	randombytes_buf(&leg->id, sizeof leg->id); /* 64 random bits: unique enough for a process's life */
	leg->id >>= 1; /* SDP's session id must fit a signed 64-bit number (RFC 8866 §5.2) */
	ap_session_new_credentials(session, leg);
	for (size_t line = 0; line < AP_LINES; line++) {
		leg->lines[line].local_ssrc = session->ssrc[me][line];
		leg->lines[line].local_rtx_ssrc = leg->lines[line].rtx_pt ? session->rtx_ssrc[me][line] : 0;
	}
}
