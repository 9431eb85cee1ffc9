#include "tests/model/compare.h"

#include "recorder/ledger/receipt.h"
#include "tests/testlib/fake_capture.h"

#include <stdlib.h>
#include <string.h>

/* ---- leaves ---- */

/* A leaf's body in the words of the model. */
static void leaf_text(unsigned type, const char *body, char ret[REF_LEAF_TEXT])
{
	g_autoptr(JsonNode) node = json_from_string(body, NULL);
	JsonObject *o = json_node_get_object(node);
	g_snprintf(ret, REF_LEAF_TEXT, "%u", type);
	if (type == 2 || type == 3)
		g_snprintf(ret, REF_LEAF_TEXT, "%u epoch %d", type, (int)json_object_get_int_member(o, "epoch"));
	if (type != 1)
		return;
	JsonArray *purposes = json_object_get_array_member(o, "purposes");
	g_snprintf(ret, REF_LEAF_TEXT, "1 %s %s %s", json_object_get_string_member(o, "role"),
		   json_object_get_string_member(o, "event"), json_object_get_string_member(o, "evidence"));
	for (guint i = 0; i < json_array_get_length(purposes); i++) {
		g_strlcat(ret, " ", REF_LEAF_TEXT);
		g_strlcat(ret, json_array_get_string_element(purposes, i), REF_LEAF_TEXT);
	}
}

static GArray *new_leaves(struct subject *s)
{
	GArray *list = g_array_new(FALSE, FALSE, sizeof(struct ref_leaf));
	struct ap_rows *rows = ap_db_query(ap_vault_db(s->w->v), "SELECT leaf, body FROM leaf WHERE idx >= ?1 ORDER BY idx",
					   AP_VALUES(AP_V_INT(s->log)));
	while (ap_rows_next(rows)) {
		struct ref_leaf leaf;
		uint8_t bytes[34];
		ap_row_bytes(rows, 0, bytes, sizeof bytes);
		leaf_text(bytes[1], ap_row_text(rows, 1), leaf.text);
		g_array_append_val(list, leaf);
	}
	if (!ap_ok(ap_rows_end(rows)))
		s->wrong = "the log cannot be read";
	s->log += list->len;
	return list;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(((const struct ref_leaf *)a)->text, ((const struct ref_leaf *)b)->text);
}

static char *list_text(const struct ref_leaf *leaves, unsigned n)
{
	GString *text = g_string_new("[");
	for (unsigned i = 0; i < n; i++)
		g_string_append_printf(text, "%s%s", i ? ", " : "", leaves[i].text);
	return g_string_free(g_string_append_c(text, ']'), FALSE);
}

static char *compare_leaves(struct subject *s, const struct expected *x)
{
	g_autoptr(GArray) got = new_leaves(s);
	struct expected wanted = *x;
	struct ref_leaf *list = (struct ref_leaf *)(void *)got->data;
	if (x->loose) {
		qsort(wanted.leaves, wanted.leaf_count, sizeof *list, by_text);
		if (got->len)
			qsort(list, got->len, sizeof *list, by_text);
	}
	bool same = got->len == wanted.leaf_count;
	for (unsigned i = 0; same && i < got->len; i++)
		same = by_text(&list[i], &wanted.leaves[i]) == 0;
	if (same)
		return NULL;
	g_autofree char *a = list_text(list, got->len), *b = list_text(wanted.leaves, wanted.leaf_count);
	return g_strdup_printf("leaves %s, should be %s", a, b);
}

/* ---- answers ---- */

static char *compare_answer(struct subject *s, const struct expected *x, const struct event *e)
{
	if (s->wrong)
		return g_strdup(s->wrong);
	if (!x->answer)
		return NULL;
	if (!s->asked || (g_strcmp0(s->call.name, x->answer) != 0 && (!x->or_else || g_strcmp0(s->call.name, x->or_else) != 0)))
		return g_strdup_printf("answered %s, should be %s", s->call.name, x->answer);
	if (x->closed_at_answer && s->open_at_answer)
		return g_strdup("answered while the descriptor still led somewhere");
	if (e->kind != EV_TAKE && e->kind != EV_RETAKE)
		return NULL;
	g_autoptr(JsonNode) node = json_from_string(s->call.text, NULL);
	bool is_unsigned = json_object_has_member(json_node_get_object(node), "evidence");
	return is_unsigned == x->is_unsigned ? NULL : g_strdup_printf("answered as %ssigned", is_unsigned ? "un" : "");
}

/* A give's receipt proves it to whoever pinned the log's key. */
static char *compare_receipt(struct subject *s, const struct event *e)
{
	struct ap_log_key pinned;
	struct ap_receipt_facts facts;
	if (e->kind != EV_GIVE || g_strcmp0(s->call.name, "ok") != 0 || s->counter % 8 != 0)
		return NULL;
	g_autoptr(JsonNode) node = json_from_string(s->person[e->who].given, NULL);
	const char *statement = json_object_get_string_member(json_node_get_object(node), "statement");
	struct ap_result r = ap_log_key_parse(ap_ledger_vkey(ap_vault_ledger(s->w->v)), &pinned);
	if (ap_ok(r))
		r = ap_receipt_verify(s->call.text, strlen(s->call.text), &pinned, statement, strlen(statement), &facts);
	if (!ap_ok(r))
		return g_strdup_printf("a receipt does not verify: %s", r.name);
	ap_receipt_facts_clear(&facts);
	return NULL;
}

/* ---- what persons see ---- */

static unsigned reasons_in(JsonObject *gate)
{
	static const char *const names[] = {
#define X(id, name) name,
		AP_GATE_REASONS(X)
#undef X
	};
	unsigned bits = 0;
	JsonArray *list = json_object_get_array_member(gate, "reasons");
	for (guint i = 0; i < json_array_get_length(list); i++)
		for (unsigned n = 0; n < AP_GATE_REASON_COUNT; n++)
			if (strcmp(names[n], json_array_get_string_element(list, i)) == 0)
				bits |= 1u << n;
	return bits;
}

static const char *state_of(const struct reference *r)
{
	if (!r->live)
		return "closed";
	return r->opening ? "opening" : "open";
}

static char *compare_gate(const struct reference *r, JsonObject *gate, unsigned who)
{
	unsigned must, may, told = reasons_in(gate);
	JsonObject *paused = json_object_get_object_member(gate, "paused");
	reference_reasons(r, &must, &may);
	if (strcmp(json_object_get_string_member(gate, "state"), state_of(r)) != 0)
		return g_strdup_printf("gate %s (reasons %x), should be %s (%x)", json_object_get_string_member(gate, "state"), told,
				       state_of(r), must);
	if (!r->live && ((told & must) != must || (told & ~may)))
		return g_strdup_printf("reasons %x, should be %x", told, must);
	if (r->live && json_object_get_int_member(gate, "epoch") != r->epoch)
		return g_strdup_printf("epoch %d, should be %u", (int)json_object_get_int_member(gate, "epoch"), r->epoch);
	if (!r->ended && (json_object_get_boolean_member(paused, "self") != (int)(r->paused >> who & 1) ||
	    json_object_get_boolean_member(paused, "peer") != (int)(r->paused >> !who & 1)))
		return g_strdup("paused is shown wrongly");
	return NULL;
}

static bool fits(enum ref_decision d, const char *shown)
{
	static const char *const words[] = { "ConsentUnknown", "ConsentGiven", "ConsentRefused", "ConsentWithdrawn" };
	if (d == REF_NOT_GIVEN)
		return strcmp(shown, words[REF_REFUSED]) == 0 || strcmp(shown, words[REF_WITHDRAWN]) == 0;
	return strcmp(shown, words[d]) == 0;
}

static char *compare_consents(const struct reference *r, JsonObject *party, unsigned who)
{
	static const char *const names[] = { "recording", "supervision", "quality" };
	JsonObject *own = json_object_get_object_member(party, "consents");
	JsonObject *peer = json_object_get_object_member(json_object_get_object_member(party, "peer"), "consents");
	for (unsigned p = 0; p < PURPOSES; p++) {
		const char *mine = json_object_get_string_member(own, names[p]), *theirs = json_object_get_string_member(peer, names[p]);
		bool given = reference_shown(r, !who) & 1u << p;
		if (!fits(r->person[who].state[p], mine))
			return g_strdup_printf("own %s is shown as %s", names[p], mine);
		if (strcmp(theirs, given ? "ConsentGiven" : "ConsentUnknown") != 0)
			return g_strdup_printf("the peer's %s is shown as %s", names[p], theirs);
	}
	return NULL;
}

static char *compare_party(struct subject *s, const struct reference *r, unsigned who)
{
	g_autoptr(JsonNode) node = subject_party(s, who);
	if (!node)
		return g_strdup("PartyGet was refused");
	JsonObject *o = json_node_get_object(node), *peer = json_object_get_object_member(o, "peer");
	char *wrong = compare_gate(r, json_object_get_object_member(o, "gate"), who);
	if (!wrong)
		wrong = compare_consents(r, o, who);
	if (!wrong && json_object_get_boolean_member(peer, "connected") != (int)(r->person[!who].connected && !r->ended))
		wrong = g_strdup("the peer is shown as connected wrongly");
	return wrong;
}

/* ---- descriptors, captures, recordings ---- */

static char *compare_taps(struct subject *s, const struct reference *r)
{
	bool old, newest = subject_taps(s, &old);
	const struct ap_capture *c = fake_captures()->last;
	if (s->tap_count != r->descriptors)
		return g_strdup_printf("%u descriptors handed out, should be %u", s->tap_count, r->descriptors);
	if (old || newest != r->live)
		return g_strdup(r->live && !old ? "the gate's descriptor is dead" : "a descriptor outlives its gate");
	if (r->live && (!c || c->open_generation != s->generations[s->tap_count - 1] || c->open_epoch != r->epoch ||
			c->open_generation != ap_gatekeeper_generation(subject_keeper(s))))
		return g_strdup("capture, gateway and vault are not of one generation");
	if (c && c->discarded) /* whoever orders that ends the recording with it */
		return g_strdup("a capture goes on that was told to throw away what it had");
	for (unsigned i = 1; i < s->tap_count; i++)
		if (s->generations[i] == s->generations[i - 1])
			return g_strdup("a generation came twice");
	return NULL;
}

static char *compare_recordings(struct subject *s, const struct reference *r)
{
	unsigned all = 0, running = 0;
	bool fits_gives = true;
	struct ap_rows *rows = ap_db_query(ap_vault_db(s->w->v),
					   "SELECT state, coach_consent, coachee_consent FROM recording WHERE session = ?1",
					   AP_VALUES(AP_V_UUID(&s->w->session)));
	for (; ap_rows_next(rows); all++) {
		bool runs = strcmp(ap_row_text(rows, 0), "recording") == 0;
		running += runs;
		fits_gives = fits_gives && (uint64_t)ap_row_int(rows, 1) <= r->person[0].give_leaf &&
			     (uint64_t)ap_row_int(rows, 2) <= r->person[1].give_leaf;
	}
	if (!ap_ok(ap_rows_end(rows)))
		return g_strdup("the recordings cannot be read");
	if (all != r->recordings || (!r->broken && running != r->run + r->unsealed))
		return g_strdup_printf("%u recordings, %u under way, should be %u, %u", all, running, r->recordings,
				       r->run + r->unsealed);
	return fits_gives ? NULL : g_strdup("a recording stands on a consent that was not given");
}

/* Off the record is what the next process finds too (R31). */
static char *compare_pause(struct subject *s, const struct reference *r)
{
	int64_t kept = -1;
	if (r->broken || r->ended)
		return NULL;
	if (!ap_ok(ap_db_count(ap_vault_db(s->w->v), "SELECT paused FROM session WHERE id = ?1",
			       AP_VALUES(AP_V_UUID(&s->w->session)), &kept)))
		return g_strdup("the session cannot be read");
	return kept == (int64_t)r->paused_row ? NULL : g_strdup_printf("paused %d is kept, should be %u", (int)kept, r->paused_row);
}

char *compare(struct subject *s, const struct reference *r, const struct expected *x, const struct event *e)
{
	char *wrong = compare_answer(s, x, e);
	if (!wrong)
		wrong = compare_leaves(s, x);
	if (!wrong)
		wrong = compare_receipt(s, e);
	if (!wrong)
		wrong = compare_taps(s, r);
	if (!wrong)
		wrong = compare_recordings(s, r);
	if (!wrong)
		wrong = compare_pause(s, r);
	if (!wrong && r->link)
		wrong = compare_party(s, r, e->who);
	return wrong;
}
