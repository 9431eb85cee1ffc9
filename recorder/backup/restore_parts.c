#include "recorder/backup/restore_private.h"

#include "recorder/backup/destination.h"

#include <aparte/buf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD (sizeof AP_KEY_PART_MAGIC - 1 + AP_KEK)

static struct ap_result unwritable(void)
{
	return ap_fail(AP_ERR_IO, "restore", "the home cannot be written: see to its disk and owner");
}

/* A database on its way into the home. */
struct landing {
	const struct ap_restoring *r; /* borrowed */
	int fd;
	uint8_t head[HEAD]; /* of a key part: what stands before the database */
	size_t head_len, head_want;
};

static bool write_all(int fd, const uint8_t *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

static struct ap_result land(void *ctx, const void *bytes, size_t len)
{
	struct landing *l = ctx;
	AP_TRY(ap_restore_go_on(l->r));
	size_t n = MIN(l->head_want - l->head_len, len);
	if (n > 0 && !ap_copy(l->head + l->head_len, sizeof l->head - l->head_len, bytes, n))
		return ap_fail(AP_ERR_INTERNAL, "internal", "the head of a key part does not fit");
	l->head_len += n;
	return write_all(l->fd, (const uint8_t *)bytes + n, len - n) ? AP_SUCCESS : unwritable();
}

/* A proof opens its own parts; an operator brings the one identity. The caller's. */
static struct ap_result identity_for(const struct ap_restoring *r, const struct ap_part *part, struct ap_secret **ret_identity)
{
	const struct ap_restore_wish *w = r->wish;
	if (w->identity) {
		*ret_identity = ap_secret_from(ap_secret_bytes(w->identity), ap_secret_len(w->identity));
		return AP_SUCCESS;
	}
	struct ap_kek_id own = ap_kek_id(w->kek);
	if (!ap_kek_id_equal(&own, &part->kek))
		return ap_fail(AP_ERR_DENIED, "backup",
			       "the backup was made before the last turnover of the key-encryption key: the next one can be proved");
	*ret_identity = ap_part_proof_identity(w->kek, &part->id);
	return AP_SUCCESS;
}

static struct ap_result read_into(const struct ap_restoring *r, const struct ap_part *part, struct landing *l, const char *name)
{
	struct ap_secret *identity = NULL;
	g_autofree char *path = g_build_filename(r->place, "vault", name, NULL);
	AP_TRY(identity_for(r, part, &identity));
	l->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct ap_result result = l->fd < 0 ? unwritable() : ap_part_read(r->wish->from, part, identity, land, l);
	ap_secret_free(identity);
	if (l->fd >= 0 && (fsync(l->fd) != 0 || close(l->fd) != 0) && ap_ok(result))
		result = unwritable();
	return result;
}

static struct ap_result read_keys(struct ap_restoring *r)
{
	struct landing l = { .r = r, .fd = -1, .head_want = HEAD };
	AP_TRY(read_into(r, &r->key_part, &l, "keys.db"));
	if (l.head_len != HEAD || memcmp(l.head, AP_KEY_PART_MAGIC, HEAD - AP_KEK) != 0)
		return ap_fail(AP_ERR_CRYPTO, "backup", "the key part is none");
	r->kek = ap_secret_from(l.head + HEAD - AP_KEK, AP_KEK);
	ap_wipe(l.head, sizeof l.head);
	return AP_SUCCESS;
}

struct ap_result ap_restore_parts(struct ap_restoring *r)
{
	struct landing l = { .r = r, .fd = -1 };
	AP_TRY(ap_part_newest(r->wish->from, AP_PART_VAULT, &r->vault_part));
	AP_TRY(ap_part_newest(r->wish->from, AP_PART_KEYS, &r->key_part));
	r->report->vault_made_ms = r->vault_part.made_ms;
	r->report->keys_made_ms = r->key_part.made_ms;
	AP_TRY(read_into(r, &r->vault_part, &l, "vault.db"));
	return read_keys(r);
}
