#include "gateway/addresses.h"

#include <arpa/inet.h>
#include <glib.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>

static char *text_of(const struct sockaddr *address)
{
	char text[INET6_ADDRSTRLEN];
	const void *bytes = address->sa_family == AF_INET
				    ? (const void *)&((const struct sockaddr_in *)(const void *)address)->sin_addr
				    : (const void *)&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
	return g_strdup(inet_ntop(address->sa_family, bytes, text, sizeof text));
}

static bool usable(const struct ifaddrs *i, int family)
{
	if (!i->ifa_addr || i->ifa_addr->sa_family != family || !(i->ifa_flags & IFF_UP) ||
	    (i->ifa_flags & IFF_LOOPBACK))
		return false;
	if (family == AF_INET)
		return true;
	const struct in6_addr *v6 = &((const struct sockaddr_in6 *)(const void *)i->ifa_addr)->sin6_addr;
	return !IN6_IS_ADDR_LINKLOCAL(v6) && !IN6_IS_ADDR_MULTICAST(v6);
}

static void add_first(GPtrArray *list, const struct ifaddrs *all, int family)
{
	for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
		if (!usable(i, family))
			continue;
		g_ptr_array_add(list, text_of(i->ifa_addr));
		return;
	}
}

char **ap_addresses(const char *const *configured)
{
	if (configured && configured[0])
		return g_strdupv((char **)configured);
	GPtrArray *list = g_ptr_array_new();
	struct ifaddrs *all = NULL;
	g_ptr_array_add(list, g_strdup("127.0.0.1"));
	if (getifaddrs(&all) == 0) {
		add_first(list, all, AF_INET);
		add_first(list, all, AF_INET6);
		freeifaddrs(all);
	}
	g_ptr_array_add(list, NULL);
	return (char **)g_ptr_array_free(list, FALSE);
}
