#include "recorder/policy/terms_change.h"

#include "recorder/api/answer.h"
#include "recorder/vault.h"

#include <aparte/log.h>
#include <string.h>

#define TOKEN_MS 3600000
#define DAY_MS INT64_C(86400000)
#define TOLD 500 /* recordings named in an answer; the days count all of them */

static int sooner(gconstpointer a, gconstpointer b)
{
	const struct ap_terms_loss *x = a, *y = b;
	if (x->would_expire_ms != y->would_expire_ms)
		return x->would_expire_ms < y->would_expire_ms ? -1 : 1;
	return memcmp(x->recording.b, y->recording.b, sizeof x->recording.b);
}

static struct ap_result count_one(struct ap_db *db, struct ap_rule_book *book, const struct ap_term_subject *s,
				  struct ap_terms_tally *t)
{
	struct ap_terms_of terms;
	AP_TRY(ap_term_compute(db, book, s, &terms));
	if (terms.withdrawn)
		return AP_SUCCESS;
	if (terms.expires_ms >= s->expires_ms) {
		t->unchanged++;
		return AP_SUCCESS;
	}
	const struct ap_terms_loss loss = {s->recording, s->expires_ms, terms.expires_ms, s->frozen};
	g_array_append_val(t->losses, loss);
	if (terms.expires_ms <= t->as_of_ms && s->frozen)
		t->held++;
	else if (terms.expires_ms <= t->as_of_ms)
		t->at_once++;
	return AP_SUCCESS;
}

struct ap_result ap_terms_count(struct ap_vault *v, const struct ap_terms_change *change, int64_t as_of_ms,
				struct ap_terms_tally *ret_tally)
{
	g_autoptr(GArray) subjects = NULL;
	struct ap_db *db = ap_vault_db(v);
	struct ap_terms_tally t = {.as_of_ms = as_of_ms};
	AP_TRY(ap_db_term_list(db, &change->filter, as_of_ms, &subjects));
	t.losses = g_array_new(FALSE, FALSE, sizeof(struct ap_terms_loss));
	struct ap_result r = AP_SUCCESS;
	for (guint i = 0; ap_ok(r) && i < subjects->len; i++)
		r = count_one(db, change->book, &g_array_index(subjects, struct ap_term_subject, i), &t);
	g_array_sort(t.losses, sooner);
	if (ap_ok(r))
		*ret_tally = t;
	else
		ap_terms_tally_clear(&t);
	return r;
}

void ap_terms_tally_clear(struct ap_terms_tally *t)
{
	if (t->losses)
		g_array_unref(t->losses);
	*t = (struct ap_terms_tally){0};
}

static const struct ap_terms_loss *loss_at(const struct ap_terms_tally *t, guint i)
{
	return &g_array_index(t->losses, struct ap_terms_loss, i);
}

char *ap_terms_token(const struct ap_terms_change *change, const struct ap_terms_tally *tally)
{
	g_autoptr(GString) said = g_string_new(NULL);
	g_string_append_printf(said, "%" G_GINT64_FORMAT " %" G_GINT64_FORMAT "\n%s\n", change->version, tally->as_of_ms,
			       change->what);
	for (guint i = 0; i < tally->losses->len; i++) {
		char id[AP_UUID_TEXT];
		const struct ap_terms_loss *loss = loss_at(tally, i);
		if (loss->would_expire_ms > tally->as_of_ms || loss->frozen)
			continue;
		ap_uuid_text(&loss->recording, id);
		g_string_append(said, id);
	}
	struct ap_hash hash = ap_sha256(said->str, said->len);
	g_autofree char *hex = ap_hash_hex(&hash);
	return g_strdup_printf("%" G_GINT64_FORMAT "-%s", tally->as_of_ms, hex);
}

/* The time a token was given, or 0. */
static int64_t token_time(const char *token, int64_t now_ms)
{
	char *end = NULL;
	gint64 ms = token ? g_ascii_strtoll(token, &end, 10) : 0;
	return end && *end == '-' && ms <= now_ms && now_ms - ms <= TOKEN_MS ? ms : 0;
}

/* Reckoned again as of the preview's own time: what ended meanwhile was in its list with its day. */
static struct ap_result verify(struct ap_vault *v, const struct ap_terms_change *change, const char *token, int64_t as_of_ms)
{
	struct ap_terms_tally then = {0};
	AP_TRY(ap_terms_count(v, change, as_of_ms, &then));
	g_autofree char *expected = ap_terms_token(change, &then);
	ap_terms_tally_clear(&then);
	return strcmp(token, expected) == 0 ?
		       AP_SUCCESS :
		       ap_fail(AP_ERR_DENIED, "conflict", "the preview is another one's, or no longer true: preview it again");
}

struct ap_result ap_terms_allow(struct ap_vault *v, const struct ap_terms_change *change, const char *token)
{
	struct ap_terms_tally tally = {0};
	int64_t now = ap_wall_ms(ap_vault_clock(v)), given_ms = token_time(token, now);
	struct ap_result verified = ap_fail(AP_ERR_DENIED, "conflict",
					    "this erases recordings at once: preview it and give the preview's token within an hour");
	if (given_ms)
		verified = verify(v, change, token, given_ms);
	if (ap_ok(verified) || verified.err != AP_ERR_DENIED)
		return verified;
	AP_TRY(ap_terms_count(v, change, now, &tally));
	bool erases = tally.at_once > 0;
	ap_terms_tally_clear(&tally);
	return erases ? verified : AP_SUCCESS;
}

/* Times in order, so each day is one run of them. */
static JsonArray *days_of(const GArray *times)
{
	JsonArray *days = json_array_new();
	JsonObject *day = NULL;
	int64_t last = -1, count = 0;
	for (guint i = 0; i < times->len; i++) {
		int64_t number = g_array_index(times, int64_t, i) / DAY_MS;
		if (number != last) {
			char text[AP_TIME_TEXT];
			ap_time_text(number * DAY_MS, text);
			text[10] = '\0'; /* the date alone */
			day = json_object_new();
			ap_answer_text(day, "day", text);
			json_array_add_object_element(days, day);
			last = number;
			count = 0;
		}
		json_object_set_int_member(day, "count", ++count);
	}
	return days;
}

static int earlier(gconstpointer a, gconstpointer b)
{
	const int64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

/* When they would end, or (`as_is`) end without the change; what is past already ends as of the preview. */
static JsonArray *ends_of(const struct ap_terms_tally *t, bool as_is)
{
	g_autoptr(GArray) times = g_array_sized_new(FALSE, FALSE, sizeof(int64_t), t->losses->len);
	for (guint i = 0; i < t->losses->len; i++) {
		const struct ap_terms_loss *loss = loss_at(t, i);
		int64_t at = MAX(as_is ? loss->expires_ms : loss->would_expire_ms, t->as_of_ms);
		g_array_append_val(times, at);
	}
	g_array_sort(times, earlier);
	return days_of(times);
}

static JsonArray *recordings_of(const struct ap_terms_tally *t)
{
	JsonArray *list = json_array_new();
	for (guint i = 0; i < MIN(t->losses->len, TOLD); i++) {
		const struct ap_terms_loss *loss = loss_at(t, i);
		JsonObject *o = json_object_new();
		ap_answer_id(o, "recording", &loss->recording);
		ap_answer_time(o, "expires", loss->expires_ms);
		ap_answer_time(o, "would_expire", loss->would_expire_ms);
		if (loss->frozen)
			json_object_set_boolean_member(o, "held", true);
		json_array_add_object_element(list, o);
	}
	return list;
}

void ap_terms_tell(JsonObject *o, const struct ap_terms_change *change, const struct ap_terms_tally *tally)
{
	g_autofree char *token = ap_terms_token(change, tally);
	ap_answer_text(o, "token", token);
	ap_answer_time(o, "as_of", tally->as_of_ms);
	json_object_set_int_member(o, "at_once", tally->at_once);
	json_object_set_int_member(o, "held", tally->held);
	json_object_set_int_member(o, "total", tally->losses->len);
	json_object_set_int_member(o, "unchanged", tally->unchanged);
	json_object_set_array_member(o, "days", ends_of(tally, false));
	json_object_set_array_member(o, "days_before", ends_of(tally, true));
	json_object_set_array_member(o, "recordings", recordings_of(tally));
}

void ap_terms_carry_out(struct ap_vault *v, const struct ap_term_filter *filter)
{
	struct ap_db *db = ap_vault_db(v);
	struct ap_result r = ap_term_apply(db, filter, ap_wall_ms(ap_vault_clock(v)));
	if (ap_ok(r))
		r = ap_db_terms_owed_set(db, false);
	if (!ap_ok(r))
		ap_log(AP_LOG_ERROR, "terms_owed", "reason=%s", r.name);
	ap_vault_look_again(v);
}
