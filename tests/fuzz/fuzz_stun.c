/*
 * Connectivity checks as a stranger sends them, and as one who knows the leg's password does: the first byte says
 * which, and from what kind of address. Only what carries the right integrity is valid; every answer is a whole STUN
 * message to that very request, within its bound, and an answer of success is signed.
 */
#include "fuzz.h"

#include "gateway/demux.h"
#include "gateway/ice.h"
#include "stun_tools.h"

#include <netinet/in.h>

enum { MESSAGE_MAX = 1500, KNOWS_PASSWORD = 1, IPV6 = 2 };

static const char PWD[] = "0123456789abcdef0123456789abcdef";

static socklen_t make_address(bool v6, struct sockaddr_storage *from)
{
	*from = (struct sockaddr_storage){0};
	if (v6) {
		*(struct sockaddr_in6 *)from = (struct sockaddr_in6){
			.sin6_family = AF_INET6, .sin6_port = htons(5000), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
		return sizeof(struct sockaddr_in6);
	}
	*(struct sockaddr_in *)from = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons(5000), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	return sizeof(struct sockaddr_in);
}

static bool check_username(const uint8_t *data, size_t size)
{
	struct ap_ice_username u;
	if (!ap_ice_read_username(data, size, &u))
		return false;
	const char *first = (const char *)data;
	size_t local = strlen(u.local);
	g_assert_true(ap_demux(data, size) == AP_DEMUX_STUN);
	g_assert_true(local > 0 && local <= AP_LOCAL_UFRAG && u.remote > first + local);
	g_assert_true(u.remote + u.remote_len <= first + size && u.remote[-1] == ':');
	g_assert_true(memcmp(u.remote - 1 - local, u.local, local) == 0);
	return true;
}

/* A whole message: header and attributes fill the length told, and it is told to whom it answers. */
static void check_answer(const struct ap_ice_check *check, const uint8_t *data)
{
	struct ap_reader r = ap_reader_over(check->answer, check->len);
	uint16_t type = ap_read_u16(&r);
	g_assert_true(check->len <= sizeof check->answer && ap_read_u16(&r) == check->len - STUN_HEADER);
	/* Binding (RFC 8489 §6): success 0x0101, error 0x0111. */
	g_assert_true(type == 0x0101 || type == 0x0111);
	g_assert_true(!check->valid || type == 0x0101);
	g_assert_true(memcmp(check->answer + 4, data + 4, 16) == 0);
	ap_read_skip(&r, STUN_HEADER - 4);
	while (ap_reader_left(&r) > 0) {
		ap_read_u16(&r);
		uint16_t n = ap_read_u16(&r);
		ap_read_skip(&r, ((size_t)n + 3) & ~(size_t)3);
		g_assert_false(r.bad);
	}
	g_assert_true(!check->valid || stun_is_signed(check->answer, check->len, PWD));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ap_ice *ice;
	static uint8_t message[MESSAGE_MAX + STUN_TAIL], before[sizeof message];
	struct sockaddr_storage from;
	struct ap_ice_check check = {.len = SIZE_MAX, .valid = true};
	if (!ice)
		ice = ap_ice_new();
	if (size < 1 || size - 1 > MESSAGE_MAX)
		return 0;
	uint8_t how = data[0];
	size_t len = size - 1;
	/* Where it is taken as it came, in a block of its own size. */
	const uint8_t *taken = data + 1;
	if (how & KNOWS_PASSWORD) {
		g_assert_true(ap_copy(message, sizeof message, data + 1, len));
		len = stun_sign(message, len, PWD);
		taken = message;
	}
	/* As in the transport: who has no such name is not answered. */
	if (!check_username(taken, len))
		return 0;
	g_assert_true(ap_copy(before, sizeof before, taken, len));
	socklen_t from_len = make_address(how & IPV6, &from);
	ap_ice_answer(ice, taken, len, PWD, &from, from_len, &check);
	g_assert_true(memcmp(before, taken, len) == 0);
	g_assert_true(!check.nominated || check.valid);
	g_assert_true(!check.valid || (check.len > 0 && stun_is_signed(taken, len, PWD)));
	if (check.len > 0)
		check_answer(&check, taken);
	return 0;
}
