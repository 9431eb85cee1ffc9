#include "recorder/access/access_rule.h"

/* Whether the actor may even learn that the recording exists, as content they could ask for. */
static struct ap_result decide_visible(const struct ap_access_facts *f)
{
	bool visible = f->own;
	if (f->kind == AP_ACTOR_STAFF) {
		if (f->staff != AP_STAFF_SUPERVISOR && f->staff != AP_STAFF_COACH && f->staff != AP_STAFF_SPONSOR)
			return ap_fail(AP_ERR_DENIED, "role", "this role never sees what was recorded");
		if (f->staff == AP_STAFF_SUPERVISOR)
			visible = f->known;
		if (f->staff == AP_STAFF_SPONSOR)
			visible = f->known && f->sponsored;
	}
	return visible ? AP_SUCCESS : ap_fail(AP_ERR_DENIED, "not-found", "there is no such recording for you");
}

static struct ap_result decide_state(const struct ap_access_facts *f)
{
	if (f->lockdown)
		return ap_fail(AP_ERR_DENIED, "lockdown", "the vault is locked down; nothing can be viewed");
	if (f->erased)
		return ap_fail(AP_ERR_DENIED, "erased", "this recording was erased");
	if (f->recording)
		return ap_fail(AP_ERR_DENIED, "conflict",
			       "this recording is still being made; try again once it is sealed");
	if (f->restricted)
		return ap_fail(AP_ERR_DENIED, "restricted", "this recording is frozen; nobody can view it");
	return AP_SUCCESS;
}

/* The two speakers watch under `recording`, and take both away under the other's `share_copy` (R39); a coach may take their own to supervision or certification (R15, R38); a
 * sponsor sees what was disclosed to them, and nobody else is disclosed to (R8). */
static bool purpose_fits(const struct ap_access_facts *f)
{
	if (f->kind == AP_ACTOR_PARTY)
		return f->purpose == AP_PURPOSE_RECORDING || f->purpose == AP_PURPOSE_SHARE_COPY;
	if (f->staff == AP_STAFF_COACH)
		return f->purpose == AP_PURPOSE_RECORDING || f->purpose == AP_PURPOSE_SUPERVISION ||
		       f->purpose == AP_PURPOSE_CERTIFICATION;
	if (f->staff == AP_STAFF_SPONSOR)
		return f->purpose == AP_PURPOSE_DISCLOSURE;
	return f->purpose != AP_PURPOSE_RECORDING && f->purpose != AP_PURPOSE_SHARE_COPY &&
	       f->purpose != AP_PURPOSE_DISCLOSURE;
}

static bool by_grant(const struct ap_access_facts *f)
{
	return f->kind == AP_ACTOR_STAFF && (f->staff == AP_STAFF_SUPERVISOR || f->staff == AP_STAFF_SPONSOR);
}

/* A copy of both is the other's to allow: nobody's own consent is needed for their own picture. */
static bool consented(const struct ap_access_facts *f)
{
	ap_purposes needed = AP_PURPOSE_BIT(f->purpose), given = f->both;
	if (f->kind == AP_ACTOR_PARTY && f->purpose == AP_PURPOSE_SHARE_COPY)
		given = f->other;
	return (given & needed) == needed && (f->both & AP_PURPOSE_BIT(AP_PURPOSE_RECORDING));
}

struct ap_result ap_access_decide(const struct ap_access_facts *f)
{
	AP_TRY(decide_visible(f));
	AP_TRY(decide_state(f));
	if (!purpose_fits(f))
		return ap_fail(AP_ERR_DENIED, "role", "this role does not view for this purpose");
	if (!consented(f))
		return ap_fail(AP_ERR_DENIED, "role", "not both persons consent to this purpose");
	if (by_grant(f) && !f->granted)
		return ap_fail(AP_ERR_DENIED, "role", "no grant for this purpose is in force");
	return AP_SUCCESS;
}
