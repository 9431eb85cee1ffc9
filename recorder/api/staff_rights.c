/* The staff side as the core sees it (recorder/rights.h): ids and words from outside become our own types here. */
#include "recorder/access/access.h"
#include "recorder/erasure/erasure.h"
#include "recorder/access/grant.h"
#include "recorder/erasure/passage.h"
#include "recorder/recording/playback.h"
#include "recorder/portability/archive.h"
#include "recorder/portability/copy.h"
#include "recorder/erasure/request.h"
#include "recorder/proof/proof.h"
#include "recorder/api/staff.h"
#include "recorder/policy/terms.h"
#include "recorder/vault.h"
#include "recorder/webhook/webhook.h"

#include <aparte/log.h>

static struct ap_actor party(const struct ap_uuid *session, enum ap_role role)
{
	return (struct ap_actor){.kind = AP_ACTOR_PARTY, .session = *session, .role = role};
}

static struct ap_result recordings(struct ap_vault *v, const struct ap_uuid *session, enum ap_role role,
				   char **ret_json)
{
	struct ap_actor actor = party(session, role);
	return ap_access_party_recordings(v, &actor, ret_json);
}

static struct ap_result accesses(struct ap_vault *v, const struct ap_uuid *session, enum ap_role role, char **ret_json)
{
	struct ap_actor actor = party(session, role);
	return ap_access_party_accesses(v, &actor, ret_json);
}

static struct ap_result track_of(const char *recording, const char *track, struct ap_uuid *ret_id,
				 enum ap_role *ret_track)
{
	if (!ap_uuid_parse(recording, ret_id) || !ap_role_parse(track, ret_track))
		return ap_fail(AP_ERR_PROTOCOL, "not-found", "there is no such track");
	return AP_SUCCESS;
}

static struct ap_result track_open(struct ap_vault *v, const struct ap_uuid *session, enum ap_role role,
				   const char *recording, const char *track, char **ret_access, uint64_t *ret_size)
{
	struct ap_actor actor = party(session, role);
	struct ap_uuid id, access;
	enum ap_role which;
	AP_TRY(track_of(recording, track, &id, &which));
	AP_TRY(ap_playback_track_open(v, &actor, &id, which, &access, ret_size));
	*ret_access = g_malloc(AP_UUID_TEXT);
	ap_uuid_text(&access, *ret_access);
	return AP_SUCCESS;
}

static struct ap_result track_read(struct ap_vault *v, const struct ap_uuid *session, enum ap_role role,
				   const char *access, const char *recording, const char *track, uint64_t offset,
				   uint32_t length, uint8_t **ret_bytes, size_t *ret_len)
{
	struct ap_actor actor = party(session, role);
	struct ap_uuid id, access_id;
	enum ap_role which;
	AP_TRY(track_of(recording, track, &id, &which));
	if (!ap_uuid_parse(access, &access_id))
		return ap_fail(AP_ERR_DENIED, "access-reason-required", "open the track first");
	return ap_playback_track_read(v, &actor, &access_id, &id, which, offset, length, ret_bytes, ret_len);
}

static struct ap_result passage_erase(struct ap_vault *v, const struct ap_uuid *session, enum ap_role role,
				      const char *recording, const char *json, char **ret_json)
{
	struct ap_actor actor = party(session, role);
	return ap_passage_order(v, &actor, recording, json, ret_json);
}

static struct ap_result request_create(struct ap_vault *v, const struct ap_uuid *session, enum ap_role role,
				       const char *json, char **ret_json)
{
	struct ap_actor actor = party(session, role);
	return ap_request_create(v, &actor, json, ret_json);
}

static struct ap_result request_get(struct ap_vault *v, const struct ap_uuid *session, enum ap_role role,
				    const char *request, char **ret_json)
{
	struct ap_actor actor = party(session, role);
	return ap_request_get(v, &actor, request, ret_json);
}

static struct ap_result request_copy(struct ap_vault *v, const struct ap_uuid *session, enum ap_role role,
				     const char *request, const char *format, const char **ret_type, char **ret_text)
{
	struct ap_actor actor = party(session, role);
	return ap_copy_answer(v, &actor, request, format, ret_type, ret_text);
}

static struct ap_result archive_make(struct ap_vault *v, const struct ap_uuid *session, enum ap_role role,
				     const char *request, const char *json, char **ret_json)
{
	struct ap_actor actor = party(session, role);
	return ap_archive_make(v, &actor, request, json, ret_json);
}

static struct ap_result archive_open(struct ap_vault *v, const struct ap_uuid *session, enum ap_role role,
				     const char *request, uint64_t *ret_size)
{
	struct ap_actor actor = party(session, role);
	return ap_archive_open(v, &actor, request, ret_size);
}

static struct ap_result archive_read(struct ap_vault *v, const struct ap_uuid *session, enum ap_role role,
				     const char *request, uint64_t offset, uint32_t length, uint8_t **ret_bytes,
				     size_t *ret_len)
{
	struct ap_actor actor = party(session, role);
	return ap_archive_read(v, &actor, request, offset, length, ret_bytes, ret_len);
}

static void consents_changed(struct ap_vault *v, const struct ap_uuid *session)
{
	struct ap_result r = ap_grant_sweep(v, session);
	if (ap_ok(r))
		r = ap_terms_shorten(v, session);
	ap_archive_unshare(v, session);
	/* Every read asks for the right again, so a failure here delays the ending leaf, not the ending. */
	if (!ap_ok(r))
		ap_log(AP_LOG_ERROR, "consent_sweep_failed", "reason=%s", r.name);
}

const struct ap_rights *ap_staff_rights(void)
{
	static const struct ap_rights rights = {
		.recordings = recordings,
		.accesses = accesses,
		.track_open = track_open,
		.track_read = track_read,
		.passage_erase = passage_erase,
		.request_create = request_create,
		.request_get = request_get,
		.request_copy = request_copy,
		.archive_make = archive_make,
		.archive_open = archive_open,
		.archive_read = archive_read,
		.proof_receipt = ap_proof_receipt,
		.webhook_put = ap_webhook_put,
		.erasure_order = ap_erasure_order,
		.erasure_kick = ap_erasure_kick,
		.consents_changed = consents_changed,
		.webhook_enqueue = ap_webhook_queue,
	};
	return &rights;
}
