#include "recorder/access/note.h"

#include "recorder/api/answer.h"
#include "recorder/api/body.h"
#include "recorder/db/db_staff_note.h"
#include "recorder/recording/recording.h"
#include "recorder/vault.h"

#include <string.h>

/* Stands before the text, with the note's id, so that what was sealed for one row opens in no other. */
#define LABEL "aparte/note/v1"
#define HEAD (sizeof LABEL + 16)

#define SLACK_MS 10000
#define LONGEST_MS (24LL * 3600 * 1000)

/* Right to it, length of the recording, and the identity that seals and opens; all must be there for a note. */
struct desk {
	struct ap_recording recording;
	struct ap_secret *identity; /* owned */
};

static struct ap_result open_desk(struct ap_vault *v, const struct ap_uuid *recording, struct desk *ret_desk)
{
	struct desk d = {0};
	AP_TRY(ap_db_recording_load(ap_vault_db(v), recording, &d.recording));
	AP_TRY(ap_recording_identity(v, ap_vault_db(v), &d.recording, AP_KEY_NOTES, &d.identity));
	*ret_desk = d;
	return AP_SUCCESS;
}

static struct ap_result sit_down(struct ap_vault *v, const struct ap_actor *actor, const struct ap_note_place *place,
				 struct desk *ret_desk)
{
	if (actor->kind != AP_ACTOR_STAFF || !actor->user || actor->staff == AP_STAFF_SPONSOR)
		return ap_fail(AP_ERR_DENIED, "role", "notes are for supervisors and coaches");
	AP_TRY(ap_access_check(v, actor, &place->access, &place->recording));
	return open_desk(v, &place->recording, ret_desk);
}

static void get_up(struct desk *d)
{
	ap_secret_free(d->identity);
}

/* ---- reading ---- */

static struct ap_result add_text(JsonObject *o, const struct ap_note_row *row, const struct ap_secret *identity)
{
	uint8_t *plain;
	size_t len;
	gsize sealed_len;
	const void *sealed = g_bytes_get_data(row->sealed, &sealed_len);
	if (!ap_ok(ap_age_decrypt(identity, sealed, sealed_len, &plain, &len)))
		return ap_fail(AP_ERR_CRYPTO, "segment-altered", "a note does not open");
	bool right = len >= HEAD && memcmp(plain, LABEL, sizeof LABEL) == 0 &&
		     memcmp(plain + sizeof LABEL, row->id.b, sizeof row->id.b) == 0 &&
		     g_utf8_validate((const char *)plain + HEAD, (gssize)(len - HEAD), NULL);
	g_autofree char *copy = right ? g_strndup((const char *)plain + HEAD, len - HEAD) : g_strdup("");
	ap_wipe(plain, len);
	g_free(plain);
	ap_answer_text(o, "text", copy);
	ap_wipe(copy, strlen(copy));
	return right ? AP_SUCCESS : ap_fail(AP_ERR_CRYPTO, "segment-altered", "a note is not the one of its row");
}

static struct ap_result describe(const struct ap_note_row *row, const struct ap_secret *identity, JsonObject **ret_object)
{
	g_autoptr(JsonObject) o = json_object_new();
	json_object_set_int_member(o, "at_ms", row->at_ms);
	ap_answer_time(o, "created", row->created_ms);
	ap_answer_time(o, "changed", row->changed_ms);
	AP_TRY(add_text(o, row, identity));
	*ret_object = g_steal_pointer(&o);
	return AP_SUCCESS;
}

static struct ap_result list_own(struct ap_vault *v, const struct ap_actor *actor, const struct desk *d,
				 JsonArray **ret_list)
{
	g_autoptr(GArray) rows = NULL;
	g_autoptr(JsonArray) list = json_array_new();
	AP_TRY(ap_db_note_list(ap_vault_db(v), &d->recording.id, actor->user, &rows));
	for (guint i = 0; i < rows->len; i++) {
		JsonObject *o;
		AP_TRY(describe(&g_array_index(rows, struct ap_note_row, i), d->identity, &o));
		ap_answer_id(o, "id", &g_array_index(rows, struct ap_note_row, i).id);
		json_array_add_object_element(list, o);
	}
	*ret_list = g_steal_pointer(&list);
	return AP_SUCCESS;
}

struct ap_result ap_note_list(struct ap_vault *v, const struct ap_actor *actor, const struct ap_note_place *place,
			      JsonNode **ret_answer)
{
	struct desk d;
	JsonArray *list = NULL;
	AP_TRY(sit_down(v, actor, place, &d));
	struct ap_result r = list_own(v, actor, &d, &list);
	get_up(&d);
	AP_TRY(r);
	*ret_answer = ap_answer_list("notes", list);
	return AP_SUCCESS;
}

static struct ap_result export_all(struct ap_vault *v, const struct desk *d, JsonArray **ret_notes)
{
	g_autoptr(GArray) rows = NULL;
	g_autoptr(JsonArray) list = json_array_new();
	AP_TRY(ap_db_note_list(ap_vault_db(v), &d->recording.id, 0, &rows));
	for (guint i = 0; i < rows->len; i++) {
		JsonObject *o;
		AP_TRY(describe(&g_array_index(rows, struct ap_note_row, i), d->identity, &o));
		ap_answer_id(o, "recording", &d->recording.id);
		ap_answer_text(o, "role", g_array_index(rows, struct ap_note_row, i).role);
		json_array_add_object_element(list, o);
	}
	*ret_notes = g_steal_pointer(&list);
	return AP_SUCCESS;
}

struct ap_result ap_note_export(struct ap_vault *v, const struct ap_uuid *recording, JsonArray **ret_notes)
{
	struct desk d;
	AP_TRY(open_desk(v, recording, &d));
	struct ap_result r = export_all(v, &d, ret_notes);
	get_up(&d);
	return r;
}

/* ---- writing ---- */

/* A player's clock runs a little past what the capture counted, and one that crashed counted nothing. */
static int64_t last_ms(const struct ap_recording *r)
{
	return r->duration_ms > 0 ? r->duration_ms + SLACK_MS : LONGEST_MS;
}

static struct ap_result read_wish(const struct desk *d, JsonObject *body, const char **ret_text, int64_t *ret_at_ms)
{
	const char *text = ap_body_text_or_empty(body, "text");
	int64_t at_ms = -1;
	if (!text[strspn(text, " \t\r\n")] || strlen(text) > AP_NOTE_TEXT)
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "a note has 1 to 4000 bytes of text");
	if (!ap_body_int(body, "at_ms", &at_ms) || at_ms < 0 || at_ms > last_ms(&d->recording))
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "at_ms is a time within the recording");
	*ret_text = text;
	*ret_at_ms = at_ms;
	return AP_SUCCESS;
}

static struct ap_result seal(struct ap_vault *v, const struct ap_actor *actor, const struct desk *d, JsonObject *body,
			     struct ap_note_row *row)
{
	const char *text;
	uint8_t *file;
	size_t len;
	AP_TRY(read_wish(d, body, &text, &row->at_ms));
	struct ap_age_recipient recipient = ap_age_identity_recipient(d->identity);
	g_autoptr(GByteArray) plain = g_byte_array_sized_new((guint)(HEAD + strlen(text)));
	g_byte_array_append(plain, (const uint8_t *)LABEL, sizeof LABEL);
	g_byte_array_append(plain, row->id.b, sizeof row->id.b);
	g_byte_array_append(plain, (const uint8_t *)text, (guint)strlen(text));
	struct ap_result r = ap_age_encrypt(&recipient, plain->data, plain->len, &file, &len);
	ap_wipe(plain->data, plain->len);
	AP_TRY(r);
	row->sealed = g_bytes_new_take(file, len);
	row->author = actor->user;
	row->created_ms = row->changed_ms = ap_vault_believed_ms(v);
	return AP_SUCCESS;
}

static struct ap_result check_room(struct ap_vault *v, const struct ap_actor *actor, const struct desk *d)
{
	int64_t count;
	AP_TRY(ap_db_note_count(ap_vault_db(v), &d->recording.id, actor->user, &count));
	return count < AP_NOTES_EACH ? AP_SUCCESS : ap_fail(AP_ERR_LIMIT, "invalid", "there are 500 notes of yours already");
}

/* `id` NULL: a new one. */
static struct ap_result keep(struct ap_vault *v, const struct ap_actor *actor, const struct desk *d,
			     const struct ap_uuid *id, JsonObject *body, JsonNode **ret_answer)
{
	struct ap_note_row row = {.id = id ? *id : ap_uuid_random()};
	if (!id)
		AP_TRY(check_room(v, actor, d));
	AP_TRY(seal(v, actor, d, body, &row));
	struct ap_result r = id ? ap_db_note_update(ap_vault_db(v), &d->recording.id, &row)
				: ap_db_note_insert(ap_vault_db(v), &d->recording.id, &row);
	ap_note_row_clear(&row);
	AP_TRY(r);
	JsonObject *o = json_object_new();
	ap_answer_id(o, "id", &row.id);
	json_object_set_int_member(o, "at_ms", row.at_ms);
	ap_answer_time(o, "changed", row.changed_ms);
	*ret_answer = ap_answer_object(o);
	return AP_SUCCESS;
}

struct ap_result ap_note_add(struct ap_vault *v, const struct ap_actor *actor, const struct ap_note_place *place,
			     JsonObject *body, JsonNode **ret_answer)
{
	struct desk d;
	AP_TRY(sit_down(v, actor, place, &d));
	struct ap_result r = keep(v, actor, &d, NULL, body, ret_answer);
	get_up(&d);
	return r;
}

struct ap_result ap_note_change(struct ap_vault *v, const struct ap_actor *actor, const struct ap_note_place *place,
				const struct ap_uuid *note, JsonObject *body, JsonNode **ret_answer)
{
	struct desk d;
	AP_TRY(sit_down(v, actor, place, &d));
	struct ap_result r = keep(v, actor, &d, note, body, ret_answer);
	get_up(&d);
	return r;
}

struct ap_result ap_note_delete(struct ap_vault *v, const struct ap_actor *actor, const struct ap_note_place *place,
				const struct ap_uuid *note)
{
	struct desk d;
	AP_TRY(sit_down(v, actor, place, &d));
	get_up(&d);
	return ap_db_note_delete(ap_vault_db(v), &place->recording, actor->user, note);
}

struct ap_result ap_note_erase(struct ap_db *db, const struct ap_uuid *recording)
{
	return ap_db_note_erase(db, recording);
}
