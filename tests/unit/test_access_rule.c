#include "recorder/access/access_rule.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define ALL AP_PURPOSE_ALL
#define BOTH(p) (AP_PURPOSE_BIT(AP_PURPOSE_RECORDING) | AP_PURPOSE_BIT(AP_PURPOSE_##p))

static struct ap_access_facts supervisor(void)
{
	return (struct ap_access_facts){.kind = AP_ACTOR_STAFF,
					.staff = AP_STAFF_SUPERVISOR,
					.known = true,
					.granted = true,
					.both = BOTH(SUPERVISION),
					.purpose = AP_PURPOSE_SUPERVISION};
}

static void expect(struct ap_access_facts f, const char *word)
{
	assert_string_equal(ap_access_decide(&f).name, word);
}

static void a_supervisor_needs_grant_and_both_consents(void **state)
{
	(void)state;
	struct ap_access_facts f = supervisor();
	expect(f, "ok");
	f.granted = false;
	expect(f, "role");
	f.known = false;
	expect(f, "not-found");
	f = supervisor();
	f.both = AP_PURPOSE_BIT(AP_PURPOSE_RECORDING);
	expect(f, "role");
	f = supervisor();
	f.both = AP_PURPOSE_BIT(AP_PURPOSE_SUPERVISION);
	expect(f, "role");
	f = supervisor();
	f.purpose = AP_PURPOSE_RECORDING;
	f.both = ALL;
	expect(f, "role");
}

/* R41: platform staff never see content; R10: auditors see accesses alone, admins metadata. */
static void other_staff_never_sees_content(void **state)
{
	(void)state;
	static const enum ap_staff_role roles[] = {AP_STAFF_PLATFORM, AP_STAFF_ADMIN, AP_STAFF_AUDITOR};
	for (unsigned i = 0; i < sizeof roles / sizeof roles[0]; i++) {
		struct ap_access_facts f = supervisor();
		f.staff = roles[i];
		f.own = true;
		f.both = ALL;
		expect(f, "role");
	}
}

/* R8, R10: a sponsor sees what was disclosed to them, of what they pay for, and nothing for another purpose; and what
 * is disclosed to a sponsor is not a supervisor's. */
static void a_sponsor_needs_disclosure_by_both_and_a_grant(void **state)
{
	(void)state;
	struct ap_access_facts f = {.kind = AP_ACTOR_STAFF,
				    .staff = AP_STAFF_SPONSOR,
				    .known = true,
				    .granted = true,
				    .sponsored = true,
				    .both = BOTH(DISCLOSURE),
				    .purpose = AP_PURPOSE_DISCLOSURE};
	expect(f, "ok");
	f.both = AP_PURPOSE_BIT(AP_PURPOSE_RECORDING);
	expect(f, "role");
	f.both = ALL;
	f.purpose = AP_PURPOSE_SUPERVISION;
	expect(f, "role");
	f.purpose = AP_PURPOSE_DISCLOSURE;
	f.granted = false;
	expect(f, "role");
	f.granted = true;
	f.sponsored = false;
	expect(f, "not-found");
	f.sponsored = true;
	f.known = false;
	expect(f, "not-found");
	f = supervisor();
	f.both = ALL;
	f.purpose = AP_PURPOSE_DISCLOSURE;
	expect(f, "role");
}

/* R38: both speakers watch while both consents to recording hold. */
static void speakers_watch_their_own(void **state)
{
	(void)state;
	struct ap_access_facts f = {.kind = AP_ACTOR_PARTY, .own = true, .both = ALL, .purpose = AP_PURPOSE_RECORDING};
	expect(f, "ok");
	f.both = 0;
	expect(f, "role");
	f.both = ALL;
	f.own = false;
	expect(f, "not-found");
	f.own = true;
	f.purpose = AP_PURPOSE_SUPERVISION;
	expect(f, "role");
}

/* R15: a coach takes their own sessions to supervision or certification. */
static void a_coach_sees_only_their_own(void **state)
{
	(void)state;
	struct ap_access_facts f = {.kind = AP_ACTOR_STAFF,
				    .staff = AP_STAFF_COACH,
				    .own = true,
				    .both = ALL,
				    .purpose = AP_PURPOSE_CERTIFICATION};
	expect(f, "ok");
	f.purpose = AP_PURPOSE_RESEARCH;
	expect(f, "role");
	f.purpose = AP_PURPOSE_RECORDING;
	f.own = false;
	expect(f, "not-found");
}

static void states_refuse_in_order(void **state)
{
	(void)state;
	struct ap_access_facts f = supervisor();
	f.restricted = true;
	expect(f, "restricted");
	f.recording = true;
	expect(f, "conflict");
	f.erased = true;
	expect(f, "erased");
	f.lockdown = true;
	expect(f, "lockdown");
	f.known = false;
	expect(f, "not-found");
}

/* R39: a person takes both away by the other's word alone, while both still consent to the recording. */
static void a_copy_of_both_is_the_others_to_allow(void **state)
{
	(void)state;
	struct ap_access_facts f = {.kind = AP_ACTOR_PARTY,
				    .own = true,
				    .both = AP_PURPOSE_BIT(AP_PURPOSE_RECORDING),
				    .other = BOTH(SHARE_COPY),
				    .purpose = AP_PURPOSE_SHARE_COPY};
	expect(f, "ok");
	f.other = AP_PURPOSE_BIT(AP_PURPOSE_RECORDING);
	expect(f, "role");
	f.both = BOTH(SHARE_COPY); /* what both are said to give is not asked: the other's own word is */
	expect(f, "role");
	f.other = BOTH(SHARE_COPY);
	f.both = 0;
	expect(f, "role");
	f.both = BOTH(SHARE_COPY);
	f.own = false;
	expect(f, "not-found");
	f.own = true;
	f.restricted = true;
	expect(f, "restricted");
	f.restricted = false;
	f.lockdown = true;
	expect(f, "lockdown");
	f.lockdown = false;
	f.purpose = AP_PURPOSE_SUPERVISION; /* and nothing else is theirs */
	f.both = f.other = ALL;
	expect(f, "role");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_supervisor_needs_grant_and_both_consents),
		cmocka_unit_test(other_staff_never_sees_content),
		cmocka_unit_test(a_sponsor_needs_disclosure_by_both_and_a_grant),
		cmocka_unit_test(speakers_watch_their_own),
		cmocka_unit_test(a_coach_sees_only_their_own),
		cmocka_unit_test(states_refuse_in_order),
		cmocka_unit_test(a_copy_of_both_is_the_others_to_allow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
