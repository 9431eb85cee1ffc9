/*
 * What a composer writes, read by the vault: the first byte says what it says on its control link, the rest lies in its
 * film's pipe. Only whole clusters, in order, within the film's time make a film, and it is as long as they are; all else
 * is "composition".
 */
#include "fuzz.h"

#include "recorder/portability/compose.h"

#include <aparte/buf.h>
#include <aparte/capture.h>
#include <aparte/secret.h>
#include <aparte/webm.h>
#include <glib.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#define DURATION 5000

/* A film's keys are the same in each run: what they open is not what is tried here, and each is a curve operation or two. */
static uint8_t drawn;

void randombytes_buf(void *const buf, const size_t size)
{
	memset(buf, ++drawn, size);
}

static struct ap_result read_nothing(void *ctx, int which, uint64_t offset, uint8_t *ret_bytes, size_t max, size_t *ret_len)
{
	(void)ctx, (void)which, (void)offset, (void)ret_bytes, (void)max;
	*ret_len = 0;
	return AP_SUCCESS;
}

/* Bytes of clusters when all of it is a film, told apart from compose.c; -1: it is none. */
static int64_t expected(const uint8_t *data, size_t size)
{
	struct ap_reader r = ap_reader_over(data, size);
	uint64_t last = 0;
	int64_t all = 0;
	while (ap_reader_left(&r) > 0) {
		uint32_t len = ap_read_u32(&r);
		uint64_t time_ms = ap_read_u64(&r);
		uint8_t keyframe = ap_read_u8(&r);
		ap_read_skip(&r, len);
		if (r.bad || len == 0 || keyframe > 1 || time_ms < last || time_ms > DURATION)
			return -1;
		last = time_ms;
		all += len;
	}
	return all > 0 ? all : -1;
}

static void say(int link, enum ap_capture_type type)
{
	const struct ap_capture_message m = {.type = type, .fd = -1};
	AP_IGNORE(ap_capture_send(link, &m, false)); /* it may have ended */
}

/* The composer's end of the film's pipe; what else came is closed. */
static int take_orders(int link)
{
	struct ap_capture_message m;
	int film = -1;
	while (ap_ok(ap_capture_receive(link, false, &m)))
		if (m.type == AP_CAPTURE_PIPE && m.pipe == AP_PIPE_FILM)
			film = m.fd;
		else if (m.fd >= 0)
			close(m.fd);
	return film;
}

static void check_film(struct ap_compose *c, int64_t clusters)
{
	struct ap_film *film = ap_compose_take_film(c);
	uint8_t header[AP_WEBM_HEADER];
	struct ap_webm_header h;
	size_t len;
	g_assert_cmpint(clusters, >, 0);
	g_assert_cmpuint(ap_film_size(film), >=, AP_WEBM_HEADER + (uint64_t)clusters);
	g_assert_true(ap_ok(ap_film_read(film, 0, header, sizeof header, &len)) && len == sizeof header);
	g_assert_true(ap_ok(ap_webm_header_read(header, len, &h)) && h.duration_ms == DURATION);
	ap_film_free(film);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ap_compose *c;
	enum ap_compose_state state = AP_COMPOSE_MOVED;
	int link;
	static bool ready;
	if (size < 1 || size > 60000) /* what a pipe holds */
		return 0;
	if (!ready)
		ready = ap_ok(ap_secret_init());
	drawn = 0;
	const struct ap_compose_setup setup = {.clock = ap_clock_system(), .directory = g_get_tmp_dir(),
					       .duration_ms = DURATION, .read = read_nothing};
	if (!ap_ok(ap_compose_new(&setup, &link, &c)))
		return 0;
	int film = take_orders(link);
	if (data[0] & 1)
		say(link, AP_CAPTURE_READY);
	if (data[0] & 4)
		say(link, AP_CAPTURE_SEAL);
	if (data[0] & 2)
		say(link, AP_CAPTURE_COMPOSED);
	close(link);
	g_assert_cmpint(write(film, data + 1, size - 1), ==, (ssize_t)size - 1);
	close(film);
	struct ap_result r = AP_SUCCESS;
	for (int i = 0; i < 10 && ap_ok(r) && state != AP_COMPOSE_DONE; i++)
		r = ap_compose_step(c, &state);
	int64_t clusters = expected(data + 1, size - 1);
	g_assert_true(ap_ok(r) ? state == AP_COMPOSE_DONE : strcmp(r.name, "composition") == 0);
	g_assert_true(ap_ok(r) == (clusters > 0 && (data[0] & 2) && !(data[0] & 4)));
	if (ap_ok(r))
		check_film(c, clusters);
	ap_compose_free(c);
	return 0;
}
