/*
 * What the operator answers for: roles toward each tenant (R26), recipients and processors with every disclosure (R25,
 * R37), and the register of processing made of the configuration in force (R24).
 *
 * A change of a recipient or of a tenant's roles is a leaf, and makes a new notice for the sessions it concerns: nobody
 * gives anything under the one before.
 *
 * Threads: main thread. JSON answers are the caller's.
 */
#pragma once

#include "recorder/access/access.h"

/* The facts of register.h, for the tenants this actor may see, with titles in that language. */
struct ap_result ap_account_facts(struct ap_vault *v, const struct ap_actor *by, const char *lang,
				  JsonNode **ret_answer);

/* {"recipients":[…]}, ended ones too. */
struct ap_result ap_account_recipients(struct ap_vault *v, const struct ap_actor *by, JsonNode **ret_answer);
/* Body {"name","role","place","purpose","since"?,"tenant"?}; answers {"id"}. An admin of one tenant adds for that one
 * alone. "invalid", "malformed", "not-found". */
struct ap_result ap_account_recipient_add(struct ap_vault *v, const struct ap_actor *by, JsonObject *body,
					  JsonNode **ret_answer);
struct ap_result ap_account_recipient_end(struct ap_vault *v, const struct ap_actor *by, const char *id);

/* Body {"capacity","controller"?,"contact"?,"agreement"?}; all are set anew. A processor or joint controller names the
 * controller, its contact and the agreement: else "invalid". */
struct ap_result ap_account_tenant_set(struct ap_vault *v, const struct ap_actor *by, const char *tenant,
				       JsonObject *body, JsonNode **ret_answer);

/* {"disclosures":[…]}: what staff were shown ("viewing") or took away ("export"), newest first, at most 10,000: who,
 * under which role, for which purpose, why, of which recording, how much, under which leaf. */
struct ap_result ap_account_disclosures(struct ap_vault *v, const struct ap_actor *by, JsonNode **ret_answer);
