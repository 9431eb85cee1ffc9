#include "recorder/portability/film.h"

#include <aparte/age.h>
#include <aparte/buf.h>
#include <aparte/capture.h>
#include <aparte/webm.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define CUE_MS 500 /* between two Cues */

struct ap_film {
	/* owned */
	int fd;
	struct ap_secret *identity;
	struct ap_age_writer *writer;
	GArray *cues; /* struct ap_webm_cue */
	uint8_t *map; /* of the whole file, once finished */
	struct ap_age_file *reader;
	GByteArray *tail; /* the Cues */
	/* state */
	uint8_t header[AP_WEBM_HEADER];
	uint64_t plain, file; /* bytes of clusters; of the encrypted file */
};

static struct ap_result disk_failed(void)
{
	return ap_fail(AP_ERR_IO, "vault-unavailable", "the film cannot be kept: see to the disk of vault/");
}

static struct ap_result to_file(void *ctx, const void *bytes, size_t len)
{
	struct ap_film *f = ctx;
	for (const uint8_t *at = bytes; len > 0;) {
		ssize_t n = write(f->fd, at, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return disk_failed();
		at += n;
		len -= (size_t)n;
		f->file += (uint64_t)n;
	}
	return AP_SUCCESS;
}

/* Its name is gone before a byte is in it: a crash leaves nothing to be tidied. */
static int open_nameless(const char *directory)
{
	g_autofree char *path = g_build_filename(directory, "film.tmp", NULL);
	unlink(path);
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0 && unlink(path) != 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

struct ap_result ap_film_new(const char *directory, struct ap_film **ret_film)
{
	int fd = open_nameless(directory);
	if (fd < 0)
		return disk_failed();
	struct ap_film *f = g_new0(struct ap_film, 1);
	f->fd = fd;
	f->identity = ap_secret_random(AP_AGE_KEY);
	f->cues = g_array_new(FALSE, FALSE, sizeof(struct ap_webm_cue));
	struct ap_age_recipient recipient = ap_age_identity_recipient(f->identity);
	struct ap_result r = ap_age_writer_new(&recipient, to_file, f, &f->writer);
	if (ap_ok(r))
		*ret_film = f;
	else
		ap_film_free(f);
	return r;
}

/* Only keyframes get a Cue (webm.h), and two a second are enough to be found. */
static bool gets_cue(const struct ap_film *f, uint64_t time_ms, bool keyframe)
{
	return keyframe &&
	       (f->cues->len == 0 || time_ms >= g_array_index(f->cues, struct ap_webm_cue, f->cues->len - 1).time_ms + CUE_MS);
}

void ap_film_cluster(struct ap_film *f, uint64_t time_ms, bool keyframe)
{
	if (!gets_cue(f, time_ms, keyframe))
		return;
	const struct ap_webm_cue cue = {.offset = AP_WEBM_HEADER + f->plain, .time_ms = time_ms, .keyframe = keyframe};
	g_array_append_val(f->cues, cue);
}

struct ap_result ap_film_write(struct ap_film *f, const void *bytes, size_t len)
{
	AP_TRY(ap_age_writer_write(f->writer, bytes, len));
	f->plain += len;
	return AP_SUCCESS;
}

/* What every film has; its id is its own, for it is no recording. */
static struct ap_result first_header(uint8_t ret_header[AP_WEBM_HEADER])
{
	struct ap_webm_header h = {0};
	struct ap_uuid id = ap_uuid_random();
	h.tracks[AP_WEBM_AUDIO - 1] = (struct ap_webm_track_info){.codec = AP_WEBM_OPUS, .channels = 2};
	h.tracks[AP_WEBM_CAMERA - 1] =
		(struct ap_webm_track_info){.codec = AP_WEBM_VP8, .width = AP_FILM_WIDTH, .height = AP_FILM_HEIGHT,
					    .frame_ms = 1000 / AP_FILM_RATE};
	(void)ap_copy(h.uid, sizeof h.uid, id.b, sizeof id.b);
	return ap_webm_header_write(&h, ret_header);
}

static struct ap_result open_again(struct ap_film *f)
{
	void *map = mmap(NULL, f->file, PROT_READ, MAP_SHARED, f->fd, 0);
	if (map == MAP_FAILED)
		return disk_failed();
	f->map = map;
	return ap_age_file_open(f->map, f->file, f->identity, &f->reader);
}

struct ap_result ap_film_finish(struct ap_film *f, uint64_t duration_ms)
{
	uint8_t header[AP_WEBM_HEADER];
	AP_TRY(ap_age_writer_finish(f->writer));
	AP_TRY(first_header(header));
	AP_TRY(ap_webm_finish(header, sizeof header, duration_ms, AP_WEBM_HEADER + f->plain,
			      (const struct ap_webm_cue *)(void *)f->cues->data, f->cues->len, f->header, &f->tail));
	return open_again(f);
}

uint64_t ap_film_size(const struct ap_film *f)
{
	return AP_WEBM_HEADER + f->plain + f->tail->len;
}

/* The part of [offset, offset + max) that lies in a piece of `len` bytes at `at`. */
static size_t part(uint64_t offset, size_t max, uint64_t at, uint64_t len)
{
	return offset < at || offset - at >= len ? 0 : (size_t)MIN(max, len - (offset - at));
}

struct ap_result ap_film_read(struct ap_film *f, uint64_t offset, uint8_t *ret_bytes, size_t max, size_t *ret_len)
{
	uint64_t tail = AP_WEBM_HEADER + f->plain;
	size_t n = part(offset, max, 0, AP_WEBM_HEADER);
	if (n > 0) {
		(void)ap_copy(ret_bytes, max, f->header + offset, n);
	} else if ((n = part(offset, max, AP_WEBM_HEADER, f->plain)) > 0) {
		AP_TRY(ap_age_file_read(f->reader, offset - AP_WEBM_HEADER, ret_bytes, n));
	} else if ((n = part(offset, max, tail, f->tail->len)) > 0) {
		(void)ap_copy(ret_bytes, max, f->tail->data + (offset - tail), n);
	}
	*ret_len = n;
	return AP_SUCCESS;
}

void ap_film_free(struct ap_film *f)
{
	if (!f)
		return;
	ap_age_file_free(f->reader);
	if (f->map)
		munmap(f->map, f->file);
	ap_age_writer_free(f->writer);
	ap_secret_free(f->identity);
	g_array_unref(f->cues);
	g_clear_pointer(&f->tail, g_byte_array_unref);
	close(f->fd);
	g_free(f);
}
