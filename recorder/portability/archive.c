#include "recorder/portability/archive_private.h"

#include "recorder/api/answer.h"
#include "recorder/api/body.h"
#include "recorder/db/db_consent.h"
#include "recorder/portability/db_archive.h"
#include "recorder/erasure/request_private.h"
#include "recorder/vault.h"

#include <aparte/buf.h>
#include <aparte/limits.h>
#include <aparte/log.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEPT_MS (7LL * 86400 * 1000)
#define DAY_MS (86400LL * 1000)
#define PER_DAY 10 /* for one person: each reads the whole recording and writes it anew */
#define GRACE_MS (10LL * 60 * 1000) /* for a download that broke off right at its end */

static int64_t now(struct ap_vault *v)
{
	return ap_wall_ms(ap_vault_clock(v));
}

char *ap_archive_path(struct ap_vault *v, const struct ap_uuid *request)
{
	char id[AP_UUID_TEXT];
	ap_uuid_text(request, id);
	g_autofree char *name = g_strconcat(id, ".age", NULL);
	return g_build_filename(ap_vault_home(v), "vault", "archives", name, NULL);
}

struct ap_result ap_archive_remove(struct ap_vault *v, const struct ap_uuid *request)
{
	g_autofree char *path = ap_archive_path(v, request);
	if (unlink(path) == 0 || errno == ENOENT)
		return AP_SUCCESS;
	return ap_fail(AP_ERR_IO, "vault-unavailable", "an archive cannot be removed: see to the disk of vault/");
}

static bool is_state(const struct ap_archive_row *row, const char *state)
{
	return strcmp(row->state, state) == 0;
}

struct ap_result ap_archive_describe(struct ap_vault *v, const struct ap_uuid *request, JsonObject *o)
{
	struct ap_archive_row row;
	if (!ap_ok(ap_db_archive_load(ap_vault_db(v), request, &row)))
		return AP_SUCCESS;
	JsonObject *a = json_object_new();
	ap_answer_text(a, "state", row.state);
	json_object_set_double_member(a, "progress", row.total > 0 ? (double)row.done / (double)row.total :
						     is_state(&row, "making") ? 0.0 : 1.0);
	if (is_state(&row, "ready")) {
		json_object_set_int_member(a, "size", row.size);
		ap_answer_time(a, "until", row.fetched_ms ? row.fetched_ms + GRACE_MS : row.ready_ms + KEPT_MS);
	}
	ap_answer_text(a, "failure", row.failure[0] ? row.failure : NULL);
	json_object_set_int_member(a, "films", row.films);
	ap_answer_text(a, "film_failure", row.film_failure[0] ? row.film_failure : NULL);
	json_object_set_object_member(o, "archive", a);
	return AP_SUCCESS;
}

struct ap_result ap_archive_is_ready(struct ap_vault *v, const struct ap_uuid *request, bool *ret_ready)
{
	struct ap_archive_row row;
	struct ap_result r = ap_db_archive_load(ap_vault_db(v), request, &row);
	*ret_ready = ap_ok(r) && (is_state(&row, "ready") || is_state(&row, "erased"));
	return strcmp(r.name, "not-found") == 0 ? AP_SUCCESS : r;
}

/* ---- making one ---- */

static struct ap_result may_begin(struct ap_vault *v, const struct ap_actor *party, const struct ap_uuid *request)
{
	struct ap_request_row row;
	int64_t lately;
	AP_TRY(ap_db_request_load(ap_vault_db(v), request, &row));
	if (strcmp(row.state, "refused") == 0)
		return ap_fail(AP_ERR_DENIED, "conflict", "this request was refused");
	if (ap_vault_locked_down(v))
		return ap_fail(AP_ERR_DENIED, "lockdown", "the vault is locked down");
	if (ap_archive_job_running())
		return ap_fail(AP_ERR_LIMIT, "rate", "another archive is being made; try again in a minute");
	AP_TRY(ap_db_archive_count(ap_vault_db(v), &party->session, party->role, now(v) - DAY_MS, &lately));
	if (lately >= PER_DAY)
		return ap_fail(AP_ERR_LIMIT, "rate", "enough archives were made for today; try again tomorrow");
	return AP_SUCCESS;
}

static struct ap_result erase_all(struct ap_vault *v, const GArray *requests)
{
	for (guint i = 0; i < requests->len; i++) {
		const struct ap_uuid *request = &g_array_index(requests, struct ap_uuid, i);
		AP_TRY(ap_archive_remove(v, request));
		AP_TRY(ap_db_archive_erased(ap_vault_db(v), request, now(v)));
	}
	return AP_SUCCESS;
}

/* A person has one at a time: else one who asks again and again fills the disk that gates need. */
static struct ap_result erase_former(struct ap_vault *v, const struct ap_actor *party)
{
	g_autoptr(GArray) former = NULL;
	AP_TRY(ap_db_archive_of(ap_vault_db(v), &party->session, party->role, &former));
	return erase_all(v, former);
}

static struct ap_result start_job(struct ap_vault *v, const struct ap_actor *party, const struct ap_uuid *request,
				  const struct ap_zip_lock *lock)
{
	g_autofree char *directory = g_build_filename(ap_vault_home(v), "vault", "archives", NULL);
	if (g_mkdir_with_parents(directory, 0700) != 0)
		return ap_fail(AP_ERR_IO, "vault-unavailable", "no archive can be made: see to the disk of vault/");
	AP_TRY(ap_archive_remove(v, request));
	AP_TRY(erase_former(v, party));
	return ap_archive_job_start(v, party, request, lock);
}

/* Makes the row and hands the lock on; what fails leaves no row behind that says otherwise. */
static struct ap_result begin(struct ap_vault *v, const struct ap_actor *party, const struct ap_uuid *request,
			      const struct ap_zip_lock *lock)
{
	AP_TRY(may_begin(v, party, request));
	AP_TRY(ap_db_archive_begin(ap_vault_db(v), request, lock->recipient ? "recipient" : "passphrase", now(v)));
	struct ap_result r = start_job(v, party, request, lock);
	if (!ap_ok(r))
		AP_TRY(ap_db_archive_failed(ap_vault_db(v), request, r.name));
	return r;
}

static struct ap_result begin_for_recipient(struct ap_vault *v, const struct ap_actor *party,
					    const struct ap_uuid *request, const char *text)
{
	struct ap_age_recipient recipient;
	if (!ap_ok(ap_age_recipient_parse(text, &recipient)))
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "recipient is an age recipient: age1…");
	return begin(v, party, request, &(struct ap_zip_lock){.recipient = &recipient});
}

static struct ap_result begin_for_passphrase(struct ap_vault *v, const struct ap_actor *party,
					     const struct ap_uuid *request, const char *text)
{
	size_t len = strlen(text);
	if (len < AP_PASSPHRASE_MIN || len > AP_PASSPHRASE_MAX)
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "a passphrase has 12 to 1024 bytes");
	struct ap_secret *passphrase = ap_secret_new(len);
	(void)ap_copy(ap_secret_bytes_rw(passphrase), len, text, len);
	struct ap_result r = begin(v, party, request, &(struct ap_zip_lock){.passphrase = passphrase});
	ap_secret_free(passphrase);
	return r;
}

struct ap_result ap_archive_make(struct ap_vault *v, const struct ap_actor *party, const char *request, const char *json,
				 char **ret_json)
{
	struct ap_uuid id;
	g_autoptr(JsonNode) node = NULL;
	JsonObject *body;
	JsonNode *answer;
	AP_TRY(ap_request_own(v, party, request, "portability", &id));
	AP_TRY(ap_body_parse(json, &node, &body));
	const char *passphrase = ap_body_text(body, "passphrase"), *recipient = ap_body_text(body, "recipient");
	if (!passphrase == !recipient)
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "choose a passphrase or an age recipient");
	struct ap_result r = recipient ? begin_for_recipient(v, party, &id, recipient) :
					 begin_for_passphrase(v, party, &id, passphrase);
	if (!recipient)
		ap_wipe((char *)passphrase, strlen(passphrase)); /* the parsed text is this node's own */
	AP_TRY(r);
	AP_TRY(ap_request_answer_one(v, &id, &answer));
	*ret_json = ap_answer_take_text(answer);
	return AP_SUCCESS;
}

/* ---- the other person in it ---- */

/* All the time since it was begun, that is; of what was withdrawn a vault.db that cannot be written knows nothing yet. */
static struct ap_result is_shared(struct ap_vault *v, const struct ap_uuid *session, enum ap_role role, int64_t since_ms,
				  bool *ret_shared)
{
	enum ap_role other = role == AP_COACH ? AP_COACHEE : AP_COACH;
	bool given;
	int64_t taken;
	AP_TRY(ap_consent_gives(ap_vault_db(v), session, other, AP_PURPOSE_SHARE_COPY, &given));
	AP_TRY(ap_db_archive_unshared(ap_vault_db(v), session, other, since_ms, &taken));
	*ret_shared = given && taken == 0 && !(ap_owed_taken(ap_vault_owed(v), session) & AP_PURPOSE_BIT(AP_PURPOSE_SHARE_COPY));
	return AP_SUCCESS;
}

static struct ap_result unshare_one(struct ap_vault *v, const struct ap_uuid *request)
{
	struct ap_request_row row;
	struct ap_archive_row archive;
	bool shared;
	AP_TRY(ap_db_request_load(ap_vault_db(v), request, &row));
	AP_TRY(ap_db_archive_load(ap_vault_db(v), request, &archive));
	AP_TRY(is_shared(v, &row.session, row.role, archive.created_ms, &shared));
	if (shared)
		return AP_SUCCESS;
	AP_TRY(ap_archive_remove(v, request));
	return ap_db_archive_erased(ap_vault_db(v), request, now(v));
}

/* Of a session, or (NULL) of all. */
static struct ap_result unshare_all(struct ap_vault *v, const struct ap_uuid *session)
{
	g_autoptr(GArray) filmed = NULL;
	AP_TRY(ap_db_archive_filmed(ap_vault_db(v), session, &filmed));
	for (guint i = 0; i < filmed->len; i++)
		AP_TRY(unshare_one(v, &g_array_index(filmed, struct ap_uuid, i)));
	return AP_SUCCESS;
}

void ap_archive_unshare(struct ap_vault *v, const struct ap_uuid *session)
{
	struct ap_result r = unshare_all(v, session);
	if (!ap_ok(r)) /* whoever fetches it is asked the same, and the timer erases it */
		ap_log(AP_LOG_ERROR, "archive_unshare_failed", "reason=%s", r.name);
}

/* ---- fetching it ---- */

/* A copy of what was frozen or erased since is not handed out. */
static struct ap_result may_fetch(struct ap_vault *v, const struct ap_actor *party, const struct ap_uuid *request,
				  struct ap_archive_row *row)
{
	int64_t frozen, gone;
	bool shared = true;
	struct ap_result r = ap_db_archive_load(ap_vault_db(v), request, row);
	if (!ap_ok(r) || is_state(row, "making") || is_state(row, "failed"))
		return ap_fail(AP_ERR_DENIED, "not-found", "no archive was made for this request");
	AP_TRY(ap_db_archive_obstacles(ap_vault_db(v), &party->session, row->created_ms, &frozen, &gone));
	if (row->films > 0)
		AP_TRY(is_shared(v, &party->session, party->role, row->created_ms, &shared));
	if (!is_state(row, "ready") || gone || !shared)
		return ap_fail(AP_ERR_DENIED, "erased", "this archive was erased; ask for another");
	if (frozen)
		return ap_fail(AP_ERR_DENIED, "restricted", "the recording is frozen; the archive waits");
	return ap_vault_locked_down(v) ? ap_fail(AP_ERR_DENIED, "lockdown", "the vault is locked down") : AP_SUCCESS;
}

struct ap_result ap_archive_open(struct ap_vault *v, const struct ap_actor *party, const char *request, uint64_t *ret_size)
{
	struct ap_uuid id;
	struct ap_archive_row row;
	AP_TRY(ap_request_own(v, party, request, "portability", &id));
	AP_TRY(may_fetch(v, party, &id, &row));
	*ret_size = (uint64_t)row.size;
	return AP_SUCCESS;
}

static struct ap_result read_range(const char *path, uint64_t offset, uint8_t *bytes, size_t max, size_t *ret_len)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n = fd >= 0 ? pread(fd, bytes, max, (off_t)offset) : -1;
	if (fd >= 0)
		close(fd);
	if (n < 0)
		return ap_fail(AP_ERR_IO, "vault-unavailable", "the archive cannot be read: see to the disk of vault/");
	*ret_len = (size_t)n;
	return AP_SUCCESS;
}

struct ap_result ap_archive_read(struct ap_vault *v, const struct ap_actor *party, const char *request, uint64_t offset,
				 uint32_t length, uint8_t **ret_bytes, size_t *ret_len)
{
	struct ap_uuid id;
	struct ap_archive_row row;
	AP_TRY(ap_request_own(v, party, request, "portability", &id));
	AP_TRY(may_fetch(v, party, &id, &row));
	size_t max = MIN(length, AP_MAX_TRACK_READ), len = 0;
	g_autofree char *path = ap_archive_path(v, &id);
	g_autofree uint8_t *bytes = g_malloc(MAX(max, 1));
	AP_TRY(read_range(path, offset, bytes, max, &len));
	if (offset + len >= (uint64_t)row.size)
		AP_TRY(ap_db_archive_fetched(ap_vault_db(v), &id, now(v)));
	*ret_bytes = g_steal_pointer(&bytes);
	*ret_len = len;
	return AP_SUCCESS;
}

/* ---- their end ---- */

struct ap_result ap_archive_recover(struct ap_vault *v)
{
	g_autoptr(GArray) making = NULL;
	AP_TRY(ap_db_archive_making(ap_vault_db(v), &making));
	for (guint i = 0; i < making->len; i++) {
		const struct ap_uuid *request = &g_array_index(making, struct ap_uuid, i);
		AP_TRY(ap_archive_remove(v, request));
		AP_TRY(ap_db_archive_failed(ap_vault_db(v), request, "interrupted"));
	}
	return AP_SUCCESS;
}

struct ap_result ap_archive_work(struct ap_vault *v)
{
	g_autoptr(GArray) due = NULL;
	AP_TRY(ap_db_archive_due(ap_vault_db(v), now(v) - KEPT_MS, now(v) - GRACE_MS, &due));
	AP_TRY(erase_all(v, due));
	return unshare_all(v, NULL);
}
