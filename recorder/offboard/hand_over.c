#include "recorder/offboard/hand_over.h"

#include "recorder/access/approval.h"
#include "recorder/api/answer.h"
#include "recorder/db/db_recording.h"
#include "recorder/db/db_staff_access.h"
#include "recorder/db/db_staff_user.h"
#include "recorder/offboard/db_offboard.h"
#include "recorder/offboard/hand_over_job.h"
#include "recorder/offboard/offboard.h"
#include "recorder/recording/recording.h"
#include "recorder/vault.h"

#include <aparte/age.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REASON "off-boarding: the platform takes its data along (R30)"
#define PIECE ((size_t)1 << 20)

/* Nothing is handed over in a lockdown (R28). */
static struct ap_result find_leaver(struct ap_vault *v, const char *tenant, struct ap_offboarding *ret_o)
{
	if (ap_vault_locked_down(v))
		return ap_fail(AP_ERR_DENIED, "lockdown", "the vault is locked down");
	return ap_offboard_exportable(v, tenant, ret_o);
}

/* ---- data.age ---- */

/* The whole lies under `<id>.age`, what is being made under `<id>.part`. */
static char *path_of(struct ap_vault *v, const struct ap_offboarding *o, const char *suffix)
{
	char id[AP_UUID_TEXT];
	ap_uuid_text(&o->id, id);
	g_autofree char *name = g_strconcat(id, suffix, NULL);
	return g_build_filename(ap_vault_home(v), "vault", "offboard", name, NULL);
}

/* "not-found" before it is made; "erased" when what is in it is not to be handed out any more. */
static struct ap_result find_data(struct ap_vault *v, const struct ap_offboarding *o, int64_t *ret_size)
{
	g_autofree char *path = path_of(v, o, ".age");
	struct stat st;
	if (lstat(path, &st) != 0)
		return ap_fail(AP_ERR_DENIED, "not-found", "the data are not put together yet");
	*ret_size = st.st_size;
	return ap_hand_over_check(v, o->tenant, (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000);
}

static struct ap_result find_or_drop(struct ap_vault *v, const struct ap_offboarding *o)
{
	int64_t size;
	struct ap_result r = find_data(v, o, &size);
	g_autofree char *path = path_of(v, o, ".age");
	if (strcmp(r.name, "erased") == 0)
		g_unlink(path);
	return r;
}

void ap_hand_over_tidy(struct ap_vault *v, const struct ap_offboarding *o)
{
	AP_IGNORE(find_or_drop(v, o)); /* what cannot be told now, is when it is asked for */
}

void ap_hand_over_describe(struct ap_vault *v, const struct ap_offboarding *o, JsonObject *answer)
{
	JsonObject *data = json_object_new();
	struct ap_hand_over_progress p = ap_hand_over_job_progress(&o->id);
	int64_t size = 0;
	bool ready = ap_ok(find_data(v, o, &size));
	ap_answer_text(data, "state", ready ? "ready" : p.running ? "making" : "none");
	if (ready)
		json_object_set_int_member(data, "size", size);
	if (p.running) {
		json_object_set_int_member(data, "done", p.done);
		json_object_set_int_member(data, "sessions", p.total);
	}
	json_object_set_object_member(answer, "data", data);
}

void ap_hand_over_drop(struct ap_vault *v, const struct ap_offboarding *o)
{
	g_autofree char *whole = path_of(v, o, ".age"), *part = path_of(v, o, ".part");
	if (ap_hand_over_job_progress(&o->id).running)
		ap_hand_over_stop();
	g_unlink(whole);
	g_unlink(part);
}

static struct ap_result begin_data(struct ap_vault *v, const struct ap_offboarding *o, const char *tenant)
{
	g_autofree char *whole = path_of(v, o, ".age"), *part = path_of(v, o, ".part");
	g_autofree char *directory = g_path_get_dirname(part);
	struct ap_age_recipient recipient;
	if (ap_hand_over_job_busy())
		return ap_fail(AP_ERR_LIMIT, "rate",
			       "another tenant's data are being put together; try again in a minute");
	if (g_mkdir_with_parents(directory, 0700) != 0)
		return ap_fail(AP_ERR_IO, "vault-unavailable",
			       "the data cannot be put together: see to the disk of vault/");
	AP_TRY(ap_age_recipient_parse(o->recipient, &recipient));
	g_unlink(part);
	g_unlink(whole); /* what was withdrawn or erased since is not handed out */
	return ap_hand_over_job_start(v, o, tenant, &recipient, part, whole);
}

struct ap_result ap_hand_over_data(struct ap_vault *v, const char *tenant, JsonNode **ret_answer)
{
	struct ap_offboarding o;
	AP_TRY(find_leaver(v, tenant, &o));
	if (!ap_hand_over_job_progress(&o.id).running)
		AP_TRY(begin_data(v, &o, tenant));
	return ap_offboard_show(v, tenant, ret_answer);
}

struct ap_result ap_hand_over_read(struct ap_vault *v, const char *tenant, uint64_t offset, uint8_t **ret_bytes,
				   size_t *ret_len)
{
	struct ap_offboarding o;
	AP_TRY(find_leaver(v, tenant, &o));
	AP_TRY(find_or_drop(v, &o));
	g_autofree char *path = path_of(v, &o, ".age");
	g_autofree uint8_t *bytes = g_malloc(PIECE);
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return ap_fail(AP_ERR_DENIED, "not-found", "the data are not put together yet");
	ssize_t n = pread(fd, bytes, PIECE, (off_t)offset);
	close(fd);
	if (n < 0)
		return ap_fail(AP_ERR_IO, "vault-unavailable", "the data cannot be read: see to the disk of vault/");
	if (n == 0)
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "the data end before that");
	*ret_len = (size_t)n;
	*ret_bytes = g_steal_pointer(&bytes);
	return AP_SUCCESS;
}

/* ---- recordings ---- */

static struct ap_result sort_out(struct ap_vault *v, const struct ap_uuid *id, JsonArray *taken, JsonArray *left)
{
	struct ap_recording rec;
	char text[AP_UUID_TEXT];
	AP_TRY(ap_db_recording_load(ap_vault_db(v), id, &rec));
	ap_uuid_text(id, text);
	if (strcmp(rec.state, "sealed") == 0 || strcmp(rec.state, "archived") == 0) {
		json_array_add_string_element(taken, text);
		return AP_SUCCESS;
	}
	JsonObject *o = json_object_new();
	ap_answer_text(o, "recording", text);
	ap_answer_text(o, "why", rec.state); /* restricted; or still being made */
	json_array_add_object_element(left, o);
	return AP_SUCCESS;
}

struct ap_result ap_hand_over_recordings(struct ap_vault *v, const char *tenant, JsonNode **ret_answer)
{
	struct ap_offboarding o;
	g_autoptr(GArray) ids = NULL;
	g_autoptr(JsonObject) answer = json_object_new();
	JsonArray *taken = json_array_new(), *left = json_array_new();
	json_object_set_array_member(answer, "recordings", taken);
	json_object_set_array_member(answer, "left_out", left);
	AP_TRY(find_leaver(v, tenant, &o));
	AP_TRY(ap_db_offboard_recordings(ap_vault_db(v), o.tenant, &ids));
	for (guint i = 0; i < ids->len; i++)
		AP_TRY(sort_out(v, &g_array_index(ids, struct ap_uuid, i), taken, left));
	*ret_answer = ap_answer_object(g_steal_pointer(&answer));
	return AP_SUCCESS;
}

/* The other of the two who ordered it has agreed to all of it: this recording's second word (R14, R17) is theirs. */
static struct ap_result give_word(struct ap_vault *v, const struct ap_offboarding *o, const struct ap_actor *by,
				  const struct ap_uuid *approval)
{
	g_autofree char *who = ap_actor_text(by);
	g_autoptr(JsonNode) answer = NULL;
	struct ap_actor other;
	const char *first = o->ordered_by, *second = o->confirmed_by;
	if (strcmp(who, first) != 0 && strcmp(who, second) != 0)
		return ap_fail(AP_ERR_DENIED, "role",
			       "a protected or archived recording is taken along by one of the two who ordered it");
	const char *word = strcmp(who, first) == 0 ? second : first;
	if (!g_str_has_prefix(word, "user:"))
		return ap_fail(AP_ERR_DENIED, "role", "this needs the word of an admin who is a user");
	AP_TRY(ap_db_user_actor(ap_vault_db(v), word + strlen("user:"), &other));
	return ap_approval_decide(v, &other, approval, &(struct ap_approval_answer){.approve = true}, &answer);
}

static struct ap_result begin_access(struct ap_vault *v, const struct ap_offboarding *o, const struct ap_actor *by,
				     const struct ap_uuid *recording, struct ap_access *ret_access)
{
	AP_TRY(ap_access_begin_export(v, by, recording, REASON, ret_access));
	if (!ret_access->pending)
		return AP_SUCCESS;
	AP_TRY(give_word(v, o, by, &ret_access->approval));
	AP_TRY(ap_access_begin_export(v, by, recording, REASON, ret_access));
	return ret_access->pending ? ap_fail(AP_ERR_DENIED, "role", "this recording needs another admin's approval")
				   : AP_SUCCESS;
}

/* Both identities as age's own file has them; the caller wipes and frees it. */
static struct ap_result identities_text(struct ap_vault *v, const struct ap_recording *rec, char **ret_text)
{
	GString *text = g_string_sized_new(512); /* never grows, so that no copy is left behind */
	struct ap_result r = AP_SUCCESS;
	for (enum ap_role role = AP_COACH; ap_ok(r) && role <= AP_COACHEE; role++) {
		struct ap_secret *identity;
		r = ap_recording_identity(v, ap_vault_db(v), rec, role == AP_COACH ? AP_KEY_COACH : AP_KEY_COACHEE,
					  &identity);
		if (!ap_ok(r))
			break;
		struct ap_secret *line = ap_age_identity_text(identity);
		g_string_append_printf(text, "# %s's track\n%s\n", ap_role_text(role),
				       (const char *)ap_secret_bytes(line));
		ap_secret_free(line);
		ap_secret_free(identity);
	}
	*ret_text = g_string_free(text, FALSE);
	return r;
}

static struct ap_result seal_identities(struct ap_vault *v, const struct ap_offboarding *o,
					const struct ap_recording *rec, JsonObject *answer)
{
	struct ap_age_recipient recipient;
	uint8_t *file = NULL;
	size_t len = 0;
	char *text = NULL;
	AP_TRY(ap_age_recipient_parse(o->recipient, &recipient));
	struct ap_result r = identities_text(v, rec, &text);
	if (ap_ok(r))
		r = ap_age_encrypt(&recipient, text, strlen(text), &file, &len);
	ap_wipe(text, strlen(text));
	g_free(text);
	AP_TRY(r);
	g_autofree char *base64 = ap_base64(file, len);
	g_free(file);
	ap_answer_text(answer, "identities", base64);
	return AP_SUCCESS;
}

static struct ap_result add_segments(struct ap_vault *v, const struct ap_uuid *recording, enum ap_role role,
				     JsonObject *segments)
{
	g_autoptr(GArray) list = NULL;
	JsonArray *array = json_array_new();
	json_object_set_array_member(segments, ap_role_text(role), array);
	AP_TRY(ap_db_segment_list(ap_vault_db(v), recording, role, &list));
	for (guint i = 0; i < list->len; i++) {
		const struct ap_segment_row *row = &g_array_index(list, struct ap_segment_row, i);
		JsonObject *o = json_object_new();
		g_autofree char *hex = ap_hex(row->sha256, sizeof row->sha256);
		json_object_set_int_member(o, "n", row->number);
		ap_answer_text(o, "sha256", hex);
		json_array_add_object_element(array, o);
	}
	return AP_SUCCESS;
}

static struct ap_result fill(struct ap_vault *v, const struct ap_offboarding *o, const struct ap_uuid *recording,
			     JsonObject *answer)
{
	struct ap_recording rec;
	JsonObject *segments = json_object_new();
	json_object_set_object_member(answer, "segments", segments);
	AP_TRY(ap_db_recording_load(ap_vault_db(v), recording, &rec));
	AP_TRY(seal_identities(v, o, &rec, answer));
	AP_TRY(add_segments(v, recording, AP_COACH, segments));
	return add_segments(v, recording, AP_COACHEE, segments);
}

struct ap_result ap_hand_over_recording(struct ap_vault *v, const struct ap_actor *by, const char *tenant,
					const struct ap_uuid *recording, JsonNode **ret_answer)
{
	struct ap_offboarding o;
	struct ap_access access;
	struct ap_access_subject s = {0};
	g_autoptr(JsonObject) answer = json_object_new();
	AP_TRY(ap_offboard_exportable(v, tenant, &o));
	AP_TRY(ap_db_access_subject(ap_vault_db(v), recording, &s));
	g_free(s.coach);
	if (s.tenant != o.tenant)
		return ap_fail(AP_ERR_DENIED, "not-found", "this tenant has no such recording");
	AP_TRY(begin_access(v, &o, by, recording, &access));
	ap_answer_id(answer, "recording", recording);
	ap_answer_id(answer, "access", &access.id);
	AP_TRY(fill(v, &o, recording, answer));
	*ret_answer = ap_answer_object(g_steal_pointer(&answer));
	return AP_SUCCESS;
}
