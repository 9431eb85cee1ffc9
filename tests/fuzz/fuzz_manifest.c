/*
 * The manifest of a recording whose capture said anything the report rules let pass: it is always made, canonical, and
 * signed; it vouches for its own segments and, once a segment, its text or its signature is another, for none. The
 * database is stood in for: the input says what epochs, segments and erased passages there are.
 */
#include "fuzz.h"

#include <aparte/buf.h>
#include <aparte/jcs.h>
#include <recorder/keys/db_keys.h>
#include <recorder/db/db_passage.h>
#include <recorder/recording/manifest.h>
#include <recorder/recording/vouched.h>
#include <recorder/consent/session.h>
#include <recorder/vault.h>
#include <string.h>

#define EPOCHS 4
#define SEGMENTS 6
#define WEEK_MS (UINT64_C(7) * 86400000)

/* ---- the database of this run ---- */

static struct ap_epoch_row epochs[EPOCHS];
static unsigned epoch_count;
static GArray *tracks[2];
static unsigned holes;
static char *kept_text; /* NULL: no manifest yet */
static uint8_t kept_signature[64];

struct ap_result ap_db_epoch_list(struct ap_db *db, const struct ap_uuid *recording, GPtrArray **ret_epochs)
{
	(void)db, (void)recording;
	*ret_epochs = g_ptr_array_new();
	for (unsigned i = 0; i < epoch_count; i++)
		g_ptr_array_add(*ret_epochs, &epochs[i]);
	return AP_SUCCESS;
}

struct ap_result ap_db_segment_list(struct ap_db *db, const struct ap_uuid *recording, enum ap_role role, GArray **ret_segments)
{
	(void)db, (void)recording;
	*ret_segments = g_array_ref(tracks[role - AP_COACH]);
	return AP_SUCCESS;
}

struct ap_result ap_db_passage_holes(struct ap_db *db, const struct ap_uuid *recording, JsonArray **ret_list)
{
	(void)db, (void)recording;
	*ret_list = json_array_new();
	for (unsigned i = 0; i < holes; i++) {
		JsonObject *hole = json_object_new();
		json_object_set_int_member(hole, "from_ms", i * WEEK_MS);
		json_object_set_int_member(hole, "to_ms", i * WEEK_MS + 1);
		json_array_add_object_element(*ret_list, hole);
	}
	return AP_SUCCESS;
}

struct ap_result ap_db_recording_manifest(struct ap_db *db, const struct ap_uuid *id, char **ret_text, uint8_t ret_signature[64])
{
	(void)db, (void)id;
	*ret_text = g_strdup(kept_text);
	memcpy(ret_signature, kept_signature, sizeof kept_signature);
	return AP_SUCCESS;
}

struct ap_result ap_session_load(struct ap_db *db, const struct ap_uuid *id, struct ap_session *ret_session)
{
	(void)db;
	*ret_session = (struct ap_session){ .id = *id, .video_codec = "VP8" };
	return AP_SUCCESS;
}

void ap_session_clear(struct ap_session *s)
{
	(void)s;
}

/* What vouched before, of this run: nothing that is another since then may hold by it. */
static struct ap_vouched *vouched;

struct ap_vouched *ap_vault_vouched(struct ap_vault *v)
{
	(void)v;
	return vouched;
}

struct ap_db_keys *ap_vault_keys(struct ap_vault *v)
{
	(void)v;
	return NULL;
}

struct ap_result ap_db_keys_server(struct ap_db_keys *k, const char *name, struct ap_secret **ret_seed)
{
	const uint8_t seed[32] = { 3, 1, 4 };
	(void)k;
	g_assert_cmpstr(name, ==, "manifest");
	*ret_seed = ap_secret_from(seed, sizeof seed);
	return AP_SUCCESS;
}

/* ---- what the input says ---- */

static void read_line(struct ap_reader *r, struct ap_capture_line_stats *l)
{
	uint64_t a = ap_read_u64(r), b = ap_read_u64(r);
	*l = (struct ap_capture_line_stats){ .packets = ap_read_u64(r), .lost = ap_read_u32(r), .frames = ap_read_u64(r),
					     .first_ms = MIN(a, b), .last_ms = MAX(a, b) };
}

static void read_epoch(struct ap_reader *r, unsigned i, uint64_t *file_ms)
{
	struct ap_capture_epoch told = { .epoch = i + 1, .generation = ap_read_u64(r) | 1, .file_start_ms = *file_ms };
	*file_ms += ap_read_u32(r) % WEEK_MS;
	told.file_end_ms = *file_ms;
	read_line(r, &told.lines[i & 1][ap_read_u8(r) % AP_LINES]);
	epochs[i] = (struct ap_epoch_row){ .generation = told.generation, .number = i + 1,
					   .opened_ms = 1790000000000 + (int64_t)*file_ms, .closed_ms = ap_read_u32(r) };
	epochs[i].stats = ap_read_u8(r) % 8 ? ap_manifest_epoch_stats(&told) : NULL;
}

static void read_track(struct ap_reader *r, GArray *track)
{
	unsigned count = ap_read_u8(r) % SEGMENTS;
	for (unsigned i = 0; i < count; i++) {
		struct ap_segment_row s = { .number = i, .epoch = ap_read_u8(r), .size = ap_read_u24(r) + 200,
					    .plain_offset = i * 4096u, .plain_size = ap_read_u24(r) };
		ap_read_bytes(r, s.sha256, 8);
		g_array_append_val(track, s);
	}
}

static void read_world(struct ap_reader *r)
{
	uint64_t file_ms = 0;
	epoch_count = ap_read_u8(r) % (EPOCHS + 1);
	for (unsigned i = 0; i < epoch_count; i++)
		read_epoch(r, i, &file_ms);
	for (int i = 0; i < 2; i++) {
		tracks[i] = g_array_new(FALSE, FALSE, sizeof(struct ap_segment_row));
		read_track(r, tracks[i]);
	}
}

static void clear_world(void)
{
	for (unsigned i = 0; i < epoch_count; i++)
		g_clear_pointer(&epochs[i].stats, g_free);
	for (int i = 0; i < 2; i++)
		g_array_unref(tracks[i]);
	g_clear_pointer(&kept_text, g_free);
}

/* ---- what must hold ---- */

static const char *vouches(enum ap_role role, const GArray *segments)
{
	const struct ap_uuid id = { { 1 } };
	return ap_manifest_vouches(NULL, NULL, &id, role, segments).name;
}

static void build(enum ap_role role)
{
	const struct ap_recording recording = { .id = { { 1 } }, .session = { { 2 } }, .created_ms = 1790000000000, .duration_ms = 5 };
	g_assert_cmpstr(vouches(role, tracks[role - AP_COACH]), ==, "segment-altered"); /* there is none yet */
	g_assert_true(ap_ok(ap_manifest_build(NULL, NULL, &recording, true, &kept_text)));
	g_assert_true(ap_ok(ap_jcs_check(kept_text, strlen(kept_text), 1 << 20)));
	g_assert_true(ap_ok(ap_manifest_sign(NULL, kept_text, kept_signature)));
	g_assert_cmpstr(vouches(role, tracks[role - AP_COACH]), ==, "ok");
}

/* One thing is another. */
static void alter(struct ap_reader *r, unsigned what, enum ap_role role)
{
	unsigned at = ap_read_u16(r);
	uint8_t change = ap_read_u8(r) | 1;
	GArray *track = tracks[role - AP_COACH];
	if (what == 0) {
		kept_text[at % strlen(kept_text)] ^= (char)(change & 0x7F);
	} else if (what == 1) {
		kept_signature[at % 64] ^= change;
	} else if (what == 2 && track->len > 0) {
		g_array_index(track, struct ap_segment_row, at % track->len).sha256[at / 8 % 32] ^= change;
	} else if (what == 3 && track->len > 0) {
		g_array_set_size(track, track->len - 1);
	} else {
		const struct ap_segment_row more = { .number = track->len, .size = 300 };
		g_array_append_val(track, more);
	}
	g_assert_cmpstr(vouches(role, track), ==, "segment-altered");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ap_reader r = ap_reader_over(data, size);
	static bool ready;
	if (!ready)
		ready = ap_ok(ap_secret_init()) && g_log_set_always_fatal(G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_ERROR);
	read_world(&r);
	/* The input also says of whose track the rest is: each costs as much. */
	unsigned choice = ap_read_u8(&r);
	enum ap_role role = choice & 4 ? AP_COACHEE : AP_COACH;
	holes = choice >> 3 & 3;
	vouched = ap_vouched_new();
	build(role);
	alter(&r, choice % 4, role);
	ap_vouched_free(vouched);
	clear_world();
	return 0;
}
