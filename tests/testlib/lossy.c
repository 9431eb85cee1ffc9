#include "tests/testlib/lossy.h"

#include <aparte/buf.h>
#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TRIES = 20, FLOWS = 32, SPLICES = 32, DATAGRAM = 2048, STREAM = 16384, TWICE_MS = 20, LEAST_HOLD_MS = 20, MOST_HOLD_MS = 200 };
#define MS INT64_C(1000000)

struct address {
	struct sockaddr_storage at;
	socklen_t len;
};

/* One client address and the socket under which the gateway sees it. */
struct flow {
	struct address client;
	int upstream; /* owned; connected to the gateway */
};

/* A TCP connection and its other half; what is read from one is written to the other. */
struct splice {
	int ends[2];
};

struct way {
	struct ap_lossy_path path; /* by `lock` */
	struct ap_lossy_counts counts;
	uint64_t random;
	unsigned burst_left;
	int64_t waiting_ns; /* the queue's length just now */
	int64_t turns_ns;   /* when it changes */
	int64_t last_due_ns;
};

struct parcel {
	int64_t due_ns;
	uint64_t order; /* of coming, among those due at once */
	enum ap_lossy_way way;
	unsigned flow;
	size_t len;
	uint8_t bytes[DATAGRAM];
};

struct ap_lossy {
	struct address gateway;
	bool loopback;
	int udp, tcp, wake; /* owned */
	uint16_t port;
	GThread *thread;
	GMutex lock;
	bool ended; /* by `lock`, as `rebinds` and the paths and counts of the ways */
	unsigned rebinds;
	struct way ways[AP_LOSSY_WAYS];
	unsigned rebound; /* the thread's own from here on */
	struct flow flows[FLOWS];
	unsigned flow_count;
	struct splice splices[SPLICES];
	unsigned splice_count;
	GSequence *parcels;
	uint64_t parcel_count;
};

static int64_t now_ns(void)
{
	return g_get_monotonic_time() * 1000;
}

/* splitmix64 */
static uint64_t draw(struct way *w)
{
	uint64_t z = w->random += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static double chance(struct way *w)
{
	return (double)(draw(w) >> 11) / (double)(UINT64_C(1) << 53);
}

static int64_t up_to_ms(struct way *w, unsigned ms)
{
	return ms ? (int64_t)(draw(w) % (ms * (uint64_t)MS)) : 0;
}

static struct address address_of(const char *text, uint16_t port)
{
	struct address a = {.len = sizeof(struct sockaddr_in)};
	struct sockaddr_in *v4 = (struct sockaddr_in *)&a.at;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&a.at;
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return a;
	}
	inet_pton(AF_INET6, text, &v6->sin6_addr);
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	a.len = sizeof *v6;
	return a;
}

static int listening(const struct address *at, int type)
{
	int on = 1, size = 1 << 22, fd = socket(at->at.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (type == SOCK_STREAM)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size); /* as large as we are allowed */
	if (bind(fd, (const struct sockaddr *)&at->at, at->len) == 0 && (type != SOCK_STREAM || listen(fd, 8) == 0))
		return fd;
	close(fd);
	return -1;
}

static uint16_t port_of(int fd)
{
	struct address a = {.len = sizeof a.at};
	getsockname(fd, (struct sockaddr *)&a.at, &a.len);
	return ntohs(a.at.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&a.at)->sin6_port
						: ((struct sockaddr_in *)&a.at)->sin_port);
}

/* A new mapping: on loopback from an address of its own. */
static int new_upstream(const struct ap_lossy *l)
{
	int size = 1 << 22, fd = socket(l->gateway.at.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000002u + l->rebound % 200)};
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	if (l->loopback)
		(void)bind(fd, (struct sockaddr *)&from, sizeof from); /* without it another port is change enough */
	if (connect(fd, (const struct sockaddr *)&l->gateway.at, l->gateway.len) == 0)
		return fd;
	close(fd);
	return -1;
}

static int flow_of(struct ap_lossy *l, const struct address *client)
{
	for (unsigned i = 0; i < l->flow_count; i++)
		if (l->flows[i].client.len == client->len && memcmp(&l->flows[i].client.at, &client->at, client->len) == 0)
			return (int)i;
	if (l->flow_count == FLOWS)
		return -1;
	l->flows[l->flow_count] = (struct flow){*client, new_upstream(l)};
	return (int)l->flow_count++;
}

static int by_due(const void *a, const void *b, void *unused)
{
	const struct parcel *x = a, *y = b;
	(void)unused;
	if (x->due_ns != y->due_ns)
		return x->due_ns < y->due_ns ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static void post(struct ap_lossy *l, const struct parcel *like, int64_t due_ns)
{
	struct parcel *p = g_memdup2(like, sizeof *like);
	p->due_ns = due_ns;
	p->order = l->parcel_count++;
	g_sequence_insert_sorted(l->parcels, p, by_due, NULL);
}

/* RFC 7983 */
static bool is_stun(const struct parcel *p)
{
	return p->len > 0 && p->bytes[0] <= 3;
}

static bool is_lost(struct way *w)
{
	if (w->burst_left > 0) {
		w->burst_left--;
		return true;
	}
	if (w->path.burst > 0 && chance(w) < w->path.burst) {
		w->burst_left = w->path.burst_n > 0 ? w->path.burst_n - 1 : 0;
		return true;
	}
	return w->path.loss > 0 && chance(w) < w->path.loss;
}

/* A queue that fills and drains: its length stays for a while, then is another; what is in it keeps its order. */
static int64_t queued_until(struct way *w, int64_t now)
{
	if (now >= w->turns_ns) {
		w->waiting_ns = up_to_ms(w, w->path.jitter_ms);
		w->turns_ns = now + LEAST_HOLD_MS * MS + up_to_ms(w, MOST_HOLD_MS - LEAST_HOLD_MS);
	}
	int64_t due = now + w->path.delay_ms * MS + w->waiting_ns;
	w->last_due_ns = MAX(due, w->last_due_ns);
	return w->last_due_ns;
}

/* What the network does to a datagram. */
static void suffer(struct ap_lossy *l, const struct parcel *p)
{
	g_mutex_lock(&l->lock);
	struct way *w = &l->ways[p->way];
	w->counts.packets++;
	if (is_lost(w) && !(w->path.spare && is_stun(p))) {
		w->counts.lost++;
		g_mutex_unlock(&l->lock);
		return;
	}
	int64_t due = queued_until(w, now_ns());
	bool late = w->path.reorder > 0 && chance(w) < w->path.reorder;
	bool twice = w->path.duplicate > 0 && chance(w) < w->path.duplicate;
	int64_t again = twice ? up_to_ms(w, TWICE_MS) : 0;
	w->counts.reordered += late;
	w->counts.duplicated += twice;
	due += late ? w->path.reorder_ms * MS : 0;
	g_mutex_unlock(&l->lock);
	post(l, p, due);
	if (twice)
		post(l, p, due + again);
}

static void deliver(const struct ap_lossy *l, const struct parcel *p)
{
	const struct flow *f = &l->flows[p->flow];
	/* What cannot be sent is lost, as on any network. */
	if (p->way == AP_LOSSY_UP)
		(void)!send(f->upstream, p->bytes, p->len, MSG_DONTWAIT);
	else
		(void)!sendto(l->udp, p->bytes, p->len, MSG_DONTWAIT, (const struct sockaddr *)&f->client.at, f->client.len);
}

/* Sends what is due; answers how long until the next, ms. */
static int deliver_due(struct ap_lossy *l)
{
	GSequenceIter *first;
	while (!g_sequence_iter_is_end(first = g_sequence_get_begin_iter(l->parcels))) {
		const struct parcel *p = g_sequence_get(first);
		int64_t wait = p->due_ns - now_ns();
		if (wait > 0)
			return (int)(wait / MS) + 1;
		deliver(l, p);
		g_sequence_remove(first);
	}
	return -1;
}

static void take_up(struct ap_lossy *l)
{
	struct parcel p = {.way = AP_LOSSY_UP};
	struct address from = {.len = sizeof from.at};
	ssize_t n;
	while ((n = recvfrom(l->udp, p.bytes, sizeof p.bytes, 0, (struct sockaddr *)&from.at, &from.len)) > 0) {
		int flow = flow_of(l, &from);
		p.flow = (unsigned)flow;
		p.len = (size_t)n;
		if (flow >= 0)
			suffer(l, &p);
		from = (struct address){.len = sizeof from.at};
	}
}

static void take_down(struct ap_lossy *l, unsigned flow)
{
	struct parcel p = {.way = AP_LOSSY_DOWN, .flow = flow};
	ssize_t n;
	while ((n = recv(l->flows[flow].upstream, p.bytes, sizeof p.bytes, 0)) > 0) {
		p.len = (size_t)n;
		suffer(l, &p);
	}
}

static void rebind_flows(struct ap_lossy *l, unsigned rebinds)
{
	if (rebinds == l->rebound)
		return;
	l->rebound = rebinds;
	for (unsigned i = 0; i < l->flow_count; i++) {
		close(l->flows[i].upstream);
		l->flows[i].upstream = new_upstream(l);
	}
}

/* ---- TCP ---- */

static void accept_tcp(struct ap_lossy *l)
{
	int client = accept4(l->tcp, NULL, NULL, SOCK_CLOEXEC);
	int gateway = client >= 0 ? socket(l->gateway.at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
	bool connected = gateway >= 0 && connect(gateway, (const struct sockaddr *)&l->gateway.at, l->gateway.len) == 0;
	if (connected && l->splice_count < SPLICES) {
		l->splices[l->splice_count++] = (struct splice){{client, gateway}};
		return;
	}
	if (client >= 0)
		close(client);
	if (gateway >= 0)
		close(gateway);
}

static bool pass_on(int from, int to)
{
	uint8_t bytes[STREAM];
	ssize_t n = recv(from, bytes, sizeof bytes, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	for (ssize_t sent = 0; sent < n;) {
		ssize_t m = send(to, bytes + sent, (size_t)(n - sent), MSG_NOSIGNAL);
		if (m <= 0)
			return false;
		sent += m;
	}
	return n > 0;
}

static void end_splice(struct splice *s)
{
	for (int i = 0; i < 2; i++) {
		close(s->ends[i]);
		s->ends[i] = -1;
	}
}

/* ---- the thread ---- */

static size_t fill_poll(const struct ap_lossy *l, struct pollfd *p)
{
	size_t n = 0;
	p[n++] = (struct pollfd){.fd = l->wake, .events = POLLIN};
	p[n++] = (struct pollfd){.fd = l->udp, .events = POLLIN};
	p[n++] = (struct pollfd){.fd = l->tcp, .events = POLLIN};
	for (unsigned i = 0; i < l->flow_count; i++)
		p[n++] = (struct pollfd){.fd = l->flows[i].upstream, .events = POLLIN};
	for (unsigned i = 0; i < l->splice_count; i++)
		for (int end = 0; end < 2; end++)
			p[n++] = (struct pollfd){.fd = l->splices[i].ends[end], .events = POLLIN};
	return n;
}

static void take_all(struct ap_lossy *l, const struct pollfd *p)
{
	unsigned flows = l->flow_count, splices = l->splice_count;
	if (p[1].revents)
		take_up(l);
	for (unsigned i = 0; i < flows; i++)
		if (p[3 + i].revents)
			take_down(l, i);
	for (unsigned i = 0; i < splices; i++)
		for (int end = 0; end < 2; end++)
			if (p[3 + flows + 2 * i + (unsigned)end].revents && l->splices[i].ends[0] >= 0 &&
			    !pass_on(l->splices[i].ends[end], l->splices[i].ends[1 - end]))
				end_splice(&l->splices[i]);
	if (p[2].revents)
		accept_tcp(l);
}

static gpointer run(gpointer lossy)
{
	struct ap_lossy *l = lossy;
	struct pollfd p[3 + FLOWS + 2 * SPLICES];
	for (;;) {
		size_t n = fill_poll(l, p);
		eventfd_t woken;
		poll(p, n, deliver_due(l));
		(void)!eventfd_read(l->wake, &woken);
		g_mutex_lock(&l->lock);
		bool ended = l->ended;
		unsigned rebinds = l->rebinds;
		g_mutex_unlock(&l->lock);
		if (ended)
			return NULL;
		take_all(l, p);
		rebind_flows(l, rebinds);
	}
}

/* The same port for both; a free one of UDP may be taken in TCP. */
static void open_both(struct ap_lossy *l, const struct ap_lossy_options *o)
{
	l->tcp = -1;
	for (int i = 0; i < TRIES && l->tcp < 0; i++) {
		struct address at = address_of(o->address, o->port);
		if (i > 0 && l->udp >= 0)
			close(l->udp);
		l->udp = listening(&at, SOCK_DGRAM);
		l->port = l->udp >= 0 ? port_of(l->udp) : 0;
		at = address_of(o->address, l->port);
		l->tcp = l->udp >= 0 ? listening(&at, SOCK_STREAM) : -1;
	}
}

struct ap_lossy *ap_lossy_new(const struct ap_lossy_options *o)
{
	struct ap_lossy *l = g_new0(struct ap_lossy, 1);
	l->gateway = address_of(o->gateway_address, o->gateway_port);
	l->loopback = g_str_has_prefix(o->gateway_address, "127.");
	open_both(l, o);
	l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	for (int i = 0; i < AP_LOSSY_WAYS; i++)
		l->ways[i] = (struct way){.path = o->paths[i], .random = o->seed ^ (uint64_t)(i + 1) << 32};
	g_mutex_init(&l->lock);
	l->parcels = g_sequence_new(g_free);
	if (l->udp >= 0 && l->tcp >= 0) {
		l->thread = g_thread_new("lossy", run, l);
		return l;
	}
	ap_lossy_free(l);
	return NULL;
}

uint16_t ap_lossy_port(const struct ap_lossy *l)
{
	return l->port;
}

static void tell(struct ap_lossy *l)
{
	g_mutex_unlock(&l->lock);
	(void)!eventfd_write(l->wake, 1);
}

void ap_lossy_set(struct ap_lossy *l, enum ap_lossy_way way, const struct ap_lossy_path *path)
{
	g_mutex_lock(&l->lock);
	l->ways[way].path = *path;
	l->ways[way].turns_ns = 0;
	g_mutex_unlock(&l->lock);
}

void ap_lossy_rebind(struct ap_lossy *l)
{
	g_mutex_lock(&l->lock);
	l->rebinds++;
	tell(l);
}

struct ap_lossy_counts ap_lossy_counts(struct ap_lossy *l, enum ap_lossy_way way)
{
	g_mutex_lock(&l->lock);
	struct ap_lossy_counts counts = l->ways[way].counts;
	g_mutex_unlock(&l->lock);
	return counts;
}

void ap_lossy_free(struct ap_lossy *l)
{
	if (!l)
		return;
	g_mutex_lock(&l->lock);
	l->ended = true;
	tell(l);
	if (l->thread)
		g_thread_join(l->thread);
	for (unsigned i = 0; i < l->flow_count; i++)
		close(l->flows[i].upstream);
	for (unsigned i = 0; i < l->splice_count; i++)
		if (l->splices[i].ends[0] >= 0)
			end_splice(&l->splices[i]);
	for (int *fd = (int[]){l->udp, l->tcp, l->wake, -1}; *fd >= 0; fd++)
		close(*fd);
	g_sequence_free(l->parcels);
	g_mutex_clear(&l->lock);
	g_free(l);
}

bool ap_lossy_parse(const char *text, struct ap_lossy_path *path)
{
	g_auto(GStrv) parts = g_strsplit(text, ",", -1);
	for (char **part = parts; *part && **part; part++) {
		char *value = strchr(*part, '=');
		if (!value)
			return false;
		*value++ = 0;
		double number = g_ascii_strtod(value, NULL);
		struct {
			const char *word;
			double *real;
			unsigned *whole;
		} words[] = {{"loss", &path->loss, NULL},
			     {"burst", &path->burst, NULL},
			     {"burst_n", NULL, &path->burst_n},
			     {"duplicate", &path->duplicate, NULL},
			     {"reorder", &path->reorder, NULL},
			     {"reorder_ms", NULL, &path->reorder_ms},
			     {"delay", NULL, &path->delay_ms},
			     {"jitter", NULL, &path->jitter_ms},
			     {"spare", NULL, &path->spare}};
		size_t i = 0;
		while (i < G_N_ELEMENTS(words) && strcmp(words[i].word, *part) != 0)
			i++;
		if (i == G_N_ELEMENTS(words))
			return false;
		if (words[i].real)
			*words[i].real = number;
		else
			*words[i].whole = (unsigned)number;
	}
	return true;
}
