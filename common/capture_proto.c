#include <aparte/capture.h>

#include <aparte/buf.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define VERSION 1

/* ---- one function for both directions of each message: a field is written or read, never twice described ---- */

struct coder {
	struct ap_writer *w; /* NULL when reading */
	struct ap_reader *r;
	bool bad; /* a field out of range */
};

static void code_u8(struct coder *c, uint8_t *v)
{
	if (c->w)
		ap_write_u8(c->w, *v);
	else
		*v = ap_read_u8(c->r);
}

static void code_u16(struct coder *c, uint16_t *v)
{
	if (c->w)
		ap_write_u16(c->w, *v);
	else
		*v = ap_read_u16(c->r);
}

static void code_u32(struct coder *c, uint32_t *v)
{
	if (c->w)
		ap_write_u32(c->w, *v);
	else
		*v = ap_read_u32(c->r);
}

static void code_u64(struct coder *c, uint64_t *v)
{
	if (c->w)
		ap_write_u64(c->w, *v);
	else
		*v = ap_read_u64(c->r);
}

static void code_bytes(struct coder *c, void *bytes, size_t n)
{
	if (c->w)
		ap_write_bytes(c->w, bytes, n);
	else
		ap_read_bytes(c->r, bytes, n);
}

static void code_bool(struct coder *c, bool *v)
{
	uint8_t byte = *v;
	code_u8(c, &byte);
	c->bad = c->bad || byte > 1;
	*v = byte == 1;
}

/* A small enumeration, low..high. */
static unsigned code_enum(struct coder *c, unsigned v, unsigned low, unsigned high)
{
	uint8_t byte = (uint8_t)v;
	code_u8(c, &byte);
	c->bad = c->bad || byte < low || byte > high;
	return byte < low || byte > high ? low : byte;
}

static void code_role(struct coder *c, enum ap_role *role)
{
	*role = (enum ap_role)code_enum(c, *role, AP_COACH, AP_COACHEE);
}

static void code_generation(struct coder *c, uint64_t *generation)
{
	code_u64(c, generation);
	c->bad = c->bad || *generation == 0;
}

static void code_none(struct coder *c, struct ap_capture_message *m)
{
	(void)c;
	(void)m;
}

static void code_spawn_id(struct coder *c, struct ap_capture_message *m)
{
	code_u32(c, &m->spawn_id);
}

static void code_exited(struct coder *c, struct ap_capture_message *m)
{
	uint32_t status = (uint32_t)m->exited.status;
	code_u32(c, &m->exited.id);
	code_u32(c, &status);
	m->exited.status = (int32_t)status;
}

static void code_hello(struct coder *c, struct ap_capture_message *m)
{
	code_u8(c, &m->hello.landlock_abi);
	code_bool(c, &m->hello.seccomp);
}

static void code_start(struct coder *c, struct ap_capture_message *m)
{
	code_bytes(c, m->start.recording.b, sizeof m->start.recording.b);
	m->start.video = (enum ap_capture_codec)code_enum(c, m->start.video, AP_CAPTURE_VP8, AP_CAPTURE_H264);
	code_bool(c, &m->start.require_sandbox);
	code_bytes(c, m->start.recipient, sizeof m->start.recipient);
}

static void code_want(struct coder *c, struct ap_capture_message *m)
{
	code_role(c, &m->want.role);
	code_u32(c, &m->want.number);
}

static void code_open(struct coder *c, struct ap_capture_message *m)
{
	code_generation(c, &m->open.generation);
	code_u32(c, &m->open.epoch);
}

static void code_close(struct coder *c, struct ap_capture_message *m)
{
	code_generation(c, &m->close.generation);
	code_bool(c, &m->close.discard);
}

static void code_renew(struct coder *c, struct ap_capture_message *m)
{
	code_generation(c, &m->renew.generation);
	code_u64(c, &m->renew.until_ns);
	c->bad = c->bad || m->renew.until_ns > INT64_MAX;
}

static void code_one_generation(struct coder *c, struct ap_capture_message *m)
{
	code_generation(c, &m->generation);
}

static void code_segment_done(struct coder *c, struct ap_capture_message *m)
{
	struct ap_capture_segment_done *s = &m->segment;
	code_role(c, &s->role);
	code_u32(c, &s->number);
	code_u32(c, &s->epoch);
	code_bool(c, &s->replaces);
	code_u64(c, &s->size);
	code_u64(c, &s->plain_size);
	code_bytes(c, s->sha256, sizeof s->sha256);
	code_u64(c, &s->end_ms);
	code_u16(c, &s->cluster_count);
	c->bad = c->bad || s->cluster_count > AP_CAPTURE_CLUSTERS;
	for (size_t i = 0; !c->bad && i < s->cluster_count; i++) {
		code_u64(c, &s->clusters[i].offset);
		code_u64(c, &s->clusters[i].time_ms);
		code_bool(c, &s->clusters[i].keyframe);
	}
}

static void code_line(struct coder *c, struct ap_capture_line_report *l)
{
	uint64_t *const fields[] = { &l->packets, &l->lost, &l->late, &l->malformed, &l->frames, &l->first_ms, &l->last_ms };
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		code_u64(c, fields[i]);
	c->bad = c->bad || l->first_ms > l->last_ms;
}

static void code_epoch(struct coder *c, struct ap_capture_message *m)
{
	struct ap_capture_epoch_report *e = &m->epoch;
	code_generation(c, &e->generation);
	code_u32(c, &e->epoch);
	code_u64(c, &e->file_start_ms);
	code_u64(c, &e->file_end_ms);
	c->bad = c->bad || e->file_end_ms < e->file_start_ms;
	for (size_t i = 0; i < 2 * AP_LINES; i++)
		code_line(c, &e->lines[i / AP_LINES][i % AP_LINES]);
}

static void code_sealed(struct coder *c, struct ap_capture_message *m)
{
	code_u64(c, &m->duration_ms[0]);
	code_u64(c, &m->duration_ms[1]);
}

static void code_failed(struct coder *c, struct ap_capture_message *m)
{
	code_bytes(c, m->word, sizeof m->word);
	size_t len = strnlen(m->word, sizeof m->word);
	c->bad = c->bad || len == 0 || len != strspn(m->word, "abcdefghijklmnopqrstuvwxyz-") || len == sizeof m->word;
}

static void code_hook(struct coder *c, struct ap_capture_message *m)
{
	m->hook.what = (enum ap_capture_hook)code_enum(c, m->hook.what, AP_HOOK_OPEN, AP_HOOK_STALL);
	code_u32(c, &m->hook.value);
}

static void code_film(struct coder *c, struct ap_capture_message *m)
{
	code_u64(c, &m->film.duration_ms);
	code_bool(c, &m->film.require_sandbox);
	c->bad = c->bad || m->film.duration_ms == 0 || m->film.duration_ms > AP_FILM_MS;
}

static void code_pipe(struct coder *c, struct ap_capture_message *m)
{
	m->pipe = (enum ap_capture_pipe)code_enum(c, m->pipe, AP_PIPE_COACH, AP_PIPE_FILM);
}

static const struct form {
	void (*code)(struct coder *c, struct ap_capture_message *m);
	bool fd; /* comes with exactly one descriptor; the others with none */
} forms[AP_CAPTURE_TYPES] = {
	[AP_CAPTURE_SPAWN] = { code_spawn_id, true },
	[AP_CAPTURE_KILL] = { code_spawn_id, false },
	[AP_CAPTURE_HELLO] = { code_hello, false },
	[AP_CAPTURE_EXITED] = { code_exited, false },
	[AP_CAPTURE_START] = { code_start, false },
	[AP_CAPTURE_SEGMENT] = { code_want, true },
	[AP_CAPTURE_OPEN] = { code_open, true },
	[AP_CAPTURE_CLOSE] = { code_close, false },
	[AP_CAPTURE_SEAL] = { code_none, false },
	[AP_CAPTURE_READY] = { code_none, false },
	[AP_CAPTURE_WANT] = { code_want, false },
	[AP_CAPTURE_FIRST_FRAME] = { code_one_generation, false },
	[AP_CAPTURE_CLOSED] = { code_one_generation, false },
	[AP_CAPTURE_SEGMENT_DONE] = { code_segment_done, false },
	[AP_CAPTURE_EPOCH] = { code_epoch, false },
	[AP_CAPTURE_SEALED] = { code_sealed, false },
	[AP_CAPTURE_FAILED] = { code_failed, false },
	[AP_CAPTURE_HOOK] = { code_hook, false },
	[AP_CAPTURE_RENEW] = { code_renew, false },
	[AP_CAPTURE_LAPSED] = { code_one_generation, false },
	[AP_CAPTURE_COMPOSE] = { code_spawn_id, true },
	[AP_CAPTURE_FILM] = { code_film, false },
	[AP_CAPTURE_PIPE] = { code_pipe, true },
	[AP_CAPTURE_COMPOSED] = { code_none, false },
};

static const struct form *form_of(unsigned type)
{
	return type < AP_CAPTURE_TYPES && forms[type].code ? &forms[type] : NULL;
}

static struct ap_result refused(void)
{
	return ap_fail(AP_ERR_PROTOCOL, "capture-message", "the other end does not keep to the protocol");
}

/* ---- the socket ---- */

union fd_control {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int))];
};

struct ap_result ap_capture_send(int socket, const struct ap_capture_message *m, bool wait)
{
	const struct form *form = form_of(m->type);
	uint8_t bytes[AP_CAPTURE_MESSAGE];
	struct ap_writer w = ap_writer_over(bytes, sizeof bytes);
	struct coder c = { .w = &w };
	struct ap_capture_message copy = *m; /* a coder may touch what it codes */
	if (!form || form->fd != (m->fd >= 0))
		return refused();
	ap_write_u8(&w, VERSION);
	ap_write_u8(&w, (uint8_t)m->type);
	form->code(&c, &copy);
	if (c.bad || w.bad)
		return refused();
	struct iovec part = { bytes, w.len };
	union fd_control control = { 0 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	if (form->fd) {
		message.msg_control = control.space;
		message.msg_controllen = sizeof control.space;
		control.header = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
		ap_copy(CMSG_DATA(&control.header), sizeof(int), &m->fd, sizeof(int));
	}
	ssize_t n;
	do
		n = sendmsg(socket, &message, MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT));
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return ap_fail(AP_ERR_LIMIT, "capture-busy", "the other end does not take its messages");
	return n < 0 ? ap_fail(AP_ERR_IO, "capture-link", "the other end is gone") : AP_SUCCESS;
}

/* Descriptors of one message; one too many is told by the count, and none is leaked. */
#define MAX_FDS 8

struct came {
	int fds[MAX_FDS];
	size_t count;
};

static void take_fds(struct msghdr *message, struct came *came)
{
	came->count = 0;
	for (struct cmsghdr *h = CMSG_FIRSTHDR(message); h; h = CMSG_NXTHDR(message, h)) {
		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n && came->count < MAX_FDS; i++)
			ap_copy(&came->fds[came->count++], sizeof(int), CMSG_DATA(h) + i * sizeof(int), sizeof(int));
	}
}

static void close_fds(const struct came *came)
{
	for (size_t i = 0; i < came->count; i++)
		close(came->fds[i]);
}

static bool decode(struct ap_reader *r, const struct came *came, struct ap_capture_message *ret_m)
{
	struct ap_capture_message m = { .fd = -1 };
	struct coder c = { .r = r };
	uint8_t version = ap_read_u8(r), type = ap_read_u8(r);
	const struct form *form = form_of(type);
	if (version != VERSION || !form || came->count != (form->fd ? 1 : 0))
		return false;
	m.type = (enum ap_capture_type)type;
	form->code(&c, &m);
	if (c.bad || r->bad || ap_reader_left(r) != 0)
		return false;
	if (form->fd)
		m.fd = came->fds[0];
	*ret_m = m;
	return true;
}

struct ap_result ap_capture_receive(int socket, bool wait, struct ap_capture_message *ret_m)
{
	uint8_t bytes[AP_CAPTURE_MESSAGE];
	struct iovec part = { bytes, sizeof bytes };
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(MAX_FDS * sizeof(int))];
	} control;
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = control.space,
				  .msg_controllen = sizeof control.space };
	ssize_t n;
	do
		n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return ap_fail(AP_ERR_LIMIT, "capture-empty", "no message waits");
	if (n <= 0)
		return ap_fail(AP_ERR_IO, "capture-eof", "the other end is gone");
	struct came came;
	take_fds(&message, &came);
	struct ap_reader r = ap_reader_over(bytes, (size_t)n);
	if (!(message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) && decode(&r, &came, ret_m))
		return AP_SUCCESS;
	close_fds(&came);
	return refused();
}
