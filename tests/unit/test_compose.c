/* R39: the vault's side of a composition: what a composer may say, how long it may take, and that nothing of its film lies
 * on disk in clear. The composer is this test. */
#include "recorder/portability/compose.h"

#include <aparte/buf.h>
#include <aparte/capture.h>
#include <aparte/secret.h>
#include <aparte/webm.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define LENGTH 700000 /* of each person's file: more than pipes hold */
#define DURATION 3000

struct world {
	char *home;
	struct ap_clock clock;
	int64_t mono_ns;
	struct ap_compose *compose;
	int link, in[2], out; /* the composer's */
	uint64_t came[2];
	bool unreadable;
};

static int64_t wall(void *ctx)
{
	(void)ctx;
	return 0;
}

static int64_t mono(void *ctx)
{
	return ((struct world *)ctx)->mono_ns;
}

static uint8_t byte_at(int which, uint64_t offset)
{
	return (uint8_t)(offset * 7 + (uint64_t)which * 101 + (offset >> 11));
}

static struct ap_result read_file(void *ctx, int which, uint64_t offset, uint8_t *ret_bytes, size_t max, size_t *ret_len)
{
	if (((struct world *)ctx)->unreadable)
		return ap_fail(AP_ERR_CRYPTO, "segment-altered", "as after damage");
	size_t n = offset < LENGTH ? MIN(max, LENGTH - offset) : 0;
	for (size_t i = 0; i < n; i++)
		ret_bytes[i] = byte_at(which, offset + i);
	*ret_len = n;
	return AP_SUCCESS;
}

static struct ap_capture_message hear(struct world *w, enum ap_capture_type type)
{
	struct ap_capture_message m;
	assert_true(ap_ok(ap_capture_receive(w->link, false, &m)));
	assert_int_equal(m.type, type);
	return m;
}

/* A composer that took its orders. */
static struct world *begin(void)
{
	struct world *w = g_new0(struct world, 1);
	w->home = g_dir_make_tmp("aparte-compose-XXXXXX", NULL);
	w->clock = (struct ap_clock){wall, mono, w};
	const struct ap_compose_setup setup = {
		.clock = &w->clock, .directory = w->home, .duration_ms = DURATION, .require_sandbox = true, .read = read_file, .ctx = w};
	assert_true(ap_ok(ap_compose_new(&setup, &w->link, &w->compose)));
	struct ap_capture_message m = hear(w, AP_CAPTURE_FILM);
	assert_true(m.film.duration_ms == DURATION && m.film.require_sandbox);
	for (int i = 0; i < 3; i++) {
		m = hear(w, AP_CAPTURE_PIPE);
		*(m.pipe == AP_PIPE_FILM ? &w->out : &w->in[m.pipe - AP_PIPE_COACH]) = m.fd;
	}
	fcntl(w->in[0], F_SETFL, O_NONBLOCK);
	fcntl(w->in[1], F_SETFL, O_NONBLOCK);
	fcntl(w->out, F_SETFL, O_NONBLOCK);
	return w;
}

static void drop(int *fd)
{
	if (*fd > 0)
		close(*fd);
	*fd = 0;
}

static void end(struct world *w)
{
	ap_compose_free(w->compose);
	drop(&w->link);
	drop(&w->in[0]);
	drop(&w->in[1]);
	drop(&w->out);
	assert_int_equal(g_rmdir(w->home), 0); /* nothing of it lies there */
	g_free(w->home);
	g_free(w);
}

static struct ap_result step(struct world *w, enum ap_compose_state *state)
{
	return ap_compose_step(w->compose, state);
}

/* Steps until it waits, or fails, or is done. */
static struct ap_result run(struct world *w, enum ap_compose_state *state)
{
	struct ap_result r = AP_SUCCESS;
	do
		r = step(w, state);
	while (ap_ok(r) && *state == AP_COMPOSE_MOVED);
	return r;
}

/* Reads what came; false at the end of a file. */
static bool drain(struct world *w, int which)
{
	static uint8_t bytes[65536];
	ssize_t n;
	while ((n = read(w->in[which], bytes, sizeof bytes)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(bytes[i], byte_at(which, w->came[which] + (uint64_t)i));
		w->came[which] += (uint64_t)n;
	}
	return n != 0;
}

static void say(struct world *w, enum ap_capture_type type)
{
	assert_true(ap_ok(ap_capture_send(w->link, &(struct ap_capture_message){.type = type, .fd = -1}, false)));
}

static void write_head(struct world *w, uint32_t len, uint64_t time_ms, uint8_t keyframe)
{
	uint8_t head[AP_FILM_HEAD];
	struct ap_writer out = ap_writer_over(head, sizeof head);
	ap_write_u32(&out, len);
	ap_write_u64(&out, time_ms);
	ap_write_u8(&out, keyframe);
	assert_int_equal(write(w->out, head, sizeof head), sizeof head);
}

static const char secret[] = "what only the two of them said, and nobody else may read";

static GByteArray *cluster(uint64_t time_ms)
{
	GByteArray *c = g_byte_array_new();
	ap_webm_cluster_begin(c, time_ms);
	ap_webm_block(c, AP_WEBM_CAMERA, 0, true, secret, sizeof secret);
	ap_webm_cluster_end(c);
	return c;
}

static void write_cluster(struct world *w, uint64_t time_ms)
{
	g_autoptr(GByteArray) c = cluster(time_ms);
	write_head(w, c->len, time_ms, 1);
	for (guint i = 0; i < c->len; i += 7) /* in pieces, as a pipe gives them */
		assert_true(write(w->out, c->data + i, MIN(7, c->len - i)) > 0);
}

/* Is it in what this process has open but has no name? */
static bool in_open_files(const char *text, size_t len)
{
	g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
	bool found = false;
	for (const char *name; (name = g_dir_read_name(dir));) {
		g_autofree char *path = g_build_filename("/proc/self/fd", name, NULL), *to = g_file_read_link(path, NULL);
		g_autofree char *bytes = NULL;
		gsize n;
		if (to && strstr(to, "aparte-compose-") && g_file_get_contents(path, &bytes, &n, NULL)) {
			assert_true(n > 0);
			found = found || memmem(bytes, n, text, len) != NULL;
		}
	}
	return found;
}

static void a_film_comes_back_whole_and_is_nowhere_in_clear(void **state)
{
	(void)state;
	struct world *w = begin();
	enum ap_compose_state now = AP_COMPOSE_MOVED;
	say(w, AP_CAPTURE_READY);
	bool more = true;
	while (more) {
		assert_true(ap_ok(run(w, &now)));
		assert_int_equal(now, AP_COMPOSE_WAITS);
		more = drain(w, 0);
		more = drain(w, 1) || more;
	}
	assert_true(w->came[0] == LENGTH && w->came[1] == LENGTH && ap_compose_fed(w->compose) == 2 * LENGTH);
	for (uint64_t at = 0; at < DURATION; at += 1000)
		write_cluster(w, at);
	say(w, AP_CAPTURE_COMPOSED);
	drop(&w->link);
	drop(&w->out);
	assert_true(ap_ok(run(w, &now)));
	assert_int_equal(now, AP_COMPOSE_DONE);
	assert_false(in_open_files(secret, sizeof secret));
	struct ap_film *film = ap_compose_take_film(w->compose);
	g_autoptr(GByteArray) all = g_byte_array_new(), first = cluster(0);
	uint8_t piece[100];
	size_t n;
	while (ap_ok(ap_film_read(film, all->len, piece, sizeof piece, &n)) && n > 0)
		g_byte_array_append(all, piece, (guint)n);
	struct ap_webm_header h;
	assert_true(all->len == ap_film_size(film));
	assert_true(ap_ok(ap_webm_header_read(all->data, AP_WEBM_HEADER, &h)));
	assert_true(h.duration_ms == DURATION && h.tracks[AP_WEBM_CAMERA - 1].width == AP_FILM_WIDTH);
	assert_memory_equal(all->data + AP_WEBM_HEADER, first->data, first->len);
	assert_true(all->len > AP_WEBM_HEADER + 3 * first->len); /* the Cues */
	ap_film_free(film);
	end(w);
}

static void expect_broken(struct world *w)
{
	enum ap_compose_state now = AP_COMPOSE_MOVED;
	assert_string_equal(run(w, &now).name, "composition");
	end(w);
}

/* R39: what an owned composer may try. */
static void what_no_composer_writes_ends_it(void **state)
{
	(void)state;
	static const struct {
		uint32_t len;
		uint64_t time_ms;
		uint8_t keyframe;
	} bad[] = {{0, 0, 1}, {AP_FILM_CLUSTER + 1, 0, 1}, {UINT32_MAX, 0, 0}, {10, DURATION + 1, 1}, {10, UINT64_MAX, 1}, {10, 0, 2}};
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		struct world *w = begin();
		write_head(w, bad[i].len, bad[i].time_ms, bad[i].keyframe);
		expect_broken(w);
	}
	struct world *w = begin();
	write_cluster(w, 2000);
	write_cluster(w, 1999); /* back in time */
	expect_broken(w);
	w = begin();
	write_head(w, 100, 0, 1); /* and then nothing of it */
	drop(&w->out);
	expect_broken(w);
	w = begin();
	say(w, AP_CAPTURE_COMPOSED); /* an empty one */
	drop(&w->link);
	drop(&w->out);
	expect_broken(w);
}

static void a_word_out_of_place_ends_it(void **state)
{
	(void)state;
	static const enum ap_capture_type words[] = {AP_CAPTURE_SEAL, AP_CAPTURE_LAPSED, AP_CAPTURE_FAILED};
	for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
		struct world *w = begin();
		struct ap_capture_message m = {.type = words[i], .fd = -1, .generation = 1};
		if (m.type == AP_CAPTURE_FAILED)
			g_strlcpy(m.word, "film", sizeof m.word);
		assert_true(ap_ok(ap_capture_send(w->link, &m, false)));
		expect_broken(w);
	}
	struct world *w = begin();
	drop(&w->link); /* it died */
	expect_broken(w);
}

static void one_that_writes_too_much_is_cut_off(void **state)
{
	(void)state;
	struct world *w = begin();
	static uint8_t bytes[65536];
	enum ap_compose_state now = AP_COMPOSE_MOVED;
	struct ap_result r = AP_SUCCESS;
	uint64_t sent = 0;
	fcntl(w->out, F_SETPIPE_SZ, 1 << 20);
	while (ap_ok(r) && sent < ((uint64_t)64 << 20)) {
		write_head(w, 8 * sizeof bytes, 0, 1);
		for (int i = 0; i < 8; i++)
			assert_int_equal(write(w->out, bytes, sizeof bytes), sizeof bytes);
		sent += 8 * sizeof bytes;
		r = run(w, &now);
	}
	assert_string_equal(r.name, "composition");
	assert_in_range(sent, 16 << 20, 24 << 20);
	end(w);
}

/* R39: what the vault remembers of a film's clusters is bounded by how long it is, not by what an owned composer writes. */
static void clusters_without_number_cost_no_memory(void **state)
{
	(void)state;
	struct world *w = begin();
	enum ap_compose_state now = AP_COMPOSE_MOVED;
	const uint64_t clusters = 4 * DURATION;
	for (uint64_t i = 0; i < clusters; i++) {
		write_head(w, 1, i / 4, i % 2);
		assert_int_equal(write(w->out, "x", 1), 1);
		if (i % 1000 == 999)
			assert_true(ap_ok(run(w, &now)));
	}
	say(w, AP_CAPTURE_COMPOSED);
	drop(&w->link);
	drop(&w->out);
	assert_true(ap_ok(run(w, &now)));
	assert_int_equal(now, AP_COMPOSE_DONE);
	struct ap_film *film = ap_compose_take_film(w->compose);
	uint64_t cues = ap_film_size(film) - AP_WEBM_HEADER - clusters;
	assert_in_range(cues, 60, 64 * (2 * DURATION / 1000 + 1));
	ap_film_free(film);
	end(w);
}

static void one_that_hangs_is_not_waited_for(void **state)
{
	(void)state;
	enum ap_compose_state now = AP_COMPOSE_MOVED;
	struct world *w = begin();
	assert_true(ap_ok(run(w, &now)));
	w->mono_ns += INT64_C(59000000000);
	assert_true(ap_ok(run(w, &now)));
	drain(w, 0); /* it goes on, slowly */
	assert_true(ap_ok(run(w, &now)));
	w->mono_ns += INT64_C(59000000000);
	assert_true(ap_ok(run(w, &now)));
	w->mono_ns += INT64_C(2000000000);
	expect_broken(w);
	w = begin(); /* one that trickles has its end as well */
	struct ap_result r = AP_SUCCESS;
	for (int i = 0; i < 100 && ap_ok(r); i++) {
		write_cluster(w, 0);
		w->mono_ns += INT64_C(30000000000);
		r = run(w, &now);
	}
	assert_string_equal(r.name, "composition");
	assert_in_range(w->mono_ns / 1000000, 600000, 600000 + 4 * DURATION + 30000);
	end(w);
}

static void a_file_that_cannot_be_read_is_told(void **state)
{
	(void)state;
	struct world *w = begin();
	enum ap_compose_state now = AP_COMPOSE_MOVED;
	w->unreadable = true;
	assert_string_equal(run(w, &now).name, "segment-altered");
	end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_film_comes_back_whole_and_is_nowhere_in_clear),
		cmocka_unit_test(what_no_composer_writes_ends_it),
		cmocka_unit_test(a_word_out_of_place_ends_it),
		cmocka_unit_test(one_that_writes_too_much_is_cut_off),
		cmocka_unit_test(clusters_without_number_cost_no_memory),
		cmocka_unit_test(one_that_hangs_is_not_waited_for),
		cmocka_unit_test(a_file_that_cannot_be_read_is_told),
	};
	signal(SIGPIPE, SIG_IGN);
	AP_IGNORE(ap_secret_init()); /* the tests fail soon enough */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
