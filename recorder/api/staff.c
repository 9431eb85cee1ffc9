#include "recorder/api/staff.h"

#include "recorder/api/api.h"
#include "recorder/backup/backup.h"
#include "recorder/erasure/erasure.h"
#include "recorder/ledger/witness.h"
#include "recorder/webhook/webhook_sender.h"

#include <aparte/log.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

struct ap_staff {
	/* owned */
	struct ap_logins *logins;
	struct ap_retention *retention;
	struct ap_backups *backups;
	struct ap_turnovers *turnovers;
	struct ap_lockdown *lockdown;
	struct ap_webhooks *webhooks;
	struct ap_witnesses *witnesses; /* NULL without any */
	struct ap_static_files *pages;
	struct ap_api net, local; /* the two listeners; http is NULL where there is none */
};

static bool is_loopback(int fd)
{
	struct sockaddr_storage address = {0};
	socklen_t len = sizeof address;
	if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
		return false;
	if (address.ss_family == AF_INET)
		return ntohl(((struct sockaddr_in *)&address)->sin_addr.s_addr) >> 24 == 127;
	return address.ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&((struct sockaddr_in6 *)&address)->sin6_addr);
}

static struct ap_api make_api(struct ap_vault *v, const struct ap_staff *s, bool socket, uid_t operator_uid)
{
	const struct ap_http_options options = {.max_connections = 256};
	return (struct ap_api){.v = v,
			       .http = ap_http_new(&options),
			       .logins = s->logins,
			       .retention = s->retention,
			       .turnovers = s->turnovers,
			       .lockdown = s->lockdown,
			       .backups = s->backups,
			       .pages = socket ? NULL : s->pages,
			       .bound = g_ptr_array_new_with_free_func(g_free),
			       .socket = socket,
			       .operator_uid = operator_uid};
}

static void api_clear(struct ap_api *api)
{
	if (!api->http)
		return;
	ap_http_free(api->http);
	g_ptr_array_unref(api->bound);
}

/* Takes the listening descriptor. */
static struct ap_result listen_net(struct ap_staff *s, struct ap_vault *v, const struct ap_staff_sockets *sockets)
{
	int fd = sockets->http;
	s->net = make_api(v, s, false, (uid_t)-1);
	s->net.tls = *ap_config_text(ap_vault_config(v), "vault.tls_certificate");
	struct ap_result r = AP_SUCCESS;
	if (s->net.tls)
		r = ap_http_use_tls(s->net.http, sockets->certificate, sockets->key);
	else if (!is_loopback(fd))
		r = ap_fail(AP_ERR_DENIED, "tls",
			    "off loopback the vault needs vault.tls_certificate and vault.tls_key");
	if (!ap_ok(r)) {
		close(fd);
		return r;
	}
	ap_api_add_all(&s->net);
	return ap_http_listen(s->net.http, fd);
}

static struct ap_result listen_local(struct ap_staff *s, struct ap_vault *v, int fd, uid_t operator_uid)
{
	if (fd < 0)
		return AP_SUCCESS;
	s->local = make_api(v, s, true, operator_uid);
	ap_api_add_all(&s->local);
	return ap_http_listen(s->local.http, fd);
}

static struct ap_result load_pages(struct ap_staff *s, struct ap_vault *v)
{
	const struct ap_static_options options = {.frame_ancestors = NULL, .camera = false};
	const char *dir = ap_vault_web_dir(v);
	return dir && dir[0] ? ap_static_files_load(dir, &options, &s->pages) : AP_SUCCESS;
}

static struct ap_result start(struct ap_staff *s, struct ap_vault *v, const struct ap_staff_sockets *sockets)
{
	struct ap_result r = load_pages(s, v);
	if (!ap_ok(r)) {
		close(sockets->http);
		if (sockets->admin >= 0)
			close(sockets->admin);
		return r;
	}
	r = listen_net(s, v, sockets);
	struct ap_result local = listen_local(s, v, sockets->admin, sockets->operator_uid);
	return ap_ok(r) ? local : r;
}

struct ap_result ap_staff_start(struct ap_vault *v, const struct ap_staff_sockets *sockets, struct ap_staff **ret_staff)
{
	struct ap_staff *s = g_new0(struct ap_staff, 1);
	ap_vault_set_rights(v, ap_staff_rights());
	s->logins = ap_logins_new(v);
	s->retention = ap_retention_new(v, NULL);
	s->turnovers = ap_turnovers_start(v);
	s->lockdown = ap_lockdown_new(v);
	AP_IGNORE(ap_lockdown_resume(v)); /* logged; the key is not in memory in any case */
	s->backups = ap_backups_new(v);
	s->webhooks = ap_webhooks_new(v);
	struct ap_result r = start(s, v, sockets);
	if (ap_ok(r))
		r = ap_witnesses_start(v, &s->witnesses);
	if (!ap_ok(r)) {
		ap_staff_stop(s);
		return r;
	}
	ap_retention_start(s->retention);
	ap_backups_start(s->backups);
	*ret_staff = s;
	return AP_SUCCESS;
}

void ap_staff_stop(struct ap_staff *s)
{
	if (!s)
		return;
	api_clear(&s->net);
	api_clear(&s->local);
	ap_witnesses_stop(s->witnesses);
	ap_webhooks_free(s->webhooks);
	ap_backups_free(s->backups);
	ap_turnovers_stop(s->turnovers);
	ap_lockdown_free(s->lockdown);
	ap_retention_free(s->retention);
	ap_logins_free(s->logins);
	ap_static_files_free(s->pages);
	g_free(s);
}
