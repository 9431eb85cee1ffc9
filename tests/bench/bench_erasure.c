/*
 * How long many erasures take, and a turnover of the key-encryption key, with the disk's fsync floor beside them.
 *
 *     bench_erasure [--recordings 10000] [--directory DIR] [--turnover-only]
 *
 * An instance with so many sealed recordings is made in memory (/dev/shm), copied into DIR, and worked on there by the
 * vault's own code: turnover first, with a thread that asks for a share every few milliseconds as the gate would, then the
 * erasure of all: shares, bytes, certificates. Exit status 1 when anything was not done.
 */
#include "recorder/db/db_turnover.h"
#include "recorder/erasure/erasure.h"
#include "recorder/keys/turnover.h"
#include "recorder/vault.h"

#include <aparte/log.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FSYNCS 60
#define FILES 2 /* segments of each track */
#define FILE_BYTES 2048
#define TRANSACTION 500 /* recordings made in one */

struct bench {
	struct ap_config *config;
	struct ap_vault *v;
	char *home;
	gint recordings;
	GArray *ids; /* struct ap_uuid */
};

static void must(struct ap_result r, const char *what)
{
	if (ap_ok(r))
		return;
	fprintf(stderr, "bench_erasure: %s: %s, %s\n", what, r.name, r.detail);
	exit(1);
}

static double seconds_since(gint64 from_us)
{
	return (double)(g_get_monotonic_time() - from_us) / 1e6;
}

static int compare(const void *a, const void *b)
{
	gint64 x = *(const gint64 *)a, y = *(const gint64 *)b;
	return (x > y) - (x < y);
}

/* The median of one page written and synced, in ms. */
static double fsync_floor(const char *directory)
{
	static const char page[4096];
	gint64 took[FSYNCS];
	g_autofree char *path = g_build_filename(directory, "fsync", NULL);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	for (int i = 0; i < FSYNCS; i++) {
		gint64 from = g_get_monotonic_time();
		if (pwrite(fd, page, sizeof page, (off_t)i * (off_t)sizeof page) < 0 || fsync(fd) != 0)
			must(ap_fail(AP_ERR_IO, "disk", "cannot be written"), path);
		took[i] = g_get_monotonic_time() - from;
	}
	close(fd);
	g_unlink(path);
	qsort(took, FSYNCS, sizeof took[0], compare);
	return (double)took[FSYNCS / 2] / 1e3;
}

/* ---- the instance ---- */

static void open_vault(struct bench *b)
{
	struct ap_vault_setup setup = { .config = b->config, .clock = ap_clock_system(), .home = b->home };
	must(ap_vault_open(&setup, &b->v), "opening the vault");
}

static int64_t now_ms(void)
{
	return ap_wall_ms(ap_clock_system());
}

static uint64_t leaf(struct bench *b, const struct ap_uuid *record)
{
	uint64_t index = 0;
	char id[AP_UUID_TEXT];
	JsonObject *body = json_object_new();
	ap_uuid_text(record, id);
	json_object_set_string_member(body, "event", "ConsentGiven");
	json_object_set_string_member(body, "record_id", id);
	must(ap_ledger_append(ap_vault_ledger(b->v), ap_vault_db(b->v), AP_LEAF_CONSENT, body, &index), "a leaf");
	return index;
}

struct made {
	struct ap_uuid session, recording, record[2];
	uint64_t leaf[2];
};

static void put_rows(struct bench *b, struct made *m)
{
	struct ap_db *db = ap_vault_db(b->v);
	must(ap_db_run(db,
		       "INSERT INTO session (id, tenant, reference, policy, policy_version, sensitivity, video_codec, state, created_ms)"
		       " VALUES (?1, 1, 'bench', 'default', 1, 'standard', 'VP8', 'ended', ?2)",
		       AP_VALUES(AP_V_UUID(&m->session), AP_V_INT(now_ms()))),
	     "a session");
	for (int i = 0; i < 2; i++) {
		struct ap_hash token = ap_sha256(m->record[i].b, 16);
		must(ap_db_run(db, "INSERT INTO party (session, role, pii_principal, locale, token_hash) VALUES (?1, ?2, 'p', 'fr', ?3)",
			       AP_VALUES(AP_V_UUID(&m->session), AP_V_INT(i + 1), AP_V_HASH(token.b))),
		     "a party");
		m->leaf[i] = leaf(b, &m->record[i]);
		must(ap_db_run(db,
			       "INSERT INTO consent (record_id, session, role, event, purposes, event_ms, received_ms, evidence, leaf)"
			       " VALUES (?1, ?2, ?3, 'ConsentGiven', '[\"recording\"]', ?4, ?4, 'signed', ?5)",
			       AP_VALUES(AP_V_UUID(&m->record[i]), AP_V_UUID(&m->session), AP_V_INT(i + 1), AP_V_INT(now_ms()),
					 AP_V_INT(m->leaf[i]))),
		     "a consent");
	}
	must(ap_db_run(db,
		       "INSERT INTO recording (id, session, state, created_ms, sealed_ms, expires_ms, coach_consent, coachee_consent,"
		       " coach_record, coachee_record, coach_recipient, coachee_recipient, duration_ms, manifest)"
		       " VALUES (?1, ?2, 'sealed', ?3, ?3, ?4, ?5, ?6, ?7, ?8, zeroblob(32), zeroblob(32), 20000, '{}')",
		       AP_VALUES(AP_V_UUID(&m->recording), AP_V_UUID(&m->session), AP_V_INT(now_ms()),
				 AP_V_INT(now_ms() + INT64_C(31536000000)), AP_V_INT(m->leaf[0]), AP_V_INT(m->leaf[1]),
				 AP_V_UUID(&m->record[0]), AP_V_UUID(&m->record[1]))),
	     "a recording");
}

static void put_files(struct bench *b, const struct made *m)
{
	uint8_t noise[FILE_BYTES];
	struct ap_blob *blob = ap_vault_blob(b->v);
	randombytes_buf(noise, sizeof noise);
	for (enum ap_role role = AP_COACH; role <= AP_COACHEE; role++)
		for (uint32_t n = 0; n < FILES; n++) {
			int fd = -1;
			must(ap_blob_create(blob, &m->recording, role, n, &fd), "a segment");
			if (write(fd, noise, sizeof noise) != (ssize_t)sizeof noise)
				must(ap_fail(AP_ERR_IO, "disk", "full"), "a segment");
			close(fd);
			must(ap_blob_commit(blob, &m->recording, role, n), "a segment");
			must(ap_db_run(ap_vault_db(b->v),
				       "INSERT INTO segment (recording, role, number, epoch, size, plain_offset, plain_size, sha256,"
				       " clusters) VALUES (?1, ?2, ?3, 1, ?4, 0, ?4, zeroblob(32), x'')",
				       AP_VALUES(AP_V_UUID(&m->recording), AP_V_INT(role), AP_V_INT(n), AP_V_INT(FILE_BYTES))),
			     "a segment");
		}
}

static void put_share(struct bench *b, const struct ap_uuid *owner, enum ap_slot slot)
{
	struct ap_wrap_place place;
	struct ap_secret *share = ap_secret_random(AP_SHARE);
	must(ap_db_turnover_place(ap_vault_db(b->v), owner, slot, &place), "a share's place");
	must(ap_db_keys_put(ap_vault_keys(b->v), &place, share), "a share");
	must(ap_db_keys_confirm(ap_vault_keys(b->v), owner, slot), "a share");
	ap_secret_free(share);
}

static void make_one(struct bench *b, bool files)
{
	struct made m = { ap_uuid_random(), ap_uuid_random(), { ap_uuid_random(), ap_uuid_random() }, { 0 } };
	put_rows(b, &m);
	if (files)
		put_files(b, &m);
	put_share(b, &m.record[0], AP_SLOT_COACH);
	put_share(b, &m.record[1], AP_SLOT_COACHEE);
	put_share(b, &m.recording, AP_SLOT_VAULT);
	g_array_append_val(b->ids, m.recording);
}

static void make_instance(struct bench *b, bool files)
{
	int64_t tenant;
	open_vault(b);
	must(ap_db_run(ap_vault_db(b->v), "INSERT INTO tenant (id, name, created_ms) VALUES (1, 'bench', 1)", AP_NO_VALUES), "a tenant");
	must(ap_db_count(ap_vault_db(b->v), "SELECT count(*) FROM tenant", AP_NO_VALUES, &tenant), "the tenant");
	for (gint i = 0; i < b->recordings; i++) {
		if (i % TRANSACTION == 0)
			must(ap_db_begin(ap_vault_db(b->v)), "a transaction");
		make_one(b, files);
		if (i % TRANSACTION == TRANSACTION - 1 || i == b->recordings - 1)
			must(ap_db_commit(ap_vault_db(b->v)), "a transaction");
	}
	ap_vault_free(g_steal_pointer(&b->v));
}

static void run_or_die(const char *const *argv)
{
	gint status = 0;
	if (!g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &status, NULL) || status != 0)
		must(ap_fail(AP_ERR_IO, "cp", "the instance could not be copied or removed"), argv[0]);
}

/* ---- what the gate would meet meanwhile ---- */

struct probe {
	struct ap_vault *v;
	struct ap_uuid recording;
	gint stop; /* atomic */
	gint64 longest_us;
	unsigned asked, failed;
};

static gpointer probe(gpointer data)
{
	struct probe *p = data;
	struct ap_wrap_place place;
	must(ap_db_turnover_place(ap_vault_db(p->v), &p->recording, AP_SLOT_VAULT, &place), "a share's place");
	while (!g_atomic_int_get(&p->stop)) {
		struct ap_secret *share = NULL;
		gint64 from = g_get_monotonic_time();
		p->failed += !ap_ok(ap_db_keys_get(ap_vault_keys(p->v), &place, &share));
		p->longest_us = MAX(p->longest_us, g_get_monotonic_time() - from);
		ap_secret_free(share);
		p->asked++;
		g_usleep(2000);
	}
	return NULL;
}

static void time_turnover(struct bench *b)
{
	struct probe p = { .v = b->v, .recording = g_array_index(b->ids, struct ap_uuid, 0) };
	int64_t shares = 0;
	must(ap_db_keys_count(ap_vault_keys(b->v), &shares), "counting");
	GThread *thread = g_thread_new("probe", probe, &p);
	gint64 from = g_get_monotonic_time();
	must(ap_turnover_run(b->v, AP_TURN_ADMIN), "the turnover");
	double took = seconds_since(from);
	g_atomic_int_set(&p.stop, 1);
	g_thread_join(thread);
	printf("turnover   %lld shares in %.2f s (%.0f a second); a share asked for meanwhile came after %.1f ms at most (%u asked, %u failed)\n",
	       (long long)shares, took, (double)shares / took, (double)p.longest_us / 1e3, p.asked, p.failed);
	if (p.failed > 0)
		exit(1);
}

/* What every destroyed share costs at this size: keys.db is rewritten, its log emptied. */
static void time_purge(struct bench *b)
{
	gint64 from = g_get_monotonic_time();
	must(ap_db_keys_purge(ap_vault_keys(b->v)), "a purge");
	printf("purge      %.1f ms\n", seconds_since(from) * 1e3);
}

/* ---- erasing ---- */

static int64_t count(struct bench *b, const char *sql)
{
	int64_t n = -1;
	must(ap_db_count(ap_vault_db(b->v), sql, AP_NO_VALUES, &n), "counting");
	return n;
}

static void check_gone(struct bench *b)
{
	int64_t shares = -1;
	g_autofree char *recordings = g_build_filename(b->home, "recordings", NULL);
	g_autoptr(GDir) dir = g_dir_open(recordings, 0, NULL);
	const char *left = dir ? g_dir_read_name(dir) : NULL;
	must(ap_db_keys_count(ap_vault_keys(b->v), &shares), "counting");
	if (shares != 0 || left || count(b, "SELECT count(*) FROM erasure WHERE certificate IS NOT NULL AND step = 'erased'") != b->recordings)
		must(ap_fail(AP_ERR_INTERNAL, "left", "something was not erased or not certified"), left ? left : "shares");
}

static void time_erasure(struct bench *b)
{
	struct ap_uuid batch = ap_uuid_random();
	gint64 from = g_get_monotonic_time();
	must(ap_erasure_order_many(b->v, b->ids, AP_ERASE_ADMIN, &batch), "ordering");
	double ordered = seconds_since(from);
	while (count(b, "SELECT count(*) FROM erasure WHERE certificate IS NULL") > 0)
		must(ap_erasure_run(b->v), "erasing");
	double took = seconds_since(from);
	check_gone(b);
	printf("erasure    %d recordings in %.2f s (ordered after %.2f s): shares, bytes, certificates; %.2f ms each\n", b->recordings,
	       took, ordered, took * 1e3 / b->recordings);
}

int main(int argc, char **argv)
{
	struct bench b = { .config = ap_config_new(), .recordings = 10000, .ids = g_array_new(FALSE, FALSE, sizeof(struct ap_uuid)) };
	g_autofree char *directory = NULL;
	gboolean turnover_only = FALSE;
	const GOptionEntry entries[] = {
		{ "recordings", 0, 0, G_OPTION_ARG_INT, &b.recordings, "how many", "N" },
		{ "directory", 0, 0, G_OPTION_ARG_FILENAME, &directory, "on the disk to measure (here)", "DIR" },
		{ "turnover-only", 0, 0, G_OPTION_ARG_NONE, &turnover_only, "no files, no erasure", NULL },
		{ NULL, 0, 0, 0, NULL, NULL, NULL },
	};
	g_autoptr(GOptionContext) context = g_option_context_new("- erasures and a turnover, timed");
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, NULL) || b.recordings < 1)
		return 2;
	must(ap_secret_init(), "libsodium");
	ap_log_init("bench", AP_LOG_ERROR);
	g_autofree char *made = g_strdup("/dev/shm/aparte-bench-XXXXXX");
	g_autofree char *absolute = g_canonicalize_filename(directory ? directory : ".", NULL);
	g_autofree char *there = g_build_filename(absolute, "bench-erasure-XXXXXX", NULL);
	if (!g_mkdtemp(made) || !g_mkdtemp(there))
		must(ap_fail(AP_ERR_IO, "directory", "cannot be made"), there);
	gint64 from = g_get_monotonic_time();
	b.home = g_build_filename(made, "home", NULL);
	make_instance(&b, !turnover_only);
	g_autofree char *home = g_build_filename(there, "home", NULL);
	run_or_die((const char *const[]){ "cp", "-a", b.home, home, NULL });
	run_or_die((const char *const[]){ "rm", "-rf", made, NULL });
	sync();
	printf("made       %d recordings with %d shares in %.1f s\n", b.recordings, 3 * b.recordings, seconds_since(from));
	printf("fsync      %.2f ms a page, the median of %d, on the same disk\n", fsync_floor(there), FSYNCS);
	g_free(b.home);
	b.home = g_steal_pointer(&home);
	open_vault(&b);
	time_turnover(&b);
	time_purge(&b);
	if (!turnover_only)
		time_erasure(&b);
	ap_vault_free(b.v);
	run_or_die((const char *const[]){ "rm", "-rf", there, NULL });
	g_array_unref(b.ids);
	g_free(b.home);
	ap_config_free(b.config);
	return 0;
}
