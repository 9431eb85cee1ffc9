#include "recorder/portability/zip.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <unistd.h>

#define STRETCH 16 /* 64 MiB: what the vault can spare at once */

struct ap_zip {
	/* owned */
	struct archive *archive;
	struct ap_age_writer *age;
	int fd;
	/* state */
	uint64_t size;
	int64_t now_s;
	struct ap_result failure; /* of a callback, which libarchive cannot carry */
	bool abandoned;		  /* what is written goes nowhere */
};

static struct ap_result to_file(void *ctx, const void *bytes, size_t len)
{
	struct ap_zip *z = ctx;
	const uint8_t *at = bytes;
	while (len > 0) {
		ssize_t n = write(z->fd, at, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return ap_fail(AP_ERR_IO, "vault-unavailable", "the archive cannot be written: see to the disk of vault/");
		at += n;
		len -= (size_t)n;
		z->size += (uint64_t)n;
	}
	return AP_SUCCESS;
}

static la_ssize_t to_age(struct archive *archive, void *ctx, const void *bytes, size_t len)
{
	struct ap_zip *z = ctx;
	if (z->abandoned)
		return (la_ssize_t)len;
	z->failure = ap_age_writer_write(z->age, bytes, len);
	if (ap_ok(z->failure))
		return (la_ssize_t)len;
	archive_set_error(archive, EIO, "%s", z->failure.name);
	return -1;
}

static struct ap_result result_of(const struct ap_zip *z, int status)
{
	if (status == ARCHIVE_OK)
		return AP_SUCCESS;
	return ap_ok(z->failure) ? ap_fail(AP_ERR_INTERNAL, "internal", "the archive cannot be put together") : z->failure;
}

static struct ap_result open_age(struct ap_zip *z, const struct ap_zip_lock *lock)
{
	if (lock->recipient)
		return ap_age_writer_new(lock->recipient, to_file, z, &z->age);
	return ap_age_writer_new_passphrase(lock->passphrase, STRETCH, to_file, z, &z->age);
}

static struct ap_result open_zip(struct ap_zip *z)
{
	z->archive = archive_write_new();
	if (!z->archive || archive_write_set_format_zip(z->archive) != ARCHIVE_OK)
		return ap_fail(AP_ERR_INTERNAL, "internal", "no zip can be written here");
	archive_write_set_bytes_per_block(z->archive, 0); /* as it comes: age has blocks of its own */
	archive_write_set_bytes_in_last_block(z->archive, 1);
	return result_of(z, archive_write_open(z->archive, z, NULL, to_age, NULL));
}

struct ap_result ap_zip_new(const char *path, const struct ap_zip_lock *lock, int64_t now_ms, struct ap_zip **ret_zip)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return ap_fail(AP_ERR_IO, "vault-unavailable", "the archive cannot be made: see to the disk of vault/");
	struct ap_zip *z = g_new0(struct ap_zip, 1);
	*z = (struct ap_zip){.fd = fd, .now_s = now_ms / 1000, .failure = AP_SUCCESS};
	struct ap_result r = open_age(z, lock);
	if (ap_ok(r))
		r = open_zip(z);
	if (!ap_ok(r)) {
		ap_zip_free(z);
		unlink(path);
		return r;
	}
	*ret_zip = z;
	return AP_SUCCESS;
}

static struct ap_result begin(struct ap_zip *z, const char *name, uint64_t size, bool media)
{
	struct archive_entry *entry = archive_entry_new();
	if (media)
		archive_write_zip_set_compression_store(z->archive);
	else
		archive_write_zip_set_compression_deflate(z->archive);
	archive_entry_set_pathname_utf8(entry, name);
	archive_entry_set_size(entry, (la_int64_t)size);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0600);
	archive_entry_set_mtime(entry, z->now_s, 0);
	struct ap_result r = result_of(z, archive_write_header(z->archive, entry));
	archive_entry_free(entry);
	return r;
}

struct ap_result ap_zip_begin(struct ap_zip *z, const char *name, uint64_t size)
{
	return begin(z, name, size, true);
}

struct ap_result ap_zip_write(struct ap_zip *z, const void *bytes, size_t len)
{
	la_ssize_t n = len ? archive_write_data(z->archive, bytes, len) : 0;
	if (n >= 0 && (size_t)n == len)
		return AP_SUCCESS;
	return ap_ok(z->failure) ? ap_fail(AP_ERR_INTERNAL, "internal", "an entry has another size than was said") : z->failure;
}

struct ap_result ap_zip_add(struct ap_zip *z, const char *name, const void *bytes, size_t len)
{
	AP_TRY(begin(z, name, len, false));
	return ap_zip_write(z, bytes, len);
}

struct ap_result ap_zip_finish(struct ap_zip *z, uint64_t *ret_size)
{
	AP_TRY(result_of(z, archive_write_close(z->archive)));
	AP_TRY(ap_age_writer_finish(z->age));
	if (fsync(z->fd) != 0)
		return ap_fail(AP_ERR_IO, "vault-unavailable", "the archive cannot be kept: see to the disk of vault/");
	*ret_size = z->size;
	return AP_SUCCESS;
}

void ap_zip_free(struct ap_zip *z)
{
	if (!z)
		return;
	/* One that was not finished, or failed, is ended all the same, but not into the age file: only that frees what its
	 * writer holds. */
	z->abandoned = true;
	if (z->archive) {
		archive_write_close(z->archive);
		archive_write_free(z->archive);
	}
	ap_age_writer_free(z->age);
	close(z->fd);
	g_free(z);
}
