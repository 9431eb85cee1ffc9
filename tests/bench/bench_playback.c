/*
 * How soon a one-hour recording plays, and seeks: over HTTP, by Range, as a <video> asks, from the staff side of a vault over
 * segments of 4 s that lie encrypted on a disk. Beside it the pieces that the gateway reads for the two speakers.
 *
 *     bench_playback [--segments 900] [--bytes 500000] [--seeks 40] [--directory DIR]
 *
 * One line of JSON: {"bench":"playback","segments","track_mib","first_byte_ms","seeks","seek_p50_ms","seek_max_ms",
 * "served_per_seek_kib","read_per_seek_kib","track_read_p50_ms","track_read_max_ms","verified"}. Before each seek the
 * kernel is told to forget the recording's files. A seek lasts from connecting to the first byte; then 256 KiB are taken.
 * `read`: what the process read from files, databases included. `track_read`: one MiB anywhere, as TrackRead does. Exit 1
 * when a byte is not the one that was recorded.
 */
#include "recorder/access/grant.h"
#include "recorder/recording/playback.h"
#include "tests/testlib/staff_site.h"

#include <aparte/limits.h>
#include <aparte/log.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define YEAR (365LL * 86400000)
#define TAKEN (256 * 1024)
#define SEEKS_MOST 1000

struct bench {
	struct site site;
	struct ap_uuid session, recording;
	char *path; /* owned: of sam's access */
	gint segments, bytes, seeks;
	/* what came of it, in the client's thread */
	double first_ms, seek_ms[SEEKS_MOST];
	uint64_t read, served;
	bool good;
	gint over; /* atomic */
};

static double now_ms(void)
{
	return (double)g_get_monotonic_time() / 1e3;
}

static uint64_t size_of(const struct bench *b)
{
	return (uint64_t)b->segments * (uint64_t)b->bytes;
}

/* What read() and its kin have returned so far; sockets are read by recv(), which does not count. */
static uint64_t bytes_read(void)
{
	g_autofree char *text = NULL;
	if (!g_file_get_contents("/proc/self/io", &text, NULL, NULL))
		return 0;
	const char *line = strstr(text, "rchar: ");
	return line ? g_ascii_strtoull(line + 7, NULL, 10) : 0;
}

static void forget_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)fsync(fd);
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	close(fd);
}

static void forget_track(const struct bench *b)
{
	char id[AP_UUID_TEXT];
	ap_uuid_text(&b->recording, id);
	for (gint n = 0; n < b->segments; n++) {
		g_autofree char *name = g_strdup_printf("%d.age", n);
		g_autofree char *path = g_build_filename(b->site.f->home, "recordings", id, "coach", name, NULL);
		forget_file(path);
	}
}

/* ---- the client ---- */

static int ask(const struct bench *b, uint64_t offset)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)b->site.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	g_autofree char *request = g_strdup_printf("GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nAuthorization: Bearer sam\r\n"
						   "Range: bytes=%llu-\r\n\r\n",
						   b->path, b->site.port, (unsigned long long)offset);
	size_t len = strlen(request);
	if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0 || send(fd, request, len, 0) != (ssize_t)len) {
		close(fd);
		return -1;
	}
	return fd;
}

/* From asking to the first byte of the body, in ms; then as much as a player takes at first. -1: something was wrong. */
static double play_at(struct bench *b, uint64_t offset)
{
	static uint8_t buffer[TAKEN + 8192];
	size_t got = 0, head = 0;
	double begun = now_ms(), first = -1;
	uint64_t end = size_of(b);
	size_t wanted = (size_t)MIN((uint64_t)TAKEN, end - offset);
	int fd = ask(b, offset);
	while (fd >= 0 && (head == 0 || got - head < wanted) && got < sizeof buffer - 1) {
		ssize_t n = recv(fd, buffer + got, sizeof buffer - 1 - got, 0);
		if (n <= 0)
			break;
		got += (size_t)n;
		buffer[got] = 0;
		const char *body = head ? NULL : strstr((const char *)buffer, "\r\n\r\n");
		if (body)
			head = (size_t)((const uint8_t *)body - buffer) + 4;
		if (head && got > head && first < 0)
			first = now_ms() - begun;
	}
	if (fd >= 0)
		close(fd);
	bool good = head > 0 && got - head >= wanted && strncmp((const char *)buffer, "HTTP/1.1 206", 12) == 0;
	for (size_t i = 0; good && i < wanted; i++)
		good = buffer[head + i] == fixture_byte(AP_COACH, offset + i);
	b->good &= good;
	b->served += got - head;
	return first;
}

static gpointer watch(gpointer data)
{
	struct bench *b = data;
	forget_track(b);
	b->first_ms = play_at(b, 0);
	b->served = 0;
	for (gint i = 0; i < b->seeks; i++) {
		uint64_t offset = ((uint64_t)g_random_int() << 16) % (size_of(b) - TAKEN);
		forget_track(b);
		uint64_t before = bytes_read();
		b->seek_ms[i] = play_at(b, offset);
		b->read += bytes_read() - before;
	}
	g_atomic_int_set(&b->over, 1);
	g_main_context_wakeup(NULL);
	return NULL;
}

/* ---- figures ---- */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void time_track_reads(struct bench *b, double ret_ms[SEEKS_MOST])
{
	struct ap_actor coach = fixture_party(&b->session, AP_COACH);
	struct ap_uuid access;
	uint64_t size;
	assert_ok(ap_playback_track_open(b->site.f->v, &coach, &b->recording, AP_COACH, &access, &size));
	for (gint i = 0; i < b->seeks; i++) {
		uint64_t offset = ((uint64_t)g_random_int() << 16) % (size - 1);
		uint8_t *bytes;
		size_t len;
		double begun = now_ms();
		assert_ok(ap_playback_track_read(b->site.f->v, &coach, &access, &b->recording, AP_COACH, offset, AP_MAX_TRACK_READ,
						 &bytes, &len));
		ret_ms[i] = now_ms() - begun;
		b->good &= len > 0 && bytes[0] == fixture_byte(AP_COACH, offset);
		g_free(bytes);
	}
	qsort(ret_ms, (size_t)b->seeks, sizeof ret_ms[0], compare);
}

static void prepare(struct bench *b)
{
	JsonNode *answer;
	b->site = site_new();
	b->session = fixture_consented(b->site.f, "[\"recording\",\"supervision\"]");
	b->recording = fixture_recording_long(b->site.f, &b->session, YEAR, (unsigned)b->segments, (size_t)b->bytes);
	struct ap_actor admin = site_user(&b->site, "ada", "admin", NULL);
	site_user(&b->site, "sam", "supervisor", NULL);
	struct ap_grant_wish wish = { b->recording, "sam", "supervision", b->site.f->wall_ms + YEAR };
	assert_ok(ap_grant_add(b->site.f->v, &admin, &wish, &answer));
	json_node_unref(answer);
	b->path = site_begin(&b->site, &b->recording);
}

static int measure(struct bench *b)
{
	double reads_ms[SEEKS_MOST];
	b->good = true;
	prepare(b);
	GThread *client = g_thread_new("client", watch, b);
	while (!g_atomic_int_get(&b->over))
		g_main_context_iteration(NULL, TRUE);
	g_thread_join(client);
	time_track_reads(b, reads_ms);
	size_t n = (size_t)b->seeks;
	qsort(b->seek_ms, n, sizeof b->seek_ms[0], compare);
	b->good &= b->first_ms >= 0 && b->seek_ms[0] >= 0;
	printf("{\"bench\":\"playback\",\"segments\":%d,\"track_mib\":%.0f,\"first_byte_ms\":%.1f,\"seeks\":%d,\"seek_p50_ms\":%.1f,"
	       "\"seek_max_ms\":%.1f,\"served_per_seek_kib\":%.0f,\"read_per_seek_kib\":%.0f,\"track_read_p50_ms\":%.1f,"
	       "\"track_read_max_ms\":%.1f,\"verified\":%s}\n",
	       b->segments, (double)size_of(b) / 1048576, b->first_ms, b->seeks, b->seek_ms[n / 2], b->seek_ms[n - 1],
	       (double)b->served / 1024 / b->seeks, (double)b->read / 1024 / b->seeks, reads_ms[n / 2], reads_ms[n - 1],
	       b->good ? "true" : "false");
	site_free(&b->site);
	g_free(b->path);
	return b->good ? 0 : 1;
}

int main(int argc, char **argv)
{
	static struct bench b = { .segments = 900, .bytes = 500000, .seeks = 40 };
	g_autofree char *directory = NULL;
	const GOptionEntry entries[] = {
		{ "segments", 0, 0, G_OPTION_ARG_INT, &b.segments, "of 4 s each (900)", "N" },
		{ "bytes", 0, 0, G_OPTION_ARG_INT, &b.bytes, "in one (500000: a Mbit/s)", "N" },
		{ "seeks", 0, 0, G_OPTION_ARG_INT, &b.seeks, "how often (40)", "N" },
		{ "directory", 0, 0, G_OPTION_ARG_FILENAME, &directory, "on the disk to measure (the temporary directory)", "DIR" },
		G_OPTION_ENTRY_NULL,
	};
	g_autoptr(GOptionContext) context = g_option_context_new("- playback of a long recording, timed");
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, NULL) || b.segments < 2 || b.bytes < TAKEN || b.seeks < 1 ||
	    b.seeks > SEEKS_MOST)
		return 2;
	g_autofree char *absolute = directory ? g_canonicalize_filename(directory, NULL) : NULL;
	if (absolute)
		g_setenv("TMPDIR", absolute, TRUE); /* before anybody asks for it */
	ap_log_init("bench", AP_LOG_ERROR);
	return measure(&b);
}
