#include "recorder/api/admin.h"

#include "recorder/db/db_staff_user.h"

#include <gio/gunixcredentialsmessage.h>
#include <unistd.h>

struct ap_result ap_admin_check_peer(const struct ap_api *api, const struct ap_http_call *call)
{
	GSocket *socket = ap_http_socket(call);
	g_autoptr(GCredentials) credentials = socket ? g_socket_get_credentials(socket, NULL) : NULL;
	uid_t uid = credentials ? g_credentials_get_unix_user(credentials, NULL) : (uid_t)-1;
	if (uid == (uid_t)-1 || (uid != 0 && uid != geteuid() && uid != api->operator_uid))
		return ap_fail(AP_ERR_DENIED, "role", "only root and the vault's own user may use this socket");
	return AP_SUCCESS;
}

struct ap_result ap_admin_actor(const struct ap_api *api, const struct ap_http_call *call, struct ap_actor *ret_actor)
{
	struct ap_actor actor = {.kind = AP_ACTOR_STAFF, .staff = AP_STAFF_ADMIN, .name = "operator"};
	const char *name = ap_http_header(call, "Aparte-Admin");
	int64_t admins;
	AP_TRY(ap_admin_check_peer(api, call));
	AP_TRY(ap_db_user_admins(ap_vault_db(api->v), &admins));
	if (name && admins > 0) {
		if (!ap_ok(ap_db_user_actor(ap_vault_db(api->v), name, &actor)) || actor.staff != AP_STAFF_ADMIN)
			return ap_fail(AP_ERR_DENIED, "role", "there is no such admin");
	} else if (admins > 0 && !ap_ok(ap_db_user_first_admin(ap_vault_db(api->v), &actor))) {
		return ap_fail(AP_ERR_DENIED, "role", "every admin is disabled; name one with --admin once enabled");
	}
	*ret_actor = actor;
	return AP_SUCCESS;
}
