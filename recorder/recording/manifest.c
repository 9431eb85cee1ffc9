#include "recorder/recording/manifest.h"

#include "recorder/db/db_passage.h"
#include "recorder/recording/vouched.h"
#include "recorder/consent/session.h"

#include <aparte/jcs.h>
#include <sodium.h>
#include <string.h>

#define SILENCE_MS 1000
#define MAX_STATS 65536 /* bytes of an epoch's report */

static const char *const line_names[AP_LINES] = { "audio", "camera", "screen" };

static JsonObject *line_object(const struct ap_capture_line_stats *s)
{
	JsonObject *o = json_object_new();
	json_object_set_int_member(o, "packets", (int64_t)s->packets);
	json_object_set_int_member(o, "lost", (int64_t)s->lost);
	json_object_set_int_member(o, "late", (int64_t)s->late);
	json_object_set_int_member(o, "malformed", (int64_t)s->malformed);
	json_object_set_int_member(o, "frames", (int64_t)s->frames);
	json_object_set_int_member(o, "first_ms", (int64_t)s->first_ms);
	json_object_set_int_member(o, "last_ms", (int64_t)s->last_ms);
	return o;
}

char *ap_manifest_epoch_stats(const struct ap_capture_epoch *epoch)
{
	g_autoptr(JsonObject) o = json_object_new();
	char *text = NULL;
	json_object_set_int_member(o, "file_start_ms", (int64_t)epoch->file_start_ms);
	json_object_set_int_member(o, "file_end_ms", (int64_t)epoch->file_end_ms);
	for (int role = 0; role < 2; role++) {
		JsonObject *lines = json_object_new();
		for (int line = 0; line < AP_LINES; line++)
			json_object_set_object_member(lines, line_names[line], line_object(&epoch->lines[role][line]));
		json_object_set_object_member(o, ap_role_text((enum ap_role)(AP_COACH + role)), lines);
	}
	return ap_ok(ap_jcs_from_object(o, &text)) ? text : g_strdup("{}");
}

static void set_time(JsonObject *o, const char *name, int64_t ms)
{
	char text[AP_TIME_TEXT];
	ap_time_text(ms, text);
	if (ms > 0)
		json_object_set_string_member(o, name, text);
}

static JsonObject *epoch_object(const struct ap_epoch_row *e)
{
	JsonObject *o = json_object_new();
	g_autoptr(JsonNode) stats = NULL;
	g_autofree char *generation = g_strdup_printf("%" G_GUINT64_FORMAT, e->generation);
	json_object_set_int_member(o, "epoch", e->number);
	json_object_set_string_member(o, "generation", generation);
	set_time(o, "opened", e->opened_ms);
	set_time(o, "closed", e->closed_ms);
	if (e->stats && ap_ok(ap_json_parse(e->stats, strlen(e->stats), MAX_STATS, &stats)))
		json_object_set_member(o, "capture", g_steal_pointer(&stats));
	return o;
}

/* The closed time between two epochs, which both tracks leave out. */
static JsonObject *gap_object(const struct ap_epoch_row *before, const struct ap_epoch_row *after)
{
	JsonObject *o = json_object_new();
	json_object_set_int_member(o, "after_epoch", before->number);
	json_object_set_int_member(o, "ms", before->closed_ms > 0 ? after->opened_ms - before->closed_ms : 0);
	return o;
}

/* A line that had media but fell silent for more than a second at an epoch's edge. */
static void add_silence(JsonArray *gaps, guint32 epoch, const char *role, const char *line, int64_t from_ms, int64_t to_ms)
{
	if (to_ms - from_ms <= SILENCE_MS)
		return;
	JsonObject *o = json_object_new();
	json_object_set_int_member(o, "epoch", epoch);
	json_object_set_string_member(o, "role", role);
	json_object_set_string_member(o, "line", line);
	json_object_set_int_member(o, "from_ms", from_ms);
	json_object_set_int_member(o, "to_ms", to_ms);
	json_array_add_object_element(gaps, o);
}

static void add_silences(JsonArray *gaps, const struct ap_epoch_row *e)
{
	g_autoptr(JsonNode) node = NULL;
	if (!e->stats || !ap_ok(ap_json_parse(e->stats, strlen(e->stats), MAX_STATS, &node)))
		return;
	JsonObject *stats = json_node_get_object(node);
	if (!json_object_has_member(stats, "file_end_ms"))
		return; /* it failed before it reported */
	int64_t start = json_object_get_int_member(stats, "file_start_ms"), end = json_object_get_int_member(stats, "file_end_ms");
	for (int role = AP_COACH; role <= AP_COACHEE; role++) {
		const char *name = ap_role_text((enum ap_role)role);
		JsonObject *lines = json_object_get_object_member(stats, name);
		for (int i = 0; i < AP_LINES; i++) {
			JsonObject *line = json_object_get_object_member(lines, line_names[i]);
			if (json_object_get_int_member(line, "frames") == 0)
				continue;
			add_silence(gaps, e->number, name, line_names[i], start, json_object_get_int_member(line, "first_ms"));
			add_silence(gaps, e->number, name, line_names[i], json_object_get_int_member(line, "last_ms"), end);
		}
	}
}

static struct ap_result add_epochs(struct ap_db *db, const struct ap_uuid *recording, JsonObject *o)
{
	g_autoptr(GPtrArray) epochs = NULL;
	AP_TRY(ap_db_epoch_list(db, recording, &epochs));
	JsonArray *list = json_array_new(), *gaps = json_array_new();
	for (guint i = 0; i < epochs->len; i++) {
		json_array_add_object_element(list, epoch_object(epochs->pdata[i]));
		if (i > 0)
			json_array_add_object_element(gaps, gap_object(epochs->pdata[i - 1], epochs->pdata[i]));
		add_silences(gaps, epochs->pdata[i]);
	}
	json_object_set_array_member(o, "epochs", list);
	json_object_set_array_member(o, "gaps", gaps);
	return AP_SUCCESS;
}

static JsonObject *segment_object(const struct ap_segment_row *s)
{
	JsonObject *o = json_object_new();
	g_autofree char *sha256 = ap_hex(s->sha256, sizeof s->sha256);
	json_object_set_int_member(o, "number", s->number);
	json_object_set_int_member(o, "epoch", s->epoch);
	json_object_set_int_member(o, "size", (int64_t)s->size);
	json_object_set_int_member(o, "plain_size", (int64_t)s->plain_size);
	json_object_set_string_member(o, "sha256", sha256);
	return o;
}

static JsonArray *track_array(const GArray *segments)
{
	JsonArray *list = json_array_new();
	for (guint i = 0; i < segments->len; i++)
		json_array_add_object_element(list, segment_object(&g_array_index(segments, struct ap_segment_row, i)));
	return list;
}

static struct ap_result add_tracks(struct ap_db *db, const struct ap_uuid *recording, JsonObject *o)
{
	JsonObject *tracks = json_object_new();
	json_object_set_object_member(o, "tracks", tracks);
	for (int role = AP_COACH; role <= AP_COACHEE; role++) {
		g_autoptr(GArray) segments = NULL;
		AP_TRY(ap_db_segment_list(db, recording, (enum ap_role)role, &segments));
		json_object_set_array_member(tracks, ap_role_text((enum ap_role)role), track_array(segments));
	}
	return AP_SUCCESS;
}

static struct ap_result add_codecs(struct ap_db *db, const struct ap_uuid *session, JsonObject *o)
{
	struct ap_session s;
	JsonObject *codecs = json_object_new();
	json_object_set_object_member(o, "codecs", codecs);
	AP_TRY(ap_session_load(db, session, &s));
	json_object_set_string_member(codecs, "audio", "opus");
	json_object_set_string_member(codecs, "video", s.video_codec);
	ap_session_clear(&s);
	return AP_SUCCESS;
}

/* What was erased from it since it was made (R32); no member where there is nothing. */
static struct ap_result add_holes(struct ap_db *db, const struct ap_uuid *recording, JsonObject *o)
{
	g_autoptr(JsonArray) holes = NULL;
	AP_TRY(ap_db_passage_holes(db, recording, &holes));
	if (json_array_get_length(holes) > 0)
		json_object_set_array_member(o, "erased", g_steal_pointer(&holes));
	return AP_SUCCESS;
}

struct ap_result ap_manifest_build(struct ap_vault *v, struct ap_db *db, const struct ap_recording *recording, bool complete,
				   char **ret_text)
{
	(void)v;
	char id[AP_UUID_TEXT], session[AP_UUID_TEXT];
	g_autoptr(JsonObject) o = json_object_new();
	ap_uuid_text(&recording->id, id);
	ap_uuid_text(&recording->session, session);
	json_object_set_string_member(o, "version", "1");
	json_object_set_string_member(o, "recording", id);
	json_object_set_string_member(o, "session", session);
	json_object_set_string_member(o, "finished_by", complete ? "capture" : "vault");
	json_object_set_int_member(o, "duration_ms", recording->duration_ms);
	set_time(o, "created", recording->created_ms);
	set_time(o, "sealed", recording->sealed_ms);
	AP_TRY(add_codecs(db, &recording->session, o));
	AP_TRY(add_epochs(db, &recording->id, o));
	AP_TRY(add_tracks(db, &recording->id, o));
	AP_TRY(add_holes(db, &recording->id, o));
	return ap_jcs_from_object(o, ret_text);
}

/* The signing pair, whose secret half lives in guarded memory. */
static struct ap_result pair(struct ap_vault *v, uint8_t ret_public[32], struct ap_secret **ret_secret)
{
	struct ap_secret *seed = NULL, *secret = ap_secret_new(crypto_sign_SECRETKEYBYTES);
	struct ap_result r = ap_db_keys_server(ap_vault_keys(v), "manifest", &seed);
	if (ap_ok(r)) {
		crypto_sign_seed_keypair(ret_public, ap_secret_bytes_rw(secret), ap_secret_bytes(seed));
		*ret_secret = secret;
	} else {
		ap_secret_free(secret);
	}
	ap_secret_free(seed);
	return r;
}

struct ap_result ap_manifest_sign(struct ap_vault *v, const char *text, uint8_t ret_signature[64])
{
	uint8_t public[32];
	struct ap_secret *secret = NULL;
	AP_TRY(pair(v, public, &secret));
	crypto_sign_detached(ret_signature, NULL, (const uint8_t *)text, strlen(text), ap_secret_bytes(secret));
	ap_secret_free(secret);
	return AP_SUCCESS;
}

struct ap_result ap_manifest_key(struct ap_vault *v, uint8_t ret_public[32])
{
	struct ap_secret *secret = NULL;
	AP_TRY(pair(v, ret_public, &secret));
	ap_secret_free(secret);
	return AP_SUCCESS;
}

/* ---- afterwards ---- */

static struct ap_result not_vouched(const char *detail)
{
	return ap_fail(AP_ERR_CRYPTO, "segment-altered", detail);
}

/* Nothing of the text is believed before its signature is. */
static struct ap_result check_signature(struct ap_vault *v, const char *text, const uint8_t signature[64])
{
	uint8_t public[32];
	AP_TRY(ap_manifest_key(v, public));
	if (crypto_sign_verify_detached(signature, (const uint8_t *)text, strlen(text), public) != 0)
		return not_vouched("the manifest was changed: restore vault.db from a backup");
	return AP_SUCCESS;
}

static JsonNode *track_of(JsonObject *manifest, enum ap_role role)
{
	JsonNode *tracks = json_object_get_member(manifest, "tracks");
	bool fits = tracks && JSON_NODE_HOLDS_OBJECT(tracks);
	return fits ? json_object_get_member(json_node_get_object(tracks), ap_role_text(role)) : NULL;
}

static struct ap_result compare(const struct ap_vouched_track *track)
{
	g_autoptr(JsonNode) signed_node = NULL, rows = json_node_new(JSON_NODE_ARRAY);
	char id[AP_UUID_TEXT];
	ap_uuid_text(track->recording, id);
	AP_TRY(ap_json_parse(track->manifest, strlen(track->manifest), strlen(track->manifest), &signed_node));
	JsonObject *manifest = json_node_get_object(signed_node);
	JsonNode *named = track_of(manifest, track->role);
	json_node_take_array(rows, track_array(track->segments));
	if (g_strcmp0(json_object_get_string_member_with_default(manifest, "recording", ""), id) != 0 || !named ||
	    !json_node_equal(named, rows))
		return not_vouched("the segments are not those of the signed manifest: restore vault.db from a backup");
	return AP_SUCCESS;
}

struct ap_result ap_manifest_vouches(struct ap_vault *v, struct ap_db *db, const struct ap_uuid *recording, enum ap_role role,
				     const GArray *segments)
{
	uint8_t signature[64];
	g_autofree char *text = NULL;
	AP_TRY(ap_db_recording_manifest(db, recording, &text, signature));
	if (!text)
		return not_vouched("the manifest is missing: restore vault.db from a backup");
	const struct ap_vouched_track track = { recording, role, text, signature, segments };
	if (ap_vouched_holds(ap_vault_vouched(v), &track))
		return AP_SUCCESS;
	AP_TRY(check_signature(v, text, signature));
	AP_TRY(compare(&track));
	ap_vouched_note(ap_vault_vouched(v), &track);
	return AP_SUCCESS;
}
