#include "recorder/ledger/witness_list.h"

#include "recorder/db/db_ledger.h"

#include <aparte/clock.h>
#include <aparte/jcs.h>
#include <glib.h>
#include <string.h>

static struct ap_result bad(const char *detail)
{
	return ap_fail(AP_ERR_PROTOCOL, "witness-list", detail);
}

/* ---- configuration ---- */

static bool prefix_fits(const char *prefix, bool http)
{
	g_autoptr(GUri) uri = g_uri_parse(prefix, G_URI_FLAGS_NONE, NULL);
	const char *host = uri ? g_uri_get_host(uri) : NULL, *scheme = uri ? g_uri_get_scheme(uri) : "";
	return host && *host && (strcmp(scheme, "https") == 0 || (http && strcmp(scheme, "http") == 0)) && !g_uri_get_userinfo(uri) &&
	       !g_uri_get_query(uri) && !g_uri_get_fragment(uri);
}

static bool stands_there(const struct ap_witness_list *list, const struct ap_witness *w)
{
	for (size_t i = 0; i < list->count; i++)
		if (memcmp(list->at[i].key.public, w->key.public, sizeof w->key.public) == 0 ||
		    strcmp(list->at[i].prefix, w->prefix) == 0)
			return true;
	return false;
}

static struct ap_result add(struct ap_witness_list *list, const char *item, bool http)
{
	g_auto(GStrv) words = g_strsplit_set(item, " \t", 2);
	struct ap_witness w = { 0 };
	if (list->count == AP_WITNESSES_MAX)
		return bad("witness.list has at most 8 witnesses");
	if (g_strv_length(words) != 2 || !ap_ok(ap_witness_key_parse(words[0], &w.key)))
		return bad("each of witness.list is a verifier key (type 04), a space and an address");
	w.prefix = g_strdup(g_strstrip(words[1]));
	while (g_str_has_suffix(w.prefix, "/"))
		w.prefix[strlen(w.prefix) - 1] = '\0';
	const char *wrong = !prefix_fits(w.prefix, http) ? "a witness's address is https, without user, query or fragment" :
			    stands_there(list, &w)	 ? "a witness stands twice in witness.list" :
							   NULL;
	if (wrong) {
		g_free(w.prefix);
		return bad(wrong);
	}
	w.vkey = g_strdup(words[0]);
	list->at[list->count++] = w;
	return AP_SUCCESS;
}

static struct ap_result parse(const struct ap_config *config, struct ap_witness_list *list)
{
	bool http = ap_config_bool(config, "witness.allow_http");
	for (const char *const *item = ap_config_list(config, "witness.list"); *item; item++)
		AP_TRY(add(list, *item, http));
	list->quorum = (unsigned)ap_config_int(config, "witness.quorum");
	return list->quorum <= list->count ? AP_SUCCESS : bad("witness.quorum is more than there are witnesses");
}

struct ap_result ap_witness_list_parse(const struct ap_config *config, struct ap_witness_list *ret_list)
{
	struct ap_witness_list list = { 0 };
	struct ap_result r = parse(config, &list);
	if (ap_ok(r))
		*ret_list = list;
	else
		ap_witness_list_clear(&list);
	return r;
}

void ap_witness_list_clear(struct ap_witness_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		g_free(list->at[i].vkey);
		g_free(list->at[i].prefix);
	}
	*list = (struct ap_witness_list){ 0 };
}

/* ---- what is known of them ---- */

typedef void (*look_fn)(void *ctx, const struct ap_witness *w, const struct ap_witness_row *row);

static struct ap_result each(const struct ap_config *config, const char *origin, struct ap_db *db, look_fn look, void *ctx,
			     unsigned *ret_quorum)
{
	struct ap_witness_list list;
	struct ap_witness_row row;
	AP_TRY(ap_witness_list_parse(config, &list));
	struct ap_result r = AP_SUCCESS;
	for (size_t i = 0; ap_ok(r) && i < list.count; i++) {
		r = ap_db_witness_get(db, origin, list.at[i].vkey, &row);
		if (ap_ok(r))
			look(ctx, &list.at[i], &row);
	}
	*ret_quorum = list.quorum;
	ap_witness_list_clear(&list);
	return r;
}

static void compare_one(void *ctx, const struct ap_witness *w, const struct ap_witness_row *row)
{
	(void)w;
	bool *doubted = ctx;
	*doubted |= row->doubt[0] != '\0';
}

struct ap_result ap_witness_compare(const struct ap_config *config, struct ap_ledger *ledger, struct ap_db *db)
{
	bool doubted = false;
	unsigned quorum = 0;
	AP_TRY(each(config, ap_ledger_origin(ledger), db, compare_one, &doubted, &quorum));
	ap_ledger_set_quorum(ledger, quorum);
	if (doubted)
		ap_ledger_doubt(ledger, true);
	return AP_SUCCESS;
}

struct counting {
	struct ap_witness_state *s;
	int64_t since_ms;
	uint64_t size;
};

static void count_one(void *ctx, const struct ap_witness *w, const struct ap_witness_row *row)
{
	(void)w;
	struct counting *c = ctx;
	bool fresh = row->seen_ms > 0 && row->seen_ms >= c->since_ms;
	c->s->configured++;
	c->s->fresh += fresh;
	c->s->doubting += row->doubt[0] != '\0';
	if (row->size < c->size)
		c->s->lag = MAX(c->s->lag, c->size - row->size);
	if (!fresh && row->trouble[0])
		g_strlcpy(c->s->trouble, row->trouble, sizeof c->s->trouble);
}

struct ap_result ap_witness_state(const struct ap_config *config, const struct ap_ledger *ledger, struct ap_db *db, int64_t now_ms,
				  int64_t fresh_ms, struct ap_witness_state *ret_state)
{
	struct ap_witness_state state = { 0 };
	struct counting c = { .s = &state, .since_ms = now_ms - fresh_ms };
	AP_TRY(ap_db_ledger_size(db, &c.size));
	AP_TRY(each(config, ap_ledger_origin(ledger), db, count_one, &c, &state.quorum));
	*ret_state = state;
	return AP_SUCCESS;
}

static void tell_one(void *ctx, const struct ap_witness *w, const struct ap_witness_row *row)
{
	JsonObject *o = json_object_new();
	char at[AP_TIME_TEXT];
	ap_time_text(row->seen_ms, at);
	json_object_set_string_member(o, "key", w->vkey);
	json_object_set_string_member(o, "name", w->key.name);
	json_object_set_int_member(o, "size", (gint64)row->size);
	if (row->seen_ms > 0)
		json_object_set_string_member(o, "at", at);
	json_array_add_object_element(ctx, o);
}

struct ap_result ap_witness_list_json(const struct ap_config *config, const struct ap_ledger *ledger, struct ap_db *db,
				      char **ret_json)
{
	g_autoptr(JsonObject) o = json_object_new();
	JsonArray *list = json_array_new();
	unsigned quorum = 0;
	json_object_set_array_member(o, "witnesses", list);
	AP_TRY(each(config, ap_ledger_origin(ledger), db, tell_one, list, &quorum));
	json_object_set_int_member(o, "quorum", quorum);
	return ap_jcs_from_object(o, ret_json);
}
