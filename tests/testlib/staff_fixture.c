#include "tests/testlib/staff_fixture.h"

#include "recorder/api/answer.h"
#include "recorder/db/db_staff_user.h"
#include "recorder/recording/manifest.h"
#include "recorder/recording/recording.h"
#include "recorder/consent/session.h"

#include <ftw.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int64_t wall(void *ctx)
{
	return ((struct fixture *)ctx)->wall_ms;
}

static int64_t mono(void *ctx)
{
	return ((struct fixture *)ctx)->mono_ns;
}

static void open_vault(struct fixture *f)
{
	struct ap_vault_setup setup = {.config = f->config, .clock = &f->clock, .home = f->home, .web = NULL};
	assert_ok(ap_vault_open(&setup, &f->v));
}

struct fixture *fixture_new(void)
{
	struct fixture *f = g_new0(struct fixture, 1);
	assert_ok(ap_secret_init());
	f->home = g_dir_make_tmp("aparte-staff-XXXXXX", NULL);
	f->config = ap_config_new();
	f->clock = (struct ap_clock){wall, mono, f};
	f->wall_ms = 1800000000000;
	f->mono_ns = 5000000000;
	open_vault(f);
	assert_ok(ap_tenant_add(ap_vault_db(f->v), "platform", "default", f->wall_ms, &f->tenant));
	return f;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return g_remove(path);
}

void fixture_free(struct fixture *f)
{
	ap_vault_free(f->v);
	ap_config_free(f->config);
	nftw(f->home, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	g_free(f->home);
	g_free(f);
}

void fixture_restart(struct fixture *f)
{
	ap_vault_free(f->v);
	open_vault(f);
}

void fixture_advance(struct fixture *f, int64_t ms)
{
	f->wall_ms += ms;
	f->mono_ns += ms * 1000000;
}

void fixture_run(struct fixture *f, const char *sql)
{
	assert_ok(ap_db_run(ap_vault_db(f->v), sql, AP_NO_VALUES));
}

int64_t fixture_count(struct fixture *f, const char *sql)
{
	int64_t n;
	assert_ok(ap_db_count(ap_vault_db(f->v), sql, AP_NO_VALUES, &n));
	return n;
}

static void add_party(struct fixture *f, const struct ap_uuid *session, enum ap_role role, const char *principal)
{
	struct ap_uuid token = ap_uuid_random();
	struct ap_hash hash = ap_sha256(token.b, sizeof token.b);
	assert_ok(ap_db_run(
		ap_vault_db(f->v),
		"INSERT INTO party (session, role, pii_principal, locale, token_hash) VALUES (?1, ?2, ?3, 'fr', ?4)",
		AP_VALUES(AP_V_UUID(session), AP_V_INT(role), AP_V_TEXT(principal), AP_V_HASH(hash.b))));
}

struct ap_uuid fixture_session(struct fixture *f, const char *coach, const char *coachee)
{
	struct ap_uuid id = ap_uuid_random();
	g_autofree char *reference = g_strdup_printf("ref-%lld", (long long)++f->number);
	assert_ok(ap_db_run(
		ap_vault_db(f->v),
		"INSERT INTO session (id, tenant, reference, policy, policy_version, sensitivity, video_codec, state,"
		" created_ms) VALUES (?1, ?2, ?3, 'default', 1, 'standard', 'VP8', 'ended', ?4)",
		AP_VALUES(AP_V_UUID(&id), AP_V_INT(f->tenant), AP_V_TEXT(reference), AP_V_INT(f->wall_ms))));
	add_party(f, &id, AP_COACH, coach);
	add_party(f, &id, AP_COACHEE, coachee);
	return id;
}

static void put_consent(struct fixture *f, const struct ap_uuid *session, enum ap_role role, const char *event,
			const char *purposes, const struct ap_uuid *record_id, const char *text, uint64_t leaf)
{
	assert_ok(ap_db_run(ap_vault_db(f->v),
			    "INSERT INTO consent (record_id, session, role, event, purposes, event_ms, received_ms, "
			    "evidence, text, leaf, key)"
			    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, 'signed', ?7, ?8, zeroblob(32))",
			    AP_VALUES(AP_V_UUID(record_id), AP_V_UUID(session), AP_V_INT(role), AP_V_TEXT(event),
				      AP_V_TEXT(purposes), AP_V_INT(f->wall_ms), AP_V_TEXT(text), AP_V_INT(leaf))));
}

static uint64_t append_leaf(struct fixture *f, enum ap_leaf_type type, const struct ap_uuid *id)
{
	uint64_t leaf;
	struct ap_db *db = ap_vault_db(f->v);
	JsonObject *body = json_object_new();
	ap_answer_text(body, "event", "test");
	ap_answer_id(body, "id", id);
	assert_ok(ap_db_begin(db));
	assert_ok(ap_db_finish(db, ap_ledger_append(ap_vault_ledger(f->v), db, type, body, &leaf)));
	return leaf;
}

static struct ap_hash leaf_hash(struct fixture *f, uint64_t leaf)
{
	struct ap_hash hash;
	assert_ok(ap_ledger_leaf_hash(ap_vault_ledger(f->v), ap_vault_db(f->v), leaf, hash.b));
	return hash;
}

/* As a person's page writes it, in canonical form. */
static char *statement_text(struct fixture *f, const struct ap_uuid *session, enum ap_role role,
			    const struct ap_uuid *record, const char *purposes, const char *commitment)
{
	char time[AP_TIME_TEXT], session_text[AP_UUID_TEXT], record_text[AP_UUID_TEXT];
	g_autofree char *zeroes = g_strnfill(64, '0');
	ap_time_text(f->wall_ms, time);
	ap_uuid_text(session, session_text);
	ap_uuid_text(record, record_text);
	return g_strdup_printf(
		"{\"event\":\"ConsentGiven\",\"event_time\":\"%s\",\"indication_method\":\"button\","
		"\"pii_principal\":\"p\",\"privacy_notice\":{\"lang\":\"fr\",\"sha256\":\"%s\",\"version\":\"1\"},"
		"\"purposes\":%s,\"record_id\":\"%s\",\"role\":\"%s\",\"schema_version\":\"1\",\"seal\":\"%s\","
		"\"session\":\"%s\",\"share_commitment\":\"%s\"}",
		time, zeroes, purposes, record_text, ap_role_text(role), zeroes, session_text, commitment);
}

void fixture_give(struct fixture *f, const struct ap_uuid *session, enum ap_role role, const char *purposes)
{
	struct ap_uuid record = ap_uuid_random();
	struct ap_secret *share = ap_secret_random(AP_SHARE);
	struct ap_hash commitment = ap_share_commitment(session, role, share);
	g_autofree char *told = ap_hash_base64url(&commitment);
	fixture_advance(f, 1000);
	g_autofree char *text = statement_text(f, session, role, &record, purposes, told);
	uint64_t leaf = append_leaf(f, AP_LEAF_CONSENT, &record);
	put_consent(f, session, role, "ConsentGiven", purposes, &record, text, leaf);
	struct ap_wrap_place place = {.slot = (enum ap_slot)role,
				      .session = *session,
				      .record_id = record,
				      .own_leafhash = leaf_hash(f, leaf)};
	assert_ok(ap_db_keys_put(ap_vault_keys(f->v), &place, share));
	assert_ok(ap_db_keys_confirm(ap_vault_keys(f->v), &record, place.slot));
	ap_secret_free(share);
}

void fixture_withdraw(struct fixture *f, const struct ap_uuid *session, enum ap_role role, const char *purposes)
{
	struct ap_uuid record = ap_uuid_random();
	fixture_advance(f, 1000);
	put_consent(f, session, role, "ConsentWithdrawn", purposes, &record, NULL,
		    append_leaf(f, AP_LEAF_CONSENT, &record));
}

struct ap_uuid fixture_consented(struct fixture *f, const char *purposes)
{
	struct ap_uuid session = fixture_session(f, "coach-1", "coachee-1");
	fixture_give(f, &session, AP_COACH, purposes);
	fixture_give(f, &session, AP_COACHEE, purposes);
	return session;
}

uint8_t fixture_byte(enum ap_role track, uint64_t offset)
{
	return (uint8_t)(offset * 31 + (offset >> 8) * 7 + (uint64_t)track * 101);
}

/* The person's give that counts, from the database. */
static void load_give(struct fixture *f, const struct ap_uuid *session, enum ap_role role, struct ap_uuid *ret_record,
		      uint64_t *ret_leaf)
{
	struct ap_rows *rows = ap_db_query(
		ap_vault_db(f->v),
		"SELECT record_id, leaf FROM consent WHERE session = ?1 AND role = ?2 AND event = 'ConsentGiven'"
		" AND purposes LIKE '%recording%' ORDER BY seq DESC LIMIT 1",
		AP_VALUES(AP_V_UUID(session), AP_V_INT(role)));
	assert_true(ap_rows_next(rows));
	*ret_record = ap_row_uuid(rows, 0);
	*ret_leaf = (uint64_t)ap_row_int(rows, 1);
	assert_ok(ap_rows_end(rows));
}

struct making {
	struct ap_key_binding binding;
	struct ap_uuid record[2];
	uint64_t leaf[2];
	struct ap_secret *share[3];
	struct ap_age_recipient recipient[2];
};

static struct ap_secret *person_share(struct fixture *f, const struct making *m, enum ap_role role)
{
	struct ap_secret *share;
	struct ap_wrap_place place = {.slot = (enum ap_slot)role,
				      .session = m->binding.session,
				      .record_id = m->record[role - 1],
				      .own_leafhash = leaf_hash(f, m->leaf[role - 1])};
	assert_ok(ap_db_keys_get(ap_vault_keys(f->v), &place, &share));
	return share;
}

static void make_keys(struct fixture *f, struct making *m)
{
	struct ap_secret *identity;
	for (enum ap_role role = AP_COACH; role <= AP_COACHEE; role++) {
		load_give(f, &m->binding.session, role, &m->record[role - 1], &m->leaf[role - 1]);
		m->share[role - 1] = person_share(f, m, role);
	}
	m->binding.leafhash_coach = leaf_hash(f, m->leaf[0]);
	m->binding.leafhash_coachee = leaf_hash(f, m->leaf[1]);
	m->share[2] = ap_secret_random(AP_SHARE);
	struct ap_wrap_place place = {.slot = AP_SLOT_VAULT,
				      .session = m->binding.session,
				      .recording = m->binding.recording,
				      .leafhash_coach = m->binding.leafhash_coach,
				      .leafhash_coachee = m->binding.leafhash_coachee};
	assert_ok(ap_db_keys_put(ap_vault_keys(f->v), &place, m->share[2]));
	assert_ok(ap_db_keys_confirm(ap_vault_keys(f->v), &m->binding.recording, AP_SLOT_VAULT));
	for (int i = 0; i < 2; i++) {
		struct ap_shares shares = {m->share[0], m->share[1], m->share[2]};
		assert_ok(ap_identity_derive(&shares, &m->binding, (enum ap_key_use)(i + 1), &identity));
		m->recipient[i] = ap_age_identity_recipient(identity);
		ap_secret_free(identity);
	}
	for (int i = 0; i < 3; i++)
		ap_secret_free(m->share[i]);
}

static void put_recording(struct fixture *f, const struct making *m, int64_t keep_ms)
{
	assert_ok(ap_db_run(ap_vault_db(f->v),
			    "INSERT INTO recording (id, session, state, created_ms, sealed_ms, expires_ms, "
			    "coach_consent, coachee_consent,"
			    " coach_record, coachee_record, coach_recipient, coachee_recipient, duration_ms, manifest)"
			    " VALUES (?1, ?2, 'sealed', ?3, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 20000, '{}')",
			    AP_VALUES(AP_V_UUID(&m->binding.recording), AP_V_UUID(&m->binding.session),
				      AP_V_INT(f->wall_ms), AP_V_INT(f->wall_ms + keep_ms), AP_V_INT(m->leaf[0]),
				      AP_V_INT(m->leaf[1]), AP_V_UUID(&m->record[0]), AP_V_UUID(&m->record[1]),
				      AP_V_BLOB(m->recipient[0].b, 32), AP_V_BLOB(m->recipient[1].b, 32))));
}

struct piece {
	enum ap_role role;
	uint32_t number;
	uint64_t offset;
	const uint8_t *bytes;
	size_t len;
};

static void put_segment(struct fixture *f, const struct making *m, const struct piece *p)
{
	uint8_t *file;
	size_t len;
	int fd;
	assert_ok(ap_age_encrypt(&m->recipient[p->role - 1], p->bytes, p->len, &file, &len));
	assert_ok(ap_blob_create(ap_vault_blob(f->v), &m->binding.recording, p->role, p->number, &fd));
	assert_int_equal(write(fd, file, len), len);
	close(fd);
	assert_ok(ap_blob_commit(ap_vault_blob(f->v), &m->binding.recording, p->role, p->number));
	struct ap_hash hash = ap_sha256(file, len);
	assert_ok(ap_db_run(
		ap_vault_db(f->v),
		"INSERT INTO segment (recording, role, number, epoch, size, plain_offset, plain_size, sha256, clusters)"
		" VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6, ?7, x'')",
		AP_VALUES(AP_V_UUID(&m->binding.recording), AP_V_INT(p->role), AP_V_INT(p->number), AP_V_INT(len),
			  AP_V_INT(p->offset), AP_V_INT(p->len), AP_V_HASH(hash.b))));
	g_free(file);
}

static void put_track(struct fixture *f, const struct making *m, enum ap_role role, GBytes *track)
{
	size_t len;
	const uint8_t *bytes = g_bytes_get_data(track, &len);
	uint32_t number = 0;
	for (size_t at = 0; at < len; at += FIXTURE_SEGMENT) {
		const struct piece piece = {role, number++, at, bytes + at, MIN(FIXTURE_SEGMENT, len - at)};
		put_segment(f, m, &piece);
	}
}

/* As the vault does at the end of a recording, but for the leaf. */
static void sign_manifest(struct fixture *f, const struct ap_uuid *recording)
{
	struct ap_recording rec;
	g_autofree char *manifest = NULL;
	uint8_t signature[64];
	assert_ok(ap_db_recording_load(ap_vault_db(f->v), recording, &rec));
	assert_ok(ap_manifest_build(f->v, ap_vault_db(f->v), &rec, true, &manifest));
	assert_ok(ap_manifest_sign(f->v, manifest, signature));
	assert_ok(ap_db_run(ap_vault_db(f->v), "UPDATE recording SET manifest = ?2, manifest_signature = ?3 WHERE id = ?1",
			    AP_VALUES(AP_V_UUID(recording), AP_V_TEXT(manifest), AP_V_BLOB(signature, sizeof signature))));
}

static GBytes *known_track(enum ap_role role)
{
	uint8_t *plain = g_malloc(FIXTURE_TRACK);
	for (size_t i = 0; i < FIXTURE_TRACK; i++)
		plain[i] = fixture_byte(role, i);
	return g_bytes_new_take(plain, FIXTURE_TRACK);
}

struct ap_uuid fixture_recording(struct fixture *f, const struct ap_uuid *session, int64_t keep_ms)
{
	g_autoptr(GBytes) coach = known_track(AP_COACH), coachee = known_track(AP_COACHEE);
	return fixture_recording_of(f, session, keep_ms, coach, coachee);
}

static void put_long_track(struct fixture *f, const struct making *m, enum ap_role role, unsigned segments, size_t each)
{
	g_autofree uint8_t *bytes = g_malloc(each);
	for (unsigned n = 0; n < segments; n++) {
		uint64_t offset = (uint64_t)n * each;
		for (size_t i = 0; i < each; i++)
			bytes[i] = fixture_byte(role, offset + i);
		put_segment(f, m, &(struct piece){role, n, offset, bytes, each});
	}
}

struct ap_uuid fixture_recording_long(struct fixture *f, const struct ap_uuid *session, int64_t keep_ms, unsigned segments,
				      size_t each)
{
	struct making m = {.binding = {.session = *session, .recording = ap_uuid_random()}};
	make_keys(f, &m);
	put_recording(f, &m, keep_ms);
	assert_ok(ap_db_begin(ap_vault_db(f->v)));
	put_long_track(f, &m, AP_COACH, segments, each);
	put_long_track(f, &m, AP_COACHEE, segments, each / 16);
	assert_ok(ap_db_commit(ap_vault_db(f->v)));
	sign_manifest(f, &m.binding.recording);
	return m.binding.recording;
}

struct ap_uuid fixture_recording_of(struct fixture *f, const struct ap_uuid *session, int64_t keep_ms, GBytes *coach,
				    GBytes *coachee)
{
	struct making m = {.binding = {.session = *session, .recording = ap_uuid_random()}};
	make_keys(f, &m);
	put_recording(f, &m, keep_ms);
	put_track(f, &m, AP_COACH, coach);
	put_track(f, &m, AP_COACHEE, coachee);
	sign_manifest(f, &m.binding.recording);
	return m.binding.recording;
}

struct ap_actor fixture_user(struct fixture *f, const char *name, const char *role, const char *party_id)
{
	struct ap_actor actor;
	struct ap_user_new user = {.name = name, .password_hash = "x", .tenant = f->tenant, .party_id = party_id};
	assert_true(ap_staff_role_parse(role, &user.role));
	assert_ok(ap_db_user_insert(ap_vault_db(f->v), &user, f->wall_ms));
	assert_ok(ap_db_run(ap_vault_db(f->v), "UPDATE user_ SET code_of_conduct = 1 WHERE name = ?1", /* the shipped one */
			    AP_VALUES(AP_V_TEXT(name))));
	assert_ok(ap_db_user_actor(ap_vault_db(f->v), name, &actor));
	return actor;
}

struct ap_actor fixture_party(const struct ap_uuid *session, enum ap_role role)
{
	return (struct ap_actor){.kind = AP_ACTOR_PARTY, .session = *session, .role = role};
}

int fixture_last_leaf(struct fixture *f)
{
	int type = -1;
	struct ap_rows *rows =
		ap_db_query(ap_vault_db(f->v), "SELECT leaf FROM leaf ORDER BY idx DESC LIMIT 1", AP_NO_VALUES);
	size_t len;
	if (ap_rows_next(rows))
		type = ap_row_blob(rows, 0, &len)[1];
	assert_ok(ap_rows_end(rows));
	return type;
}

static struct {
	const void *bytes;
	size_t len;
	bool found;
	unsigned files;
} search; /* nftw has no context */

static int look_into(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	g_autofree char *text = NULL;
	gsize len;
	(void)st, (void)ftw;
	if (flag != FTW_F)
		return 0;
	search.files++;
	if (search.bytes && g_file_get_contents(path, &text, &len, NULL))
		search.found |= memmem(text, len, search.bytes, search.len) != NULL;
	return 0;
}

bool fixture_on_disk(struct fixture *f, const void *bytes, size_t len)
{
	search.bytes = bytes;
	search.len = len;
	search.found = false;
	nftw(f->home, look_into, 16, FTW_PHYS);
	return search.found;
}

unsigned fixture_files(struct fixture *f, const struct ap_uuid *recording)
{
	char id[AP_UUID_TEXT];
	ap_uuid_text(recording, id);
	g_autofree char *path = g_build_filename(f->home, "recordings", id, NULL);
	search.bytes = NULL;
	search.files = 0;
	nftw(path, look_into, 16, FTW_PHYS);
	return search.files;
}
