/*
 * Turnover of the key-encryption key: every living share is wrapped under a fresh one, then the old one is destroyed, so
 * that copies of wrapped shares made before an erasure can never be opened again (docs/FORMAT.md, Turnover).
 *
 * It begins by itself kek.turnover_hours after the oldest erasure that waits for one, or when an admin asks
 * (`aparte rotate`). Steps, each durable before the next, and found again after a crash by what lies there:
 *
 *     next     the fresh key lies beside the old one; new shares go under it, both are readable
 *     wrapped  batch by batch, rows under the old key are wrapped anew; none is left
 *     escrow   what the admins' lockdown passphrases open is made for the fresh key
 *     turned   the fresh key has taken the old one's place, which is destroyed
 *     done     leaf 0d, and with it the date for every erasure that waited
 *
 * Threads: main thread. The gate goes on meanwhile.
 */
#pragma once

#include <aparte/err.h>
#include <aparte/uuid.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>

struct ap_vault;
struct ap_turnovers; /* the timer and the worker; opaque */

#define AP_TURN_SCHEDULE "schedule"
#define AP_TURN_ADMIN "admin"
#define AP_TURN_LOCKDOWN "lockdown" /* after one was lifted */

/* Watches and works in the thread-default main context, in pieces between what else is due. */
struct ap_turnovers *ap_turnovers_start(struct ap_vault *v);
void ap_turnovers_stop(struct ap_turnovers *t); /* NULL is fine; one under way goes on at the next start */
/* Looks at once whether there is something to do. */
void ap_turnovers_kick(struct ap_turnovers *t);

/*
 * Begins one, or answers with the one under way. `actor` and `reason` may be NULL. Errors: "lockdown"; "conflict": the
 * key is not the vault's to replace, and the detail says what the operator has to do; "ledger".
 */
struct ap_result ap_turnover_begin(struct ap_vault *v, const char *cause, const char *actor, const char *reason,
				   struct ap_uuid *ret_id);
/* One batch or step of the one under way. *ret_more: call again soon; without it there is nothing (or nothing yet) to do. */
struct ap_result ap_turnover_work(struct ap_vault *v, bool *ret_more);
/* Begins one when it is due. */
struct ap_result ap_turnover_check(struct ap_vault *v);
/* Begins and works to the end, here and now: for tests and small vaults. */
struct ap_result ap_turnover_run(struct ap_vault *v, const char *cause);

/* {"turnovers":[…],"kek":{…},"waiting":{…}}, and one of them with what is left to do. */
struct ap_result ap_turnover_list(struct ap_vault *v, JsonNode **ret_answer);
struct ap_result ap_turnover_show(struct ap_vault *v, const struct ap_uuid *id, JsonNode **ret_answer);
