/*
 * Shared by consent.c (the door), consent_give.c and consent_withdraw.c.
 */
#pragma once

#include "recorder/consent/consent.h"
#include "recorder/consent/consent_check.h"
#include "recorder/db/group.h"

struct ap_consents {
	struct ap_vault *v; /* borrowed, all of these */
	struct ap_gatekeepers *keepers;
	const struct ap_gateway *gateway;
	void *gateway_ctx;
	GPtrArray *owed; /* owned: withdrawals whose commit failed */
	/* gives on their way (consent_give.c) */
	struct ap_group *group; /* owned: what is committed together */
	GPtrArray *giving;	/* of struct give, borrowed: not answered yet */
	GArray *shares;		/* owned: struct ap_share_give of what the group has written */
	bool grouped;		/* they may wait for each other */
};

/* What the checks need, read from vault.db. `party` and its strings are borrowed. Of the person alone it is read without
 * waiting for any writer; notice and offered purposes are left zero. */
struct ap_result ap_consent_facts_of_person(struct ap_vault *v, struct ap_db *db, const struct ap_party *party,
					    const struct ap_statement *statement, struct ap_give_facts *ret_facts);
struct ap_result ap_consent_facts(struct ap_vault *v, struct ap_db *db, const struct ap_party *party,
				  const struct ap_statement *statement, struct ap_give_facts *ret_facts);
/* The whole give: checks and share at once, then with others that came by then commit, receipt, answer. Takes the statement's
 * contents. */
void ap_consent_give(struct ap_consents *c, const struct ap_party *party, struct ap_statement *statement, JsonObject *body,
		     ap_consent_done done, void *data);
struct ap_group *ap_consent_group_new(struct ap_consents *c);
/* Takes it whatever is wrong; `statement` NULL when it could not be read. */
void ap_consent_withdraw(struct ap_consents *c, const struct ap_party *party, const struct ap_statement *statement,
			 struct ap_salvage salvage, const char *body, const struct ap_evidence *evidence, ap_consent_done done,
			 void *data);
void ap_withdrawal_free(void *withdrawal);
/* Commits what is owed, as far as vault.db takes it. */
void ap_withdrawals_retry(struct ap_consents *c);
/* What an earlier process left owed: its persons are blocked from now on. */
void ap_withdrawals_resume(struct ap_consents *c);
/* Folds what this person is owed into what vault.db says. */
void ap_withdrawals_fold(const struct ap_consents *c, const struct ap_uuid *session, enum ap_role role,
			 struct ap_consent_state *state);
/* Whether anything of this person is owed. */
bool ap_withdrawals_owe(const struct ap_consents *c, const struct ap_uuid *session, enum ap_role role);

/* The body of leaf 01. */
JsonObject *ap_consent_leaf_body(const struct ap_party *party, enum ap_decision event, ap_purposes purposes,
				 const struct ap_hash *statement_sha256, bool is_signed);
/* After a commit: gates, events, the staff side. `before`: what others saw. */
void ap_consent_changed(struct ap_consents *c, const struct ap_party *party, ap_purposes before);
/* Inside the transaction that writes a decision, after it was written: tells the platform what both give now, when that is
 * not `before` any more. Not who of them decided, and nothing at all of a refusal of what was not given (R34). */
struct ap_result ap_consent_tell_platform(struct ap_vault *v, struct ap_db *db, const struct ap_uuid *session, ap_purposes before);
/* What others see this person give. */
ap_purposes ap_consent_shown(struct ap_db *db, const struct ap_party *party);
