#include "recorder/offboard/hand_over_job.h"

#include "recorder/access/note.h"
#include "recorder/accountability/db_roles.h"
#include "recorder/api/answer.h"
#include "recorder/db/db_consent.h"
#include "recorder/consent/owed.h"
#include "recorder/db/db_recording.h"
#include "recorder/job.h"
#include "recorder/offboard/hand_over.h"
#include "recorder/portability/copy.h"
#include "recorder/portability/zip.h"
#include "recorder/proof/proof.h"
#include "recorder/vault.h"

#include <aparte/log.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

struct job {
	/* borrowed */
	struct ap_vault *v;
	/* owned */
	struct ap_zip *zip;
	GArray *sessions; /* struct ap_uuid */
	JsonArray *index; /* rows of sessions.csv */
	char *tenant, *part, *whole;
	/* state */
	struct ap_offboarding o;
	int64_t begun_ms;
	guint next;
	bool opened;
};

static const char readme[] =
	"What this platform had with Aparte, as of the export.\n"
	"\n"
	"tenant.json            the platform and who answered for its data\n"
	"rules/                 policies and regions that bound its sessions\n"
	"notices/               every notice its people were shown\n"
	"sessions.csv           all sessions\n"
	"sessions/ID/           per session: coach.json and coachee.json (what was held about each person), receipts/ "
	"of what\n"
	"                       was given (verify them with `aparte ledger verify --receipt`), recordings.json with "
	"signed\n"
	"                       manifests and viewers' notes\n"
	"checkpoint.txt, key.txt  the log's newest signed checkpoint and its verifier key\n"
	"\n"
	"Of decisions only what was given is here. That somebody refused, or did not answer, what a person asked for, and "
	"why a\n"
	"recording is gone, is told to no platform.\n"
	"The recordings lie beside this file, under recordings/; open.sh opens them with the stock age tool.\n";

/* ---- entries ---- */

static struct ap_result add(struct job *j, const char *name, const char *text)
{
	return ap_zip_add(j->zip, name, text, strlen(text));
}

/* Takes the node. */
static struct ap_result add_json(struct job *j, const char *name, JsonNode *node)
{
	g_autofree char *text = json_to_string(node, TRUE);
	json_node_unref(node);
	return add(j, name, text);
}

static char *inside(const struct ap_uuid *session, const char *name)
{
	char id[AP_UUID_TEXT];
	ap_uuid_text(session, id);
	return g_strconcat("sessions/", id, "/", name, NULL);
}

static struct ap_result add_tenant(struct job *j)
{
	struct ap_tenant_roles roles;
	JsonObject *o = json_object_new();
	ap_answer_id(o, "offboarding", &j->o.id);
	ap_answer_text(o, "name", j->tenant);
	json_object_set_int_member(o, "number", j->o.tenant);
	ap_answer_time(o, "ordered", j->o.ordered_ms);
	ap_answer_text(o, "recipient", j->o.recipient);
	json_object_set_int_member(o, "sessions", j->sessions->len);
	struct ap_result r = ap_db_tenant_roles(ap_vault_db(j->v), j->o.tenant, &roles);
	if (ap_ok(r)) {
		ap_answer_text(o, "capacity_of_operator", roles.capacity);
		ap_answer_text(o, "controller", roles.controller);
		ap_answer_text(o, "contact", roles.contact);
		ap_answer_text(o, "agreement", roles.agreement);
		ap_tenant_roles_clear(&roles);
	}
	struct ap_result added = add_json(j, "tenant.json", ap_answer_object(o));
	return ap_ok(r) ? added : r;
}

static struct ap_result add_documents(struct job *j, const char *folder, const GPtrArray *documents)
{
	for (guint i = 0; i < documents->len; i++) {
		g_autofree char *name = g_strdup_printf("%s/%u.json", folder, i + 1);
		AP_TRY(add(j, name, g_ptr_array_index(documents, i)));
	}
	return AP_SUCCESS;
}

static struct ap_result add_log(struct job *j)
{
	g_autofree char *checkpoint = NULL;
	AP_TRY(ap_ledger_checkpoint(ap_vault_ledger(j->v), ap_vault_db(j->v), &checkpoint));
	AP_TRY(add(j, "checkpoint.txt", checkpoint));
	return add(j, "key.txt", ap_ledger_vkey(ap_vault_ledger(j->v)));
}

static struct ap_result open_zip(struct job *j)
{
	g_autoptr(GPtrArray) rules = NULL, notices = NULL;
	AP_TRY(ap_db_offboard_documents(ap_vault_db(j->v), j->o.tenant, &rules));
	AP_TRY(ap_db_offboard_notices(ap_vault_db(j->v), j->o.tenant, &notices));
	AP_TRY(add(j, "README.txt", readme));
	AP_TRY(add_tenant(j));
	AP_TRY(add_documents(j, "rules", rules));
	return add_documents(j, "notices", notices);
}

/* ---- a session ---- */

static struct ap_result add_receipt(struct job *j, const struct ap_uuid *session, int64_t leaf)
{
	g_autofree char *receipt = NULL, *file = g_strdup_printf("receipts/%lld.json", (long long)leaf);
	g_autofree char *name = inside(session, file);
	struct ap_result r = ap_ledger_receipt(ap_vault_ledger(j->v), ap_vault_db(j->v), (uint64_t)leaf, &receipt);
	if (strcmp(r.name, "erased") == 0) /* its opening lies in the archive of proofs by now */
		r = ap_proof_receipt(j->v, session, (uint64_t)leaf, &receipt);
	AP_TRY(r);
	return add(j, name, receipt);
}

/* Nor why a recording is gone, what they asked for, or that they took an archive (R34, R41). */
static void leave_out_causes(JsonObject *copy)
{
	JsonArray *recordings = json_object_get_array_member(copy, "recordings");
	JsonArray *all = json_object_get_array_member(copy, "accesses"), *staffs = json_array_new();
	for (guint i = 0; i < json_array_get_length(recordings); i++)
		json_object_remove_member(json_array_get_object_element(recordings, i), "erased_because");
	for (guint i = 0; i < json_array_get_length(all); i++) {
		JsonObject *access = json_array_get_object_element(all, i);
		if (!g_str_has_prefix(json_object_get_string_member_with_default(access, "who", ""), "party:"))
			json_array_add_element(staffs, json_node_copy(json_array_get_element(all, i)));
	}
	json_object_set_array_member(copy, "accesses", staffs);
	json_object_remove_member(copy, "requests");
}

/* Of what a person decided, only what they gave (R34); and its receipts. */
static struct ap_result keep_given(struct job *j, const struct ap_uuid *session, JsonObject *copy)
{
	JsonArray *all = json_object_get_array_member(copy, "statements"), *given = json_array_new();
	struct ap_result r = AP_SUCCESS;
	for (guint i = 0; ap_ok(r) && i < json_array_get_length(all); i++) {
		JsonObject *s = json_array_get_object_element(all, i);
		if (strcmp(json_object_get_string_member_with_default(s, "event", ""), "ConsentGiven") != 0)
			continue;
		json_array_add_element(given, json_node_copy(json_array_get_element(all, i)));
		if (json_object_has_member(s, "leaf"))
			r = add_receipt(j, session, json_object_get_int_member(s, "leaf"));
	}
	json_object_set_array_member(copy, "statements", given);
	return r;
}

/* As everybody but the person sees them. */
static struct ap_result add_consents(struct job *j, const struct ap_uuid *session, enum ap_role role, JsonObject *copy)
{
	struct ap_consent_state state;
	JsonObject *o = json_object_new();
	json_object_set_object_member(copy, "consents", o);
	AP_TRY(ap_db_consent_state(ap_vault_db(j->v), session, role, &state));
	for (int p = 0; p < AP_PURPOSE_COUNT; p++)
		ap_answer_text(o, ap_purpose_text((enum ap_purpose)p), ap_decision_text_for_others(state.purpose[p]));
	return AP_SUCCESS;
}

static struct ap_result add_person(struct job *j, const struct ap_uuid *session, enum ap_role role)
{
	JsonObject *copy = NULL;
	const struct ap_copy_wish wish = {*session, role, false, false};
	g_autofree char *file = g_strconcat(ap_role_text(role), ".json", NULL), *name = inside(session, file);
	AP_TRY(ap_copy_build(j->v, &wish, &copy));
	leave_out_causes(copy);
	struct ap_result r = keep_given(j, session, copy);
	if (ap_ok(r))
		r = add_consents(j, session, role, copy);
	if (ap_ok(r) && role == AP_COACH) {
		JsonArray *rows = json_object_get_array_member(copy, "sessions");
		if (json_array_get_length(rows))
			json_array_add_element(j->index, json_node_copy(json_array_get_element(rows, 0)));
	}
	JsonNode *node = ap_answer_object(copy);
	if (ap_ok(r))
		return add_json(j, name, node);
	json_node_unref(node);
	return r;
}

/* That it is gone, and which leaf says so; its certificate has the cause, which is the person's (R34). */
static struct ap_result add_erasure(struct job *j, const struct ap_uuid *recording, JsonObject *o)
{
	int64_t leaf = 0, at = 0;
	AP_TRY(ap_db_offboard_erasure(ap_vault_db(j->v), recording, &leaf, &at));
	if (at) {
		ap_answer_time(o, "erased_at", at);
		json_object_set_int_member(o, "erased_leaf", leaf);
	}
	return AP_SUCCESS;
}

static struct ap_result describe_recording(struct job *j, const struct ap_recording *rec, JsonArray *list)
{
	g_autofree char *manifest = NULL;
	g_autoptr(JsonArray) notes = NULL;
	uint8_t signature[64];
	JsonObject *o = json_object_new();
	json_array_add_object_element(list, o);
	ap_answer_id(o, "recording", &rec->id);
	ap_answer_text(o, "state", rec->state);
	AP_TRY(ap_db_recording_manifest(ap_vault_db(j->v), &rec->id, &manifest, signature));
	ap_answer_text(o, "manifest", manifest); /* as it was signed, byte for byte */
	if (manifest) {
		g_autofree char *text = ap_base64url(signature, sizeof signature);
		ap_answer_text(o, "manifest_signature", text);
	}
	AP_TRY(add_erasure(j, &rec->id, o));
	bool withdrawn = false, readable = strcmp(rec->state, "sealed") == 0 || strcmp(rec->state, "archived") == 0;
	if (readable)
		AP_TRY(ap_copy_withdrawn(j->v, &rec->id, &withdrawn));
	struct ap_result r = readable && !withdrawn ? ap_note_export(j->v, &rec->id, &notes) : AP_SUCCESS;
	if (notes)
		json_object_set_array_member(o, "notes", g_steal_pointer(&notes));
	return strcmp(r.name, "erased") == 0 ? AP_SUCCESS : r;
}

static struct ap_result add_recordings(struct job *j, const struct ap_uuid *session)
{
	g_autoptr(GArray) list = NULL;
	g_autofree char *name = inside(session, "recordings.json");
	AP_TRY(ap_db_recording_list(ap_vault_db(j->v), session, &list));
	JsonArray *all = json_array_new();
	struct ap_result r = AP_SUCCESS;
	for (guint i = 0; ap_ok(r) && i < list->len; i++)
		r = describe_recording(j, &g_array_index(list, struct ap_recording, i), all);
	JsonNode *node = ap_answer_list("recordings", all);
	if (ap_ok(r))
		return add_json(j, name, node);
	json_node_unref(node);
	return r;
}

static struct ap_result add_session(struct job *j, const struct ap_uuid *session)
{
	AP_TRY(add_person(j, session, AP_COACH));
	AP_TRY(add_person(j, session, AP_COACHEE));
	return add_recordings(j, session);
}

/* What could not be written to vault.db yet counts. */
static struct ap_result check_owed(struct ap_vault *v, int64_t tenant, int64_t since_ms, int64_t *ret_count)
{
	g_autoptr(GArray) owed = ap_owed_list(ap_vault_owed(v));
	for (guint i = 0; i < owed->len && *ret_count == 0; i++) {
		const struct ap_owed_entry *e = &g_array_index(owed, struct ap_owed_entry, i);
		if (e->received_ms >= since_ms)
			AP_TRY(ap_db_count(ap_vault_db(v), "SELECT count(*) FROM session WHERE id = ?1 AND tenant = ?2",
					   AP_VALUES(AP_V_UUID(&e->session), AP_V_INT(tenant)), ret_count));
	}
	return AP_SUCCESS;
}

struct ap_result ap_hand_over_check(struct ap_vault *v, int64_t tenant, int64_t since_ms)
{
	int64_t changes;
	AP_TRY(ap_db_offboard_changes(ap_vault_db(v), tenant, since_ms, &changes));
	AP_TRY(check_owed(v, tenant, since_ms, &changes));
	return changes ? ap_fail(AP_ERR_DENIED, "erased",
				 "something was withdrawn, erased or restricted since: put the data together anew")
		       : AP_SUCCESS;
}

static struct ap_result finish(struct job *j)
{
	uint64_t size;
	g_autofree char *csv = ap_copy_csv(j->index);
	AP_TRY(add(j, "sessions.csv", csv));
	AP_TRY(add_log(j));
	AP_TRY(ap_zip_finish(j->zip, &size));
	AP_TRY(ap_hand_over_check(j->v, j->o.tenant, j->begun_ms));
	const struct timespec begun = {.tv_sec = j->begun_ms / 1000, .tv_nsec = j->begun_ms % 1000 * 1000000};
	if (utimensat(AT_FDCWD, j->part, (const struct timespec[]){begun, begun}, AT_SYMLINK_NOFOLLOW) != 0 ||
	    g_rename(j->part, j->whole) != 0)
		return ap_fail(AP_ERR_IO, "vault-unavailable", "the data cannot be kept: see to the disk of vault/");
	return AP_SUCCESS;
}

/* ---- the job ---- */

static struct ap_result step(void *work, bool *ret_over)
{
	struct job *j = work;
	if (!j->opened) {
		j->opened = true;
		return open_zip(j);
	}
	if (j->next < j->sessions->len)
		return add_session(j, &g_array_index(j->sessions, struct ap_uuid, j->next++));
	*ret_over = true;
	return finish(j);
}

static void fail(void *work, const char *name)
{
	struct job *j = work;
	ap_log(AP_LOG_ERROR, "hand_over_failed", "reason=%s", name);
	g_unlink(j->part);
}

static void release(void *work)
{
	struct job *j = work;
	ap_zip_free(j->zip);
	g_clear_pointer(&j->sessions, g_array_unref);
	g_clear_pointer(&j->index, json_array_unref);
	g_free(j->tenant);
	g_free(j->part);
	g_free(j->whole);
	g_free(j);
}

static const struct ap_job_kind kind = {step, fail, release};

bool ap_hand_over_job_busy(void)
{
	return ap_job_running(&kind) != NULL;
}

void ap_hand_over_stop(void)
{
	struct job *j = ap_job_running(&kind);
	if (j)
		g_unlink(j->part);
	ap_job_stop(&kind);
}

struct ap_hand_over_progress ap_hand_over_job_progress(const struct ap_uuid *offboarding)
{
	const struct job *j = ap_job_running(&kind);
	if (j && ap_uuid_equal(&j->o.id, offboarding))
		return (struct ap_hand_over_progress){.running = true, .done = j->next, .total = j->sessions->len};
	return (struct ap_hand_over_progress){0};
}

struct ap_result ap_hand_over_job_start(struct ap_vault *v, const struct ap_offboarding *o, const char *tenant,
					const struct ap_age_recipient *recipient, const char *part, const char *whole)
{
	struct job *j = g_new0(struct job, 1);
	*j = (struct job){.v = v,
			  .o = *o,
			  .begun_ms = ap_wall_ms(ap_vault_clock(v)),
			  .tenant = g_strdup(tenant),
			  .part = g_strdup(part),
			  .whole = g_strdup(whole),
			  .index = json_array_new()};
	struct ap_result r = ap_db_offboard_sessions(ap_vault_db(v), o->tenant, &j->sessions);
	if (ap_ok(r))
		r = ap_zip_new(part, &(struct ap_zip_lock){.recipient = recipient}, ap_wall_ms(ap_vault_clock(v)),
			       &j->zip);
	if (ap_ok(r))
		ap_job_start(&kind, j);
	else
		release(j);
	return r;
}
