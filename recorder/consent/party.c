#include "recorder/db/db_session.h"
#include "recorder/consent/token.h"

#include <aparte/limits.h>
#include <string.h>

struct ap_result ap_party_by_token(struct ap_db *db, const char *token, int64_t now_ms, struct ap_party *ret_party)
{
	struct ap_party p;
	if (strnlen(token, AP_MAX_TOKEN + 1) > AP_MAX_TOKEN)
		return ap_fail(AP_ERR_DENIED, "token-invalid", "this is no token of ours");
	struct ap_hash hash = ap_token_hash(token);
	struct ap_result r = ap_db_party_by_hash(db, hash.b, &p);
	if (r.err == AP_ERR_DENIED)
		return ap_fail(AP_ERR_DENIED, "token-invalid", "this token is unknown or was replaced; ask for a new link");
	AP_TRY(r);
	if (p.token_expires_ms > 0 && now_ms >= p.token_expires_ms) {
		ap_party_clear(&p);
		return ap_fail(AP_ERR_LIMIT, "token-expired", "this token's rights have ended");
	}
	*ret_party = p;
	return AP_SUCCESS;
}
