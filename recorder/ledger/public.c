#include "recorder/ledger/public.h"

#include "recorder/ledger/witness_list.h"
#include "recorder/vault.h"

#include <string.h>

struct ap_result ap_ledger_public(struct ap_vault *v, bool bounded, const char *what, const char *query,
				  const char **ret_content_type, char **ret_answer)
{
	struct ap_ledger *ledger = ap_vault_ledger(v);
	if (strcmp(what, "witnesses") != 0)
		return ap_ledger_get(ledger, ap_vault_db(v), bounded, what, query, ret_content_type, ret_answer);
	*ret_content_type = "application/json";
	return ap_witness_list_json(ap_vault_config(v), ledger, ap_vault_db(v), ret_answer);
}
