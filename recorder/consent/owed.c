#include "recorder/consent/owed.h"

#include <aparte/buf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLOT 128 /* bytes; what is not used is zero, and a free slot is all zeroes */
#define MARK "aparte/owed/v1"
#define CHECK 8 /* bytes of the SHA-256 over what stands before it: a slot half written was never answered */

struct ap_owed {
	int fd;
	GMutex lock;
	bool used[AP_OWED_SLOTS];
	struct ap_owed_entry entries[AP_OWED_SLOTS];
};

static struct ap_result failure(void)
{
	return ap_fail(AP_ERR_IO, "owed", "the file of owed withdrawals cannot be read or written: see to the disk of vault/");
}

static void encode(const struct ap_owed_entry *e, uint8_t slot[SLOT])
{
	struct ap_writer w = ap_writer_over(slot, SLOT);
	ap_write_label(&w, MARK);
	ap_write_bytes(&w, e->session.b, sizeof e->session.b);
	ap_write_u8(&w, (uint8_t)e->role);
	ap_write_u8(&w, (uint8_t)e->event);
	ap_write_u32(&w, e->purposes);
	ap_write_u64(&w, (uint64_t)e->received_ms);
	ap_write_bytes(&w, e->statement.b, AP_HASH);
	struct ap_hash check = ap_sha256(slot, w.len);
	ap_write_bytes(&w, check.b, CHECK);
	ap_write_zero(&w, SLOT - w.len);
}

static bool decode(const uint8_t slot[SLOT], struct ap_owed_entry *ret_entry)
{
	struct ap_owed_entry e = { 0 };
	struct ap_reader r = ap_reader_over(slot, SLOT);
	const uint8_t *mark = ap_read_span(&r, strlen(MARK));
	ap_read_bytes(&r, e.session.b, sizeof e.session.b);
	e.role = (enum ap_role)ap_read_u8(&r);
	e.event = (enum ap_decision)ap_read_u8(&r);
	e.purposes = ap_read_u32(&r);
	e.received_ms = (int64_t)ap_read_u64(&r);
	ap_read_bytes(&r, e.statement.b, AP_HASH);
	struct ap_hash check = ap_sha256(slot, r.off);
	const uint8_t *stored = ap_read_span(&r, CHECK);
	if (memcmp(mark, MARK, strlen(MARK)) != 0 || memcmp(stored, check.b, CHECK) != 0)
		return false;
	*ret_entry = e;
	return true;
}

static bool write_slot(const struct ap_owed *o, unsigned n, const uint8_t slot[SLOT])
{
	return pwrite(o->fd, slot, SLOT, (off_t)n * SLOT) == SLOT && fdatasync(o->fd) == 0;
}

static struct ap_result read_all(struct ap_owed *o)
{
	uint8_t slot[SLOT];
	for (unsigned i = 0; i < AP_OWED_SLOTS; i++) {
		if (pread(o->fd, slot, SLOT, (off_t)i * SLOT) != SLOT)
			return failure();
		o->used[i] = decode(slot, &o->entries[i]);
		o->entries[i].slot = i;
	}
	return AP_SUCCESS;
}

/* Reserved and durable with its name before it is needed. */
static bool reserve(int fd, const char *path)
{
	g_autofree char *directory = g_path_get_dirname(path);
	int parent = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = parent >= 0 && posix_fallocate(fd, 0, (off_t)AP_OWED_SLOTS * SLOT) == 0 && fsync(fd) == 0 && fsync(parent) == 0;
	if (parent >= 0)
		close(parent);
	return good;
}

struct ap_result ap_owed_open(const char *path, struct ap_owed **ret_owed)
{
	struct ap_owed *o = g_new0(struct ap_owed, 1);
	g_mutex_init(&o->lock);
	o->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct ap_result r = o->fd >= 0 && reserve(o->fd, path) ? read_all(o) : failure();
	if (ap_ok(r))
		*ret_owed = o;
	else
		ap_owed_free(o);
	return r;
}

void ap_owed_free(struct ap_owed *o)
{
	if (!o)
		return;
	if (o->fd >= 0)
		close(o->fd);
	g_mutex_clear(&o->lock);
	g_free(o);
}

struct ap_result ap_owed_put(struct ap_owed *o, struct ap_owed_entry *entry)
{
	uint8_t slot[SLOT];
	unsigned n = 0;
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&o->lock);
	while (n < AP_OWED_SLOTS && o->used[n])
		n++;
	entry->slot = n;
	if (n == AP_OWED_NONE)
		return ap_fail(AP_ERR_LIMIT, "owed", "there is no room for one more owed withdrawal");
	o->used[n] = true;
	o->entries[n] = *entry;
	encode(entry, slot);
	return write_slot(o, n, slot) ? AP_SUCCESS : failure();
}

void ap_owed_settle(struct ap_owed *o, unsigned slot)
{
	static const uint8_t free_slot[SLOT];
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&o->lock);
	if (slot >= AP_OWED_SLOTS)
		return;
	o->used[slot] = false;
	(void)write_slot(o, slot, free_slot); /* one that stays is recognised at the next start as carried over */
}

GArray *ap_owed_list(struct ap_owed *o)
{
	GArray *list = g_array_new(FALSE, FALSE, sizeof(struct ap_owed_entry));
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&o->lock);
	for (unsigned i = 0; i < AP_OWED_SLOTS; i++)
		if (o->used[i])
			g_array_append_val(list, o->entries[i]);
	return list;
}

ap_purposes ap_owed_taken(struct ap_owed *o, const struct ap_uuid *session)
{
	ap_purposes taken = 0;
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&o->lock);
	for (unsigned i = 0; i < AP_OWED_SLOTS; i++)
		if (o->used[i] && ap_uuid_equal(&o->entries[i].session, session))
			taken |= o->entries[i].purposes;
	return taken & AP_PURPOSE_BIT(AP_PURPOSE_RECORDING) ? ~(ap_purposes)0 : taken;
}
