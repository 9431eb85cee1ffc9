/* R21, R39: the archive of a portability request, opened by other people's tools. */
#include "tests/testlib/staff_fixture.h"

#include "recorder/erasure/erasure.h"
#include "recorder/access/note.h"
#include "recorder/portability/archive.h"
#include "recorder/portability/copy.h"
#include "recorder/erasure/request.h"

#include <aparte/age.h>
#include <archive.h>
#include <archive_entry.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define DAY 86400000LL
#define PASSPHRASE "correct horse battery staple"

static char *open_request(struct fixture *f, const struct ap_actor *party, const char *type)
{
	g_autofree char *answer = NULL, *json = g_strdup_printf("{\"type\":\"%s\"}", type);
	assert_ok(ap_request_create(f->v, party, json, &answer));
	g_autoptr(JsonNode) node = json_from_string(answer, NULL);
	return g_strdup(json_object_get_string_member(json_node_get_object(node), "id"));
}

/* The request's "archive"; empty text before there is one. */
static char *state_of(struct fixture *f, const struct ap_actor *party, const char *request)
{
	g_autofree char *answer = NULL;
	assert_ok(ap_request_get(f->v, party, request, &answer));
	g_autoptr(JsonNode) node = json_from_string(answer, NULL);
	JsonObject *o = json_node_get_object(node);
	if (!json_object_has_member(o, "archive"))
		return g_strdup("");
	return g_strdup(json_object_get_string_member(json_object_get_object_member(o, "archive"), "state"));
}

/* The job alone: other tests' sources may still lie on the default context. */
static GMainContext *begin_context(void)
{
	GMainContext *context = g_main_context_new();
	g_main_context_push_thread_default(context);
	return context;
}

static void end_context(GMainContext *context)
{
	while (g_main_context_iteration(context, FALSE))
		;
	g_main_context_pop_thread_default(context);
	g_main_context_unref(context);
}

static void make(struct fixture *f, const struct ap_actor *party, const char *request, const char *json)
{
	g_autofree char *answer = NULL;
	GMainContext *context = begin_context();
	assert_ok(ap_archive_make(f->v, party, request, json, &answer));
	assert_non_null(strstr(answer, "\"state\":\"making\""));
	end_context(context);
}

static GByteArray *fetch(struct fixture *f, const struct ap_actor *party, const char *request)
{
	GByteArray *all = g_byte_array_new();
	uint64_t size;
	assert_ok(ap_archive_open(f->v, party, request, &size));
	while (all->len < size) {
		g_autofree uint8_t *bytes = NULL;
		size_t len;
		assert_ok(ap_archive_read(f->v, party, request, all->len, 300000, &bytes, &len));
		assert_true(len > 0);
		g_byte_array_append(all, bytes, (guint)len);
	}
	return all;
}

/* Entries by name, GBytes, as libarchive's reader sees them. */
static GHashTable *unzip(const void *bytes, size_t len)
{
	GHashTable *entries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_bytes_unref);
	struct archive *zip = archive_read_new();
	struct archive_entry *entry;
	archive_read_support_format_zip(zip);
	assert_int_equal(archive_read_open_memory(zip, bytes, len), ARCHIVE_OK);
	while (archive_read_next_header(zip, &entry) == ARCHIVE_OK) {
		GByteArray *content = g_byte_array_new();
		uint8_t piece[65536];
		la_ssize_t n;
		while ((n = archive_read_data(zip, piece, sizeof piece)) > 0)
			g_byte_array_append(content, piece, (guint)n);
		assert_int_equal(n, 0);
		g_hash_table_insert(entries, g_strdup(archive_entry_pathname(entry)), g_byte_array_free_to_bytes(content));
	}
	archive_read_free(zip);
	return entries;
}

static JsonNode *json_entry(GHashTable *entries, const char *name)
{
	GBytes *bytes = g_hash_table_lookup(entries, name);
	size_t len;
	assert_non_null(bytes);
	const char *data = g_bytes_get_data(bytes, &len);
	g_autofree char *text = g_strndup(data, len);
	JsonNode *node = json_from_string(text, NULL);
	assert_non_null(node);
	return node;
}

static GHashTable *make_for_recipient(struct fixture *f, const struct ap_actor *party, const char *request)
{
	struct ap_secret *identity = ap_secret_random(AP_AGE_KEY);
	struct ap_age_recipient recipient = ap_age_identity_recipient(identity);
	char text[AP_AGE_RECIPIENT_TEXT];
	uint8_t *plain;
	size_t len;
	ap_age_recipient_text(&recipient, text);
	g_autofree char *json = g_strdup_printf("{\"recipient\":\"%s\"}", text);
	make(f, party, request, json);
	g_autofree char *state = state_of(f, party, request);
	assert_string_equal(state, "ready");
	g_autoptr(GByteArray) file = fetch(f, party, request);
	assert_ok(ap_age_decrypt(identity, file->data, file->len, &plain, &len));
	GHashTable *entries = unzip(plain, len);
	g_free(plain);
	ap_secret_free(identity);
	return entries;
}

/* R39: the own track as a copy, byte for byte; not a byte of the other's. */
static void it_holds_the_own_track_and_not_the_others(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]"),
		       recording = fixture_recording(f, &session, 10 * DAY);
	struct ap_actor coachee = fixture_party(&session, AP_COACHEE);
	char id[AP_UUID_TEXT];
	ap_uuid_text(&recording, id);
	g_autofree char *request = open_request(f, &coachee, "portability");
	g_autoptr(GHashTable) entries = make_for_recipient(f, &coachee, request);
	g_autofree char *own = g_strdup_printf("tracks/%s-coachee.webm", id);
	g_autofree char *other = g_strdup_printf("tracks/%s-coach.webm", id);
	GBytes *track = g_hash_table_lookup(entries, own);
	size_t len;
	assert_non_null(track);
	assert_null(g_hash_table_lookup(entries, other));
	const uint8_t *bytes = g_bytes_get_data(track, &len);
	assert_int_equal(len, FIXTURE_TRACK);
	for (uint64_t i = 0; i < FIXTURE_TRACK; i += 997)
		assert_int_equal(bytes[i], fixture_byte(AP_COACHEE, i));
	/* Taking a copy is an access like any other, begun and ended. */
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM access WHERE reason LIKE 'portability%' AND ended_ms NOT NULL"
					  " AND bytes = 500000"), 1);
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM request WHERE state = 'done'"), 1);
	fixture_free(f);
}

/* R21: a structured, common format: the vCon names the track by its hash and carries the consents. */
static void the_vcon_names_the_track_and_carries_the_consents(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\",\"quality\"]");
	fixture_recording(f, &session, 10 * DAY);
	struct ap_actor coach = fixture_party(&session, AP_COACH);
	g_autofree char *request = open_request(f, &coach, "portability");
	g_autoptr(GHashTable) entries = make_for_recipient(f, &coach, request);
	g_autoptr(JsonNode) node = json_entry(entries, "session.vcon.json"), data = json_entry(entries, "data.json");
	JsonObject *vcon = json_node_get_object(node);
	JsonObject *dialog = json_array_get_object_element(json_object_get_array_member(vcon, "dialog"), 0);
	GBytes *track = g_hash_table_lookup(entries, json_object_get_string_member(dialog, "filename"));
	uint8_t sha512[crypto_hash_sha512_BYTES];
	size_t len;
	assert_non_null(track);
	const uint8_t *bytes = g_bytes_get_data(track, &len);
	crypto_hash_sha512(sha512, bytes, len);
	g_autofree char *hash = ap_base64url(sha512, sizeof sha512), *named = g_strconcat("sha512-", hash, NULL);
	assert_string_equal(json_object_get_string_member(dialog, "content_hash"), named);
	assert_string_equal(json_object_get_string_member(dialog, "type"), "recording");
	assert_int_equal(json_array_get_length(json_object_get_array_member(vcon, "parties")), 2);
	assert_int_equal(json_object_get_string_member(vcon, "uuid")[14], '8');
	JsonObject *attachment = json_array_get_object_element(json_object_get_array_member(vcon, "attachments"), 0);
	assert_string_equal(json_object_get_string_member(attachment, "purpose"), "lawful_basis");
	JsonObject *body = json_object_get_object_member(attachment, "body");
	JsonArray *grants = json_object_get_array_member(body, "purpose_grants");
	assert_int_equal(json_array_get_length(grants), 2);
	assert_true(json_object_get_boolean_member(json_array_get_object_element(grants, 1), "granted"));
	assert_int_equal(json_array_get_length(json_object_get_array_member(json_node_get_object(data), "statements")), 1);
	GBytes *csv = g_hash_table_lookup(entries, "csv/statements.csv");
	assert_non_null(csv);
	assert_non_null(g_strstr_len(g_bytes_get_data(csv, NULL), (gssize)g_bytes_get_size(csv), "ConsentGiven"));
	fixture_free(f);
}

/* The passphrase opens it with the stock age; it is nowhere on disk, nor is the plaintext. */
static void a_passphrase_opens_it_with_the_stock_tool(void **state)
{
	(void)state;
	g_autofree char *age = g_find_program_in_path("age");
	if (!age)
		skip();
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]");
	fixture_recording(f, &session, 10 * DAY);
	struct ap_actor coachee = fixture_party(&session, AP_COACHEE);
	g_autofree char *request = open_request(f, &coachee, "portability");
	make(f, &coachee, request, "{\"passphrase\":\"" PASSPHRASE "\"}");
	assert_false(fixture_on_disk(f, PASSPHRASE, strlen(PASSPHRASE)));
	assert_false(fixture_on_disk(f, "session.vcon.json", strlen("session.vcon.json")));
	g_autofree char *in = g_strdup_printf("%s/vault/archives/%s.age", f->home, request);
	g_autofree char *out = g_strdup_printf("%s/opened.zip", f->home);
	g_autofree char *command = g_strdup_printf("echo '%s' | python3 %s/tests/testlib/age_passphrase.py %s %s", PASSPHRASE,
						   AP_SOURCE_DIR, in, out);
	char *const argv[] = {(char *)"sh", (char *)"-c", command, NULL};
	int status = -1;
	assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &status, NULL));
	assert_int_equal(status, 0);
	g_autofree char *zip = NULL;
	size_t len;
	assert_true(g_file_get_contents(out, &zip, &len, NULL));
	g_autoptr(GHashTable) entries = unzip(zip, len);
	assert_non_null(g_hash_table_lookup(entries, "README.txt"));
	fixture_free(f);
}

static void bad_locks_and_second_tries_are_named(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]");
	struct ap_actor coachee = fixture_party(&session, AP_COACHEE), coach = fixture_party(&session, AP_COACH);
	g_autofree char *request = open_request(f, &coachee, "portability"), *access = open_request(f, &coachee, "access");
	g_autofree char *json = NULL;
	uint64_t size;
	assert_refused(ap_archive_make(f->v, &coachee, request, "{}", &json), "invalid");
	assert_refused(ap_archive_make(f->v, &coachee, request, "{\"passphrase\":\"short\"}", &json), "invalid");
	assert_refused(ap_archive_make(f->v, &coachee, request, "{\"recipient\":\"age1x\"}", &json), "invalid");
	assert_refused(ap_archive_make(f->v, &coachee, access, "{\"passphrase\":\"" PASSPHRASE "\"}", &json), "not-found");
	assert_refused(ap_archive_make(f->v, &coach, request, "{\"passphrase\":\"" PASSPHRASE "\"}", &json), "not-found");
	assert_refused(ap_archive_open(f->v, &coachee, request, &size), "not-found");
	make(f, &coachee, request, "{\"passphrase\":\"" PASSPHRASE "\"}"); /* of data alone: nothing was recorded */
	assert_refused(ap_archive_make(f->v, &coachee, request, "{\"passphrase\":\"" PASSPHRASE "\"}", &json), "conflict");
	assert_refused(ap_archive_open(f->v, &coach, request, &size), "not-found");
	assert_ok(ap_archive_open(f->v, &coachee, request, &size));
	fixture_free(f);
}

/* Fetched once, or a week; and never longer than the recording that is in it. */
static void it_goes_when_fetched_or_after_a_week_or_with_the_recording(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]"),
		       recording = fixture_recording(f, &session, 30 * DAY);
	struct ap_actor coachee = fixture_party(&session, AP_COACHEE);
	g_autofree char *certificate = NULL;
	uint64_t size;
	static const int64_t waits[] = {8 * DAY, 0, 0};
	for (int i = 0; i < 3; i++) {
		g_autofree char *request = open_request(f, &coachee, "portability");
		make(f, &coachee, request, "{\"passphrase\":\"" PASSPHRASE "\"}");
		g_autofree char *path = g_strdup_printf("%s/vault/archives/%s.age", f->home, request);
		assert_ok(ap_archive_work(f->v));
		assert_int_equal(g_access(path, F_OK), 0);
		fixture_advance(f, waits[i]);
		if (i == 1) {
			g_byte_array_unref(fetch(f, &coachee, request));
			assert_ok(ap_archive_work(f->v));
			assert_int_equal(g_access(path, F_OK), 0); /* for a download that broke off at its end */
			fixture_advance(f, 11 * 60000);
		}
		if (i == 2)
			assert_ok(ap_erasure_now(f->v, &recording, AP_ERASE_ADMIN, &certificate));
		if (i == 2)
			assert_refused(ap_archive_open(f->v, &coachee, request, &size), "erased");
		assert_ok(ap_archive_work(f->v));
		assert_int_not_equal(g_access(path, F_OK), 0);
		assert_refused(ap_archive_open(f->v, &coachee, request, &size), "erased");
	}
	fixture_free(f);
}

/* R20: what is frozen is not copied, and a copy made before waits. */
/* Without the work that a passphrase asks for. */
static char *quick_lock(void)
{
	char text[AP_AGE_RECIPIENT_TEXT];
	struct ap_secret *identity = ap_secret_random(AP_AGE_KEY);
	struct ap_age_recipient recipient = ap_age_identity_recipient(identity);
	ap_age_recipient_text(&recipient, text);
	ap_secret_free(identity);
	return g_strdup_printf("{\"recipient\":\"%s\"}", text);
}

/* R21: one archive a person at a time, ten a day, and none that would take the disk below what recording needs. */
static void archives_do_not_fill_the_disk(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]");
	struct ap_uuid recording = fixture_recording(f, &session, 400 * DAY);
	struct ap_actor coachee = fixture_party(&session, AP_COACHEE), coach = fixture_party(&session, AP_COACH);
	g_autofree char *quick = quick_lock();
	g_autofree char *first = open_request(f, &coachee, "portability"), *second = open_request(f, &coachee, "portability"),
			*others = open_request(f, &coach, "portability"), *answer = NULL;
	g_autofree char *directory = g_build_filename(f->home, "vault", "archives", NULL);
	(void)recording;
	make(f, &coachee, first, quick);
	make(f, &coach, others, quick);
	make(f, &coachee, second, quick);
	g_autofree char *gone = state_of(f, &coachee, first), *kept = state_of(f, &coach, others), *newest = state_of(f, &coachee, second);
	assert_string_equal(gone, "erased");
	assert_string_equal(kept, "ready");
	assert_string_equal(newest, "ready");
	guint files = 0;
	g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
	while (g_dir_read_name(dir))
		files++;
	assert_int_equal(files, 2);
	assert_ok(ap_config_set(f->config, "storage.floor_mib", "10000000"));
	assert_refused(ap_archive_make(f->v, &coachee, first, quick, &answer), "vault-unavailable");
	assert_ok(ap_config_set(f->config, "storage.floor_mib", "0"));
	for (int i = 0; i < 8; i++) {
		g_autofree char *more = open_request(f, &coachee, "portability");
		make(f, &coachee, more, quick);
	}
	g_autofree char *last = open_request(f, &coachee, "portability");
	assert_refused(ap_archive_make(f->v, &coachee, last, quick, &answer), "rate");
	fixture_advance(f, DAY + 1);
	make(f, &coachee, last, quick);
	fixture_free(f);
}

/* R7, R20: a hold keeps what was withdrawn for the case alone, so a copy of it made before is nobody's any more. */
static void a_withdrawal_under_a_hold_ends_it(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]");
	struct ap_uuid recording = fixture_recording(f, &session, 400 * DAY);
	struct ap_actor coachee = fixture_party(&session, AP_COACHEE);
	uint64_t size;
	g_autofree char *quick = quick_lock(), *request = open_request(f, &coachee, "portability");
	(void)recording;
	make(f, &coachee, request, quick);
	fixture_run(f, "INSERT INTO hold (id, recording, ground, reason, proposed_by, confirmed_by, created_ms, ends_ms)"
		       " SELECT x'00112233445566778899aabbccddeeff', id, 'g', 'r', 'a', 'b', 0, 9000000000000 FROM recording");
	fixture_withdraw(f, &session, AP_COACH, "[\"recording\"]");
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM erasure"), 0);
	assert_refused(ap_archive_open(f->v, &coachee, request, &size), "erased");
	assert_ok(ap_archive_work(f->v));
	g_autofree char *state_now = state_of(f, &coachee, request);
	assert_string_equal(state_now, "erased");
	fixture_free(f);
}

static void a_restriction_holds_copies_too(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]");
	fixture_recording(f, &session, 30 * DAY);
	struct ap_actor coachee = fixture_party(&session, AP_COACHEE), coach = fixture_party(&session, AP_COACH);
	g_autofree char *before = open_request(f, &coachee, "portability");
	uint64_t size;
	make(f, &coachee, before, "{\"passphrase\":\"" PASSPHRASE "\"}");
	g_autofree char *freeze = open_request(f, &coach, "restriction");
	assert_refused(ap_archive_open(f->v, &coachee, before, &size), "restricted");
	g_autofree char *after = open_request(f, &coachee, "portability");
	g_autoptr(GHashTable) entries = NULL;
	make(f, &coachee, after, "{\"passphrase\":\"" PASSPHRASE "\"}");
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM archive WHERE total = 0"), 1); /* no track in it */
	fixture_free(f);
}

/* A withdrawal while it is being made ends it, and nothing of it stays. */
static void a_withdrawal_under_way_ends_it(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]");
	fixture_recording(f, &session, 30 * DAY);
	struct ap_actor coachee = fixture_party(&session, AP_COACHEE);
	g_autofree char *request = open_request(f, &coachee, "portability"), *answer = NULL;
	g_autofree char *path = g_strdup_printf("%s/vault/archives/%s.age", f->home, request);
	GMainContext *context = begin_context();
	assert_ok(ap_archive_make(f->v, &coachee, request, "{\"passphrase\":\"" PASSPHRASE "\"}", &answer));
	g_main_context_iteration(context, FALSE); /* texts */
	g_main_context_iteration(context, FALSE); /* the track is begun */
	fixture_withdraw(f, &session, AP_COACH, "[\"recording\"]");
	end_context(context);
	g_autofree char *after = state_of(f, &coachee, request);
	assert_string_equal(after, "failed");
	assert_int_not_equal(g_access(path, F_OK), 0);
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM access WHERE ended_ms IS NULL"), 0);
	fixture_free(f);
}

/* The vault ends in the middle: the next start says so, and the person asks again. */
static void one_that_was_interrupted_can_be_made_again(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\"]");
	fixture_recording(f, &session, 30 * DAY);
	struct ap_actor coachee = fixture_party(&session, AP_COACHEE);
	g_autofree char *request = open_request(f, &coachee, "portability"), *answer = NULL;
	GMainContext *context = begin_context();
	assert_ok(ap_archive_make(f->v, &coachee, request, "{\"passphrase\":\"" PASSPHRASE "\"}", &answer));
	ap_archive_stop();
	end_context(context);
	g_autofree char *after = state_of(f, &coachee, request);
	assert_string_equal(after, "failed");
	fixture_run(f, "UPDATE archive SET state = 'making'"); /* as a kill leaves it */
	assert_ok(ap_archive_recover(f->v));
	make(f, &coachee, request, "{\"passphrase\":\"" PASSPHRASE "\"}");
	g_autofree char *again = state_of(f, &coachee, request);
	assert_string_equal(again, "ready");
	fixture_free(f);
}

/* R21: the copy of all data: of the session at once, of all of them once an admin said so; never the other's. */
static void a_copy_holds_all_of_the_person_and_nothing_of_the_other(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid first = fixture_session(f, "coach-7", "nadia"), second = fixture_session(f, "coach-7", "nadia");
	fixture_give(f, &first, AP_COACH, "[\"recording\"]");
	fixture_give(f, &first, AP_COACHEE, "[\"recording\"]");
	fixture_give(f, &second, AP_COACHEE, "[\"recording\"]");
	struct ap_actor coachee = fixture_party(&first, AP_COACHEE), coach = fixture_party(&first, AP_COACH);
	struct ap_actor admin = fixture_user(f, "ada", "admin", NULL);
	const char *type;
	g_autofree char *request = open_request(f, &coachee, "access"), *one = NULL, *all = NULL, *markdown = NULL, *no = NULL;
	assert_ok(ap_copy_answer(f->v, &coachee, request, "", &type, &one));
	assert_string_equal(type, "application/json");
	assert_non_null(strstr(one, "\"nadia\""));
	assert_null(strstr(one, "coach-7"));
	g_autoptr(JsonNode) node = json_from_string(one, NULL);
	assert_int_equal(json_array_get_length(json_object_get_array_member(json_node_get_object(node), "sessions")), 1);
	g_autoptr(JsonNode) body = json_from_string("{\"reason\":\"here it is\"}", NULL), done = NULL;
	struct ap_uuid id;
	assert_true(ap_uuid_parse(request, &id));
	assert_ok(ap_request_decide(f->v, &admin, &id, "execute", json_node_get_object(body), &done));
	assert_ok(ap_copy_answer(f->v, &coachee, request, "json", &type, &all));
	g_autoptr(JsonNode) whole = json_from_string(all, NULL);
	assert_int_equal(json_array_get_length(json_object_get_array_member(json_node_get_object(whole), "sessions")), 2);
	assert_int_equal(json_array_get_length(json_object_get_array_member(json_node_get_object(whole), "statements")), 2);
	assert_ok(ap_copy_answer(f->v, &coachee, request, "markdown", &type, &markdown));
	assert_string_equal(type, "text/markdown");
	assert_non_null(strstr(markdown, "\n## "));
	/* R21: handed over by an admin to who cannot reach their page; of their tenant, and for access alone. */
	g_autofree char *handed = NULL;
	assert_ok(ap_copy_answer_for(f->v, &admin, &id, "", &type, &handed));
	assert_non_null(strstr(handed, "\"nadia\""));
	assert_null(strstr(handed, "\"notes\""));
	struct ap_actor other = admin;
	other.tenant++;
	assert_refused(ap_copy_answer_for(f->v, &other, &id, "", &type, &no), "not-found");
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM leaf WHERE body LIKE '%\"by\":\"user:ada\"%' AND body LIKE"
					  " '%request_copied%'"), 1);
	assert_refused(ap_copy_answer(f->v, &coach, request, "", &type, &no), "not-found");
	assert_refused(ap_copy_answer(f->v, &coachee, request, "docx", &type, &no), "invalid");
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM leaf WHERE body LIKE '%request_copied%'"), 4);
	fixture_free(f);
}

/* R21: what a supervisor noted about the session is data about the person too; it is no part of what they carry away. */
static void a_copy_has_the_notes_on_the_recording_and_an_archive_has_not(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\",\"supervision\"]"),
		       recording = fixture_recording(f, &session, 10 * DAY);
	struct ap_actor coachee = fixture_party(&session, AP_COACHEE), claire = fixture_user(f, "claire", "supervisor", NULL);
	struct ap_access access;
	const char *type;
	g_autoptr(JsonNode) note = json_from_string("{\"at_ms\":1000,\"text\":\"hesitates here\"}", NULL), made = NULL;
	fixture_run(f, "INSERT INTO grant_ (id, recording, supervisor, purpose, expires_ms, created_by, created_ms, leaf)"
		       " SELECT x'00112233445566778899aabbccddeeff', r.id, u.id, 'supervision', 9000000000000, 'x', 0, 0"
		       " FROM recording r, user_ u");
	assert_ok(ap_access_begin(f->v, &claire, &recording, "supervision", "case review", &access));
	assert_ok(ap_note_add(f->v, &claire, &(struct ap_note_place){recording, access.id}, json_node_get_object(note), &made));
	g_autofree char *asked = open_request(f, &coachee, "access"), *portable = open_request(f, &coachee, "portability");
	g_autofree char *copy = NULL, *other = NULL;
	assert_ok(ap_copy_answer(f->v, &coachee, asked, "json", &type, &copy));
	assert_non_null(strstr(copy, "hesitates here"));
	assert_non_null(strstr(copy, "user:claire"));
	assert_ok(ap_copy_answer(f->v, &coachee, portable, "json", &type, &other));
	assert_null(strstr(other, "hesitates here"));
	assert_ok(ap_config_set(f->config, "access.names_to_persons", "false")); /* the operator's choice: a role */
	g_autofree char *nameless = NULL;
	assert_ok(ap_copy_answer(f->v, &coachee, asked, "json", &type, &nameless));
	assert_null(strstr(nameless, "claire"));
	assert_non_null(strstr(nameless, "\"who\":\"supervisor\""));
	/* R7, R20: under a hold a withdrawn recording is kept for the case alone, and so is what was noted on it. */
	fixture_run(f, "INSERT INTO hold (id, recording, ground, reason, proposed_by, confirmed_by, created_ms, ends_ms)"
		       " SELECT x'00112233445566778899aabbccddeeff', id, 'g', 'r', 'a', 'b', 0, 9000000000000 FROM recording");
	fixture_withdraw(f, &session, AP_COACH, "[\"recording\"]");
	g_autofree char *withdrawn = NULL;
	assert_ok(ap_copy_answer(f->v, &coachee, asked, "json", &type, &withdrawn));
	assert_null(strstr(withdrawn, "hesitates here"));
	fixture_free(f);
}

static GMainContext *begin_archive(struct fixture *f, const struct ap_actor *party, const char *request)
{
	g_autofree char *answer = NULL;
	GMainContext *context = begin_context();
	assert_ok(ap_archive_make(f->v, party, request, "{\"passphrase\":\"" PASSPHRASE "\"}", &answer));
	return context;
}

/* R39: the other's word is asked, not the own; where no film can be composed the own track comes all the same. */
static void a_film_of_both_needs_the_others_word_and_a_composer(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_session(f, "coach-7", "nadia");
	fixture_give(f, &session, AP_COACH, "[\"recording\"]");
	fixture_give(f, &session, AP_COACHEE, "[\"recording\",\"share_copy\"]");
	fixture_recording(f, &session, 10 * DAY);
	struct ap_actor coach = fixture_party(&session, AP_COACH), coachee = fixture_party(&session, AP_COACHEE);
	g_autofree char *asked = open_request(f, &coachee, "portability"), *other = open_request(f, &coach, "portability");
	end_context(begin_archive(f, &coachee, asked));
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM archive WHERE state = 'ready' AND films = 0 AND film_failure ="
					  " 'not_shared'"), 1);
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM access WHERE purpose = 'share_copy'"), 0);
	/* No zygote is here that could fork one. */
	GMainContext *context = begin_archive(f, &coach, other);
	while (fixture_count(f, "SELECT count(*) FROM archive WHERE state = 'making'") == 1) {
		g_main_context_iteration(context, FALSE);
		g_main_context_iteration(NULL, FALSE); /* the vault's calls */
	}
	end_context(context);
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM archive WHERE state = 'ready' AND films = 0 AND film_failure ="
					  " 'composition'"), 1);
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM access WHERE purpose = 'share_copy' AND ended_ms NOT NULL"), 1);
	fixture_free(f);
}

/* R16, R39: share_copy has a term of its own. */
static void a_film_is_not_given_when_its_term_is_over(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct ap_uuid session = fixture_consented(f, "[\"recording\",\"share_copy\"]"),
		       recording = fixture_recording(f, &session, 90 * DAY);
	struct ap_actor coachee = fixture_party(&session, AP_COACHEE);
	struct ap_access access;
	assert_ok(ap_access_begin(f->v, &coachee, &recording, "share_copy", "portability", &access));
	fixture_advance(f, 31 * DAY);
	assert_refused(ap_access_check(f->v, &coachee, &access.id, &recording), "role");
	assert_refused(ap_access_begin(f->v, &coachee, &recording, "share_copy", "portability", &access), "role");
	assert_ok(ap_access_begin(f->v, &coachee, &recording, "recording", "own viewing", &access)); /* R38 */
	fixture_free(f);
}

static void cells_are_quoted_and_no_formulas(void **state)
{
	(void)state;
	g_autoptr(JsonNode) node = json_from_string("[{\"a\":\"x,\\\"y\\\"\",\"b\":1},{\"b\":\"=1+1\",\"c\":\"`*_\"}]", NULL);
	g_autofree char *csv = ap_copy_csv(json_node_get_array(node));
	assert_string_equal(csv, "\"a\",\"b\",\"c\"\r\n\"x,\"\"y\"\"\",\"1\",\"\"\r\n\"\",\"'=1+1\",\"`*_\"\r\n");
	g_autoptr(JsonObject) copy = json_object_new();
	json_object_set_array_member(copy, "sessions", json_array_ref(json_node_get_array(node)));
	g_autofree char *markdown = ap_copy_markdown(copy, "en");
	assert_non_null(strstr(markdown, "c: `` `*_ ``"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_holds_the_own_track_and_not_the_others),
		cmocka_unit_test(the_vcon_names_the_track_and_carries_the_consents),
		cmocka_unit_test(a_passphrase_opens_it_with_the_stock_tool),
		cmocka_unit_test(bad_locks_and_second_tries_are_named),
		cmocka_unit_test(it_goes_when_fetched_or_after_a_week_or_with_the_recording),
		cmocka_unit_test(a_withdrawal_under_a_hold_ends_it),
		cmocka_unit_test(archives_do_not_fill_the_disk),
		cmocka_unit_test(a_restriction_holds_copies_too),
		cmocka_unit_test(a_withdrawal_under_way_ends_it),
		cmocka_unit_test(one_that_was_interrupted_can_be_made_again),
		cmocka_unit_test(a_copy_holds_all_of_the_person_and_nothing_of_the_other),
		cmocka_unit_test(a_copy_has_the_notes_on_the_recording_and_an_archive_has_not),
		cmocka_unit_test(a_film_of_both_needs_the_others_word_and_a_composer),
		cmocka_unit_test(a_film_is_not_given_when_its_term_is_over),
		cmocka_unit_test(cells_are_quoted_and_no_formulas),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
