#include "recorder/db/db_library.h"

#include <string.h>

/*
 * The same parameters everywhere, so that one list of values fits all statements:
 * ?1, ?2 who asks (`who_asks`), ?3, ?4 before that time and id, ?5 a person, ?6 from, ?7 what was typed, ?8 what follows
 * all that begins so, ?9 that as an id, ?10 a tenant's name, ?11 a state, ?12 how many, ?13 before when it ends.
 */

/* Of row r and its session s: whether this role sees it. */
static const char *const sees[] = {
	[AP_STAFF_SPONSOR] = "EXISTS (SELECT 1 FROM grant_ g JOIN user_ u ON u.id = g.supervisor"
			     " JOIN party p ON p.session = r.session AND p.role = 2"
			     " WHERE g.recording = r.id AND u.id = ?1 AND g.purpose = 'disclosure' AND g.revoked_ms IS NULL"
			     " AND g.expires_ms > ?2 AND s.tenant = u.tenant"
			     " AND (u.party_id IS NULL OR p.pii_principal = u.party_id))",
	[AP_STAFF_SUPERVISOR] = "EXISTS (SELECT 1 FROM grant_ g WHERE g.recording = r.id AND g.supervisor = ?1"
				" AND g.revoked_ms IS NULL AND g.expires_ms > ?2)",
	[AP_STAFF_COACH] = "s.tenant = ?2 AND EXISTS (SELECT 1 FROM party p WHERE p.session = r.session AND p.role = 1"
			   " AND p.pii_principal = ?1)",
	[AP_STAFF_ADMIN] = "(?1 = 0 OR s.tenant = ?1) AND ?2 NOT NULL",
};

/* Where the rows come from, the narrowest first; each goes on with recording r. */
#define BY_SESSION(sessions) "(" sessions ") m CROSS JOIN recording r ON r.session = m.session"
#define TYPED_BUT_NAMES                                                                                                \
	"SELECT id AS session FROM session WHERE reference COLLATE NOCASE >= ?7 AND reference COLLATE NOCASE < ?8"     \
	" UNION SELECT session FROM party WHERE pii_principal = ?7"                                                    \
	" UNION SELECT session FROM recording WHERE id = ?9 UNION SELECT id FROM session WHERE id = ?9"
#define TYPED_NAMES                                                                                                    \
	" UNION SELECT session FROM party WHERE name COLLATE NOCASE >= ?7 AND name COLLATE NOCASE < ?8"

static const char *const of_role[] = {
	[AP_STAFF_SPONSOR] = "(SELECT DISTINCT recording FROM grant_ WHERE supervisor = ?1) m"
			     " CROSS JOIN recording r ON r.id = m.recording",
	[AP_STAFF_SUPERVISOR] = "(SELECT DISTINCT recording FROM grant_ WHERE supervisor = ?1) m"
				" CROSS JOIN recording r ON r.id = m.recording",
	[AP_STAFF_COACH] = BY_SESSION("SELECT DISTINCT session FROM party WHERE pii_principal = ?1"),
	[AP_STAFF_ADMIN] = "recording r",
};

/* So many grants lead to most of the library: then its newest are looked at one by one, until the page is full. */
#define MANY_GRANTS 1000

static struct ap_result has_many_grants(struct ap_db *db, const struct ap_actor *actor, bool *ret_many)
{
	int64_t n = 0;
	if (actor->staff == AP_STAFF_SUPERVISOR || actor->staff == AP_STAFF_SPONSOR)
		AP_TRY(ap_db_count(db, "SELECT count(*) FROM (SELECT 1 FROM grant_ WHERE supervisor = ?1 LIMIT ?2)",
				   AP_VALUES(AP_V_INT(actor->user), AP_V_INT(MANY_GRANTS)), &n));
	*ret_many = n == MANY_GRANTS;
	return AP_SUCCESS;
}

/* Who is to know no names does not find by them either. */
static const char *source(const struct ap_actor *actor, const struct ap_library_wish *wish, bool many)
{
	if (wish->words)
		return actor->staff == AP_STAFF_ADMIN ? BY_SESSION(TYPED_BUT_NAMES) : BY_SESSION(TYPED_BUT_NAMES TYPED_NAMES);
	if (wish->person)
		return BY_SESSION("SELECT DISTINCT session FROM party WHERE pii_principal = ?5");
	return many ? of_role[AP_STAFF_ADMIN] : of_role[actor->staff];
}

/* What is to be erased is shown as erased. */
#define ORDERED "EXISTS (SELECT 1 FROM erasure e WHERE e.recording = r.id)"
static const char *in_state(const struct ap_library_wish *wish)
{
	if (!wish->state)
		return "?11 IS NULL";
	return strcmp(wish->state, "erased") == 0 ? "(r.state = ?11 OR " ORDERED ")" : "r.state = ?11 AND NOT " ORDERED;
}

#define FILTERS                                                                                                        \
	" AND (r.created_ms, r.id) < (?3, ?4) AND r.created_ms >= ?6"                                                  \
	" AND (?10 IS NULL OR s.tenant = (SELECT id FROM tenant WHERE name = ?10))"                                    \
	" AND (?13 = 0 OR (r.expires_ms < ?13 AND r.state <> 'erased' AND NOT " ORDERED "))"                         \
	" AND (?5 IS NULL OR EXISTS (SELECT 1 FROM party q WHERE q.session = r.session AND q.pii_principal = ?5)) AND "
#define NEWEST " ORDER BY r.created_ms DESC, r.id DESC LIMIT ?12"
#define ALL " AND ?12 NOT NULL"

/* Put together of the pieces above alone: what was asked for is bound, and there are few enough of them to stay prepared. */
static char *statement(const char *columns, const struct ap_actor *actor, const struct ap_library_wish *wish, bool many,
		       const char *tail)
{
	return g_strconcat("SELECT ", columns, " FROM ", source(actor, wish, many), " CROSS JOIN session s ON s.id = r.session WHERE ",
			   sees[actor->staff], FILTERS, in_state(wish), tail, NULL);
}

static struct ap_result check_role(const struct ap_actor *actor)
{
	if ((size_t)actor->staff >= G_N_ELEMENTS(sees) || !sees[actor->staff])
		return ap_fail(AP_ERR_DENIED, "role", "this role does not see recordings");
	return AP_SUCCESS;
}

/* ?1 and ?2. */
struct who {
	struct ap_value first, second;
};

static struct who who_asks(const struct ap_actor *actor, int64_t now_ms)
{
	if (actor->staff == AP_STAFF_COACH)
		return (struct who){AP_V_TEXT(actor->party_id), AP_V_INT(actor->tenant)};
	return (struct who){AP_V_INT(actor->staff == AP_STAFF_ADMIN ? actor->tenant : actor->user), AP_V_INT(now_ms)};
}

/* Where a page begins: before that time, or before that recording of that time. */
struct edge {
	int64_t ms;
	struct ap_uuid id;
	size_t id_len; /* 0: all of that time come after it */
};

/* One that is not there any more has nothing behind it. */
static struct ap_result find_edge(struct ap_db *db, const struct ap_library_wish *wish, struct edge *ret_edge)
{
	struct edge edge = {.ms = wish->to_ms};
	if (wish->after) {
		int64_t ms;
		AP_TRY(ap_db_count(db, "SELECT created_ms FROM recording WHERE id = ?1", AP_VALUES(AP_V_UUID(wish->after)), &ms));
		if (ms < edge.ms)
			edge = (struct edge){ms, *wish->after, sizeof wish->after->b};
	}
	*ret_edge = edge;
	return AP_SUCCESS;
}

/* All that begins with `text`, in SQLite's order of bytes, comes before this; g_free. */
static char *behind(const char *text)
{
	return text ? g_strconcat(text, "\xf4\x8f\xbf\xbf", NULL) : NULL;
}

static struct ap_rows *run(struct ap_db *db, const char *sql, const struct who *who, const struct edge *edge,
			   const struct ap_library_wish *wish)
{
	struct ap_uuid id;
	g_autofree char *end = behind(wish->words);
	bool is_id = wish->words && ap_uuid_parse(wish->words, &id);
	struct ap_rows *rows = ap_db_query(
		db, sql,
		AP_VALUES(who->first, who->second, AP_V_INT(edge->ms), AP_V_BLOB(edge->id.b, edge->id_len), AP_V_TEXT(wish->person),
			  AP_V_INT(wish->from_ms), AP_V_TEXT(wish->words), AP_V_TEXT(end), AP_V_BLOB(is_id ? id.b : NULL, 16),
			  AP_V_TEXT(wish->tenant), AP_V_TEXT(wish->state), AP_V_INT(wish->limit), AP_V_INT(wish->expires_before_ms)));
	return rows;
}

struct ap_result ap_db_library_page(struct ap_db *db, const struct ap_actor *actor, int64_t now_ms,
				    const struct ap_library_wish *wish, GArray **ret_ids)
{
	struct edge edge;
	struct who who = who_asks(actor, now_ms);
	bool many;
	AP_TRY(check_role(actor));
	AP_TRY(find_edge(db, wish, &edge));
	AP_TRY(has_many_grants(db, actor, &many));
	g_autofree char *sql = statement("r.id", actor, wish, many, NEWEST);
	return ap_rows_end_ids(run(db, sql, &who, &edge, wish), ret_ids);
}

struct ap_result ap_db_library_count(struct ap_db *db, const struct ap_actor *actor, int64_t now_ms,
				     const struct ap_library_wish *wish, int64_t *ret_n)
{
	const struct edge edge = {.ms = wish->to_ms};
	struct who who = who_asks(actor, now_ms);
	bool many;
	AP_TRY(check_role(actor));
	AP_TRY(has_many_grants(db, actor, &many));
	g_autofree char *sql = statement("count(*)", actor, wish, many, ALL);
	struct ap_rows *rows = run(db, sql, &who, &edge, wish);
	int64_t n = ap_rows_next(rows) ? ap_row_int(rows, 0) : 0;
	AP_TRY(ap_rows_end(rows));
	*ret_n = n;
	return AP_SUCCESS;
}

struct ap_result ap_db_library_sees(struct ap_db *db, const struct ap_actor *actor, int64_t now_ms,
				    const struct ap_uuid *recording, bool *ret_sees)
{
	int64_t n;
	struct who who = who_asks(actor, now_ms);
	AP_TRY(check_role(actor));
	g_autofree char *sql = g_strconcat("SELECT count(*) FROM recording r JOIN session s ON s.id = r.session WHERE r.id = ?3 AND ",
					   sees[actor->staff], NULL);
	AP_TRY(ap_db_count(db, sql, AP_VALUES(who.first, who.second, AP_V_UUID(recording)), &n));
	*ret_sees = n > 0;
	return AP_SUCCESS;
}
