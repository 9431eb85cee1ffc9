#include "recorder/portability/compose.h"

#include <aparte/buf.h>
#include <aparte/capture.h>
#include <aparte/secret.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PIECE ((size_t)256 << 10) /* moved at once, each way */
#define PIPE_BYTES (512 << 10)	  /* wished for; what an unprivileged user gets is enough */
#define STALL_MS 60000		  /* nothing moved for so long: it hangs */
#define LONGEST_MS 600000	  /* and so many times the film's length, all in all */
#define LONGEST_TIMES 4
#define FILM_BYTES ((uint64_t)16 << 20) /* the largest film: this, and so much a second */
#define FILM_SECOND ((uint64_t)1 << 20)

/* A file on its way in. */
struct source {
	int fd; /* -1: all of it went, or the composer wants no more */
	uint64_t offset;
	uint8_t *bytes; /* owned; of the piece before `offset` */
	size_t len, done;
};

struct ap_compose {
	struct ap_compose_setup setup;
	/* owned */
	struct source sources[2];
	int control, out; /* -1: ended */
	uint8_t *bytes;	  /* of the film, as they come */
	struct ap_film *film;
	/* state */
	uint8_t head[AP_FILM_HEAD];
	size_t head_len;
	uint32_t left; /* bytes of the open cluster to come */
	uint64_t time_ms, taken;
	int64_t begun_ms, moved_ms;
	bool composed;
};

static struct ap_result broken(const char *detail)
{
	return ap_fail(AP_ERR_PROTOCOL, "composition", detail);
}

static int64_t now_ms(const struct ap_compose *c)
{
	return ap_mono_ns(c->setup.clock) / 1000000;
}

static void drop(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* ---- the start ---- */

static struct ap_result no_pipe(void)
{
	return ap_fail(AP_ERR_IO, "composition", "no pipe for a composer");
}

static struct ap_result send_pipe(const struct ap_compose *c, enum ap_capture_pipe which, int fd)
{
	const struct ap_capture_message m = {.type = AP_CAPTURE_PIPE, .fd = fd, .pipe = which};
	return ap_capture_send(c->control, &m, false);
}

/* Its end blocks, ours does not. `ours`: 1 we write, 0 we read. */
static struct ap_result make_pipe(struct ap_compose *c, enum ap_capture_pipe which, int ours, int *ret_fd)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		return no_pipe();
	(void)fcntl(ends[0], F_SETPIPE_SZ, PIPE_BYTES);
	struct ap_result r = fcntl(ends[ours], F_SETFL, O_NONBLOCK) == 0 ? send_pipe(c, which, ends[1 - ours]) : no_pipe();
	close(ends[1 - ours]);
	if (ap_ok(r))
		*ret_fd = ends[ours];
	else
		close(ends[ours]);
	return r;
}

/* All orders at once: they wait in the link until it has confined itself. */
static struct ap_result order(struct ap_compose *c)
{
	struct ap_capture_message m = {.type = AP_CAPTURE_FILM, .fd = -1};
	m.film = (struct ap_capture_film){c->setup.duration_ms, c->setup.require_sandbox};
	AP_TRY(ap_capture_send(c->control, &m, false));
	AP_TRY(make_pipe(c, AP_PIPE_COACH, 1, &c->sources[0].fd));
	AP_TRY(make_pipe(c, AP_PIPE_COACHEE, 1, &c->sources[1].fd));
	return make_pipe(c, AP_PIPE_FILM, 0, &c->out);
}

static struct ap_result begin(struct ap_compose *c, int *ret_child)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return no_pipe();
	c->control = ends[0];
	struct ap_result r = order(c);
	if (ap_ok(r))
		r = ap_film_new(c->setup.directory, &c->film);
	if (ap_ok(r))
		*ret_child = ends[1];
	else
		close(ends[1]);
	return r;
}

struct ap_result ap_compose_new(const struct ap_compose_setup *setup, int *ret_child, struct ap_compose **ret_compose)
{
	struct ap_compose *c = g_new0(struct ap_compose, 1);
	c->setup = *setup;
	c->control = c->out = -1;
	for (int i = 0; i < 2; i++)
		c->sources[i] = (struct source){.fd = -1, .bytes = g_malloc(PIECE)};
	c->bytes = g_malloc(PIECE);
	c->begun_ms = c->moved_ms = now_ms(c);
	struct ap_result r = begin(c, ret_child);
	if (ap_ok(r))
		*ret_compose = c;
	else
		ap_compose_free(c);
	return r;
}

/* ---- what goes in ---- */

static struct ap_result fill(struct ap_compose *c, int which)
{
	struct source *s = &c->sources[which];
	if (s->done < s->len)
		return AP_SUCCESS;
	AP_TRY(c->setup.read(c->setup.ctx, which, s->offset, s->bytes, PIECE, &s->len));
	s->offset += s->len;
	s->done = 0;
	if (s->len == 0)
		drop(&s->fd);
	return AP_SUCCESS;
}

/* One that closed its end has seen what it wanted: what it makes of it is seen in the film. */
static struct ap_result feed(struct ap_compose *c, int which, bool *moved)
{
	struct source *s = &c->sources[which];
	if (s->fd < 0)
		return AP_SUCCESS;
	AP_TRY(fill(c, which));
	ssize_t n = s->fd >= 0 ? write(s->fd, s->bytes + s->done, s->len - s->done) : 0;
	if (n < 0 && errno == EPIPE)
		drop(&s->fd);
	if (n > 0) {
		s->done += (size_t)n;
		*moved = true;
	}
	return AP_SUCCESS;
}

/* ---- what comes out ---- */

static struct ap_result begin_cluster(struct ap_compose *c)
{
	struct ap_reader r = ap_reader_over(c->head, sizeof c->head);
	uint32_t len = ap_read_u32(&r);
	uint64_t time_ms = ap_read_u64(&r);
	uint8_t keyframe = ap_read_u8(&r);
	if (len == 0 || len > AP_FILM_CLUSTER || keyframe > 1 || time_ms < c->time_ms || time_ms > c->setup.duration_ms)
		return broken("what a composer wrote is no cluster");
	c->head_len = 0;
	c->left = len;
	c->time_ms = time_ms;
	ap_film_cluster(c->film, time_ms, keyframe == 1);
	return AP_SUCCESS;
}

static struct ap_result take_bytes(struct ap_compose *c, struct ap_reader *r)
{
	while (ap_reader_left(r) > 0) {
		size_t n = MIN(c->left, ap_reader_left(r));
		if (n > 0) {
			c->left -= (uint32_t)n;
			AP_TRY(ap_film_write(c->film, ap_read_span(r, n), n));
			continue;
		}
		c->head[c->head_len++] = ap_read_u8(r);
		if (c->head_len == sizeof c->head)
			AP_TRY(begin_cluster(c));
	}
	return AP_SUCCESS;
}

static struct ap_result take(struct ap_compose *c, bool *moved)
{
	ssize_t n = c->out >= 0 ? read(c->out, c->bytes, PIECE) : -1;
	if (n < 0)
		return AP_SUCCESS;
	*moved = true;
	if (n == 0) {
		drop(&c->out);
		return c->left == 0 && c->head_len == 0 ? AP_SUCCESS : broken("a composer's film breaks off");
	}
	c->taken += (uint64_t)n;
	if (c->taken > FILM_BYTES + FILM_SECOND * (c->setup.duration_ms / 1000))
		return broken("a composer writes more than a film can be");
	struct ap_reader r = ap_reader_over(c->bytes, (size_t)n);
	return take_bytes(c, &r);
}

/* READY, then COMPOSED as its last word. */
static struct ap_result hear(struct ap_compose *c)
{
	struct ap_capture_message m;
	struct ap_result r = c->control >= 0 ? ap_capture_receive(c->control, false, &m) : ap_fail(AP_ERR_LIMIT, "", "");
	if (r.err == AP_ERR_LIMIT)
		return AP_SUCCESS;
	if (ap_ok(r) && m.fd >= 0)
		close(m.fd);
	if (ap_ok(r) && m.type == AP_CAPTURE_READY && !c->composed)
		return AP_SUCCESS;
	if (ap_ok(r) && m.type == AP_CAPTURE_COMPOSED && !c->composed) {
		c->composed = true;
		return AP_SUCCESS;
	}
	if (r.err != AP_ERR_IO || !c->composed)
		return broken("a composer failed");
	drop(&c->control);
	return AP_SUCCESS;
}

/* ---- step by step ---- */

static struct ap_result check_time(struct ap_compose *c, bool moved)
{
	int64_t now = now_ms(c), longest = LONGEST_MS + LONGEST_TIMES * (int64_t)c->setup.duration_ms;
	if (moved)
		c->moved_ms = now;
	if (now - c->moved_ms >= STALL_MS || now - c->begun_ms >= longest)
		return broken("a composer hangs");
	return AP_SUCCESS;
}

static struct ap_result finish(struct ap_compose *c, enum ap_compose_state *ret_state)
{
	if (c->taken == 0)
		return broken("a composer's film is empty");
	AP_TRY(ap_film_finish(c->film, c->setup.duration_ms));
	*ret_state = AP_COMPOSE_DONE;
	return AP_SUCCESS;
}

struct ap_result ap_compose_step(struct ap_compose *c, enum ap_compose_state *ret_state)
{
	bool moved = false;
	AP_TRY(hear(c));
	for (int i = 0; i < 2; i++)
		AP_TRY(feed(c, i, &moved));
	AP_TRY(take(c, &moved));
	if (c->composed && c->out < 0)
		return finish(c, ret_state);
	AP_TRY(check_time(c, moved));
	*ret_state = moved ? AP_COMPOSE_MOVED : AP_COMPOSE_WAITS;
	return AP_SUCCESS;
}

uint64_t ap_compose_fed(const struct ap_compose *c)
{
	return c->sources[0].offset + c->sources[1].offset;
}

struct ap_film *ap_compose_take_film(struct ap_compose *c)
{
	return g_steal_pointer(&c->film);
}

static void drop_bytes(uint8_t *bytes)
{
	ap_wipe(bytes, PIECE);
	g_free(bytes);
}

void ap_compose_free(struct ap_compose *c)
{
	if (!c)
		return;
	for (int i = 0; i < 2; i++) {
		drop(&c->sources[i].fd);
		drop_bytes(c->sources[i].bytes);
	}
	drop(&c->control);
	drop(&c->out);
	drop_bytes(c->bytes);
	ap_film_free(c->film);
	g_free(c);
}
