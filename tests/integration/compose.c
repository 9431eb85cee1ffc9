/*
 * R39: a real composition, from sealed tracks through a confined composer into a person's encrypted archive, looked at
 * with other people's tools.
 */
#include "capture_zygote.h"
#include "tests/testlib/staff_fixture.h"

#include "recorder/erasure/request.h"
#include "recorder/portability/archive.h"
#include "recorder/portability/vcon.h"
#include "recorder/recording/capture_spawn.h"
#include "recorder/api/staff.h"
#include "recorder/vault_port.h"

#include <aparte/age.h>
#include <archive.h>
#include <archive_entry.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define DAY 86400000LL
#define VP8 "libvpx -deadline realtime -cpu-used 8"
#define TONE "sine=frequency=1000:sample_rate=48000:duration=4,volume=0.8"
#define BEEP "aevalsrc='if(gte(t,2),0.5*sin(2*PI*440*t),0)':sample_rate=48000:duration=4"
#define RED "color=c=red:size=320x240:rate=30:duration=4,drawbox=color=white:t=fill:enable='gte(t,2)'"
#define BLUE "color=c=blue:size=480x270:rate=24:duration=4"

static struct test_zygote zygote;
static struct ap_captures *captures;
static char *scratch;

/* ---- the gate thread's part, on this one ---- */

static void compose(void *ctx, int link)
{
	(void)ctx;
	ap_captures_compose(captures, link);
}

static void no_event(void *ctx, const struct ap_uuid *session, enum ap_role role, const char *event, const char *json)
{
	(void)ctx, (void)session, (void)role, (void)event, (void)json;
}

static const struct ap_vault_port port = {.event = no_event, .compose = compose};

static struct fixture *begin(void)
{
	struct fixture *f = fixture_new();
	ap_vault_set_port(f->v, NULL, &port, NULL);
	return f;
}

static void end(struct fixture *f)
{
	ap_vault_set_port(f->v, NULL, NULL, NULL);
	fixture_free(f);
}

/* ---- files as a recording has them ---- */

static void run(const char *command)
{
	char *const argv[] = {(char *)"sh", (char *)"-c", (char *)command, NULL};
	int status = -1;
	assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &status, NULL));
	if (status != 0)
		fail_msg("%s", command);
}

/* picture NULL: sound alone. */
static GBytes *make_track(const char *picture, const char *sound, const char *codec)
{
	g_autofree char *path = g_build_filename(scratch, "track.mkv", NULL);
	g_autofree char *video = picture ? g_strdup_printf("-f lavfi -i \"%s\" -c:v %s -pix_fmt yuv420p -g 30", picture, codec) :
					   g_strdup("");
	g_autofree char *command = g_strdup_printf("ffmpeg -v error -y -f lavfi -i \"%s\" %s -c:a libopus -ac 2 %s", sound,
						   video, path);
	char *bytes;
	gsize len;
	run(command);
	assert_true(g_file_get_contents(path, &bytes, &len, NULL));
	return g_bytes_new_take(bytes, len);
}

/* ---- an archive ---- */

struct asked {
	struct fixture *f;
	struct ap_actor person;
	struct ap_uuid session;
	struct ap_secret *identity;
	char *request;
};

/* A recorded session; `coach` gives these beside, and the coachee asks for an archive. */
static struct asked ask(GBytes *coach, GBytes *coachee, const char *gives)
{
	struct asked a = {.f = begin(), .identity = ap_secret_random(AP_AGE_KEY)};
	a.session = fixture_session(a.f, "coach-7", "nadia");
	fixture_give(a.f, &a.session, AP_COACH, gives);
	fixture_give(a.f, &a.session, AP_COACHEE, "[\"recording\"]");
	fixture_recording_of(a.f, &a.session, 10 * DAY, coach, coachee);
	fixture_run(a.f, "UPDATE recording SET duration_ms = 4000");
	a.person = fixture_party(&a.session, AP_COACHEE);
	g_autofree char *answer = NULL;
	assert_ok(ap_request_create(a.f->v, &a.person, "{\"type\":\"portability\"}", &answer));
	g_autoptr(JsonNode) node = json_from_string(answer, NULL);
	a.request = g_strdup(json_object_get_string_member(json_node_get_object(node), "id"));
	return a;
}

static void asked_clear(struct asked *a)
{
	end(a->f);
	ap_secret_free(a->identity);
	g_free(a->request);
}

static void make(const struct asked *a)
{
	struct ap_age_recipient recipient = ap_age_identity_recipient(a->identity);
	char text[AP_AGE_RECIPIENT_TEXT];
	g_autofree char *answer = NULL, *json = NULL;
	ap_age_recipient_text(&recipient, text);
	json = g_strdup_printf("{\"recipient\":\"%s\"}", text);
	assert_ok(ap_archive_make(a->f->v, &a->person, a->request, json, &answer));
}

/* The request's "archive"; unref. */
static JsonObject *archive_of(const struct asked *a)
{
	g_autofree char *answer = NULL;
	assert_ok(ap_request_get(a->f->v, &a->person, a->request, &answer));
	g_autoptr(JsonNode) node = json_from_string(answer, NULL);
	return json_object_ref(json_object_get_object_member(json_node_get_object(node), "archive"));
}

static bool is_state(const struct asked *a, const char *state)
{
	g_autoptr(JsonObject) archive = archive_of(a);
	return g_str_equal(json_object_get_string_member(archive, "state"), state);
}

static void turn_until(const struct asked *a, double progress)
{
	gint64 until = g_get_monotonic_time() + 120 * G_TIME_SPAN_SECOND;
	double last = 0;
	while (is_state(a, "making") && last <= progress) {
		g_main_context_iteration(NULL, TRUE);
		g_autoptr(JsonObject) archive = archive_of(a);
		assert_true(json_object_get_double_member(archive, "progress") >= last); /* a bar never goes back */
		last = json_object_get_double_member(archive, "progress");
		assert_true(g_get_monotonic_time() < until);
	}
}

static void wait_made(const struct asked *a)
{
	turn_until(a, 2);
}

static GByteArray *fetch(const struct asked *a)
{
	GByteArray *all = g_byte_array_new();
	uint64_t size;
	assert_ok(ap_archive_open(a->f->v, &a->person, a->request, &size));
	while (all->len < size) {
		g_autofree uint8_t *bytes = NULL;
		size_t len;
		assert_ok(ap_archive_read(a->f->v, &a->person, a->request, all->len, 300000, &bytes, &len));
		g_byte_array_append(all, bytes, (guint)len);
	}
	return all;
}

/* Names of entries to GBytes. */
static GHashTable *open_archive(const struct asked *a)
{
	GHashTable *entries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_bytes_unref);
	g_autoptr(GByteArray) file = fetch(a);
	g_autofree uint8_t *plain = NULL;
	size_t len;
	struct archive *zip = archive_read_new();
	struct archive_entry *entry;
	assert_ok(ap_age_decrypt(a->identity, file->data, file->len, &plain, &len));
	archive_read_support_format_zip(zip);
	assert_int_equal(archive_read_open_memory(zip, plain, len), ARCHIVE_OK);
	while (archive_read_next_header(zip, &entry) == ARCHIVE_OK) {
		size_t size = (size_t)archive_entry_size(entry);
		uint8_t *bytes = g_malloc(size + 1);
		assert_int_equal(archive_read_data(zip, bytes, size), (la_ssize_t)size);
		g_hash_table_insert(entries, g_strdup(archive_entry_pathname(entry)), g_bytes_new_take(bytes, size));
	}
	archive_read_free(zip);
	return entries;
}

static GBytes *film_in(GHashTable *entries)
{
	GHashTableIter at;
	void *name, *bytes;
	for (g_hash_table_iter_init(&at, entries); g_hash_table_iter_next(&at, &name, &bytes);)
		if (g_str_has_prefix(name, "films/"))
			return bytes;
	return NULL;
}

static bool says(GHashTable *entries, const char *name, const char *text)
{
	GBytes *bytes = g_hash_table_lookup(entries, name);
	gsize len;
	const char *data = g_bytes_get_data(bytes, &len);
	return g_strstr_len(data, (gssize)len, text) != NULL;
}

static void look_at(GBytes *film, const char *arguments)
{
	g_autofree char *path = g_build_filename(scratch, "film.webm", NULL), *command = NULL;
	gsize len;
	const char *bytes = g_bytes_get_data(film, &len);
	assert_true(g_file_set_contents(path, bytes, (gssize)len, NULL));
	command = g_strdup_printf("/usr/bin/python3 %s/tests/integration/compose_check.py %s %s", AP_SOURCE_DIR, path, arguments);
	run(command);
}

/* ---- the tests ---- */

/* R39, R21: with the other's share_copy, one film of both; the vCon names it, the leaf says for what, and it is the
 * requester's alone to take. */
static void both_are_side_by_side_in_the_archive(void **state)
{
	(void)state;
	g_autoptr(GBytes) coach = make_track(RED, BEEP, VP8), coachee = make_track(BLUE, TONE, VP8);
	struct asked a = ask(coach, coachee, "[\"recording\",\"share_copy\"]");
	make(&a);
	wait_made(&a);
	g_autoptr(JsonObject) archive = archive_of(&a);
	assert_string_equal(json_object_get_string_member(archive, "state"), "ready");
	assert_int_equal(json_object_get_int_member(archive, "films"), 1);
	g_autoptr(GHashTable) entries = open_archive(&a);
	assert_non_null(film_in(entries));
	look_at(film_in(entries), "4 255,0,0 0,0,255 2");
	assert_true(says(entries, "session.vcon.json", "films/"));
	assert_true(says(entries, "README.txt", "films/"));
	g_autofree char *text = g_strndup(g_bytes_get_data(g_hash_table_lookup(entries, "session.vcon.json"), NULL),
					  g_bytes_get_size(g_hash_table_lookup(entries, "session.vcon.json")));
	g_autoptr(JsonNode) vcon = json_from_string(text, NULL);
	JsonArray *dialogs = json_object_get_array_member(json_node_get_object(vcon), "dialog");
	assert_int_equal(json_array_get_length(dialogs), 2); /* the own track, and both */
	JsonObject *both = json_array_get_object_element(dialogs, 1);
	assert_int_equal(json_array_get_length(json_object_get_array_member(both, "parties")), 2);
	assert_int_equal(fixture_count(a.f, "SELECT count(*) FROM leaf WHERE body LIKE '%access_begun%' AND body LIKE"
					    " '%\"purpose\":\"share_copy\"%' AND body LIKE '%party:coachee%'"), 1);
	assert_int_equal(fixture_count(a.f, "SELECT count(*) FROM access WHERE ended_ms IS NULL"), 0);
	asked_clear(&a);
}

static void what_a_call_can_send_is_read(void **state)
{
	(void)state;
	/* No picture of the coachee; VP9 and H.264. */
	const struct {
		const char *coach, *picture, *codec, *look;
	} cases[] = {{VP8, NULL, NULL, "4 255,0,0 0,0,0 2"},
		     {"libvpx-vp9 -deadline realtime -cpu-used 8", BLUE, "libx264 -preset ultrafast", "4 255,0,0 0,0,255 2"}};
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GBytes) coach = make_track(RED, BEEP, cases[i].coach);
		g_autoptr(GBytes) coachee = make_track(cases[i].picture, TONE, cases[i].codec);
		struct asked a = ask(coach, coachee, "[\"recording\",\"share_copy\"]");
		make(&a);
		wait_made(&a);
		g_autoptr(GHashTable) entries = open_archive(&a);
		print_message("case %zu\n", i);
		assert_non_null(film_in(entries));
		look_at(film_in(entries), cases[i].look);
		asked_clear(&a);
	}
}

/* R39: not without the other's word; and what they sent that is no film harms nobody. */
static void no_film_without_the_others_word_or_of_nonsense(void **state)
{
	(void)state;
	g_autoptr(GBytes) coach = make_track(RED, BEEP, VP8), coachee = make_track(BLUE, TONE, VP8);
	struct asked a = ask(coach, coachee, "[\"recording\"]");
	make(&a);
	wait_made(&a);
	g_autoptr(GHashTable) entries = open_archive(&a);
	g_autoptr(JsonObject) archive = archive_of(&a);
	assert_null(film_in(entries));
	assert_string_equal(json_object_get_string_member(archive, "film_failure"), "not_shared");
	assert_true(says(entries, "README.txt", "not_shared"));
	assert_int_equal(fixture_count(a.f, "SELECT count(*) FROM access WHERE purpose = 'share_copy'"), 0);
	asked_clear(&a);
	gsize len;
	g_autofree uint8_t *noise = g_memdup2(g_bytes_get_data(coachee, &len), g_bytes_get_size(coachee));
	for (gsize i = 300; i < len; i += 3)
		noise[i] = (uint8_t)(noise[i] * 31 + i);
	g_autoptr(GBytes) bad = g_bytes_new(noise, len);
	struct asked b = ask(coach, bad, "[\"recording\",\"share_copy\"]");
	make(&b);
	wait_made(&b);
	assert_true(is_state(&b, "ready")); /* with or without a film: the own track is there */
	g_autoptr(GHashTable) rest = open_archive(&b);
	assert_true(g_hash_table_size(rest) > 3);
	asked_clear(&b);
}

/* R39, R7: withdrawn while it is composed: no film. Withdrawn once it is made: no archive. */
static void a_withdrawal_of_share_copy_is_obeyed_at_once(void **state)
{
	(void)state;
	g_autoptr(GBytes) coach = make_track(RED, BEEP, VP8), coachee = make_track(BLUE, TONE, VP8);
	struct asked a = ask(coach, coachee, "[\"recording\",\"share_copy\"]");
	make(&a);
	turn_until(&a, 0.2); /* the composer has both files, and no film yet */
	assert_true(is_state(&a, "making"));
	fixture_withdraw(a.f, &a.session, AP_COACH, "[\"share_copy\"]");
	wait_made(&a);
	g_autoptr(GHashTable) entries = open_archive(&a);
	g_autoptr(JsonObject) archive = archive_of(&a);
	assert_null(film_in(entries));
	assert_string_equal(json_object_get_string_member(archive, "film_failure"), "not_shared");
	asked_clear(&a);

	struct asked b = ask(coach, coachee, "[\"recording\",\"share_copy\"]");
	g_autofree char *path = g_strdup_printf("%s/vault/archives/%s.age", b.f->home, b.request);
	uint64_t size;
	make(&b);
	wait_made(&b);
	assert_ok(ap_archive_open(b.f->v, &b.person, b.request, &size));
	fixture_withdraw(b.f, &b.session, AP_COACHEE, "[\"share_copy\"]"); /* the own word is not what it stands on */
	ap_staff_rights()->consents_changed(b.f->v, &b.session);
	assert_ok(ap_archive_open(b.f->v, &b.person, b.request, &size));
	fixture_advance(b.f, 1000);
	fixture_withdraw(b.f, &b.session, AP_COACH, "[\"share_copy\"]");
	assert_refused(ap_archive_open(b.f->v, &b.person, b.request, &size), "erased"); /* even before it is known */
	assert_int_equal(g_access(path, F_OK), 0);
	ap_staff_rights()->consents_changed(b.f->v, &b.session);
	assert_int_not_equal(g_access(path, F_OK), 0);
	fixture_give(b.f, &b.session, AP_COACH, "[\"share_copy\"]"); /* which brings nothing back */
	assert_refused(ap_archive_open(b.f->v, &b.person, b.request, &size), "erased");
	asked_clear(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_are_side_by_side_in_the_archive),
		cmocka_unit_test(what_a_call_can_send_is_read),
		cmocka_unit_test(no_film_without_the_others_word_or_of_nonsense),
		cmocka_unit_test(a_withdrawal_of_share_copy_is_obeyed_at_once),
	};
	signal(SIGPIPE, SIG_IGN);
	AP_IGNORE(ap_secret_init()); /* the tests fail soon enough */
	scratch = g_dir_make_tmp("aparte-films-XXXXXX", NULL);
	zygote = test_zygote_start();
	captures = ap_captures_new(zygote.link, NULL, ap_clock_system(), NULL);
	while (!ap_captures_ready(captures))
		g_main_context_iteration(NULL, TRUE);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	ap_captures_free(captures);
	test_zygote_stop(&zygote);
	for (const char *const *name = (const char *const[]){"track.mkv", "film.webm", NULL}; *name; name++) {
		g_autofree char *path = g_build_filename(scratch, *name, NULL);
		g_unlink(path);
	}
	g_rmdir(scratch);
	g_free(scratch);
	return failed;
}
