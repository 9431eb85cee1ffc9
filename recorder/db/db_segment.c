#include "recorder/db/db_recording.h"

#include <aparte/buf.h>

#define CLUSTER_BYTES 17 /* offset(8) time_ms(8) keyframe(1) */

struct ap_result ap_db_segment_list(struct ap_db *db, const struct ap_uuid *recording, enum ap_role role, GArray **ret_segments)
{
	g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(struct ap_segment_row));
	struct ap_rows *rows = ap_db_query(db,
					   "SELECT number, epoch, size, plain_offset, plain_size, sha256 FROM segment"
					   " WHERE recording = ?1 AND role = ?2 ORDER BY number",
					   AP_VALUES(AP_V_UUID(recording), AP_V_INT(role)));
	while (ap_rows_next(rows)) {
		struct ap_segment_row s = { .number = (uint32_t)ap_row_int(rows, 0),
					    .epoch = (uint32_t)ap_row_int(rows, 1),
					    .size = (uint64_t)ap_row_int(rows, 2),
					    .plain_offset = (uint64_t)ap_row_int(rows, 3),
					    .plain_size = (uint64_t)ap_row_int(rows, 4) };
		ap_row_bytes(rows, 5, s.sha256, sizeof s.sha256);
		g_array_append_val(list, s);
	}
	AP_TRY(ap_rows_end(rows));
	*ret_segments = g_steal_pointer(&list);
	return AP_SUCCESS;
}

static GByteArray *pack_clusters(const struct ap_capture_segment *segment)
{
	GByteArray *bytes = g_byte_array_sized_new((guint)(segment->cluster_count * CLUSTER_BYTES));
	for (size_t i = 0; i < segment->cluster_count; i++) {
		uint8_t one[CLUSTER_BYTES];
		struct ap_writer w = ap_writer_over(one, sizeof one);
		ap_write_u64(&w, segment->clusters[i].offset);
		ap_write_u64(&w, segment->clusters[i].time_ms);
		ap_write_u8(&w, segment->clusters[i].keyframe);
		g_byte_array_append(bytes, one, sizeof one);
	}
	return bytes;
}

static struct ap_result insert(struct ap_db *db, const struct ap_uuid *recording, const struct ap_capture_segment *s,
			       const GByteArray *clusters)
{
	int64_t offset = 0;
	AP_TRY(ap_db_count(db, "SELECT sum(plain_size) FROM segment WHERE recording = ?1 AND role = ?2",
			   AP_VALUES(AP_V_UUID(recording), AP_V_INT(s->role)), &offset));
	return ap_db_run(db,
			 "INSERT INTO segment (recording, role, number, epoch, size, plain_offset, plain_size, sha256, clusters, end_ms)"
			 " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, nullif(?10, 0))",
			 AP_VALUES(AP_V_UUID(recording), AP_V_INT(s->role), AP_V_INT(s->number), AP_V_INT(s->epoch),
				   AP_V_INT(s->size), AP_V_INT(offset), AP_V_INT(s->plain_size), AP_V_HASH(s->sha256),
				   AP_V_BLOB(clusters->data ? (const void *)clusters->data : "", clusters->len), AP_V_INT(s->end_ms)));
}

struct ap_result ap_db_segment_put(struct ap_db *db, const struct ap_uuid *recording, const struct ap_capture_segment *s)
{
	if (s->replaces)
		return ap_db_run(db,
				 "UPDATE segment SET size = ?4, plain_size = ?5, sha256 = ?6"
				 " WHERE recording = ?1 AND role = ?2 AND number = ?3",
				 AP_VALUES(AP_V_UUID(recording), AP_V_INT(s->role), AP_V_INT(s->number), AP_V_INT(s->size),
					   AP_V_INT(s->plain_size), AP_V_HASH(s->sha256)));
	g_autoptr(GByteArray) clusters = pack_clusters(s);
	return insert(db, recording, s, clusters);
}

static void unpack(const uint8_t *bytes, size_t len, GArray *clusters)
{
	struct ap_reader r = ap_reader_over(bytes, len);
	while (ap_reader_left(&r) >= CLUSTER_BYTES) {
		struct ap_capture_cluster c = { .offset = ap_read_u64(&r) };
		c.time_ms = ap_read_u64(&r);
		c.keyframe = ap_read_u8(&r) != 0;
		g_array_append_val(clusters, c);
	}
}

struct ap_result ap_db_segment_end(struct ap_db *db, const struct ap_uuid *recording, enum ap_role role, int64_t *ret_ms)
{
	return ap_db_count(db,
			   "SELECT coalesce((SELECT end_ms FROM segment WHERE recording = ?1 AND role = ?2 AND length(clusters) > 0"
			   " ORDER BY number DESC LIMIT 1), 0)",
			   AP_VALUES(AP_V_UUID(recording), AP_V_INT(role)), ret_ms);
}

struct ap_result ap_db_segment_clusters(struct ap_db *db, const struct ap_uuid *recording, enum ap_role role,
					GArray **ret_clusters)
{
	g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(struct ap_capture_cluster));
	struct ap_rows *rows = ap_db_query(db,
					   "SELECT clusters FROM segment WHERE recording = ?1 AND role = ?2 ORDER BY number",
					   AP_VALUES(AP_V_UUID(recording), AP_V_INT(role)));
	while (ap_rows_next(rows)) {
		size_t len;
		const uint8_t *bytes = ap_row_blob(rows, 0, &len);
		unpack(bytes, bytes ? len : 0, list);
	}
	AP_TRY(ap_rows_end(rows));
	*ret_clusters = g_steal_pointer(&list);
	return AP_SUCCESS;
}
