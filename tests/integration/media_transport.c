/* How legs come up and go: credentials, fingerprints, TCP, IPv6, restart, address change, liveness, floods. */
#include "tests/testlib/media_fixture.h"

#include <arpa/inet.h>
#include <netinet/udp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <stun/usages/ice.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { PORT = 24010, COACH = AP_FIXTURE_COACH, COACHEE = AP_FIXTURE_COACHEE, FAIL_MS = 3000, SILENT_MS = 1300 };

static int open_fixture(void **state)
{
	struct ap_media_fixture *f = g_new0(struct ap_media_fixture, 1);
	ap_fixture_open(f, PORT, "127.0.0.1");
	*state = f;
	return 0;
}

static int close_fixture(void **state)
{
	ap_fixture_close(*state);
	g_free(*state);
	return 0;
}

static bool has_failed(void *side)
{
	const struct ap_side_fixture *s = side;
	return s->failed > 0;
}

static bool has_closed(void *peer)
{
	return ap_peer_closed(peer);
}

static void expect_crossing(struct ap_media_fixture *f, int from, uint16_t seq)
{
	struct ap_fixture_rtp sent = {.line = AP_LINE_AUDIO, .seq = seq, .ts = 1, .twcc = -1, .payload = "a", .len = 1};
	ap_fixture_send(f, from, &sent);
	g_free(ap_fixture_expect(f, 1 - from, false));
}

static void gcm_is_preferred_and_sha1_is_second(void **state)
{
	struct ap_media_fixture *f = *state;
	ap_fixture_make(f, COACH, NULL);
	ap_fixture_make(f, COACHEE,
			&(struct ap_peer_options){.address = f->address, .profiles = "SRTP_AES128_CM_SHA1_80"});
	ap_fixture_put(f, COACH);
	ap_fixture_put(f, COACHEE);
	ap_fixture_wait_ready(f, COACH);
	ap_fixture_wait_ready(f, COACHEE);
	assert_string_equal(ap_peer_profile(f->sides[COACH].peer), "SRTP_AEAD_AES_128_GCM");
	assert_string_equal(ap_peer_profile(f->sides[COACHEE].peer), "SRTP_AES128_CM_SHA1_80");
	expect_crossing(f, COACH, 1);
	expect_crossing(f, COACHEE, 1);
}

static void a_certificate_other_than_the_offers_is_refused(void **state)
{
	struct ap_media_fixture *f = *state;
	ap_fixture_make(f, COACH, NULL);
	f->sides[COACH].leg.fingerprint[31] ^= 1;
	ap_fixture_put(f, COACH);
	assert_true(ap_peer_wait(f->context, has_failed, &f->sides[COACH], FAIL_MS));
	assert_false(ap_peer_ready(f->sides[COACH].peer));
	assert_int_equal(f->sides[COACH].connected, 0);
	assert_int_equal(ap_fixture_counter(f, "dtls_failed_total"), 1);
}

static void a_wrong_stun_password_gets_nowhere(void **state)
{
	struct ap_media_fixture *f = *state;
	ap_fixture_make(f, COACH, NULL);
	ap_media_put_leg(f->media, f->worker, &f->sides[COACH].leg);
	f->sides[COACH].leg.local_pwd[5] ^= 1;
	ap_fixture_dial(f, COACH);
	ap_fixture_run(f, 700);
	assert_false(ap_peer_ice_ready(f->sides[COACH].peer));
	assert_true(ap_fixture_counter(f, "stun_refused_total") > 0);
	assert_int_equal(ap_fixture_counter(f, "stun_valid_total"), 0);
	assert_int_equal(ap_fixture_counter(f, "dtls_started_total"), 0);
}

static void an_unknown_ufrag_hears_nothing(void **state)
{
	struct ap_media_fixture *f = *state;
	ap_fixture_make(f, COACH, NULL);
	ap_fixture_dial(f, COACH); /* never put */
	ap_fixture_run(f, 400);
	assert_false(ap_peer_ice_ready(f->sides[COACH].peer));
	assert_true(ap_fixture_counter(f, "stun_unknown_total") > 0);
	assert_int_equal(ap_fixture_counter(f, "packets_sent_total"), 0);
}

static void ice_tcp_carries_a_leg(void **state)
{
	struct ap_media_fixture *f = *state;
	ap_fixture_make(f, COACH, &(struct ap_peer_options){.address = f->address, .tcp = true});
	ap_fixture_make(f, COACHEE, NULL);
	ap_fixture_put(f, COACH);
	ap_fixture_put(f, COACHEE);
	ap_fixture_wait_ready(f, COACH);
	ap_fixture_wait_ready(f, COACHEE);
	for (uint16_t i = 0; i < 50; i++) {
		expect_crossing(f, COACH, i);
		expect_crossing(f, COACHEE, i);
	}
	assert_true(ap_fixture_counter(f, "tcp_accepted_total") >= 1);
}

static void tcp_garbage_is_closed(void **state)
{
	struct ap_media_fixture *f = *state;
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)(PORT + f->worker)),
				 .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	assert_int_equal(send(fd, "\xff\xff garbage", 10, MSG_NOSIGNAL), 10);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	assert_int_equal(poll(&p, 1, FAIL_MS), 1);
	char byte;
	assert_true(recv(fd, &byte, 1, 0) <= 0);
	close(fd);
}

static bool ipv6_here(void)
{
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool here = fd >= 0 && bind(fd, (struct sockaddr *)&to, sizeof to) == 0;
	if (fd >= 0)
		close(fd);
	return here;
}

static void ipv6_works(void **state)
{
	(void)state;
	struct ap_media_fixture f;
	if (!ipv6_here())
		skip();
	ap_fixture_open(&f, PORT, "::1");
	ap_fixture_connect_both(&f);
	expect_crossing(&f, COACH, 1);
	expect_crossing(&f, COACHEE, 1);
	ap_fixture_close(&f);
}

static void an_ice_restart_keeps_the_media(void **state)
{
	struct ap_media_fixture *f = *state;
	ap_fixture_connect_both(f);
	expect_crossing(f, COACH, 1);
	char old[AP_LOCAL_UFRAG + 1];
	g_strlcpy(old, f->sides[COACH].leg.local_ufrag, sizeof old);
	ap_fixture_restart(f, COACH);
	assert_string_not_equal(old, f->sides[COACH].leg.local_ufrag);
	expect_crossing(f, COACH, 2);
	expect_crossing(f, COACHEE, 3);
	assert_int_equal(f->sides[COACH].disconnected, 0);
	assert_int_equal(ap_fixture_counter(f, "dtls_started_total"), 2);
}

/* A check in the coach's name from this socket. */
static void send_check_with(struct ap_media_fixture *f, int fd, bool nominating, bool controlling)
{
	const struct ap_leg_desc *leg = &f->sides[COACH].leg;
	StunAgent agent;
	StunMessage message;
	uint8_t bytes[512];
	g_autofree char *username = g_strdup_printf("%s:%s", leg->local_ufrag, leg->remote_ufrag);
	stun_agent_init(&agent, (const uint16_t[]){0}, STUN_COMPATIBILITY_RFC5389,
			STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
	size_t len = stun_usage_ice_conncheck_create(&agent, &message, bytes, sizeof bytes, (const uint8_t *)username,
						     strlen(username), (const uint8_t *)leg->local_pwd,
						     strlen(leg->local_pwd), nominating, controlling, UINT32_MAX / 2,
						     1, NULL, STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
	assert_true(len > 0);
	assert_int_equal(send(fd, bytes, len, 0), (ssize_t)len);
}

static void send_check(struct ap_media_fixture *f, int fd, bool controlling)
{
	send_check_with(f, fd, controlling, controlling);
}

static int new_socket(struct ap_media_fixture *f)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)(PORT + f->worker)),
				 .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	return fd;
}

/* The first byte and length of the next datagram; -1 when none comes. */
static int receive(int fd, uint8_t bytes[2048], int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	return poll(&p, 1, timeout_ms) == 1 ? (int)recv(fd, bytes, 2048, 0) : -1;
}

static void a_new_address_takes_over_by_an_authentic_check_only(void **state)
{
	struct ap_media_fixture *f = *state;
	uint8_t bytes[2048];
	ap_fixture_connect_both(f);
	int fd = new_socket(f);
	struct ap_fixture_rtp sent = {.line = AP_LINE_AUDIO, .seq = 1, .ts = 1, .twcc = -1, .payload = "a", .len = 1};
	char *pwd = &f->sides[COACH].leg.local_pwd[3], right = *pwd;
	*pwd = right == 'x' ? 'y' : 'x';
	send_check(f, fd, true);
	assert_true(receive(fd, bytes, 1000) > 0);
	assert_int_equal(bytes[0] << 8 | bytes[1], 0x0111); /* 401 */
	*pwd = right;
	send_check(f, fd, true);
	assert_true(receive(fd, bytes, 1000) > 0);
	assert_int_equal(bytes[0] << 8 | bytes[1], 0x0101);
	ap_fixture_send(f, COACHEE, &sent);
	int n = 0;
	do
		n = receive(fd, bytes, 1000);
	while (n > 0 && bytes[0] < 128);
	assert_true(n > 12);
	close(fd);
}

/* The next media packet at this socket within a second; checks' answers are passed over. */
static bool gets_media(int fd)
{
	uint8_t bytes[2048];
	int n = 0;
	do
		n = receive(fd, bytes, 1000);
	while (n > 0 && bytes[0] < 128);
	return n > 12;
}

/*
 * A NAT that forgot its mapping: checks for liveness come from a new address, and by RFC 7675 they nominate nothing
 * (Firefox, aiortc). While the nominated address is heard they change nothing; once it is silent they must.
 */
static void a_check_that_nominates_nothing_takes_over_from_a_silent_path(void **state)
{
	struct ap_media_fixture *f = *state;
	ap_fixture_connect_both(f);
	int fd = new_socket(f);
	struct ap_fixture_rtp sent = {.line = AP_LINE_AUDIO, .seq = 1, .ts = 1, .twcc = -1, .payload = "a", .len = 1};
	ap_fixture_send(f, COACH, &sent);
	ap_fixture_run(f, 50);
	send_check_with(f, fd, false, true);
	ap_fixture_send(f, COACHEE, &sent);
	assert_false(gets_media(fd));
	ap_fixture_run(f, SILENT_MS);
	send_check_with(f, fd, false, true);
	ap_fixture_run(f, 50);
	sent.seq++;
	ap_fixture_send(f, COACHEE, &sent);
	assert_true(gets_media(fd));
	close(fd);
}

/* Until the next check from there, seconds later, what comes is heard, and nothing is sent there. */
static void media_from_a_new_address_are_heard_if_authentic(void **state)
{
	struct ap_media_fixture *f = *state;
	ap_fixture_connect_both(f);
	expect_crossing(f, COACH, 1);
	int fd = new_socket(f);
	uint8_t bytes[256] = {0x80, f->sides[COACH].leg.lines[AP_LINE_AUDIO].pt, 0, 2, 0, 0, 0, 9};
	struct ap_writer ssrc = ap_writer_over(bytes + 8, 4);
	ap_write_u32(&ssrc, ap_fixture_ssrc(COACH, AP_LINE_AUDIO, false));
	size_t len = ap_peer_protect(f->sides[COACH].peer, false, bytes, 20);
	ap_fixture_flush(f, COACHEE);
	bytes[len - 1] ^= 1;
	assert_int_equal(send(fd, bytes, len, 0), (ssize_t)len);
	ap_fixture_expect_silence(f, COACHEE);
	bytes[len - 1] ^= 1;
	assert_int_equal(send(fd, bytes, len, 0), (ssize_t)len);
	g_free(ap_fixture_expect(f, COACHEE, false));
	struct ap_fixture_rtp back = {.line = AP_LINE_AUDIO, .seq = 7, .ts = 1, .twcc = -1, .payload = "a", .len = 1};
	ap_fixture_send(f, COACHEE, &back);
	assert_false(gets_media(fd));
	close(fd);
}

/* The coach's protected audio packet of that number, of one length each time. */
static size_t write_audio(struct ap_media_fixture *f, uint8_t seq, uint8_t bytes[256])
{
	const uint8_t header[] = {0x80, f->sides[COACH].leg.lines[AP_LINE_AUDIO].pt, 0, seq, 0, 0, 0, seq};
	struct ap_writer w = ap_writer_over(bytes, 256);
	ap_write_bytes(&w, header, sizeof header);
	ap_write_u32(&w, ap_fixture_ssrc(COACH, AP_LINE_AUDIO, false));
	ap_write_u64(&w, seq);
	return ap_peer_protect(f->sides[COACH].peer, false, bytes, w.len);
}

/* `len` bytes in datagrams of `each`, as one message; false when this kernel knows no such thing. */
static bool send_merged(int fd, const uint8_t *bytes, size_t len, uint16_t each)
{
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof each)];
	} control = {.align = {CMSG_LEN(sizeof each), SOL_UDP, UDP_SEGMENT}};
	struct iovec part = {(void *)bytes, len};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	memcpy(CMSG_DATA(&control.align), &each, sizeof each);
	return sendmsg(fd, &message, 0) == (ssize_t)len;
}

/* What a card merged goes by its first byte to the door for checks and handshakes, and is cut again behind it. */
static void media_merged_behind_a_handshake_are_heard(void **state)
{
	struct ap_media_fixture *f = *state;
	uint8_t bytes[4][256] = {{22, 254, 253}}, merged[sizeof bytes];
	size_t len = 0;
	ap_fixture_connect_both(f);
	expect_crossing(f, COACH, 1);
	for (uint8_t i = 1; i < 4; i++)
		len = write_audio(f, (uint8_t)(i + 1), bytes[i]);
	struct ap_writer w = ap_writer_over(merged, sizeof merged);
	for (int i = 0; i < 4; i++)
		ap_write_bytes(&w, bytes[i], len);
	int fd = new_socket(f);
	ap_fixture_flush(f, COACHEE);
	bool sent = send_merged(fd, merged, w.len, (uint16_t)len);
	close(fd);
	if (!sent)
		skip();
	for (uint16_t i = 1; i < 4; i++) {
		struct ap_rtp rtp;
		g_autofree struct ap_peer_packet *packet = ap_fixture_expect(f, COACHEE, false);
		assert_true(ap_rtp_parse(packet->bytes, packet->len, &rtp));
		assert_int_equal(rtp.seq, i + 1);
	}
}

static void a_client_that_claims_to_be_controlled_gets_487(void **state)
{
	struct ap_media_fixture *f = *state;
	uint8_t bytes[2048];
	int code = 0;
	ap_fixture_make(f, COACH, NULL);
	ap_media_put_leg(f->media, f->worker, &f->sides[COACH].leg);
	ap_fixture_run(f, 50);
	int fd = new_socket(f);
	send_check(f, fd, false);
	int n = receive(fd, bytes, 1000);
	assert_true(n > 0);
	StunMessage message = {.buffer = bytes, .buffer_len = (size_t)n};
	assert_int_equal(stun_message_get_class(&message), STUN_ERROR);
	assert_int_equal(stun_message_find_error(&message, &code), STUN_MESSAGE_RETURN_SUCCESS);
	assert_int_equal(code, 487);
	close(fd);
}

static void hanging_up_either_way_is_noticed(void **state)
{
	struct ap_media_fixture *f = *state;
	ap_fixture_connect_both(f);
	ap_media_drop_leg(f->media, f->worker, &f->sides[0].leg.session, AP_COACH, NULL, NULL);
	assert_true(ap_peer_wait(f->context, has_closed, f->sides[COACH].peer, FAIL_MS));
	ap_peer_hang_up(f->sides[COACHEE].peer);
	assert_true(ap_peer_wait(f->context, has_failed, &f->sides[COACHEE], FAIL_MS));
	assert_int_equal(f->sides[COACH].failed, 0);
}

static bool is_disconnected(void *side)
{
	const struct ap_side_fixture *s = side;
	return s->disconnected > 0;
}

static void silence_is_a_disconnection_and_the_leg_may_come_back(void **state)
{
	struct ap_media_fixture *f = *state;
	ap_fixture_connect_both(f);
	g_clear_pointer(&f->sides[COACH].peer, ap_peer_free);
	assert_true(ap_peer_wait(f->context, is_disconnected, &f->sides[COACH], AP_CONNECTED_MS + 1500));
	assert_int_equal(f->sides[COACHEE].disconnected, 0);
	f->sides[COACH].connected = 0;
	int fd = new_socket(f);
	send_check(f, fd, true);
	ap_fixture_run(f, 500);
	assert_int_equal(f->sides[COACH].connected, 1);
	assert_int_equal(f->sides[COACH].failed, 0);
	close(fd);
}

static void noise_of_every_kind_is_survived(void **state)
{
	struct ap_media_fixture *f = *state;
	g_autoptr(GRand) random = g_rand_new_with_seed(20261122);
	uint8_t bytes[1400];
	ap_fixture_connect_both(f);
	int fd = new_socket(f);
	print_message("seed 20261122\n");
	for (int i = 0; i < 3000; i++) {
		for (size_t k = 0; k < 64; k++)
			bytes[k] = (uint8_t)g_rand_int(random);
		bytes[0] = (uint8_t)(i % 4 == 0 ? 0 : i % 4 == 1 ? 22 : i % 4 == 2 ? 128 : bytes[0]);
		(void)!send(fd, bytes, (size_t)g_rand_int_range(random, 0, sizeof bytes), 0);
		if (i % 100 == 0)
			ap_fixture_run(f, 2);
	}
	expect_crossing(f, COACH, 9);
	close(fd);
}

#define PLAIN(test) cmocka_unit_test_setup_teardown(test, open_fixture, close_fixture)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLAIN(gcm_is_preferred_and_sha1_is_second),
		PLAIN(a_certificate_other_than_the_offers_is_refused),
		PLAIN(a_wrong_stun_password_gets_nowhere),
		PLAIN(an_unknown_ufrag_hears_nothing),
		PLAIN(ice_tcp_carries_a_leg),
		PLAIN(tcp_garbage_is_closed),
		cmocka_unit_test(ipv6_works),
		PLAIN(an_ice_restart_keeps_the_media),
		PLAIN(a_new_address_takes_over_by_an_authentic_check_only),
		PLAIN(a_check_that_nominates_nothing_takes_over_from_a_silent_path),
		PLAIN(media_from_a_new_address_are_heard_if_authentic),
		PLAIN(media_merged_behind_a_handshake_are_heard),
		PLAIN(a_client_that_claims_to_be_controlled_gets_487),
		PLAIN(hanging_up_either_way_is_noticed),
		PLAIN(silence_is_a_disconnection_and_the_leg_may_come_back),
		PLAIN(noise_of_every_kind_is_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
