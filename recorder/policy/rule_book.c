#include "recorder/policy/rule_book.h"

#include "recorder/db/db_policy.h"
#include "recorder/db/db_term.h"

#include <glib.h>

#define NEWEST 0

/* A document in one version. */
struct page {
	int64_t version;
	struct ap_policy *policy;
};

struct ap_rule_book {
	struct ap_db *db;    /* borrowed */
	GHashTable *pages;   /* "<version> <name>" to struct page; version 0: the newest */
	GHashTable *tenants; /* id to struct ap_tenant_rules */
};

static void free_page(gpointer data)
{
	struct page *page = data;
	ap_policy_free(page->policy);
	g_free(page);
}

struct ap_rule_book *ap_rule_book_new(struct ap_db *db)
{
	struct ap_rule_book *b = g_new0(struct ap_rule_book, 1);
	b->db = db;
	b->pages = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_page);
	b->tenants = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
	return b;
}

void ap_rule_book_free(struct ap_rule_book *b)
{
	if (!b)
		return;
	g_hash_table_unref(b->pages);
	g_hash_table_unref(b->tenants);
	g_free(b);
}

static char *key_of(const char *name, int64_t version)
{
	return g_strdup_printf("%" G_GINT64_FORMAT " %s", version, name);
}

/* Takes the reference. */
static struct page *keep(struct ap_rule_book *b, const char *name, int64_t asked, int64_t version, struct ap_policy *policy)
{
	struct page *page = g_new0(struct page, 1);
	*page = (struct page){ version, policy };
	g_hash_table_replace(b->pages, key_of(name, asked), page);
	return page;
}

static struct ap_result find(struct ap_rule_book *b, const char *name, int64_t version, const struct page **ret_page)
{
	g_autofree char *key = key_of(name, version), *document = NULL;
	struct ap_policy *policy = NULL;
	int64_t found = 0;
	*ret_page = g_hash_table_lookup(b->pages, key);
	if (*ret_page)
		return AP_SUCCESS;
	AP_TRY(ap_db_policy_get(b->db, name, version, &document, &found));
	AP_TRY(ap_policy_parse(document, &policy));
	*ret_page = keep(b, name, version, found, policy);
	return AP_SUCCESS;
}

struct ap_result ap_rule_book_propose(struct ap_rule_book *b, struct ap_policy *policy)
{
	int64_t newest = 0;
	struct ap_result r = ap_db_policy_version(b->db, ap_policy_name(policy), &newest);
	if (!ap_ok(r) && r.err != AP_ERR_DENIED)
		return r;
	keep(b, ap_policy_name(policy), NEWEST, newest + 1, ap_policy_ref(policy));
	return AP_SUCCESS;
}

static struct ap_tenant_rules *keep_tenant(struct ap_rule_book *b, int64_t tenant)
{
	int64_t *key = g_new(int64_t, 1);
	struct ap_tenant_rules *rules = g_new0(struct ap_tenant_rules, 1);
	*key = tenant;
	g_hash_table_replace(b->tenants, key, rules);
	return rules;
}

void ap_rule_book_propose_tenant(struct ap_rule_book *b, int64_t tenant, const char *policy, const char *region)
{
	struct ap_tenant_rules *rules = keep_tenant(b, tenant);
	g_strlcpy(rules->policy, policy, sizeof rules->policy);
	g_strlcpy(rules->region, region, sizeof rules->region);
}

static struct ap_result find_tenant(struct ap_rule_book *b, int64_t tenant, const struct ap_tenant_rules **ret_rules)
{
	struct ap_tenant_rules loaded;
	*ret_rules = g_hash_table_lookup(b->tenants, &tenant);
	if (*ret_rules)
		return AP_SUCCESS;
	AP_TRY(ap_db_tenant_rules(b->db, tenant, &loaded));
	struct ap_tenant_rules *kept = keep_tenant(b, tenant);
	*kept = loaded;
	*ret_rules = kept;
	return AP_SUCCESS;
}

static struct ap_result add(struct ap_rule_book *b, struct ap_rules *rules, enum ap_rule_level level, const char *name,
			    int64_t version)
{
	const struct page *page;
	AP_TRY(find(b, name, version, &page));
	ap_rules_add(rules, level, page->version, page->policy);
	return AP_SUCCESS;
}

/* A tenant of an older instance may name a policy that never was: then the default's rules are its. */
static struct ap_result add_tenant_policy(struct ap_rule_book *b, struct ap_rules *rules, const char *name)
{
	struct ap_result r = add(b, rules, AP_LEVEL_TENANT, name, NEWEST);
	return r.err == AP_ERR_DENIED ? add(b, rules, AP_LEVEL_TENANT, "default", NEWEST) : r;
}

static struct ap_result fill(struct ap_rule_book *b, const struct ap_rule_subject *s, struct ap_rules *rules)
{
	const struct ap_tenant_rules *tenant;
	struct ap_pin pins[AP_PINS_MAX];
	size_t n = 0;
	AP_TRY(add(b, rules, AP_LEVEL_SESSION, s->policy, s->policy_version));
	AP_TRY(add(b, rules, AP_LEVEL_SESSION, s->policy, NEWEST));
	AP_TRY(find_tenant(b, s->tenant, &tenant));
	AP_TRY(ap_db_pins(b->db, &s->session, pins, &n));
	for (size_t i = 0; i < n; i++)
		AP_TRY(add(b, rules, pins[i].region ? AP_LEVEL_REGION : AP_LEVEL_TENANT, pins[i].name, pins[i].version));
	AP_TRY(add_tenant_policy(b, rules, tenant->policy));
	return tenant->region[0] ? add(b, rules, AP_LEVEL_REGION, tenant->region, NEWEST) : AP_SUCCESS;
}

struct ap_result ap_rule_book_of(struct ap_rule_book *b, const struct ap_rule_subject *subject, struct ap_rules *ret_rules)
{
	struct ap_rules rules = { 0 };
	struct ap_result r = fill(b, subject, &rules);
	if (ap_ok(r))
		*ret_rules = rules;
	else
		ap_rules_clear(&rules);
	return r;
}

struct ap_result ap_session_rules(struct ap_db *db, const struct ap_session *session, struct ap_rules *ret_rules)
{
	struct ap_rule_book *book = ap_rule_book_new(db);
	const struct ap_rule_subject subject = { session->id, session->tenant, session->policy, session->policy_version };
	struct ap_result r = ap_rule_book_of(book, &subject, ret_rules);
	ap_rule_book_free(book);
	return r;
}

struct ap_result ap_rules_pin(struct ap_db *db, const struct ap_session *session)
{
	struct ap_tenant_rules tenant;
	int64_t version = 0;
	AP_TRY(ap_db_tenant_rules(db, session->tenant, &tenant));
	struct ap_result r = ap_db_policy_version(db, tenant.policy, &version);
	if (ap_ok(r))
		r = ap_db_pin(db, &session->id, false, tenant.policy, version);
	if (!ap_ok(r) && r.err != AP_ERR_DENIED)
		return r;
	if (!tenant.region[0])
		return AP_SUCCESS;
	AP_TRY(ap_db_policy_version(db, tenant.region, &version));
	return ap_db_pin(db, &session->id, true, tenant.region, version);
}
