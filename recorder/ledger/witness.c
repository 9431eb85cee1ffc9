#include "recorder/ledger/witness.h"

#include "recorder/db/db_ledger.h"
#include "recorder/ledger/witness_list.h"
#include "recorder/vault.h"

#include <aparte/log.h>
#include <libsoup/soup.h>
#include <string.h>

#define SECOND_NS 1000000000LL
#define PATIENCE_NS (20 * SECOND_NS)	/* for one answer, from the connection to its last byte */
#define RENEW_NS (3600 * SECOND_NS)	/* an unchanged log is shown again: cosignatures have a time */
#define LONGEST_WAIT_NS (3600 * SECOND_NS)
#define RESUMES 2 /* times in a row that a witness may name another size and is asked again at once */
#define KEEP_ALL_MS (30 * 86400LL * 1000)

struct asked {
	/* borrowed */
	struct ap_witnesses *all; /* NULL once that is gone */
	const struct ap_witness *w;
	/* owned, while a request is under way */
	SoupMessage *message;
	GCancellable *cancel;
	char *note;
	/* state; times are monotonic */
	int64_t begun_ns, next_ns, cosigned_ns;
	uint64_t old, size; /* of the request: what the witness has, what it is shown */
	unsigned failures, resumes;
	bool doubting;
	uint8_t body[AP_WITNESS_ANSWER_MAX + 1];
};

struct ap_witnesses {
	/* borrowed */
	struct ap_vault *v;
	/* owned */
	SoupSession *session;
	GSource *timer;
	struct ap_witness_list list;
	struct asked *asked[AP_WITNESSES_MAX]; /* one each; a request under way outlives us */
	char *note; /* the checkpoint of this round: all witnesses see the same sizes */
	/* state */
	int64_t noted_ns, interval_ns, thinned_ms;
};

static int64_t now_ns(const struct ap_witnesses *all)
{
	return ap_mono_ns(ap_vault_clock(all->v));
}

static const char *origin(const struct ap_witnesses *all)
{
	return ap_ledger_origin(ap_vault_ledger(all->v));
}

/* ---- doubt ---- */

static bool any_doubting(const struct ap_witnesses *all)
{
	for (size_t i = 0; i < all->list.count; i++)
		if (all->asked[i]->doubting)
			return true;
	return false;
}

static void set_doubt(struct asked *a, bool doubting)
{
	struct ap_witnesses *all = a->all;
	bool before = any_doubting(all);
	a->doubting = doubting;
	if (any_doubting(all) == before)
		return;
	ap_ledger_doubt(ap_vault_ledger(all->v), doubting);
	ap_vault_look_again(all->v);
	ap_log(doubting ? AP_LOG_ERROR : AP_LOG_INFO, doubting ? "witness_disagrees" : "witness_agrees", "advice=see aparte doctor");
}

/* ---- answers ---- */

/* Nothing came of it: later, and each time later. */
static void fail(struct asked *a, const char *word)
{
	struct ap_witnesses *all = a->all;
	int64_t wait = MIN(all->interval_ns << MIN(a->failures, 10u), LONGEST_WAIT_NS);
	a->failures++;
	a->resumes = 0;
	a->next_ns = now_ns(all) + MAX(wait, all->interval_ns);
	AP_IGNORE(ap_db_witness_trouble(ap_vault_db(all->v), origin(all), a->w->vkey, word,
					ap_wall_ms(ap_vault_clock(all->v)))); /* doctor then shows the trouble before */
	ap_log(AP_LOG_WARN, "witness_failed", "reason=%s", word);
}

static void doubt(struct asked *a, const char *word, uint64_t size)
{
	struct ap_witnesses *all = a->all;
	struct ap_result r = ap_db_witness_doubt(ap_vault_db(all->v), origin(all), a->w->vkey, word, size,
						 ap_wall_ms(ap_vault_clock(all->v)));
	if (!ap_ok(r))
		ap_log(AP_LOG_ERROR, "witness_not_noted", "reason=%s", r.name);
	set_doubt(a, true); /* also when it could not be kept */
	a->failures = 0;
	fail(a, word);
}

static void take_cosignature(struct asked *a, const struct ap_witness_answer *answer)
{
	struct ap_witnesses *all = a->all;
	struct ap_result r = ap_db_witness_cosigned(ap_vault_db(all->v), origin(all), a->w->vkey, a->size, answer->line,
						    ap_wall_ms(ap_vault_clock(all->v)));
	if (!ap_ok(r)) {
		fail(a, r.name);
		return;
	}
	a->failures = a->resumes = 0;
	a->cosigned_ns = now_ns(all);
	a->next_ns = a->cosigned_ns + all->interval_ns;
	set_doubt(a, false);
}

/* It has another size than we thought: more than there is, or a place to go on from. */
static void take_size(struct asked *a, uint64_t told)
{
	struct ap_db *db = ap_vault_db(a->all->v);
	uint64_t committed = 0;
	struct ap_result r = ap_db_ledger_size(db, &committed);
	if (ap_ok(r) && told > committed) {
		doubt(a, "ahead", told);
		return;
	}
	if (ap_ok(r) && (told == a->old || a->resumes++ >= RESUMES))
		r = ap_fail(AP_ERR_PROTOCOL, "not-understood", "");
	if (ap_ok(r))
		r = ap_db_witness_size(db, origin(a->all), a->w->vkey, told);
	if (ap_ok(r))
		a->next_ns = 0; /* at the next look, from there */
	else
		fail(a, r.name);
}

/* Its tree is another than ours: unless what we sent was wrong in itself. */
static void take_refusal(struct asked *a)
{
	struct ap_db *db = ap_vault_db(a->all->v);
	struct ap_merkle_store store = ap_db_ledger_store(db);
	struct ap_merkle_proof proof;
	struct ap_hash before, after;
	bool sound = a->old > 0 && ap_ok(ap_merkle_root(&store, a->old, &before)) && ap_ok(ap_merkle_root(&store, a->size, &after)) &&
		     ap_ok(ap_merkle_consistency(&store, a->old, a->size, &proof)) &&
		     ap_ok(ap_merkle_verify_consistency(a->old, a->size, &before, &after, proof.hashes, proof.count));
	if (sound)
		doubt(a, "other", a->old);
	else
		fail(a, "not-understood");
}

static void take_answer(struct asked *a, const char *body, size_t len)
{
	const char *type = soup_message_headers_get_content_type(soup_message_get_response_headers(a->message), NULL);
	g_autofree char *text = g_strndup(a->note, (gsize)(strstr(a->note, "\n\n") - a->note) + 1);
	struct ap_witness_answer answer = ap_witness_answer_read(soup_message_get_status(a->message), type, body, len, text, &a->w->key);
	if (answer.verdict == AP_WITNESS_COSIGNED)
		take_cosignature(a, &answer);
	else if (answer.verdict == AP_WITNESS_HAS_SIZE)
		take_size(a, answer.size);
	else if (answer.verdict == AP_WITNESS_DISAGREES)
		take_refusal(a);
	else
		fail(a, ap_witness_verdict_text(answer.verdict));
}

/* ---- requests ---- */

static void asked_end(struct asked *a)
{
	g_clear_object(&a->message);
	g_clear_object(&a->cancel);
	g_clear_pointer(&a->note, g_free);
	if (!a->all)
		g_free(a);
}

static void on_body(GObject *source, GAsyncResult *result, gpointer data)
{
	struct asked *a = data;
	gsize len = 0;
	bool whole = g_input_stream_read_all_finish(G_INPUT_STREAM(source), result, &len, NULL);
	if (a->all && whole)
		take_answer(a, (const char *)a->body, len);
	else if (a->all)
		fail(a, "unreachable");
	asked_end(a);
}

/* One byte more than is ever looked at is read: what is longer is not understood. */
static void on_answer(GObject *source, GAsyncResult *result, gpointer data)
{
	struct asked *a = data;
	g_autoptr(GInputStream) in = soup_session_send_finish(SOUP_SESSION(source), result, NULL);
	if (a->all && in) {
		g_input_stream_read_all_async(in, a->body, sizeof a->body, G_PRIORITY_LOW, a->cancel, on_body, a);
		return;
	}
	if (a->all)
		fail(a, "unreachable");
	asked_end(a);
}

static void post(struct asked *a, const struct ap_merkle_proof *proof)
{
	g_autofree char *url = g_strconcat(a->w->prefix, "/add-checkpoint", NULL);
	a->message = soup_message_new("POST", url);
	if (!a->message) {
		fail(a, "address");
		asked_end(a);
		return;
	}
	char *body = ap_witness_request(a->old, proof, a->note);
	g_autoptr(GBytes) bytes = g_bytes_new_take(body, strlen(body));
	soup_message_set_request_body_from_bytes(a->message, "text/plain; charset=utf-8", bytes);
	soup_message_set_flags(a->message, SOUP_MESSAGE_NO_REDIRECT);
	a->cancel = g_cancellable_new();
	a->begun_ns = now_ns(a->all);
	soup_session_send_async(a->all->session, a->message, G_PRIORITY_LOW, a->cancel, on_answer, a);
}

/* ---- rounds ---- */

/* The checkpoint to show; while the log is stopped the newest that was signed before. */
static struct ap_result take_note(struct ap_witnesses *all, bool anew)
{
	struct ap_ledger *ledger = ap_vault_ledger(all->v);
	char *note = NULL;
	if (all->note && !anew && now_ns(all) - all->noted_ns < all->interval_ns)
		return AP_SUCCESS;
	struct ap_result r = ap_ledger_checkpoint(ledger, ap_vault_db(all->v), &note);
	if (!ap_ok(r))
		r = ap_ledger_checkpoint_last(ledger, ap_vault_db(all->v), &note);
	if (!ap_ok(r))
		return r;
	g_free(all->note);
	all->note = note;
	all->noted_ns = now_ns(all);
	return AP_SUCCESS;
}

static struct ap_result note_size(const struct ap_witnesses *all, uint64_t *ret_size)
{
	struct ap_log_key key;
	struct ap_checkpoint c;
	AP_TRY(ap_log_key_parse(ap_ledger_vkey(ap_vault_ledger(all->v)), &key));
	AP_TRY(ap_checkpoint_verify(all->note, strlen(all->note), &key, &c));
	*ret_size = c.size;
	return AP_SUCCESS;
}

/* What to show this witness, from where on. One that has more than that is asked what it has. */
static struct ap_result prepare(struct asked *a, struct ap_merkle_proof *ret_proof)
{
	struct ap_witnesses *all = a->all;
	struct ap_witness_row row;
	struct ap_merkle_store store = ap_db_ledger_store(ap_vault_db(all->v));
	AP_TRY(ap_db_witness_get(ap_vault_db(all->v), origin(all), a->w->vkey, &row));
	AP_TRY(take_note(all, false));
	AP_TRY(note_size(all, &a->size));
	if (row.size > a->size) {
		AP_TRY(take_note(all, true));
		AP_TRY(note_size(all, &a->size));
	}
	a->old = row.size <= a->size ? row.size : 0;
	*ret_proof = (struct ap_merkle_proof){ 0 };
	return a->old > 0 ? ap_merkle_consistency(&store, a->old, a->size, ret_proof) : AP_SUCCESS;
}

static void ask(struct asked *a)
{
	struct ap_merkle_proof proof;
	struct ap_result r = prepare(a, &proof);
	bool known = ap_ok(r) && a->old == a->size && a->cosigned_ns > 0;
	if (!ap_ok(r)) {
		fail(a, r.name);
	} else if (known && !a->doubting && now_ns(a->all) - a->cosigned_ns < RENEW_NS) {
		a->next_ns = now_ns(a->all) + a->all->interval_ns;
	} else {
		a->note = g_strdup(a->all->note);
		post(a, &proof);
	}
}

/* What it said before the start stands until it says otherwise. */
static bool doubted_before(struct ap_witnesses *all, const struct ap_witness *w)
{
	struct ap_witness_row row;
	return ap_ok(ap_db_witness_get(ap_vault_db(all->v), origin(all), w->vkey, &row)) && row.doubt[0];
}

static void thin_out(struct ap_witnesses *all)
{
	int64_t now = ap_wall_ms(ap_vault_clock(all->v));
	if (all->thinned_ms && now - all->thinned_ms < KEEP_ALL_MS / 30)
		return;
	all->thinned_ms = now;
	AP_IGNORE(ap_db_cosigned_thin_out(ap_vault_db(all->v), now - KEEP_ALL_MS)); /* more than needed stays */
}

static gboolean on_timer(gpointer data)
{
	struct ap_witnesses *all = data;
	int64_t now = now_ns(all);
	for (size_t i = 0; i < all->list.count; i++) {
		struct asked *a = all->asked[i];
		if (!a->message && a->next_ns <= now)
			ask(a);
		else if (a->message && now - a->begun_ns > PATIENCE_NS)
			g_cancellable_cancel(a->cancel);
	}
	thin_out(all);
	return G_SOURCE_CONTINUE;
}

struct ap_result ap_witnesses_start(struct ap_vault *v, struct ap_witnesses **ret_witnesses)
{
	struct ap_witness_list list;
	AP_TRY(ap_witness_list_parse(ap_vault_config(v), &list));
	if (list.count == 0)
		return AP_SUCCESS;
	struct ap_witnesses *all = g_new0(struct ap_witnesses, 1);
	*all = (struct ap_witnesses){ .v = v, .list = list };
	all->interval_ns = ap_config_int(ap_vault_config(v), "witness.interval_seconds") * SECOND_NS;
	all->session = soup_session_new_with_options("timeout", 10, "user-agent", "Aparte", NULL);
	soup_session_remove_feature_by_type(all->session, SOUP_TYPE_CONTENT_DECODER);
	for (size_t i = 0; i < all->list.count; i++) {
		all->asked[i] = g_new0(struct asked, 1);
		*all->asked[i] = (struct asked){ .all = all, .w = &all->list.at[i] };
		all->asked[i]->doubting = doubted_before(all, &all->list.at[i]);
	}
	all->timer = g_timeout_source_new_seconds(1);
	g_source_set_callback(all->timer, on_timer, all, NULL);
	g_source_attach(all->timer, g_main_context_get_thread_default());
	on_timer(all);
	*ret_witnesses = all;
	return AP_SUCCESS;
}

void ap_witnesses_stop(struct ap_witnesses *all)
{
	if (!all)
		return;
	g_source_destroy(all->timer);
	g_source_unref(all->timer);
	for (size_t i = 0; i < all->list.count; i++) {
		struct asked *a = all->asked[i];
		a->all = NULL;
		if (a->message)
			g_cancellable_cancel(a->cancel); /* what answers it frees it */
		else
			g_free(a);
	}
	soup_session_abort(all->session);
	g_object_unref(all->session);
	ap_witness_list_clear(&all->list);
	g_free(all->note);
	g_free(all);
}
