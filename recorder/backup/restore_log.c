#include "recorder/backup/restore_private.h"

#include "recorder/backup/db_backup.h"
#include "recorder/backup/db_journal.h"
#include "recorder/backup/journal_file.h"
#include "recorder/db/db_ledger.h"

#include <aparte/buf.h>
#include <string.h>

/* What keys.db says of the log, and its keys. */
struct known {
	struct ap_checkpoint checkpoint; /* without origin */
	struct ap_log_key log_key;
	uint8_t journal_key[32];
	bool has_journal_key;
};

static struct ap_result read_server_keys(struct ap_db_keys *keys, const char *origin, struct known *k)
{
	struct ap_secret *seed = NULL;
	AP_TRY(ap_db_keys_server(keys, "log", &seed));
	struct ap_result r = ap_log_key_from_seed(origin, seed, &k->log_key);
	ap_secret_free(seed);
	AP_TRY(r);
	k->has_journal_key = ap_ok(ap_db_keys_server_get(keys, "journal", &seed));
	if (k->has_journal_key) {
		ap_journal_public(seed, k->journal_key);
		ap_secret_free(seed);
	}
	return ap_db_keys_known_get(keys, &k->checkpoint.size, &k->checkpoint.root);
}

static struct ap_result read_known(const struct ap_restoring *r, struct known *k)
{
	struct ap_db_keys *keys = NULL;
	g_autofree char *path = g_build_filename(r->place, "vault", "keys.db", NULL);
	AP_TRY(ap_db_keys_open(path, r->kek, r->wish->clock, &keys));
	struct ap_result result = read_server_keys(keys, r->vault_part.origin, k);
	ap_db_keys_free(keys);
	return result;
}

/* "<host>/aparte/log/7": 7; 1 where it does not end in a number. */
static uint64_t number_of(const char *origin)
{
	const char *slash = strrchr(origin, '/');
	guint64 n = 1;
	return slash && g_ascii_string_to_unsigned(slash + 1, 10, 1, 1000000, &n, NULL) ? n : 1;
}

static char *renumbered(const char *origin, uint64_t n)
{
	const char *slash = strrchr(origin, '/');
	bool numbered = slash && g_ascii_isdigit(slash[1]);
	g_autofree char *stem = numbered ? g_strndup(origin, (size_t)(slash - origin)) : g_strdup(origin);
	return g_strdup_printf("%s/%" G_GUINT64_FORMAT, stem, n);
}

/* The journal's checkpoint under this log's key, whatever number its name bears by now. */
static bool read_checkpoint(const char *note, const struct known *k, struct ap_checkpoint *ret_checkpoint)
{
	struct ap_log_key key = k->log_key;
	g_autofree char *origin = g_strndup(note, strcspn(note, "\n"));
	g_autofree char *expected = renumbered(k->log_key.name, number_of(origin));
	if (strcmp(origin, expected) != 0 && strcmp(origin, k->log_key.name) != 0)
		return false;
	return ap_ok(ap_log_key_named(&key, origin)) &&
	       ap_ok(ap_checkpoint_verify(note, strlen(note), &key, ret_checkpoint));
}

/* Whether what came before the journal began is in the copy of vault.db: under an earlier name of the log, or under the same
 * one no later than the copy. A journal that was begun after a restore says nothing of what the old one had. */
static bool began_before(const struct ap_restoring *r)
{
	if (r->lines->len == 0)
		return false;
	JsonObject *first = json_node_get_object(r->lines->pdata[0]);
	uint64_t number = number_of(json_object_get_string_member_with_default(first, "origin", ""));
	uint64_t size = (uint64_t)json_object_get_int_member_with_default(first, "log_size", INT64_MAX);
	uint64_t own = number_of(r->vault_part.origin);
	return number < own || (number == own && size <= r->size);
}

static struct ap_result read_journal(struct ap_restoring *r, const struct known *k)
{
	if (!r->wish->journal || !k->has_journal_key) {
		ap_restore_problem(r, "without a journal nobody can say who withdrew since the backup");
		return AP_SUCCESS;
	}
	struct ap_result read = ap_journal_file_read(r->wish->journal, k->journal_key, &r->lines);
	if (!ap_ok(read))
		ap_restore_problem(r, "%s", read.detail);
	return AP_SUCCESS;
}

/* Are all lines there that were when this checkpoint was kept? A file that lost its last ones is chained and signed as ever. */
static bool is_whole(struct ap_restoring *r, const struct known *k, const struct ap_journal_kept *kept)
{
	struct ap_journal_end end;
	if (!ap_journal_kept_end(kept, k->journal_key, &end))
		ap_restore_problem(r, "the journal's checkpoint does not say how many lines there were");
	else if (!ap_journal_lines_pass(r->lines, &end))
		ap_restore_problem(r, "the journal lost lines that were in it when its checkpoint was kept");
	else
		return true;
	return false;
}

/* The newest checkpoint known: keys.db's, or the journal's when that is as new. */
static void judge_journal(struct ap_restoring *r, const struct known *k, const struct ap_journal_kept *kept)
{
	struct ap_checkpoint c;
	r->newest = k->checkpoint;
	g_strlcpy(r->newest.origin, r->vault_part.origin, sizeof r->newest.origin);
	if (!r->lines)
		return;
	if (!kept->note || !read_checkpoint(kept->note, k, &c)) {
		ap_restore_problem(r, "the journal's checkpoint is missing or is not of this log");
		return;
	}
	bool later_name = number_of(c.origin) > number_of(r->vault_part.origin);
	bool reaches = later_name || (strcmp(c.origin, r->vault_part.origin) == 0 && c.size >= k->checkpoint.size);
	if (reaches)
		r->newest = c;
	else
		ap_restore_problem(r, "the journal is older than the newest checkpoint known");
	bool early = began_before(r);
	if (reaches && !early)
		ap_restore_problem(r, "the journal began after this backup was made");
	r->reaches = reaches && early && is_whole(r, k, kept);
}

/* The checkpoint first: lines that come meanwhile are more than it knows, never fewer. */
static struct ap_result read_and_judge(struct ap_restoring *r, const struct known *k)
{
	struct ap_journal_kept kept = { 0 };
	if (r->wish->journal)
		AP_IGNORE(ap_journal_file_kept(r->wish->journal, &kept)); /* said when it is judged */
	struct ap_result result = read_journal(r, k);
	if (ap_ok(result))
		judge_journal(r, k, &kept);
	ap_journal_kept_clear(&kept);
	return result;
}

/* Lines that the copy does not know of: each had a leaf, so the log was longer, whatever was signed for since. */
static struct ap_result journal_went_on(const struct ap_restoring *r, struct ap_db *db, bool *ret_on)
{
	struct ap_journal_end end;
	int64_t waiting;
	bool known = false;
	AP_TRY(ap_db_journal_end(db, &end, &known));
	AP_TRY(ap_db_journal_waiting(db, &waiting));
	*ret_on = known && r->lines && r->lines->len > end.lines + (uint64_t)waiting;
	return AP_SUCCESS;
}

/* Behind: fewer leaves than there were, or other ones, or under a name that the log has left since. */
static struct ap_result judge_size(struct ap_restoring *r, struct ap_db *db)
{
	struct ap_hash root;
	struct ap_merkle_store store = ap_db_ledger_store(db);
	AP_TRY(journal_went_on(r, db, &r->behind));
	r->behind |= r->newest.size > r->size || strcmp(r->newest.origin, r->vault_part.origin) != 0;
	if (r->behind || r->newest.size == 0)
		return AP_SUCCESS;
	AP_TRY(ap_merkle_root(&store, r->newest.size, &root));
	if (ap_hash_equal(&root, &r->newest.root))
		return AP_SUCCESS;
	r->behind = true;
	r->reaches = false;
	ap_restore_problem(r, "the log in the backup is other than the one that was signed");
	return AP_SUCCESS;
}

static struct ap_result forget_known(const struct ap_restoring *r)
{
	struct ap_db *keys = NULL;
	g_autofree char *path = g_build_filename(r->place, "vault", "keys.db", NULL);
	AP_TRY(ap_db_open(path, ap_schema_keys, &keys));
	struct ap_result result = ap_db_known_forget(keys);
	ap_db_close(keys);
	return result;
}

static struct ap_result rename_log(struct ap_restoring *r, struct ap_db *db)
{
	uint64_t highest = MAX(number_of(r->newest.origin), number_of(r->vault_part.origin));
	g_autofree char *origin = renumbered(r->vault_part.origin, highest + 1);
	struct ap_log_continued c = { .origin = origin,
				      .old_origin = r->newest.origin,
				      .old_size = r->newest.size,
				      .kept = r->size };
	(void)ap_copy(c.old_root, sizeof c.old_root, r->newest.root.b, AP_HASH);
	AP_TRY(ap_db_log_continue(db, &c, ap_wall_ms(r->wish->clock)));
	return forget_known(r);
}

static struct ap_result judge(struct ap_restoring *r, struct ap_db *db)
{
	struct known k = { 0 };
	AP_TRY(ap_db_check(db));
	AP_TRY(ap_db_ledger_size(db, &r->size));
	AP_TRY(read_known(r, &k));
	AP_TRY(read_and_judge(r, &k));
	AP_TRY(judge_size(r, db));
	return r->behind ? rename_log(r, db) : AP_SUCCESS;
}

struct ap_result ap_restore_judge_log(struct ap_restoring *r)
{
	struct ap_db *db = NULL;
	g_autofree char *path = g_build_filename(r->place, "vault", "vault.db", NULL);
	AP_TRY(ap_db_open(path, ap_schema_vault, &db));
	struct ap_result result = judge(r, db);
	ap_db_close(db);
	return result;
}
