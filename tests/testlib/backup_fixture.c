#include "tests/testlib/backup_fixture.h"

#include "recorder/erasure/erasure.h"
#include "recorder/recording/playback.h"
#include "recorder/api/staff.h"

#include <aparte/age.h>
#include <ftw.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static void set(struct backup_fixture *x, const char *key, const char *value)
{
	assert_ok(ap_config_set(x->f->config, key, value));
}

struct backup_fixture *backup_fixture_new(void)
{
	struct backup_fixture *x = g_new0(struct backup_fixture, 1);
	char text[AP_AGE_RECIPIENT_TEXT];
	x->f = fixture_new();
	ap_vault_set_rights(x->f->v, ap_staff_rights());
	x->place = g_dir_make_tmp("aparte-backup-XXXXXX", NULL);
	x->directory = g_build_filename(x->place, "backup", NULL);
	x->journal = g_build_filename(x->place, "journal", NULL);
	assert_int_equal(g_mkdir(x->directory, 0700), 0);
	x->identity = ap_secret_random(AP_AGE_KEY);
	struct ap_age_recipient recipient = ap_age_identity_recipient(x->identity);
	ap_age_recipient_text(&recipient, text);
	set(x, "backup.directory", x->directory);
	set(x, "backup.journal", x->journal);
	set(x, "backup.recipient", text);
	x->b = ap_backups_new(x->f->v);
	return x;
}

void backup_fixture_free(struct backup_fixture *x)
{
	ap_backups_free(x->b);
	fixture_free(x->f);
	ap_restore_remove(x->place);
	ap_secret_free(x->identity);
	g_free(x->place);
	g_free(x->directory);
	g_free(x->journal);
	g_free(x);
}

JsonObject *backup_fixture_note(struct backup_fixture *x, const char *member)
{
	g_autoptr(JsonNode) answer = NULL;
	assert_ok(ap_backups_show(x->b, &answer));
	JsonObject *o = json_node_get_object(answer);
	return json_object_has_member(o, member) ? json_object_ref(json_object_get_object_member(o, member)) : NULL;
}

static void expect_good(struct backup_fixture *x, const char *member)
{
	g_autoptr(JsonObject) o = backup_fixture_note(x, member);
	assert_non_null(o);
	if (!json_object_get_boolean_member(o, "ok")) {
		g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), o);
		g_autofree char *text = json_to_string(node, FALSE);
		fail_msg("%s: %s", member, text);
	}
}

void backup_fixture_backup(struct backup_fixture *x)
{
	fixture_advance(x->f, 1000);
	assert_ok(ap_backups_make(x->b));
	ap_backups_wait(x->b);
	expect_good(x, "last");
	assert_ok(ap_backups_work(x->b));
	ap_backups_wait(x->b);
	expect_good(x, "proof");
}

struct ap_result backup_fixture_restore_from(struct backup_fixture *x, const char *from, const char *journal, char **ret_home,
					     struct ap_restore_report *ret_report)
{
	g_autofree char *name = g_strdup_printf("home-%d", ++x->homes);
	g_autofree char *home = g_build_filename(x->place, name, NULL), *kek = g_strconcat(home, ".kek", NULL);
	g_autofree char *place = g_build_filename(home, "vault", "kek", NULL);
	assert_int_equal(g_mkdir(home, 0700), 0);
	const struct ap_restore_wish wish = { .from = from,
					      .journal = journal,
					      .home = home,
					      .config = x->f->config,
					      .clock = &x->f->clock,
					      .identity = x->identity,
					      .kek_file = kek };
	struct ap_result r = ap_restore_run(&wish, ret_report);
	if (!ap_ok(r))
		return r;
	assert_int_equal(g_rename(kek, place), 0);
	*ret_home = g_steal_pointer(&home);
	return r;
}

struct ap_result backup_fixture_restore(struct backup_fixture *x, const char *journal, char **ret_home,
					struct ap_restore_report *ret_report)
{
	return backup_fixture_restore_from(x, x->directory, journal, ret_home, ret_report);
}

void backup_fixture_new_journal(struct backup_fixture *x)
{
	g_autofree char *name = g_strdup_printf("journal-%d", ++x->homes);
	g_autofree char *path = g_build_filename(x->place, name, NULL);
	set(x, "backup.journal", path);
}

struct ap_vault *backup_fixture_open(struct backup_fixture *x, const char *home)
{
	struct ap_vault *v = NULL;
	const struct ap_vault_setup setup = { .config = x->f->config, .clock = &x->f->clock, .home = home };
	assert_ok(ap_vault_open(&setup, &v));
	ap_vault_set_rights(v, ap_staff_rights());
	return v;
}

static bool track_plays(struct ap_vault *v, const struct ap_uuid *recording, enum ap_role role)
{
	struct ap_playback_reader *reader = NULL;
	size_t len = 0;
	bool same = true;
	if (!ap_ok(ap_playback_open(v, recording, role, &reader)))
		return false;
	g_autofree uint8_t *bytes = g_malloc(FIXTURE_TRACK);
	assert_int_equal(ap_playback_size(reader), FIXTURE_TRACK);
	struct ap_result r = ap_playback_read(reader, 0, bytes, FIXTURE_TRACK, &len);
	ap_playback_close(reader);
	for (size_t i = 0; i < len; i++)
		same = same && bytes[i] == fixture_byte(role, i);
	return ap_ok(r) && len == FIXTURE_TRACK && same;
}

bool backup_fixture_plays(struct ap_vault *v, const struct ap_uuid *recording)
{
	return track_plays(v, recording, AP_COACH) && track_plays(v, recording, AP_COACHEE);
}

/* ---- files ---- */

static struct {
	const char *from, *to;
	const void *needles[6];
	size_t lens[6];
	unsigned found;
} walk; /* nftw has no context */

static int copy_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	g_autofree char *to = g_strconcat(walk.to, path + strlen(walk.from), NULL), *text = NULL;
	gsize len;
	(void)st, (void)ftw;
	if (flag == FTW_D)
		return g_mkdir(to, 0700);
	assert_true(g_file_get_contents(path, &text, &len, NULL));
	assert_true(g_file_set_contents_full(to, text, (gssize)len, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
	return 0;
}

char *backup_fixture_copy(struct backup_fixture *x, const char *directory)
{
	g_autofree char *name = g_strdup_printf("copy-%d", ++x->homes);
	char *to = g_build_filename(x->place, name, NULL);
	walk.from = directory;
	walk.to = to;
	assert_int_equal(nftw(directory, copy_one, 16, FTW_PHYS), 0);
	return to;
}

static int look_into(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	g_autofree char *text = NULL;
	gsize len;
	bool found = false;
	(void)st, (void)ftw;
	if (flag != FTW_F || !g_file_get_contents(path, &text, &len, NULL))
		return 0;
	for (size_t i = 0; i < G_N_ELEMENTS(walk.needles) && walk.needles[i]; i++)
		found |= memmem(text, len, walk.needles[i], walk.lens[i]) != NULL;
	walk.found += found;
	return 0;
}

unsigned backup_fixture_search(const char *directory, const void *bytes, size_t len)
{
	g_autofree char *hex = ap_hex(bytes, len), *upper = g_ascii_strup(hex, -1);
	g_autofree char *base64 = ap_base64(bytes, len), *url = ap_base64url(bytes, len);
	g_autofree char *plain = g_strndup(base64, strcspn(base64, "="));
	const void *const needles[] = { bytes, hex, upper, plain, url };
	for (size_t i = 0; i < G_N_ELEMENTS(needles); i++) {
		walk.needles[i] = needles[i];
		walk.lens[i] = i == 0 ? len : strlen(needles[i]);
	}
	walk.needles[G_N_ELEMENTS(needles)] = NULL;
	walk.found = 0;
	nftw(directory, look_into, 16, FTW_PHYS);
	return walk.found;
}

struct ap_uuid backup_fixture_record_in(struct backup_fixture *x, struct ap_uuid *ret_session)
{
	*ret_session = fixture_consented(x->f, "[\"recording\",\"supervision\"]");
	return fixture_recording(x->f, ret_session, (365 * 86400000LL));
}

struct ap_uuid backup_fixture_record(struct backup_fixture *x)
{
	struct ap_uuid session;
	return backup_fixture_record_in(x, &session);
}

void backup_fixture_erase(struct backup_fixture *x, const struct ap_uuid *recording)
{
	g_autofree char *certificate = NULL;
	assert_ok(ap_erasure_now(x->f->v, recording, AP_ERASE_REQUEST, &certificate));
}

int64_t backup_fixture_count(struct ap_vault *v, const char *sql)
{
	int64_t n;
	assert_ok(ap_db_count(ap_vault_db(v), sql, AP_NO_VALUES, &n));
	return n;
}
