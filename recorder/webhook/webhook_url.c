#include "recorder/webhook/webhook_url.h"

#include <aparte/buf.h>
#include <arpa/inet.h>
#include <libsoup/soup.h>
#include <string.h>

#define URL_MAX 1000

struct block {
	uint32_t network;
	unsigned bits;
};

/* Not for the internet: RFC 6890's special-purpose blocks that lead to this machine or its networks, and multicast. */
static bool v4_public(uint32_t address)
{
	static const struct block inward[] = {
		{ 0x00000000, 8 },  { 0x0A000000, 8 },	{ 0x64400000, 10 }, { 0x7F000000, 8 }, { 0xA9FE0000, 16 },
		{ 0xAC100000, 12 }, { 0xC0000000, 24 }, { 0xC0A80000, 16 }, { 0xE0000000, 3 },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(inward); i++)
		if ((address ^ inward[i].network) >> (32 - inward[i].bits) == 0)
			return false;
	return true;
}

/* Global unicast only (2000::/3), and not what tunnels to an IPv4 address (RFC 3056, RFC 4380). Of the rest an address that
 * stands for an IPv4 one (RFC 4291 §2.5.5.2, RFC 6052) is as good as that one. */
static bool v6_public(const struct in6_addr *address)
{
	struct ap_reader r = ap_reader_over(address->s6_addr, sizeof address->s6_addr);
	uint64_t high = ap_read_u64(&r);
	uint32_t third = ap_read_u32(&r), last = ap_read_u32(&r);
	if ((high == 0 && third == 0xFFFF) || (high == UINT64_C(0x0064FF9B00000000) && third == 0))
		return v4_public(last);
	return high >> 61 == 1 && high >> 48 != 0x2002 && high >> 32 != 0x20010000;
}

static bool name_fits(const char *host)
{
	g_autofree char *name = g_ascii_strdown(host, -1);
	size_t len = strlen(name);
	if (len > 0 && name[len - 1] == '.')
		name[--len] = '\0';
	struct in_addr v4;
	if (len == 0 || strpbrk(name, "% \t\r\n") || strcmp(name, "localhost") == 0 || g_str_has_suffix(name, ".localhost"))
		return false;
	return inet_aton(name, &v4) == 0 || v4_public(ntohl(v4.s_addr));
}

static bool host_fits(const char *host)
{
	struct in6_addr v6;
	if (strchr(host, ':'))
		return inet_pton(AF_INET6, host, &v6) == 1 && v6_public(&v6);
	return name_fits(host);
}

bool ap_webhook_address_fits(GInetAddress *address)
{
	struct ap_reader r = ap_reader_over(g_inet_address_to_bytes(address), g_inet_address_get_native_size(address));
	struct in6_addr v6;
	if (g_inet_address_get_family(address) == G_SOCKET_FAMILY_IPV4)
		return v4_public(ap_read_u32(&r));
	ap_copy(v6.s6_addr, sizeof v6.s6_addr, g_inet_address_to_bytes(address), sizeof v6.s6_addr);
	return v6_public(&v6);
}

bool ap_webhook_host_is_private(const char *host, const struct ap_webhook_reach *reach)
{
	for (const char *const *one = reach ? reach->private_hosts : NULL; one && *one; one++)
		if (g_ascii_strcasecmp(*one, host) == 0)
			return true;
	return false;
}

bool ap_webhook_url_fits(const char *url, const struct ap_webhook_reach *reach)
{
	g_autoptr(GUri) uri = strlen(url) <= URL_MAX ? g_uri_parse(url, SOUP_HTTP_URI_FLAGS, NULL) : NULL;
	const char *host = uri ? g_uri_get_host(uri) : NULL;
	if (!host || !*host || g_uri_get_userinfo(uri))
		return false;
	bool plain = strcmp(g_uri_get_scheme(uri), "http") == 0;
	if (strcmp(g_uri_get_scheme(uri), "https") != 0 && !(plain && reach && reach->http))
		return false;
	return ap_webhook_host_is_private(host, reach) || host_fits(host);
}
