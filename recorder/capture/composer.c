#include "composer.h"

#include "confine.h"
#include "composition.h"
#include "mux.h"

#include <aparte/buf.h>
#include <aparte/capture.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#ifdef AP_TEST_HOOKS
#include "hooks.h"
#endif

#define CONTROL 3	/* the descriptor that the control link becomes */
#define NICENESS 10	/* behind the captures, whose share of a busy processor is ten times this one's */
#define CPU_LEAST_S 120 /* and so many times the film's length */
#define CPU_TIMES 8

struct composer {
	int socket;
	int pipes[AP_PIPE_FILM + 1]; /* by enum ap_capture_pipe; -1: not there yet */
	struct ap_capture_film order;

	struct ap_composition *film;
	GMutex lock;
	struct ap_mux *mux;		/* by lock, as all below */
	uint64_t seen_ms[AP_LINES];	/* of each line everything before this was muxed */
	struct ap_result failure;	/* of a write; the film cannot be carried on */
};

/* ---- the film's frames ---- */

static struct ap_result write_all(int fd, const uint8_t *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return ap_fail(AP_ERR_IO, "film-pipe", "the vault takes no more of the film");
		bytes += n;
		len -= (size_t)n;
	}
	return AP_SUCCESS;
}

static struct ap_result put_cluster(void *ctx, const struct ap_mux_cluster *cluster)
{
	const struct composer *c = ctx;
	uint8_t head[AP_FILM_HEAD];
	struct ap_writer w = ap_writer_over(head, sizeof head);
	ap_write_u32(&w, (uint32_t)cluster->len);
	ap_write_u64(&w, cluster->time_ms);
	ap_write_u8(&w, cluster->keyframe);
	AP_TRY(write_all(c->pipes[AP_PIPE_FILM], head, sizeof head));
	return write_all(c->pipes[AP_PIPE_FILM], cluster->bytes, cluster->len);
}

static void take(struct composer *c, enum ap_line line, struct ap_frame *frame, uint64_t time_ms)
{
	g_mutex_lock(&c->lock);
	if (ap_ok(c->failure)) {
		ap_mux_push(c->mux, frame, (int64_t)time_ms);
		c->seen_ms[line] = time_ms;
		c->failure = ap_mux_advance(c->mux, MIN(c->seen_ms[AP_LINE_AUDIO], c->seen_ms[AP_LINE_CAMERA]));
	}
	g_mutex_unlock(&c->lock);
}

static void on_frame(void *ctx, enum ap_line line, GstBuffer *buffer)
{
	struct composer *c = ctx;
	uint64_t time_ms = GST_BUFFER_PTS(buffer) / GST_MSECOND;
	gpointer bytes = NULL;
	gsize len = 0;
	if (time_ms >= c->order.duration_ms)
		return;
	gst_buffer_extract_dup(buffer, 0, gst_buffer_get_size(buffer), &bytes, &len);
	bool keyframe = line == AP_LINE_AUDIO || !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
	struct ap_frame frame = { .role = AP_COACH, .line = line, .keyframe = keyframe, .width = AP_FILM_WIDTH,
				  .height = AP_FILM_HEIGHT, .data = g_bytes_new_take(bytes, len) };
	take(c, line, &frame, time_ms);
	ap_frame_clear(&frame);
}

/* ---- orders ---- */

static struct ap_result out_of_order(void)
{
	return ap_fail(AP_ERR_PROTOCOL, "capture-message", "the vault's order does not fit the state");
}

static struct ap_result tell(const struct composer *c, enum ap_capture_type type)
{
	const struct ap_capture_message m = { .type = type, .fd = -1 };
	return ap_capture_send(c->socket, &m, false);
}

static bool has_pipes(const struct composer *c)
{
	return c->pipes[AP_PIPE_COACH] >= 0 && c->pipes[AP_PIPE_COACHEE] >= 0 && c->pipes[AP_PIPE_FILM] >= 0;
}

static struct ap_result begin(struct composer *c)
{
	const int in[2] = { c->pipes[AP_PIPE_COACH], c->pipes[AP_PIPE_COACHEE] };
	const struct ap_composition_events events = { on_frame, c };
	static const uint8_t none[16]; /* the vault writes the header */
	c->mux = ap_mux_new(none, AP_WEBM_VP8, put_cluster, c);
	ap_mux_begin(c->mux, 0);
	return ap_composition_new(in, c->order.duration_ms, &events, &c->film);
}

static struct ap_result take_pipe(struct composer *c, struct ap_capture_message *m)
{
	if (c->pipes[m->pipe] >= 0)
		return out_of_order();
	c->pipes[m->pipe] = m->fd;
	m->fd = -1;
	return has_pipes(c) ? begin(c) : AP_SUCCESS;
}

static struct ap_result obey(struct composer *c, struct ap_capture_message *m)
{
#ifdef AP_TEST_HOOKS
	if (m->type == AP_CAPTURE_HOOK) {
		m->hook.value = ap_hook_try(m->hook.what);
		return ap_capture_send(c->socket, m, false);
	}
#endif
	return m->type == AP_CAPTURE_PIPE && !c->film ? take_pipe(c, m) : out_of_order();
}

static struct ap_result read_control(struct composer *c)
{
	struct ap_capture_message m;
	AP_TRY(ap_capture_receive(c->socket, false, &m));
	struct ap_result r = obey(c, &m);
	if (m.fd >= 0)
		close(m.fd);
	return r;
}

/* ---- the loop ---- */

static struct ap_result failure(struct composer *c)
{
	g_mutex_lock(&c->lock);
	struct ap_result r = c->failure;
	g_mutex_unlock(&c->lock);
	return r;
}

static struct ap_result look(struct composer *c, bool *ret_over)
{
	enum ap_composition_state state = ap_composition_look(c->film);
	if (state == AP_COMPOSITION_FAILED)
		return ap_fail(AP_ERR_PROTOCOL, "film", "what was recorded cannot be composed");
	*ret_over = state == AP_COMPOSITION_OVER;
	return failure(c);
}

static struct ap_result compose(struct composer *c)
{
	bool over = false;
	while (!over) {
		struct pollfd waits[] = {
			{ .fd = c->socket, .events = POLLIN },
			{ .fd = c->film ? ap_composition_fd(c->film) : -1, .events = POLLIN },
		};
		if (poll(waits, 2, -1) < 0 && errno != EINTR)
			return ap_fail(AP_ERR_IO, "poll", "waiting failed");
		if (waits[0].revents)
			AP_TRY(read_control(c));
		if (c->film && waits[1].revents)
			AP_TRY(look(c, &over));
	}
	AP_TRY(ap_mux_end(c->mux, c->order.duration_ms, false)); /* its threads have ended */
	return tell(c, AP_CAPTURE_COMPOSED);
}

/* ---- before it ---- */

/* Both are wishes of a good citizen: where the kernel refuses, the bounds hold all the same. */
static void stand_back(void)
{
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* else the file is root's; it holds no secret yet, and is not so for long */
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		if (write(fd, "1000", 4) != 4)
			errno = 0;
		close(fd);
	}
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (nice(NICENESS) < 0)
		errno = 0;
}

/* While anything can still be opened, and before any byte of a person's. */
static struct ap_result prepare(struct composer *c, int null_fd, bool landlock)
{
	struct ap_capture_message m;
	AP_TRY(ap_capture_receive(c->socket, true, &m));
	if (m.fd >= 0)
		close(m.fd);
	if (m.type != AP_CAPTURE_FILM)
		return out_of_order();
	if (m.film.require_sandbox && !landlock)
		return ap_fail(AP_ERR_DENIED, "sandbox", "this kernel cannot confine a composer");
	c->order = m.film;
	stand_back();
	g_setenv("ORC_CODE", "backup", TRUE); /* code made at run time would need executable memory */
	AP_TRY(ap_composition_load());
	const struct ap_confine_bounds bounds = {
		.descriptors = 64,
		.memory = 1u << 30,
		.processes = 16384, /* its user's captures count */
		.cpu_s = CPU_LEAST_S + CPU_TIMES * m.film.duration_ms / 1000,
	};
	AP_TRY(ap_confine(c->socket, null_fd, landlock, &bounds));
	c->socket = CONTROL;
	return tell(c, AP_CAPTURE_READY);
}

static void tell_failed(const struct composer *c, struct ap_result why)
{
	struct ap_capture_message m = { .type = AP_CAPTURE_FAILED, .fd = -1 };
	g_strlcpy(m.word, why.name, sizeof m.word);
	AP_IGNORE(ap_capture_send(c->socket, &m, false)); /* ends either way */
}

/* Ends with the process, which leaves nothing behind: a film that hangs is not waited for. */
int ap_composer_run(int socket, int null_fd, bool landlock)
{
	struct composer c = { .socket = socket, .pipes = { -1, -1, -1, -1 }, .failure = AP_SUCCESS };
	signal(SIGPIPE, SIG_IGN);
	g_mutex_init(&c.lock);
	struct ap_result r = prepare(&c, null_fd, landlock);
	if (ap_ok(r))
		r = compose(&c);
	if (!ap_ok(r))
		tell_failed(&c, r);
	return ap_ok(r) ? 0 : 1;
}
