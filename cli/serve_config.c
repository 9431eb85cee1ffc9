#include "cli/serve_config.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct ap_result ap_serve_config_listen(const char *listen, char **ret_host, uint16_t *ret_port)
{
	g_autoptr(GSocketConnectable) parsed = g_network_address_parse(listen, 0, NULL);
	const char *host = parsed ? g_network_address_get_hostname(G_NETWORK_ADDRESS(parsed)) : NULL;
	uint16_t port = parsed ? g_network_address_get_port(G_NETWORK_ADDRESS(parsed)) : 0;
	if (!host || port == 0 || !g_hostname_is_ip_address(host))
		return ap_fail(AP_ERR_PROTOCOL, "config-listen", "listen must be a numeric address and a port");
	*ret_host = g_strdup(host);
	*ret_port = port;
	return AP_SUCCESS;
}

static bool is_loopback(const char *host)
{
	g_autoptr(GInetAddress) address = g_inet_address_new_from_string(host);
	return address && g_inet_address_get_is_loopback(address);
}

/* An address of all interfaces is, for connecting, loopback's. */
char *ap_serve_config_near_url(const struct ap_config *config, const char *section)
{
	g_autofree char *listen_key = g_strconcat(section, ".listen", NULL);
	g_autofree char *tls_key = g_strconcat(section, ".tls_certificate", NULL);
	return g_strconcat(*ap_config_text(config, tls_key) ? "https://" : "http://",
			   ap_config_text(config, listen_key), NULL);
}

char *ap_serve_config_url(const struct ap_config *config, const char *section)
{
	if (strcmp(section, "gateway") == 0 && *ap_config_text(config, "gateway.public_url"))
		return g_strdup(ap_config_text(config, "gateway.public_url"));
	return ap_serve_config_near_url(config, section);
}

/* Replaces the port of "host:port". */
static struct ap_result override_port(struct ap_config *config, const char *variable, const char *key)
{
	const char *value = g_getenv(variable);
	if (!value || !*value)
		return AP_SUCCESS;
	g_autofree char *host = NULL;
	uint16_t port = 0;
	AP_TRY(ap_serve_config_listen(ap_config_text(config, key), &host, &port));
	g_autofree char *listen = g_strdup_printf(strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, value);
	return ap_config_set(config, key, listen);
}

static struct ap_result apply_environment(struct ap_config *config)
{
	AP_TRY(override_port(config, "APARTE_GATEWAY_PORT", "gateway.listen"));
	AP_TRY(override_port(config, "APARTE_VAULT_PORT", "vault.listen"));
	const char *media_port = g_getenv("APARTE_MEDIA_PORT");
	if (media_port && *media_port)
		AP_TRY(ap_config_set(config, "gateway.media_port", media_port));
	const char *advertise = g_getenv("APARTE_ADVERTISE");
	if (!advertise || !*advertise)
		return AP_SUCCESS;
	g_autofree char *list = g_strdelimit(g_strdup(advertise), ", ", ';');
	return ap_config_set(config, "gateway.advertise", list);
}

/* A numeric form of the address when other machines could use it. */
static bool global_text(const struct ifaddrs *interface, int family, char ret_text[INET6_ADDRSTRLEN])
{
	if (!interface->ifa_addr || interface->ifa_addr->sa_family != family || !(interface->ifa_flags & IFF_UP))
		return false;
	socklen_t len = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	if (getnameinfo(interface->ifa_addr, len, ret_text, INET6_ADDRSTRLEN, NULL, 0, NI_NUMERICHOST) != 0)
		return false; /* a scoped (link-local) address does not fit */
	g_autoptr(GInetAddress) address = g_inet_address_new_from_string(ret_text);
	return address && !g_inet_address_get_is_loopback(address) && !g_inet_address_get_is_link_local(address);
}

/* Empty `advertise`: loopback, and this machine's first global address of each family. */
static struct ap_result fill_advertise(struct ap_config *config)
{
	static const int families[] = { AF_INET, AF_INET6 };
	struct ifaddrs *interfaces = NULL;
	if (*ap_config_text(config, "gateway.advertise"))
		return AP_SUCCESS;
	if (getifaddrs(&interfaces) != 0)
		return ap_fail(AP_ERR_IO, "config-advertise", "this machine's addresses cannot be listed");
	g_autoptr(GString) list = g_string_new("127.0.0.1");
	for (size_t f = 0; f < G_N_ELEMENTS(families); f++)
		for (const struct ifaddrs *i = interfaces; i; i = i->ifa_next) {
			char text[INET6_ADDRSTRLEN];
			if (global_text(i, families[f], text)) {
				g_string_append_printf(list, ";%s", text);
				break;
			}
		}
	freeifaddrs(interfaces);
	return ap_config_set(config, "gateway.advertise", list->str);
}

static struct ap_result check_advertise(const struct ap_config *config)
{
	for (const char *const *a = ap_config_list(config, "gateway.advertise"); *a; a++)
		if (!g_hostname_is_ip_address(*a)) {
			g_printerr("gateway.advertise: '%s' is no numeric address\n", *a);
			return ap_fail(AP_ERR_PROTOCOL, "config-advertise", "advertise takes numeric addresses");
		}
	return AP_SUCCESS;
}

/* Plain HTTP and a key file beside the data are for one machine only. */
static struct ap_result check_listener(const struct ap_config *config, const char *section)
{
	g_autofree char *listen_key = g_strconcat(section, ".listen", NULL);
	g_autofree char *tls_key = g_strconcat(section, ".tls_certificate", NULL);
	g_autofree char *host = NULL;
	uint16_t port = 0;
	AP_TRY(ap_serve_config_listen(ap_config_text(config, listen_key), &host, &port));
	if (is_loopback(host))
		return AP_SUCCESS;
	if (!*ap_config_text(config, tls_key))
		return ap_fail(AP_ERR_DENIED, "config-tls",
			       "off loopback plain HTTP is refused: set tls_certificate and tls_key");
	if (strcmp(ap_config_text(config, "kek.source"), "file") == 0 &&
	    !ap_config_bool(config, "kek.allow_file_off_loopback"))
		return ap_fail(AP_ERR_DENIED, "config-kek",
			       "off loopback a key-encryption key in a file is refused: set kek.source=credential, or "
			       "kek.allow_file_off_loopback=true knowing that the disk then holds key and data");
	return AP_SUCCESS;
}

/* The launcher acts on this file as root: nobody else may have written it. */
static struct ap_result check_owner(const char *path)
{
	struct stat info;
	if (stat(path, &info) != 0)
		return ap_fail(AP_ERR_IO, "config-file", "there is no aparte.conf: `aparte init` makes an instance");
	if (info.st_uid != geteuid() || (info.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return ap_fail(AP_ERR_DENIED, "config-owner", "aparte.conf must belong to you, and only you may write it");
	return AP_SUCCESS;
}

static struct ap_result derive_and_check(struct ap_config *config)
{
	AP_TRY(apply_environment(config));
	AP_TRY(fill_advertise(config));
	AP_TRY(check_advertise(config));
	AP_TRY(check_listener(config, "gateway"));
	AP_TRY(check_listener(config, "vault"));
	g_autofree char *url = ap_serve_config_url(config, "gateway");
	return ap_config_set(config, "gateway.public_url", url);
}

struct ap_result ap_serve_config_load(const struct ap_instance *i, struct ap_config **ret_config)
{
	g_autofree char *path = ap_instance_path(i, "aparte.conf");
	g_autofree char *where = NULL;
	struct ap_config *config = NULL;
	AP_TRY(check_owner(path));
	struct ap_result r = ap_config_load_file(path, &config, &where);
	if (!ap_ok(r)) {
		g_printerr("%s: %s\n", path, where ? where : "unreadable");
		return r;
	}
	r = derive_and_check(config);
	if (!ap_ok(r)) {
		ap_config_free(config);
		return r;
	}
	*ret_config = config;
	return AP_SUCCESS;
}

struct ap_result ap_serve_config_seal(const struct ap_config *config, int *ret_fd)
{
	g_autofree char *text = ap_config_to_text(config);
	size_t len = strlen(text);
	int fd = memfd_create("aparte.conf", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return ap_fail(AP_ERR_IO, "config-seal", "no memory file could be made");
	if (write(fd, text, len) != (ssize_t)len ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0) {
		close(fd);
		return ap_fail(AP_ERR_IO, "config-seal", "the memory file could not be written and sealed");
	}
	*ret_fd = fd;
	return AP_SUCCESS;
}
