#include "seal.h"

#include <aparte/limits.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

/* A segment that has this much is closed at once, not when the next cluster comes: with a cluster being made and what
 * waits to be put in order, about a second, no more than AP_SEGMENT_MS is ever not durable. */
#define SEGMENT_FILL_MS (AP_SEGMENT_MS - AP_CLUSTER_MS)
#define SEGMENT_BYTES (UINT64_C(48) << 20) /* a larger one is closed early: the vault takes none over 64 MiB */

/* The age file being written. */
struct output {
	int fd; /* -1: none */
	struct ap_age_writer *age;
	crypto_hash_sha256_state hash;
	uint64_t size;
};

struct ap_seal {
	struct ap_age_recipient recipient;
	struct ap_seal_io io;

	struct output out;			  /* the open segment */
	struct ap_capture_segment_done segment; /* its report, as it grows */
	GArray *cues;				  /* of struct ap_webm_cue: every cluster so far */

	enum ap_role role;
	uint32_t epoch, number; /* number: of the next segment */
	uint64_t offset;	/* in the WebM: of the next cluster */
	uint64_t segment_ms;	/* time of the open segment's first cluster */
	bool header_written;
	uint8_t header[AP_WEBM_HEADER]; /* as last written */
};

struct ap_seal *ap_seal_new(enum ap_role role, const uint8_t recipient[32], const struct ap_seal_io *io)
{
	struct ap_seal *s = g_new0(struct ap_seal, 1);
	ap_copy(s->recipient.b, sizeof s->recipient.b, recipient, sizeof s->recipient.b);
	s->role = role;
	s->io = *io;
	s->out.fd = -1;
	s->number = 1;
	s->offset = AP_WEBM_HEADER;
	s->cues = g_array_new(FALSE, FALSE, sizeof(struct ap_webm_cue));
	return s;
}

static void output_clear(struct output *o)
{
	g_clear_pointer(&o->age, ap_age_writer_free);
	if (o->fd >= 0)
		close(o->fd);
	o->fd = -1;
	o->size = 0;
}

void ap_seal_free(struct ap_seal *s)
{
	if (!s)
		return;
	output_clear(&s->out);
	g_array_unref(s->cues);
	g_free(s);
}

void ap_seal_epoch(struct ap_seal *s, uint32_t epoch)
{
	s->epoch = epoch;
}

/* ---- one age file ---- */

static struct ap_result write_sealed(void *ctx, const void *bytes, size_t len)
{
	struct output *o = ctx;
	const uint8_t *at = bytes;
	crypto_hash_sha256_update(&o->hash, bytes, len);
	o->size += len;
	while (len > 0) {
		ssize_t n = write(o->fd, at, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return ap_fail(AP_ERR_IO, "segment-write", "the disk took no more of the recording");
		at += n;
		len -= (size_t)n;
	}
	return AP_SUCCESS;
}

static struct ap_result output_begin(struct ap_seal *s, uint32_t number)
{
	int fd = -1;
	AP_TRY(s->io.take(s->io.ctx, s->role, number, &fd));
	s->out = (struct output){ .fd = fd };
	crypto_hash_sha256_init(&s->out.hash);
	s->segment = (struct ap_capture_segment_done){ .role = s->role, .number = number, .epoch = s->epoch };
	return ap_age_writer_new(&s->recipient, write_sealed, &s->out, &s->out.age);
}

static struct ap_result output_end(struct ap_seal *s)
{
	AP_TRY(ap_age_writer_finish(s->out.age));
	if (fsync(s->out.fd) != 0)
		return ap_fail(AP_ERR_IO, "segment-fsync", "the disk did not keep a segment");
	s->segment.size = s->out.size;
	crypto_hash_sha256_final(&s->out.hash, s->segment.sha256);
	output_clear(&s->out);
	return s->io.done(s->io.ctx, &s->segment);
}

static struct ap_result write_whole(struct ap_seal *s, uint32_t number, const void *bytes, size_t len)
{
	AP_TRY(output_begin(s, number));
	s->segment.plain_size = len;
	s->segment.replaces = number == 0 && s->header_written;
	AP_TRY(ap_age_writer_write(s->out.age, bytes, len));
	return output_end(s);
}

/* Writes segment 0 when it differs from what lies there. Only while no segment is open. */
static struct ap_result write_header(struct ap_seal *s, const uint8_t header[AP_WEBM_HEADER])
{
	if (s->header_written && memcmp(header, s->header, AP_WEBM_HEADER) == 0)
		return AP_SUCCESS;
	AP_TRY(write_whole(s, 0, header, AP_WEBM_HEADER));
	s->header_written = true;
	ap_copy(s->header, sizeof s->header, header, AP_WEBM_HEADER);
	return AP_SUCCESS;
}

/* ---- segments ---- */

static bool tracks_are_new(const struct ap_seal *s, const uint8_t header[AP_WEBM_HEADER])
{
	return !s->header_written || memcmp(header, s->header, AP_WEBM_HEADER) != 0;
}

static struct ap_result begin_segment(struct ap_seal *s, uint64_t time_ms)
{
	AP_TRY(output_begin(s, s->number));
	s->number++;
	s->segment_ms = time_ms;
	return AP_SUCCESS;
}

struct ap_result ap_seal_cluster(struct ap_seal *s, const struct ap_webm_header *header,
				 const struct ap_mux_cluster *cluster)
{
	uint8_t bytes[AP_WEBM_HEADER];
	AP_TRY(ap_webm_header_write(header, bytes));
	bool full = cluster->time_ms + AP_CLUSTER_MS > s->segment_ms + AP_SEGMENT_MS ||
		    s->segment.cluster_count == AP_CAPTURE_CLUSTERS || s->segment.plain_size >= SEGMENT_BYTES;
	if (full || tracks_are_new(s, bytes))
		AP_TRY(ap_seal_flush(s));
	if (!s->out.age) {
		AP_TRY(write_header(s, bytes));
		AP_TRY(begin_segment(s, cluster->time_ms));
	}
	struct ap_webm_cue cue = { s->offset, cluster->time_ms, cluster->keyframe };
	g_array_append_val(s->cues, cue);
	uint16_t i = s->segment.cluster_count++;
	s->segment.clusters[i].offset = s->offset;
	s->segment.clusters[i].time_ms = cluster->time_ms;
	s->segment.clusters[i].keyframe = cluster->keyframe;
	s->segment.end_ms = cluster->end_ms;
	s->segment.plain_size += cluster->len;
	s->offset += cluster->len;
	AP_TRY(ap_age_writer_write(s->out.age, cluster->bytes, cluster->len));
	return cluster->time_ms + 2 * AP_CLUSTER_MS > s->segment_ms + SEGMENT_FILL_MS ? ap_seal_flush(s) : AP_SUCCESS;
}

uint64_t ap_seal_since(const struct ap_seal *s)
{
	return s->out.age ? s->segment_ms : UINT64_MAX;
}

struct ap_result ap_seal_flush(struct ap_seal *s)
{
	return s->out.age ? output_end(s) : AP_SUCCESS;
}

struct ap_result ap_seal_finish(struct ap_seal *s, const struct ap_webm_header *header, uint64_t duration_ms)
{
	uint8_t bytes[AP_WEBM_HEADER], final[AP_WEBM_HEADER];
	g_autoptr(GByteArray) cues = NULL;
	AP_TRY(ap_seal_flush(s));
	AP_TRY(ap_webm_header_write(header, bytes));
	AP_TRY(ap_webm_finish(bytes, sizeof bytes, duration_ms, s->offset, (const struct ap_webm_cue *)s->cues->data,
			      s->cues->len, final, &cues));
	if (cues->len > 0)
		AP_TRY(write_whole(s, s->number++, cues->data, cues->len));
	return write_header(s, final);
}
