/*
 * The sockets on loopback, where a sender's segments reach a receiver that takes merged messages as one: what a network
 * card and its driver do elsewhere.
 */
#include "gateway/net.h"

#include <aparte/buf.h>
#include <arpa/inet.h>
#include <glib.h>
#include <netinet/udp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { PORT = 21010, MANY = 4 * AP_BATCH, ROOM = 65536 };

struct fixture {
	struct ap_counters counters;
	struct ap_net *net;
	struct ap_packet *packets;
	int a, b; /* clients' sockets */
};

static int dial(const char *address)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), room = 1 << 20;
	assert_true(inet_pton(AF_INET, address, &to.sin_addr) == 1);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	return fd;
}

static void open_on(struct fixture *f, const char *const *advertised, const char *a, const char *b)
{
	assert_true(ap_ok(ap_net_open(advertised, PORT, &f->counters, &f->net)));
	f->packets = g_new0(struct ap_packet, AP_BATCH);
	f->a = dial(a);
	f->b = dial(b);
}

static int set_up(void **state)
{
	static const char *const ADVERTISED[] = {"127.0.0.1", NULL};
	struct fixture *f = g_new0(struct fixture, 1);
	open_on(f, ADVERTISED, "127.0.0.1", "127.0.0.1");
	*state = f;
	return 0;
}

static int set_up_two_addresses(void **state)
{
	static const char *const ADVERTISED[] = {"127.0.0.1", "127.0.0.2", NULL};
	struct fixture *f = g_new0(struct fixture, 1);
	open_on(f, ADVERTISED, "127.0.0.1", "127.0.0.2");
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	ap_net_close(f->net);
	g_free(f->packets);
	close(f->a);
	close(f->b);
	g_free(f);
	return 0;
}

/* A datagram like RTP, that says which it is in its first bytes and has the same byte up to its end. */
static void fill(uint8_t *bytes, size_t len, uint16_t number)
{
	struct ap_writer w = ap_writer_over(bytes, len);
	ap_write_u16(&w, 0x8060);
	ap_write_u16(&w, number);
	while (w.len < len)
		ap_write_u8(&w, (uint8_t)(number * 7));
}

static void check(const uint8_t *bytes, size_t len, uint16_t number)
{
	g_autofree uint8_t *want = g_malloc(len);
	fill(want, len, number);
	assert_memory_equal(bytes, want, len);
}

static void send_one(int fd, size_t len, uint16_t number)
{
	uint8_t bytes[4000];
	fill(bytes, len, number);
	assert_int_equal(send(fd, bytes, len, 0), len);
}

/* `count` datagrams of `len` bytes and a last one of `tail`, as one message; numbers from `number` on. */
static void send_run(int fd, size_t count, size_t len, size_t tail, uint16_t number)
{
	g_autofree uint8_t *bytes = g_malloc(ROOM);
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(uint16_t))];
	} control = {.align = {CMSG_LEN(sizeof(uint16_t)), SOL_UDP, UDP_SEGMENT}};
	*(uint16_t *)(void *)CMSG_DATA(&control.align) = (uint16_t)len;
	for (size_t i = 0; i < count; i++)
		fill(bytes + i * len, len, (uint16_t)(number + i));
	if (tail > 0)
		fill(bytes + count * len, tail, (uint16_t)(number + count));
	struct iovec part = {bytes, count * len + tail};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	assert_int_equal(sendmsg(fd, &message, 0), part.iov_len);
}

/* Takes all there is, at most `max` at a time, numbered from 0 on; the count of those, and the lengths. */
static size_t take_all(struct fixture *f, size_t max, size_t ret_lens[MANY])
{
	size_t total = 0, n;
	while ((n = ap_net_receive(f->net, AP_IPV4, AP_DOOR_MEDIA, f->packets, max)) > 0) {
		assert_true(n <= max && total + n <= MANY);
		for (size_t i = 0; i < n; i++, total++) {
			check(f->packets[i].data, f->packets[i].len, (uint16_t)total);
			ret_lens[total] = f->packets[i].len;
		}
	}
	assert_false(ap_net_holds(f->net));
	return total;
}

static void datagrams_come_one_by_one_with_their_path(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_in from;
	socklen_t len = sizeof from;
	send_one(f->a, 100, 0);
	send_one(f->a, 2000, 1);
	assert_int_equal(getsockname(f->a, (struct sockaddr *)&from, &len), 0);
	assert_int_equal(ap_net_receive(f->net, AP_IPV4, AP_DOOR_MEDIA, f->packets, AP_BATCH), 2);
	check(f->packets[1].data, 2000, 1);
	for (int i = 0; i < 2; i++) {
		assert_true(f->packets[i].path.local.v4.s_addr == htonl(INADDR_LOOPBACK));
		assert_true(f->packets[i].path.remote.v4.sin_port == from.sin_port && !f->packets[i].path.tcp);
	}
	assert_true(ap_counter_read(&f->counters, AP_COUNT_PACKETS_IN) == 2);
	assert_true(ap_counter_read(&f->counters, AP_COUNT_BYTES_IN) == 2100);
}

static void one_that_is_too_long_has_no_length_and_harms_no_other(void **state)
{
	struct fixture *f = *state;
	for (int round = 0; round < 2; round++) {
		send_one(f->a, AP_PACKET_MAX + 1, 0);
		send_one(f->a, 77, 1);
		assert_int_equal(ap_net_receive(f->net, AP_IPV4, AP_DOOR_MEDIA, f->packets, AP_BATCH), 2);
		assert_int_equal(f->packets[0].len, 0);
		assert_int_equal(f->packets[1].len, 77);
		check(f->packets[1].data, 77, 1);
	}
}

/* Whether this kernel merges on loopback: if not, the tests of cutting have nothing to see. */
static bool merges(struct fixture *f)
{
	uint8_t bytes[300];
	struct ap_path to = {0};
	struct sockaddr_in us;
	socklen_t len = sizeof to.remote.v4;
	assert_int_equal(getsockname(f->b, &to.remote.sa, &len), 0);
	assert_int_equal(getpeername(f->b, (struct sockaddr *)&us, &len), 0);
	to.local.v4 = us.sin_addr;
	assert_int_equal(setsockopt(f->b, SOL_UDP, UDP_GRO, &(int){1}, sizeof(int)), 0);
	fill(bytes, 300, 0);
	ap_net_queue(f->net, &to, bytes, 300);
	ap_net_queue(f->net, &to, bytes, 300);
	ap_net_flush(f->net);
	uint8_t got[2000];
	ssize_t n = recv(f->b, got, sizeof got, 0);
	assert_int_equal(setsockopt(f->b, SOL_UDP, UDP_GRO, &(int){0}, sizeof(int)), 0);
	return n == 600;
}

static void a_merged_message_is_cut(void **state)
{
	struct fixture *f = *state;
	size_t lens[MANY];
	if (!merges(f))
		skip();
	send_run(f->a, 10, 500, 123, 0);
	assert_int_equal(take_all(f, AP_BATCH, lens), 11);
	for (int i = 0; i < 10; i++)
		assert_int_equal(lens[i], 500);
	assert_int_equal(lens[10], 123);
	send_run(f->a, 2, 1200, 0, 0); /* the last as long as the others */
	assert_int_equal(take_all(f, AP_BATCH, lens), 2);
	send_run(f->a, 40, 1400, 9, 0); /* nearly all that one message holds */
	assert_int_equal(take_all(f, AP_BATCH, lens), 41);
}

static void nothing_overtakes_a_merged_message(void **state)
{
	struct fixture *f = *state;
	size_t lens[MANY];
	if (!merges(f))
		skip();
	for (size_t max = 7; max <= AP_BATCH; max += AP_BATCH - 7) {
		send_one(f->a, 50, 0);
		send_run(f->a, 40, 1100, 90, 1);
		send_one(f->a, 60, 42);
		send_run(f->a, 30, 700, 0, 43);
		send_one(f->a, 70, 73);
		send_run(f->a, 60, 40, 39, 74);
		assert_int_equal(take_all(f, max, lens), 135);
		assert_true(lens[0] == 50 && lens[41] == 90 && lens[42] == 60 && lens[73] == 70 && lens[134] == 39);
	}
}

static void what_is_left_of_a_merged_message_is_told(void **state)
{
	struct fixture *f = *state;
	if (!merges(f))
		skip();
	send_run(f->a, 10, 500, 0, 0);
	assert_false(ap_net_holds(f->net));
	assert_int_equal(ap_net_receive(f->net, AP_IPV4, AP_DOOR_MEDIA, f->packets, 4), 4);
	assert_true(ap_net_holds(f->net));
	assert_int_equal(ap_net_receive(f->net, AP_IPV4, AP_DOOR_MEDIA, f->packets, AP_BATCH), 6);
	check(f->packets[0].data, 500, 4);
	assert_false(ap_net_holds(f->net));
	assert_true(ap_counter_read(&f->counters, AP_COUNT_PACKETS_IN) == 10);
}

/* Segments longer than any packet we take: each is none of ours. */
static void segments_that_are_too_long_have_no_length(void **state)
{
	struct fixture *f = *state;
	if (!merges(f))
		skip();
	send_run(f->a, 3, AP_PACKET_MAX + 100, 20, 0);
	assert_int_equal(ap_net_receive(f->net, AP_IPV4, AP_DOOR_MEDIA, f->packets, AP_BATCH), 4);
	for (int i = 0; i < 3; i++)
		assert_int_equal(f->packets[i].len, 0);
	check(f->packets[3].data, 20, 3);
}

static struct ap_path path_to(int fd, const char *from)
{
	struct ap_path path = {0};
	socklen_t len = sizeof path.remote.v4;
	assert_int_equal(getsockname(fd, &path.remote.sa, &len), 0);
	assert_true(inet_pton(AF_INET, from, &path.local.v4) == 1);
	return path;
}

/* The next datagram or merged message; its length. */
static size_t next(int fd, uint8_t bytes[ROOM])
{
	ssize_t n = recv(fd, bytes, ROOM, 0);
	assert_true(n > 0);
	return (size_t)n;
}

static void queue_to_both(struct fixture *f, uint8_t bytes[AP_BATCH][2000], size_t count)
{
	struct ap_path a = path_to(f->a, "127.0.0.1"), b = path_to(f->b, "127.0.0.1");
	for (size_t i = 0; i < count; i++) {
		fill(bytes[i], 400, (uint16_t)i);
		ap_net_queue(f->net, i % 2 ? &b : &a, bytes[i], 400);
	}
	ap_net_flush(f->net);
}

static void datagrams_of_one_length_to_one_client_cross_as_one(void **state)
{
	struct fixture *f = *state;
	static uint8_t bytes[AP_BATCH][2000], got[ROOM];
	if (!merges(f))
		skip();
	uint64_t before = ap_counter_read(&f->counters, AP_COUNT_PACKETS_OUT);
	assert_int_equal(setsockopt(f->b, SOL_UDP, UDP_GRO, &(int){1}, sizeof(int)), 0);
	queue_to_both(f, bytes, 20);
	assert_int_equal(next(f->b, got), 10 * 400);
	for (size_t i = 0; i < 10; i++)
		check(got + i * 400, 400, (uint16_t)(2 * i + 1));
	for (size_t i = 0; i < 10; i++) {
		assert_int_equal(next(f->a, got), 400);
		check(got, 400, (uint16_t)(2 * i));
	}
	assert_true(ap_counter_read(&f->counters, AP_COUNT_PACKETS_OUT) - before == 20);
}

static void lengths_that_rise_and_fall_keep_their_order(void **state)
{
	struct fixture *f = *state;
	static const size_t LENS[] = {500, 500, 300, 500, 500, 500, 600, 20, 20, 20, 1300, 1300, 1299, 1300};
	static uint8_t bytes[G_N_ELEMENTS(LENS)][2000], got[ROOM];
	struct ap_path a = path_to(f->a, "127.0.0.1");
	for (size_t i = 0; i < G_N_ELEMENTS(LENS); i++) {
		fill(bytes[i], LENS[i], (uint16_t)i);
		ap_net_queue(f->net, &a, bytes[i], LENS[i]);
	}
	ap_net_flush(f->net);
	for (size_t i = 0; i < G_N_ELEMENTS(LENS); i++) {
		assert_int_equal(next(f->a, got), LENS[i]);
		check(got, LENS[i], (uint16_t)i);
	}
	assert_true(ap_counter_read(&f->counters, AP_COUNT_DROP_SEND) == 0);
}

/* More bytes than one message holds, and more datagrams than one batch. */
static void long_runs_go_as_several(void **state)
{
	struct fixture *f = *state;
	static uint8_t bytes[MANY / 2][2000], got[ROOM];
	struct ap_path a = path_to(f->a, "127.0.0.1");
	for (size_t i = 0; i < MANY / 2; i++) {
		fill(bytes[i], 1400, (uint16_t)i);
		ap_net_queue(f->net, &a, bytes[i], 1400);
	}
	ap_net_flush(f->net);
	for (size_t i = 0; i < MANY / 2; i++) {
		assert_int_equal(next(f->a, got), 1400);
		check(got, 1400, (uint16_t)i);
	}
	assert_true(ap_counter_read(&f->counters, AP_COUNT_PACKETS_OUT) == MANY / 2);
	assert_true(ap_counter_read(&f->counters, AP_COUNT_BYTES_OUT) == MANY / 2 * 1400);
}

/* Without checksums the kernel refuses segments, as it does on ways too narrow for them. */
static void a_kernel_that_refuses_segments_gets_them_apart(void **state)
{
	struct fixture *f = *state;
	static uint8_t bytes[AP_BATCH][2000], got[ROOM];
	int fd = ap_net_fd(f->net, AP_IPV4, AP_DOOR_MEDIA);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_NO_CHECK, &(int){1}, sizeof(int)), 0);
	for (int round = 0; round < 3; round++) {
		queue_to_both(f, bytes, 20);
		for (size_t i = 0; i < 20; i++) {
			assert_int_equal(next(i % 2 ? f->b : f->a, got), 400);
			check(got, 400, (uint16_t)i);
		}
	}
	assert_true(ap_counter_read(&f->counters, AP_COUNT_PACKETS_OUT) == 60);
	assert_true(ap_counter_read(&f->counters, AP_COUNT_DROP_SEND) == 0);
}

/* It is asked again later: the way may have been one client's only. */
static void a_refusal_is_not_for_ever(void **state)
{
	struct fixture *f = *state;
	static uint8_t bytes[AP_BATCH][2000], got[ROOM];
	int fd = ap_net_fd(f->net, AP_IPV4, AP_DOOR_MEDIA);
	if (!merges(f))
		skip();
	assert_int_equal(setsockopt(f->b, SOL_UDP, UDP_GRO, &(int){1}, sizeof(int)), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_NO_CHECK, &(int){1}, sizeof(int)), 0);
	queue_to_both(f, bytes, 4);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_NO_CHECK, &(int){0}, sizeof(int)), 0);
	bool merged = false;
	for (int round = 0; round < 2000 && !merged; round++) {
		queue_to_both(f, bytes, 4);
		while (recv(f->a, got, sizeof got, MSG_DONTWAIT) > 0)
			;
		ssize_t n;
		while ((n = recv(f->b, got, sizeof got, MSG_DONTWAIT)) > 0)
			merged |= n == 800;
		assert_true(!merged || round > 100);
	}
	assert_true(merged);
}

static void a_client_that_cannot_be_reached_costs_only_its_own(void **state)
{
	struct fixture *f = *state;
	static uint8_t bytes[4][2000], got[ROOM];
	struct ap_path a = path_to(f->a, "127.0.0.1"), nowhere = a;
	nowhere.remote.v4.sin_port = 0; /* EINVAL */
	for (size_t i = 0; i < 4; i++) {
		fill(bytes[i], 100, (uint16_t)i);
		ap_net_queue(f->net, i < 2 ? &nowhere : &a, bytes[i], 100);
	}
	ap_net_flush(f->net);
	for (size_t i = 2; i < 4; i++) {
		assert_int_equal(next(f->a, got), 100);
		check(got, 100, (uint16_t)i);
	}
	assert_true(ap_counter_read(&f->counters, AP_COUNT_DROP_SEND) == 2);
	assert_true(ap_counter_read(&f->counters, AP_COUNT_PACKETS_OUT) == 2);
}

/* Bound to all addresses: each packet says which one it came to, and its answer leaves from there. */
static void answers_leave_from_the_address_that_was_called(void **state)
{
	struct fixture *f = *state;
	uint8_t bytes[2][2000], got[ROOM];
	for (int round = 0; round < 2; round++) { /* the second time the places for what the kernel says were used before */
		send_one(f->a, 100, 0);
		send_one(f->b, 100, 0);
		assert_int_equal(ap_net_receive(f->net, AP_IPV4, AP_DOOR_MEDIA, f->packets, AP_BATCH), 2);
		assert_true(f->packets[0].path.local.v4.s_addr == htonl(INADDR_LOOPBACK));
		assert_true(f->packets[1].path.local.v4.s_addr == htonl(INADDR_LOOPBACK + 1));
		for (int i = 0; i < 2; i++) {
			fill(bytes[i], 200, 9);
			ap_net_queue(f->net, &f->packets[i].path, bytes[i], 200);
			ap_net_queue(f->net, &f->packets[i].path, bytes[i], 200);
		}
		ap_net_flush(f->net);
		for (int i = 0; i < 4; i++) /* both sockets are connected: they take nothing from elsewhere */
			assert_int_equal(next(i % 2 ? f->b : f->a, got), 200);
	}
	send_run(f->b, 5, 300, 10, 0);
	size_t lens[MANY];
	assert_int_equal(take_all(f, AP_BATCH, lens), 6);
	assert_true(f->packets[5].path.local.v4.s_addr == htonl(INADDR_LOOPBACK + 1));
}

static void checks_and_handshakes_have_a_door_of_their_own(void **state)
{
	struct fixture *f = *state;
	static const uint8_t DTLS[20] = {22, 254, 253};
	assert_true(ap_net_fd(f->net, AP_IPV4, AP_DOOR_CONTROL) >= 0);
	assert_int_equal(send(f->a, DTLS, sizeof DTLS, 0), sizeof DTLS);
	send_one(f->a, 100, 0);
	assert_int_equal(ap_net_receive(f->net, AP_IPV4, AP_DOOR_MEDIA, f->packets, AP_BATCH), 1);
	assert_int_equal(f->packets[0].len, 100);
	assert_int_equal(ap_net_receive(f->net, AP_IPV4, AP_DOOR_CONTROL, f->packets, AP_BATCH), 1);
	assert_memory_equal(f->packets[0].data, DTLS, sizeof DTLS);
}

#define ON_ONE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define ON_TWO(test) cmocka_unit_test_setup_teardown(test, set_up_two_addresses, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_ONE(datagrams_come_one_by_one_with_their_path),
		ON_ONE(one_that_is_too_long_has_no_length_and_harms_no_other),
		ON_ONE(a_merged_message_is_cut),
		ON_ONE(nothing_overtakes_a_merged_message),
		ON_ONE(what_is_left_of_a_merged_message_is_told),
		ON_ONE(segments_that_are_too_long_have_no_length),
		ON_ONE(datagrams_of_one_length_to_one_client_cross_as_one),
		ON_ONE(lengths_that_rise_and_fall_keep_their_order),
		ON_ONE(long_runs_go_as_several),
		ON_ONE(a_kernel_that_refuses_segments_gets_them_apart),
		ON_ONE(a_refusal_is_not_for_ever),
		ON_ONE(a_client_that_cannot_be_reached_costs_only_its_own),
		ON_TWO(answers_leave_from_the_address_that_was_called),
		ON_TWO(nothing_overtakes_a_merged_message),
		ON_ONE(checks_and_handshakes_have_a_door_of_their_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
