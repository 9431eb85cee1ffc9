#include "vectors.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <recorder/db/db.h>
#include <recorder/keys/db_keys.h>
#include <recorder/ledger/merkle.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
	char *directory;
	char *path;
	struct ap_secret *kek;
	struct ap_db_keys *db;
};

static int set_up(void **state)
{
	struct fixture *f = g_new0(struct fixture, 1);
	f->directory = g_dir_make_tmp("aparte-keys-XXXXXX", NULL);
	f->path = g_build_filename(f->directory, "keys.db", NULL);
	f->kek = ap_secret_random(AP_KEK);
	assert_ok(ap_db_keys_open(f->path, f->kek, ap_clock_system(), &f->db));
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	ap_db_keys_free(f->db);
	static const char *const endings[] = { "", "-wal", "-shm" };
	for (size_t i = 0; i < G_N_ELEMENTS(endings); i++) {
		g_autofree char *file = g_strconcat(f->path, endings[i], NULL);
		g_unlink(file);
	}
	g_rmdir(f->directory);
	ap_secret_free(f->kek);
	g_free(f->path);
	g_free(f->directory);
	g_free(f);
	return 0;
}

static void reopen(struct fixture *f)
{
	ap_db_keys_free(f->db);
	assert_ok(ap_db_keys_open(f->path, f->kek, ap_clock_system(), &f->db));
}

static struct ap_wrap_place new_place(enum ap_slot slot)
{
	struct ap_wrap_place place = { .slot = slot, .session = ap_uuid_random() };
	if (slot == AP_SLOT_VAULT)
		place.recording = ap_uuid_random();
	else
		place.record_id = ap_uuid_random();
	randombytes_buf(place.own_leafhash.b, AP_HASH);
	return place;
}

/* Is this in any file of the directory, -wal included? */
static bool lies_in_files(const struct fixture *f, const uint8_t *bytes, size_t len)
{
	bool found = false;
	g_autoptr(GDir) dir = g_dir_open(f->directory, 0, NULL);
	for (const char *name = g_dir_read_name(dir); name; name = g_dir_read_name(dir)) {
		g_autofree char *path = g_build_filename(f->directory, name, NULL);
		g_autofree char *data = NULL;
		gsize size = 0;
		assert_true(g_file_get_contents(path, &data, &size, NULL));
		found |= memmem(data, size, bytes, len) != NULL;
	}
	return found;
}

static void a_share_is_put_confirmed_and_got(void **state)
{
	struct fixture *f = *state;
	struct ap_wrap_place place = new_place(AP_SLOT_COACH);
	struct ap_secret *share = ap_secret_random(AP_SHARE), *back = NULL;
	struct ap_pending_share pending[4];
	size_t count = 9;
	assert_fails(ap_db_keys_get(f->db, &place, &back), "not-found");
	assert_fails(ap_db_keys_confirm(f->db, &place.record_id, AP_SLOT_COACH), "not-found");
	assert_ok(ap_db_keys_put(f->db, &place, share));
	assert_ok(ap_db_keys_pending(f->db, pending, 4, &count));
	assert_int_equal(count, 1);
	assert_true(ap_uuid_equal(&pending[0].owner, &place.record_id));
	assert_true(ap_uuid_equal(&pending[0].session, &place.session));
	assert_ok(ap_db_keys_put(f->db, &place, share)); /* a failed attempt again */
	assert_ok(ap_db_keys_confirm(f->db, &place.record_id, AP_SLOT_COACH));
	assert_fails(ap_db_keys_put(f->db, &place, share), "conflict");
	assert_ok(ap_db_keys_pending(f->db, pending, 4, &count));
	assert_int_equal(count, 0);
	reopen(f);
	assert_ok(ap_db_keys_get(f->db, &place, &back));
	assert_true(ap_secret_equal(back, share));
	place.own_leafhash.b[0] ^= 1;
	struct ap_secret *none = NULL;
	assert_fails(ap_db_keys_get(f->db, &place, &none), "share");
	ap_secret_free(back);
	ap_secret_free(share);
}

static void a_destroyed_share_is_in_no_file(void **state)
{
	struct fixture *f = *state;
	struct ap_wrap_place place = new_place(AP_SLOT_VAULT);
	struct ap_secret *share = ap_secret_random(AP_SHARE), *back = NULL;
	struct ap_wrapped wrapped;
	assert_ok(ap_db_keys_put(f->db, &place, share));
	assert_ok(ap_db_keys_peek(f->db, &place.recording, AP_SLOT_VAULT, &wrapped));
	assert_true(lies_in_files(f, wrapped.bytes, AP_WRAPPED));
	assert_false(lies_in_files(f, ap_secret_bytes(share), AP_SHARE));
	assert_ok(ap_db_keys_destroy(f->db, &place.recording, AP_SLOT_VAULT));
	assert_false(lies_in_files(f, wrapped.bytes, AP_WRAPPED));
	assert_false(lies_in_files(f, wrapped.bytes, 12));
	assert_fails(ap_db_keys_get(f->db, &place, &back), "not-found");
	assert_ok(ap_db_keys_destroy(f->db, &place.recording, AP_SLOT_VAULT));
	ap_secret_free(share);
}

/* R19: deferred, it is gone from the table at once and from the file soon; erasures never wait. */
static void a_purge_can_wait_but_an_erasures_does_not(void **state)
{
	struct fixture *f = *state;
	struct ap_wrap_place one = new_place(AP_SLOT_COACH), two = new_place(AP_SLOT_COACH);
	struct ap_secret *share = ap_secret_random(AP_SHARE), *none = NULL;
	struct ap_wrapped wrapped[2];
	assert_ok(ap_db_keys_put(f->db, &one, share));
	assert_ok(ap_db_keys_put(f->db, &two, share));
	assert_ok(ap_db_keys_peek(f->db, &one.record_id, AP_SLOT_COACH, &wrapped[0]));
	assert_ok(ap_db_keys_peek(f->db, &two.record_id, AP_SLOT_COACH, &wrapped[1]));
	ap_db_keys_defer(f->db, true);
	assert_ok(ap_db_keys_destroy(f->db, &one.record_id, AP_SLOT_COACH));
	assert_fails(ap_db_keys_get(f->db, &one, &none), "not-found");
	assert_true(lies_in_files(f, wrapped[0].bytes, AP_WRAPPED)); /* in the log still */
	assert_ok(ap_db_keys_purge_owed(f->db));
	assert_false(lies_in_files(f, wrapped[0].bytes, AP_WRAPPED));
	const struct ap_share_name name = { two.record_id, AP_SLOT_COACH };
	assert_ok(ap_db_keys_destroy_many(f->db, &name, 1));
	assert_false(lies_in_files(f, wrapped[1].bytes, AP_WRAPPED));
	ap_secret_free(share);
}

#define MANY 600

/* Rows that SQLite moved about while pages split must leave nothing either. */
static void destroyed_among_many_nothing_stays(void **state)
{
	struct fixture *f = *state;
	struct ap_secret *share = ap_secret_random(AP_SHARE);
	struct ap_wrapped *wrapped = g_new0(struct ap_wrapped, MANY);
	struct ap_uuid session[3] = { ap_uuid_random(), ap_uuid_random(), ap_uuid_random() };
	for (size_t i = 0; i < MANY; i++) {
		struct ap_wrap_place place = new_place(AP_SLOT_COACHEE);
		place.session = session[i % 3];
		assert_ok(ap_db_keys_put(f->db, &place, share));
		assert_ok(ap_db_keys_peek(f->db, &place.record_id, AP_SLOT_COACHEE, &wrapped[i]));
	}
	assert_ok(ap_db_keys_destroy_session(f->db, &session[1]));
	for (size_t i = 0; i < MANY; i++)
		if (lies_in_files(f, wrapped[i].bytes, AP_WRAPPED) == (i % 3 == 1))
			fail_msg("share %zu of session %zu: wrongly %s", i, i % 3, i % 3 == 1 ? "kept" : "gone");
	g_free(wrapped);
	ap_secret_free(share);
}

static void a_lingering_reader_is_told(void **state)
{
	struct fixture *f = *state;
	struct ap_wrap_place place = new_place(AP_SLOT_COACH);
	struct ap_secret *share = ap_secret_random(AP_SHARE);
	assert_ok(ap_db_keys_put(f->db, &place, share));
	sqlite3 *other = NULL;
	assert_int_equal(sqlite3_open(f->path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN; SELECT count(*) FROM share", NULL, NULL, NULL), SQLITE_OK);
	struct ap_result result = ap_db_keys_destroy(f->db, &place.record_id, AP_SLOT_COACH);
	assert_false(ap_ok(result));
	sqlite3_close(other);
	assert_ok(ap_db_keys_destroy(f->db, &place.record_id, AP_SLOT_COACH));
	ap_secret_free(share);
}

static void seal_keys_live_until_destroyed(void **state)
{
	struct fixture *f = *state;
	struct ap_uuid session = ap_uuid_random();
	uint8_t coach[32], again[32], coachee[32];
	struct ap_secret *private = NULL, *none = NULL;
	assert_ok(ap_db_keys_seal(f->db, &session, AP_COACH, coach));
	assert_ok(ap_db_keys_seal(f->db, &session, AP_COACHEE, coachee));
	reopen(f);
	assert_ok(ap_db_keys_seal(f->db, &session, AP_COACH, again));
	assert_memory_equal(coach, again, 32);
	assert_memory_not_equal(coach, coachee, 32);
	assert_ok(ap_db_keys_seal_open(f->db, &session, AP_COACH, coach, &private));
	struct ap_age_recipient public = ap_age_identity_recipient(private);
	assert_memory_equal(public.b, coach, 32);
	assert_false(lies_in_files(f, ap_secret_bytes(private), 32));
	assert_fails(ap_db_keys_seal_open(f->db, &session, AP_COACHEE, coach, &none), "not-found");
	assert_ok(ap_db_keys_seal_destroy(f->db, &session, AP_COACH));
	assert_fails(ap_db_keys_seal_open(f->db, &session, AP_COACH, coach, &none), "not-found");
	assert_false(lies_in_files(f, coach, 32));
	assert_ok(ap_db_keys_seal(f->db, &session, AP_COACH, again));
	assert_memory_not_equal(coach, again, 32);
	assert_ok(ap_db_keys_seal_destroy(f->db, &session, 0));
	assert_fails(ap_db_keys_seal_open(f->db, &session, AP_COACHEE, coachee, &none), "not-found");
	ap_secret_free(private);
}

static void server_keys_are_made_once(void **state)
{
	struct fixture *f = *state;
	struct ap_secret *first = NULL, *second = NULL, *other = NULL, *totp = ap_secret_random(20), *back = NULL;
	assert_fails(ap_db_keys_server_get(f->db, "log", &back), "not-found");
	assert_ok(ap_db_keys_server(f->db, "log", &first));
	reopen(f);
	assert_ok(ap_db_keys_server(f->db, "log", &second));
	assert_ok(ap_db_keys_server(f->db, "token", &other));
	assert_true(ap_secret_equal(first, second));
	assert_false(ap_secret_equal(first, other));
	assert_ok(ap_db_keys_server_set(f->db, "totp:jo", totp));
	assert_ok(ap_db_keys_server_get(f->db, "totp:jo", &back));
	assert_true(ap_secret_equal(back, totp));
	assert_true(lies_in_files(f, ap_secret_bytes(totp), 20));
	assert_ok(ap_db_keys_server_destroy(f->db, "totp:jo"));
	assert_false(lies_in_files(f, ap_secret_bytes(totp), 20));
	struct ap_secret *long_key = ap_secret_random(65);
	assert_fails(ap_db_keys_server_set(f->db, "x", long_key), "too-large");
	ap_secret_free(long_key);
	ap_secret_free(first);
	ap_secret_free(second);
	ap_secret_free(other);
	ap_secret_free(totp);
	ap_secret_free(back);
}

static void the_known_checkpoint_never_goes_back(void **state)
{
	struct fixture *f = *state;
	uint64_t size = 7;
	struct ap_hash root, empty = ap_merkle_empty_root(), a = ap_sha256("a", 1), b = ap_sha256("b", 1);
	assert_ok(ap_db_keys_known_get(f->db, &size, &root));
	assert_int_equal(size, 0);
	assert_true(ap_hash_equal(&root, &empty));
	assert_ok(ap_db_keys_known_set(f->db, 5, &a));
	assert_ok(ap_db_keys_known_set(f->db, 5, &a));
	assert_fails(ap_db_keys_known_set(f->db, 5, &b), "ledger");
	assert_fails(ap_db_keys_known_set(f->db, 4, &a), "ledger");
	assert_ok(ap_db_keys_known_set(f->db, 6, &b));
	reopen(f);
	assert_ok(ap_db_keys_known_get(f->db, &size, &root));
	assert_int_equal(size, 6);
	assert_true(ap_hash_equal(&root, &b));
}

static void without_a_kek_only_erasure_works(void **state)
{
	struct fixture *f = *state;
	struct ap_wrap_place place = new_place(AP_SLOT_COACH);
	struct ap_secret *share = ap_secret_random(AP_SHARE), *none = NULL;
	uint8_t public[32];
	assert_ok(ap_db_keys_put(f->db, &place, share));
	struct ap_db_keys *bare = NULL;
	ap_db_keys_free(f->db);
	assert_ok(ap_db_keys_open(f->path, NULL, ap_clock_system(), &bare));
	f->db = bare;
	assert_fails(ap_db_keys_get(bare, &place, &none), "kek");
	assert_fails(ap_db_keys_put(bare, &place, share), "kek");
	assert_fails(ap_db_keys_seal(bare, &place.session, AP_COACH, public), "kek");
	assert_ok(ap_db_keys_server(bare, "log", &none));
	assert_ok(ap_db_keys_destroy(bare, &place.record_id, AP_SLOT_COACH));
	ap_secret_free(none);
	ap_secret_free(share);
}

static struct ap_result known_place(void *ctx, const struct ap_uuid *owner, enum ap_slot slot,
				    struct ap_wrap_place *ret_place)
{
	const struct ap_wrap_place *place = ctx;
	if (slot != place->slot || !ap_uuid_equal(owner, &place->record_id))
		return ap_fail(AP_ERR_DENIED, "not-found", "another share");
	*ret_place = *place;
	return AP_SUCCESS;
}

/* Batches to the end of a pass. */
static size_t one_pass(struct fixture *f, struct ap_wrap_place *place)
{
	size_t seen = 1, wrapped = 0, all = 0;
	while (seen > 0) {
		assert_ok(ap_db_keys_turn_batch(f->db, known_place, place, &seen, &wrapped));
		all += wrapped;
	}
	return all;
}

/* R19: and in between, rows under either key are read. */
static void turnover_leaves_nothing_under_the_old_kek(void **state)
{
	struct fixture *f = *state;
	struct ap_wrap_place place = new_place(AP_SLOT_COACH), other = new_place(AP_SLOT_COACH);
	struct ap_secret *share = ap_secret_random(AP_SHARE), *new_kek = ap_secret_random(AP_KEK);
	struct ap_secret *back = NULL, *private = NULL;
	struct ap_wrapped before, after;
	uint8_t public[32];
	assert_ok(ap_db_keys_put(f->db, &place, share));
	assert_ok(ap_db_keys_put(f->db, &other, share));
	assert_ok(ap_db_keys_seal(f->db, &place.session, AP_COACH, public));
	assert_ok(ap_db_keys_peek(f->db, &place.record_id, AP_SLOT_COACH, &before));
	assert_ok(ap_db_keys_turn_begin(f->db, new_kek));
	assert_fails(ap_db_keys_turn_begin(f->db, new_kek), "conflict");
	assert_true(ap_db_keys_turning(f->db));
	assert_ok(ap_db_keys_get(f->db, &place, &back)); /* still under the old one, and read */
	ap_secret_free(back);
	assert_int_equal(one_pass(f, &place), 2);
	assert_ok(ap_db_keys_get(f->db, &place, &back));
	ap_secret_free(back);
	assert_fails(ap_db_keys_turn_end(f->db), "conflict"); /* one has no place, and keeps the old key */
	assert_ok(ap_db_keys_get(f->db, &other, &back));
	ap_secret_free(back);
	assert_ok(ap_db_keys_destroy(f->db, &other.record_id, AP_SLOT_COACH));
	assert_int_equal(one_pass(f, &place), 0);
	assert_ok(ap_db_keys_turn_end(f->db));
	assert_ok(ap_db_keys_peek(f->db, &place.record_id, AP_SLOT_COACH, &after));
	assert_false(ap_kek_id_equal(&before.kek_id, &after.kek_id));
	assert_false(lies_in_files(f, before.bytes, AP_WRAPPED));
	assert_false(lies_in_files(f, before.kek_id.b, AP_KEK_ID));
	assert_ok(ap_db_keys_get(f->db, &place, &back));
	assert_true(ap_secret_equal(back, share));
	assert_ok(ap_db_keys_seal_open(f->db, &place.session, AP_COACH, public, &private));
	ap_secret_free(private);
	ap_secret_free(back);
	back = NULL;
	reopen(f); /* with the old one */
	assert_fails(ap_db_keys_get(f->db, &place, &back), "kek");
	ap_secret_free(share);
	ap_secret_free(new_kek);
}

static struct ap_result place_in_table(void *ctx, const struct ap_uuid *owner, enum ap_slot slot,
				       struct ap_wrap_place *ret_place)
{
	const struct ap_wrap_place *place = g_hash_table_lookup(ctx, owner);
	assert_non_null(place);
	assert_int_equal(slot, place->slot);
	*ret_place = *place;
	return AP_SUCCESS;
}

static guint hash_id(gconstpointer id)
{
	return *(const guint *)id;
}

static gboolean same_id(gconstpointer a, gconstpointer b)
{
	return ap_uuid_equal(a, b);
}

#define TURNED 1200 /* more than a batch */

/* R19: a vault that dies between batches finds rows under both keys, and finishes. */
static void a_turnover_goes_on_after_a_crash(void **state)
{
	struct fixture *f = *state;
	struct ap_secret *share = ap_secret_random(AP_SHARE), *new_kek = ap_secret_random(AP_KEK), *back = NULL;
	g_autoptr(GHashTable) table = g_hash_table_new(hash_id, same_id);
	g_autofree struct ap_wrap_place *places = g_new0(struct ap_wrap_place, TURNED);
	size_t seen, wrapped, all = 0;
	for (size_t i = 0; i < TURNED; i++) {
		places[i] = new_place(AP_SLOT_COACH);
		g_hash_table_insert(table, &places[i].record_id, &places[i]);
		assert_ok(ap_db_keys_put(f->db, &places[i], share));
	}
	assert_ok(ap_db_keys_turn_begin(f->db, new_kek));
	assert_ok(ap_db_keys_turn_batch(f->db, place_in_table, table, &seen, &wrapped));
	assert_int_equal(wrapped, AP_TURN_BATCH);
	reopen(f); /* with the old one, then its successor beside it, as it lies on the disk */
	assert_ok(ap_db_keys_turn_begin(f->db, new_kek));
	for (size_t i = 0; i < TURNED; i++) {
		assert_ok(ap_db_keys_get(f->db, &places[i], &back));
		ap_secret_free(back);
	}
	for (seen = 1; seen > 0; all += wrapped)
		assert_ok(ap_db_keys_turn_batch(f->db, place_in_table, table, &seen, &wrapped));
	assert_int_equal(all, TURNED - AP_TURN_BATCH);
	assert_ok(ap_db_keys_turn_end(f->db));
	for (size_t i = 0; i < TURNED; i++) {
		assert_ok(ap_db_keys_get(f->db, &places[i], &back));
		assert_true(ap_secret_equal(back, share));
		ap_secret_free(back);
	}
	ap_secret_free(share);
	ap_secret_free(new_kek);
}

/* R28: wiped from memory, and given back. */
static void a_locked_one_wraps_and_unwraps_nothing_but_destroys(void **state)
{
	struct fixture *f = *state;
	struct ap_wrap_place place = new_place(AP_SLOT_COACH), other = new_place(AP_SLOT_COACH);
	struct ap_secret *share = ap_secret_random(AP_SHARE), *back = NULL;
	struct ap_kek_id id;
	uint8_t public[32];
	assert_ok(ap_db_keys_put(f->db, &place, share));
	assert_ok(ap_db_keys_put(f->db, &other, share));
	ap_db_keys_lock(f->db);
	assert_fails(ap_db_keys_get(f->db, &place, &back), "lockdown");
	assert_fails(ap_db_keys_put(f->db, &place, share), "lockdown");
	assert_fails(ap_db_keys_seal(f->db, &place.session, AP_COACH, public), "lockdown");
	assert_fails(ap_db_keys_kek_id(f->db, &id), "lockdown");
	assert_ok(ap_db_keys_destroy(f->db, &other.record_id, AP_SLOT_COACH));
	ap_db_keys_set_kek(f->db, f->kek);
	assert_ok(ap_db_keys_get(f->db, &place, &back));
	assert_true(ap_secret_equal(back, share));
	assert_fails(ap_db_keys_get(f->db, &other, &back), "not-found");
	ap_secret_free(back);
	ap_secret_free(share);
}

static gpointer many_puts(gpointer data)
{
	struct fixture *f = data;
	struct ap_secret *share = ap_secret_random(AP_SHARE);
	bool good = true;
	for (int i = 0; i < 20; i++) {
		struct ap_wrap_place place = new_place(AP_SLOT_COACH);
		struct ap_secret *back = NULL;
		good &= ap_ok(ap_db_keys_put(f->db, &place, share)) && ap_ok(ap_db_keys_get(f->db, &place, &back)) &&
			ap_secret_equal(back, share) && ap_ok(ap_db_keys_destroy(f->db, &place.record_id, AP_SLOT_COACH));
		ap_secret_free(back);
	}
	ap_secret_free(share);
	return GINT_TO_POINTER(good);
}

static void threads_share_it(void **state)
{
	struct fixture *f = *state;
	GThread *threads[4];
	for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
		threads[i] = g_thread_new("puts", many_puts, f);
	for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
		assert_true(GPOINTER_TO_INT(g_thread_join(threads[i])));
}

static void files_are_private(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(a_share_is_put_confirmed_and_got),	 CASE(a_destroyed_share_is_in_no_file),
		CASE(destroyed_among_many_nothing_stays), CASE(a_purge_can_wait_but_an_erasures_does_not),
		CASE(a_lingering_reader_is_told),
		CASE(seal_keys_live_until_destroyed),	 CASE(server_keys_are_made_once),
		CASE(the_known_checkpoint_never_goes_back), CASE(without_a_kek_only_erasure_works),
		CASE(turnover_leaves_nothing_under_the_old_kek), CASE(a_turnover_goes_on_after_a_crash),
		CASE(a_locked_one_wraps_and_unwraps_nothing_but_destroys),
		CASE(threads_share_it),			 CASE(files_are_private),
	};
	assert_ok_or_exit();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
