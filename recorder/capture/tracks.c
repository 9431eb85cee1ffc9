#include "tracks.h"

#include "chain.h"
#include "mux.h"
#include "seal.h"

#include <sys/eventfd.h>
#include <unistd.h>

#define HOLD_MS (AP_CHAIN_AUDIO_MS + 300)	     /* a frame that nobody waits for and comes later than this is late */
#define HOLD_MOST_MS (AP_CHAIN_VIDEO_MS + 400)	     /* the same for one that is waited for */
#define SILENT_MS 6000				     /* who was cut off for so long left the session or sends nothing */
#define UNKEPT_MS (AP_SEGMENT_MS - TICK_MS)	     /* older than this nothing waits for its segment's end */
#define OUTAGE_MS (HOLD_MS - 100)		   /* a person of whom nothing comes for so long is cut off */
#define REPAIR_MS 500				   /* after an outage: time for the first repairs to be under way */
#define TICK_MS 100
#define QUEUE_BYTES (16u << 20)
#define QUEUE_FRAMES 8192
#define SPARES (AP_CAPTURE_SPARE + 2) /* and the header's, and one on its way */

enum item_type { ITEM_FRAME, ITEM_OPEN, ITEM_CLOSE, ITEM_SEAL };

struct item {
	enum item_type type;
	struct ap_frame frame;
	struct ap_capture_open_msg open;
	struct ap_capture_epoch_report report;
	int64_t mono_ns;
	bool discard;
	int64_t until_ns; /* what lies before this came before it */
};

struct spare {
	struct ap_capture_want want;
	int fd;
};

struct track {
	struct ap_tracks *all; /* borrowed */
	enum ap_role role;
	struct ap_mux *mux;
	struct ap_seal *seal;
	uint32_t asked; /* next segment number to ask for (by lock) */
};

struct ap_tracks {
	int socket; /* borrowed */
	const struct ap_clock *clock;

	GThread *thread;
	int ended_fd;

	GMutex lock;
	GCond wake;
	GQueue queue; /* of struct item; by lock, as all down to `stall_ms` */
	size_t queued_bytes;
	struct spare spares[2 * SPARES];
	size_t spare_count;
	bool broken[2][AP_LINES]; /* a video frame was refused: nothing until the next keyframe */
	uint64_t refused[2][AP_LINES];
	int64_t waits_ns[2][AP_LINES]; /* INT64_MAX: for nothing */
	struct {
		int64_t last_ns;		 /* arrival; 0: nothing yet in this epoch */
		int64_t cut_ns, repaired_ns; /* the last outage's beginning, and when it is no more reckoned with */
	} heard[2];
	bool due; /* an order waits in the queue */
	bool end, abandon, ended;
	uint32_t stall_ms;

	struct track tracks[2]; /* the thread's own from here on */
	bool open;
	struct ap_capture_open_msg epoch;
	int64_t epoch_ns;	 /* gateway time at which it opened */
	uint64_t epoch_start_ms; /* file time of that */
	int64_t advanced_ns;	 /* gateway time up to which frames were written */
};

static struct ap_result send_message(struct ap_tracks *t, const struct ap_capture_message *m)
{
	return ap_capture_send(t->socket, m, true);
}

/* ---- descriptors ---- */

static struct ap_result ask(struct ap_tracks *t, enum ap_role role, uint32_t number)
{
	const struct ap_capture_message m = { .type = AP_CAPTURE_WANT, .fd = -1, .want = { role, number } };
	return send_message(t, &m);
}

void ap_tracks_descriptor(struct ap_tracks *t, const struct ap_capture_want *want, int fd)
{
	g_mutex_lock(&t->lock);
	if (t->spare_count < G_N_ELEMENTS(t->spares))
		t->spares[t->spare_count++] = (struct spare){ *want, fd };
	else
		close(fd);
	g_cond_broadcast(&t->wake);
	g_mutex_unlock(&t->lock);
}

/* With the lock held. -1: not there. */
static int find_spare(struct ap_tracks *t, enum ap_role role, uint32_t number)
{
	for (size_t i = 0; i < t->spare_count; i++) {
		if (t->spares[i].want.role != role || t->spares[i].want.number != number)
			continue;
		int fd = t->spares[i].fd;
		t->spares[i] = t->spares[--t->spare_count];
		return fd;
	}
	return -1;
}

static struct ap_result take_descriptor(void *ctx, enum ap_role role, uint32_t number, int *ret_fd)
{
	struct track *track = ctx;
	struct ap_tracks *t = track->all;
	if (number == 0)
		AP_TRY(ask(t, role, 0));
	for (; number > 0 && track->asked <= number + AP_CAPTURE_SPARE; track->asked++)
		AP_TRY(ask(t, role, track->asked));
	g_mutex_lock(&t->lock);
	int fd;
	while ((fd = find_spare(t, role, number)) < 0 && !t->end)
		g_cond_wait(&t->wake, &t->lock);
	uint32_t stall_ms = t->stall_ms;
	g_mutex_unlock(&t->lock);
	if (stall_ms > 0)
		g_usleep(stall_ms * 1000ul);
	if (fd < 0)
		return ap_fail(AP_ERR_IO, "capture-eof", "the vault is gone and no descriptor is left");
	*ret_fd = fd;
	return AP_SUCCESS;
}

static struct ap_result report_segment(void *ctx, const struct ap_capture_segment_done *segment)
{
	struct track *track = ctx;
	const struct ap_capture_message m = { .type = AP_CAPTURE_SEGMENT_DONE, .fd = -1, .segment = *segment };
	return send_message(track->all, &m);
}

static struct ap_result take_cluster(void *ctx, const struct ap_mux_cluster *cluster)
{
	struct track *track = ctx;
	return ap_seal_cluster(track->seal, ap_mux_header(track->mux), cluster);
}

/* ---- the queue ---- */

static void item_free(gpointer data)
{
	struct item *i = data;
	ap_frame_clear(&i->frame);
	g_free(i);
}

/* With the lock held: every frame before this time is in the queue or was. */
static int64_t came_until(const struct ap_tracks *t)
{
	int64_t now = ap_mono_ns(t->clock), until = now - HOLD_MS * INT64_C(1000000);
	for (size_t i = 0; i < 2 * AP_LINES; i++)
		until = MIN(until, t->waits_ns[i / AP_LINES][i % AP_LINES]);
	for (int p = 0; p < 2; p++) {
		bool silent = now - t->heard[p].last_ns > SILENT_MS * INT64_C(1000000);
		int64_t from = now < t->heard[p].repaired_ns ? t->heard[p].cut_ns : t->heard[p].last_ns;
		until = from > 0 && !silent ? MIN(until, from) : until;
	}
	return MAX(until, now - HOLD_MOST_MS * INT64_C(1000000));
}

void ap_tracks_heard(struct ap_tracks *t, enum ap_role role, int64_t arrival_ns)
{
	g_mutex_lock(&t->lock);
	int64_t last_ns = t->heard[role - AP_COACH].last_ns;
	if (last_ns > 0 && arrival_ns - last_ns > OUTAGE_MS * INT64_C(1000000)) {
		t->heard[role - AP_COACH].cut_ns = last_ns;
		t->heard[role - AP_COACH].repaired_ns = arrival_ns + REPAIR_MS * INT64_C(1000000);
	}
	t->heard[role - AP_COACH].last_ns = MAX(last_ns, arrival_ns);
	g_mutex_unlock(&t->lock);
}

void ap_tracks_waits(struct ap_tracks *t, enum ap_role role, enum ap_line line, int64_t from_ns)
{
	g_mutex_lock(&t->lock);
	t->waits_ns[role - AP_COACH][line] = from_ns;
	g_mutex_unlock(&t->lock);
}

/* Frames wait for the next tick: a wake-up for each would cost more than writing it. */
static void push(struct ap_tracks *t, struct item item)
{
	g_mutex_lock(&t->lock);
	item.until_ns = came_until(t);
	g_queue_push_tail(&t->queue, g_memdup2(&item, sizeof item));
	t->due = t->due || item.type != ITEM_FRAME;
	if (t->due)
		g_cond_broadcast(&t->wake);
	g_mutex_unlock(&t->lock);
}

/* With the lock held: is there room, and is the frame of use after those that were refused? */
static bool admit(struct ap_tracks *t, const struct ap_frame *f)
{
	bool *broken = &t->broken[f->role - AP_COACH][f->line];
	bool room = t->queued_bytes + g_bytes_get_size(f->data) <= QUEUE_BYTES && t->queue.length < QUEUE_FRAMES;
	bool useful = !*broken || f->keyframe;
	if (!room || !useful)
		t->refused[f->role - AP_COACH][f->line]++;
	*broken = !(room && useful) && f->line != AP_LINE_AUDIO;
	return room && useful;
}

bool ap_tracks_frame(struct ap_tracks *t, struct ap_frame *frame)
{
	g_mutex_lock(&t->lock);
	bool admitted = admit(t, frame);
	if (admitted)
		t->queued_bytes += g_bytes_get_size(frame->data);
	g_mutex_unlock(&t->lock);
	if (!admitted)
		return false;
	push(t, (struct item){ .type = ITEM_FRAME, .frame = *frame });
	frame->data = frame->codec_data = NULL;
	return true;
}

void ap_tracks_open(struct ap_tracks *t, const struct ap_capture_open_msg *open, int64_t mono_ns)
{
	g_mutex_lock(&t->lock);
	t->heard[0].last_ns = t->heard[1].last_ns = mono_ns; /* an outage may be under way */
	g_mutex_unlock(&t->lock);
	push(t, (struct item){ .type = ITEM_OPEN, .open = *open, .mono_ns = mono_ns });
}

void ap_tracks_close(struct ap_tracks *t, const struct ap_capture_epoch_report *lines, int64_t mono_ns, bool discard)
{
	struct item item = { .type = ITEM_CLOSE, .report = *lines, .mono_ns = mono_ns, .discard = discard };
	g_mutex_lock(&t->lock);
	for (size_t i = 0; i < 2 * AP_LINES; i++) {
		item.report.lines[i / AP_LINES][i % AP_LINES].late += t->refused[i / AP_LINES][i % AP_LINES];
		t->refused[i / AP_LINES][i % AP_LINES] = 0;
		t->broken[i / AP_LINES][i % AP_LINES] = false;
	}
	t->heard[0].last_ns = t->heard[1].last_ns = t->heard[0].repaired_ns = t->heard[1].repaired_ns = 0;
	for (GList *l = t->queue.head, *next; discard && l; l = next) {
		next = l->next;
		struct item *queued = l->data;
		if (queued->type != ITEM_FRAME)
			continue;
		t->queued_bytes -= g_bytes_get_size(queued->frame.data);
		item_free(queued);
		g_queue_delete_link(&t->queue, l);
	}
	g_mutex_unlock(&t->lock);
	push(t, item);
}

void ap_tracks_seal(struct ap_tracks *t)
{
	push(t, (struct item){ .type = ITEM_SEAL });
}

void ap_tracks_end(struct ap_tracks *t)
{
	g_mutex_lock(&t->lock);
	t->end = true;
	g_cond_broadcast(&t->wake);
	g_mutex_unlock(&t->lock);
}

bool ap_tracks_ended(struct ap_tracks *t)
{
	g_mutex_lock(&t->lock);
	bool ended = t->ended;
	g_mutex_unlock(&t->lock);
	return ended;
}

int ap_tracks_ended_fd(const struct ap_tracks *t)
{
	return t->ended_fd;
}

#ifdef AP_TEST_HOOKS
void ap_tracks_stall(struct ap_tracks *t, uint32_t ms)
{
	g_mutex_lock(&t->lock);
	t->stall_ms = ms;
	g_mutex_unlock(&t->lock);
}
#endif

/* ---- the thread ---- */

static int64_t file_ms(const struct ap_tracks *t, int64_t mono_ns)
{
	return (int64_t)t->epoch_start_ms + (mono_ns - t->epoch_ns) / 1000000;
}

/* What is not in a closed segment is lost with this process. A segment is full in time while the writing is; when it is
 * held up, segments are cut shorter. */
static struct ap_result keep(struct ap_tracks *t)
{
	int64_t now_ms = file_ms(t, ap_mono_ns(t->clock));
	for (int i = 0; i < 2 && t->open; i++) {
		struct track *track = &t->tracks[i];
		uint64_t since_ms = MIN(ap_seal_since(track->seal), ap_mux_since(track->mux));
		if (since_ms == UINT64_MAX || now_ms - (int64_t)since_ms < UNKEPT_MS)
			continue;
		AP_TRY(ap_mux_cut(track->mux));
		AP_TRY(ap_seal_flush(track->seal));
	}
	return AP_SUCCESS;
}

/* All frames before `until_ns` are with the muxers. */
static struct ap_result advance(struct ap_tracks *t, int64_t until_ns)
{
	int64_t until = t->open ? file_ms(t, until_ns) : 0;
	AP_TRY(keep(t));
	if (until_ns - t->advanced_ns < TICK_MS * INT64_C(1000000))
		return AP_SUCCESS;
	t->advanced_ns = until_ns;
	for (int i = 0; i < 2 && until > 0; i++)
		AP_TRY(ap_mux_advance(t->tracks[i].mux, (uint64_t)until));
	return AP_SUCCESS;
}

static void begin_epoch(struct ap_tracks *t, const struct item *item)
{
	t->open = true;
	t->epoch = item->open;
	t->epoch_ns = item->mono_ns;
	for (int i = 0; i < 2; i++) {
		ap_mux_begin(t->tracks[i].mux, t->epoch_start_ms);
		ap_seal_epoch(t->tracks[i].seal, item->open.epoch);
	}
}

static void fill_lines(struct ap_tracks *t, struct ap_capture_epoch_report *report)
{
	for (int person = 0; person < 2; person++)
		for (int line = 0; line < AP_LINES; line++) {
			struct ap_mux_line l = ap_mux_line(t->tracks[person].mux, (enum ap_line)line);
			report->lines[person][line].frames = l.frames;
			report->lines[person][line].first_ms = l.first_ms;
			report->lines[person][line].last_ms = l.last_ms;
		}
}

static struct ap_result end_epoch(struct ap_tracks *t, const struct item *item)
{
	uint64_t end_ms = (uint64_t)MAX(file_ms(t, item->mono_ns), (int64_t)t->epoch_start_ms);
	struct ap_capture_message m = { .type = AP_CAPTURE_EPOCH, .fd = -1, .epoch = item->report };
	for (int i = 0; i < 2; i++) {
		AP_TRY(ap_mux_end(t->tracks[i].mux, end_ms, item->discard));
		AP_TRY(ap_seal_flush(t->tracks[i].seal));
	}
	fill_lines(t, &m.epoch);
	m.epoch.file_start_ms = t->epoch_start_ms;
	m.epoch.file_end_ms = t->epoch_start_ms = end_ms;
	t->open = false;
	return send_message(t, &m);
}

static struct ap_result seal(struct ap_tracks *t)
{
	struct ap_capture_message m = { .type = AP_CAPTURE_SEALED, .fd = -1 };
	for (int i = 0; i < 2; i++) {
		AP_TRY(ap_seal_finish(t->tracks[i].seal, ap_mux_header(t->tracks[i].mux), t->epoch_start_ms));
		m.duration_ms[i] = t->epoch_start_ms;
	}
	return send_message(t, &m);
}

static struct ap_result handle(struct ap_tracks *t, struct item *item)
{
	switch (item->type) {
	case ITEM_FRAME:
		if (t->open)
			ap_mux_push(t->tracks[item->frame.role - AP_COACH].mux, &item->frame,
				    file_ms(t, item->frame.time_ns));
		return AP_SUCCESS;
	case ITEM_OPEN:
		begin_epoch(t, item);
		return AP_SUCCESS;
	case ITEM_CLOSE:
		return end_epoch(t, item);
	case ITEM_SEAL:
		AP_TRY(seal(t));
		ap_tracks_end(t);
		return AP_SUCCESS;
	}
	return AP_SUCCESS;
}

/* The next item, NULL after a tick without one, when everything before *ret_ns came; *ret_end when there will be none. */
static struct item *next_item(struct ap_tracks *t, int64_t *ret_ns, bool *ret_end)
{
	g_mutex_lock(&t->lock);
	int64_t until = g_get_monotonic_time() + TICK_MS * G_TIME_SPAN_MILLISECOND;
	while (t->queue.length == 0 && !t->end && !t->due && g_cond_wait_until(&t->wake, &t->lock, until))
		;
	t->due = t->due && t->queue.length > 0;
	*ret_ns = came_until(t);
	struct item *item = t->abandon ? NULL : g_queue_pop_head(&t->queue);
	if (item && item->type == ITEM_FRAME)
		t->queued_bytes -= g_bytes_get_size(item->frame.data);
	*ret_end = !item && (t->end || t->abandon);
	g_mutex_unlock(&t->lock);
	return item;
}

static void tell_failure(struct ap_tracks *t, struct ap_result result)
{
	struct ap_capture_message m = { .type = AP_CAPTURE_FAILED, .fd = -1 };
	g_strlcpy(m.word, result.name, sizeof m.word);
	AP_IGNORE(send_message(t, &m)); /* the vault may be what failed; the process ends either way */
}

static gpointer run(gpointer data)
{
	struct ap_tracks *t = data;
	struct ap_result result = AP_SUCCESS;
	bool end = false;
	while (!end && ap_ok(result)) {
		int64_t until_ns;
		struct item *item = next_item(t, &until_ns, &end);
		if (item) {
			until_ns = item->until_ns;
			result = handle(t, item);
			item_free(item);
		}
		if (!end && ap_ok(result))
			result = advance(t, until_ns);
	}
	if (!ap_ok(result))
		tell_failure(t, result);
	g_mutex_lock(&t->lock);
	t->ended = true;
	g_mutex_unlock(&t->lock);
	eventfd_write(t->ended_fd, 1);
	return NULL;
}

static enum ap_webm_codec webm_codec(enum ap_capture_codec codec)
{
	return codec == AP_CAPTURE_VP8 ? AP_WEBM_VP8 : codec == AP_CAPTURE_VP9 ? AP_WEBM_VP9 : AP_WEBM_H264;
}

struct ap_tracks *ap_tracks_new(const struct ap_capture_start *start, int socket, const struct ap_clock *clock)
{
	struct ap_tracks *t = g_new0(struct ap_tracks, 1);
	t->socket = socket;
	t->clock = clock;
	for (size_t i = 0; i < 2 * AP_LINES; i++)
		t->waits_ns[i / AP_LINES][i % AP_LINES] = INT64_MAX;
	t->ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	g_mutex_init(&t->lock);
	g_cond_init(&t->wake);
	g_queue_init(&t->queue);
	for (int i = 0; i < 2; i++) {
		struct track *track = &t->tracks[i];
		const struct ap_seal_io io = { take_descriptor, report_segment, track };
		*track = (struct track){ .all = t, .role = (enum ap_role)(AP_COACH + i), .asked = 1 };
		track->mux = ap_mux_new(start->recording.b, webm_codec(start->video), take_cluster, track);
		track->seal = ap_seal_new(track->role, start->recipient[i], &io);
	}
	t->thread = g_thread_new("tracks", run, t);
	return t;
}

void ap_tracks_free(struct ap_tracks *t)
{
	if (!t)
		return;
	g_mutex_lock(&t->lock);
	t->abandon = t->end = true;
	g_cond_broadcast(&t->wake);
	g_mutex_unlock(&t->lock);
	g_thread_join(t->thread);
	g_queue_clear_full(&t->queue, item_free);
	for (size_t i = 0; i < t->spare_count; i++)
		close(t->spares[i].fd);
	for (int i = 0; i < 2; i++) {
		ap_mux_free(t->tracks[i].mux);
		ap_seal_free(t->tracks[i].seal);
	}
	close(t->ended_fd);
	g_mutex_clear(&t->lock);
	g_cond_clear(&t->wake);
	g_free(t);
}
