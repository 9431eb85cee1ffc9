/*
 * The flood itself: datagrams at a given rate from many ports, as cheaply as the kernel lets one process send them.
 *
 *     floods_gen <kind> <port> <packets a second> <seconds> [<local ufrag>:<remote ufrag>]
 *
 * Kinds: stun (checks with ufrags nobody has), known (checks with a ufrag of the call's and a wrong password), hello
 * (ClientHellos), rtp (media of no source), mixed (random bytes of every class of RFC 7983).
 * Prints "sent <packets> in <ms>".
 */
#include <aparte/buf.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <glib.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stun/stunagent.h>
#include <stun/usages/ice.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SOURCES = 256, TRAIN = 25, TRAINS = 64, ONE = 300 };

/* Packets of one length, ready to leave in one go (UDP GSO). */
struct train {
	size_t size;
	uint8_t bytes[TRAIN * ONE];
};

static const uint16_t KNOWN[] = {STUN_ATTRIBUTE_USERNAME, STUN_ATTRIBUTE_MESSAGE_INTEGRITY, STUN_ATTRIBUTE_PRIORITY,
				 STUN_ATTRIBUTE_USE_CANDIDATE, STUN_ATTRIBUTE_ICE_CONTROLLING, STUN_ATTRIBUTE_FINGERPRINT, 0};

static size_t make_check(uint8_t *out, const char *username)
{
	uint8_t pwd[24];
	StunAgent agent;
	StunMessage m;
	for (size_t i = 0; i < sizeof pwd; i++)
		pwd[i] = (uint8_t)g_random_int_range('a', 'z');
	stun_agent_init(&agent, KNOWN, STUN_COMPATIBILITY_RFC5389,
			STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
	return stun_usage_ice_conncheck_create(&agent, &m, out, ONE, (const uint8_t *)username, strlen(username), pwd,
					       sizeof pwd, true, true, 2130706431, g_random_int(), NULL,
					       STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
}

static size_t make_unknown(uint8_t *out)
{
	char username[] = "aXXXXXXXXXXX:floodfld";
	for (size_t i = 1; i < 12; i++)
		username[i] = (char)g_random_int_range('A', 'Z');
	return make_check(out, username);
}

static size_t make_hello(uint8_t *out)
{
	SSL_CTX *ctx = SSL_CTX_new(DTLS_client_method());
	SSL *ssl = SSL_new(ctx);
	char *bytes;
	SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	SSL_set_connect_state(ssl);
	SSL_do_handshake(ssl);
	size_t len = (size_t)BIO_get_mem_data(SSL_get_wbio(ssl), &bytes);
	g_assert_true(len <= ONE && ap_copy(out, ONE, bytes, len));
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	return len;
}

static size_t make_random(uint8_t *out, int first)
{
	static const uint8_t classes[] = {0, 1, 3, 4, 19, 20, 22, 63, 64, 79, 100, 127, 128, 144, 191, 192, 255};
	for (size_t i = 0; i < 120; i++)
		out[i] = (uint8_t)g_random_int();
	out[0] = first >= 0 ? (uint8_t)first : classes[g_random_int() % G_N_ELEMENTS(classes)];
	return 120;
}

static size_t make_one(const char *kind, const char *username, uint8_t *out)
{
	if (strcmp(kind, "stun") == 0)
		return make_unknown(out);
	if (strcmp(kind, "known") == 0)
		return make_check(out, username);
	if (strcmp(kind, "hello") == 0)
		return make_hello(out);
	return make_random(out, strcmp(kind, "rtp") == 0 ? 0x80 : -1);
}

static void load(struct train *t, const char *kind, const char *username)
{
	uint8_t one[ONE];
	struct ap_writer w = ap_writer_over(t->bytes, sizeof t->bytes);
	t->size = make_one(kind, username, one);
	for (int i = 0; i < TRAIN; i++) {
		size_t n = i ? make_one(kind, username, one) : t->size;
		while (n != t->size) /* a length of its own would end the train */
			n = make_one(kind, username, one);
		ap_write_bytes(&w, one, n);
	}
	g_assert_false(w.bad);
}

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static void depart(int fd, const struct train *t)
{
	int size = (int)t->size;
	setsockopt(fd, SOL_UDP, UDP_SEGMENT, &size, sizeof size);
	(void)!send(fd, t->bytes, t->size * TRAIN, 0); /* refused (ICMP) or not, the next one goes */
}

static uint64_t flood(const int *fds, const struct train *trains, long rate, long seconds)
{
	int64_t begun = now_ns(), now = begun;
	uint64_t sent = 0;
	for (unsigned i = 0; now - begun < seconds * 1000000000ll; now = now_ns()) {
		uint64_t due = (uint64_t)((double)(now - begun) / 1e9 * (double)rate);
		if (sent >= due) {
			g_usleep(500);
			continue;
		}
		depart(fds[i % SOURCES], &trains[i * 7 % TRAINS]);
		sent += TRAIN;
		i++;
	}
	return sent;
}

/* Another machine's work: it must not take the gateway's time. The kernel may divide that by sessions first. */
static void step_back(void)
{
	(void)!setpriority(PRIO_PROCESS, 0, 10);
	setsid();
	int group = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);
	if (group >= 0 && write(group, "10", 2) == 2)
		close(group);
}

int main(int argc, char **argv)
{
	static struct train trains[TRAINS];
	int fds[SOURCES];
	if (argc < 5)
		return 2;
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	to.sin_port = htons((uint16_t)atoi(argv[2]));
	for (int i = 0; i < SOURCES; i++) {
		fds[i] = socket(AF_INET, SOCK_DGRAM, 0);
		g_assert_true(fds[i] >= 0 && connect(fds[i], (struct sockaddr *)&to, sizeof to) == 0);
	}
	for (int i = 0; i < TRAINS; i++)
		load(&trains[i], argv[1], argc > 5 ? argv[5] : "");
	step_back();
	int64_t begun = now_ns();
	uint64_t sent = flood(fds, trains, atol(argv[3]), atol(argv[4]));
	printf("sent %llu in %lld\n", (unsigned long long)sent, (long long)(now_ns() - begun) / 1000000);
	return 0;
}
