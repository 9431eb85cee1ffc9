/*
 * A file system whose disk is as bad as a test wants: everything is passed on to a directory, but for what the present
 * rules spoil. FUSE 3; needs /dev/fuse and the right to mount.
 *
 *     faultfs BACKING MOUNTPOINT SOCKET [SEED]     in the foreground; unmounting ends it; prints "ready"
 *
 * A client of SOCKET sends a whole set of rules, one a line, and ends its writing side; it replaces the set before, and
 * the answer is how often each of the old rules struck, one number a line. No lines: a good disk.
 *
 *     OPERATION PATTERN [delay=MS] [errno=NAME] [one-in=N] [after=N] [times=N] [short] [room=BYTES]
 *
 * OPERATION  open create read write fsync fsyncdir unlink rename mkdir truncate statfs, or * for all of these
 * PATTERN    a glob over the path below the mount; * also matches /
 * delay      waits so long, then goes on (or fails)
 * errno      EIO ENOSPC EROFS EACCES
 * one-in     strikes at random; after: not the first N times; times: N times at most
 * short      of read and write: half of it, at least a byte
 * room       of write: so many bytes are taken in all, the one that crosses it in part; statfs tells what is left
 *
 * SQLite's shared memory is mapped and stays cached by the kernel; every other file is opened for direct I/O, so that
 * each read and write comes here. Locks are the kernel's.
 */
#define FUSE_USE_VERSION 31

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <fuse3/fuse.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define RULES 32

struct rule {
	char operation[16], pattern[96];
	unsigned delay_ms, one_in, after, times; /* times 0: always */
	int error;
	bool is_short, has_room;
	uint64_t room;
	unsigned met, struck;
};

static struct {
	int backing, control;
	pthread_mutex_t lock; /* of what follows */
	struct rule rules[RULES];
	size_t count;
	uint64_t random;
} fs = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- rules ---- */

/* xorshift64*: the same seed strikes the same way for the same calls. */
static uint64_t draw(void)
{
	fs.random ^= fs.random >> 12;
	fs.random ^= fs.random << 25;
	fs.random ^= fs.random >> 27;
	return fs.random * UINT64_C(2685821657736338717);
}

static bool applies(const struct rule *r, const char *operation, const char *path)
{
	return (r->operation[0] == '*' || strcmp(r->operation, operation) == 0) && fnmatch(r->pattern, path, 0) == 0;
}

/* With the lock held: whether it strikes this time. */
static bool strikes(struct rule *r)
{
	if (r->met++ < r->after || (r->times && r->struck >= r->times) || (r->one_in > 1 && draw() % r->one_in != 0))
		return false;
	r->struck++;
	return true;
}

static void wait_ms(unsigned ms)
{
	struct timespec left = { ms / 1000, (long)(ms % 1000) * 1000000 };
	while (nanosleep(&left, &left) != 0 && errno == EINTR)
		;
}

/* What the rules do to one call: 0, or minus an errno; *len (may be NULL) is cut. */
static int suffer(const char *operation, const char *path, size_t *len)
{
	unsigned delay_ms = 0;
	int error = 0;
	path = path ? path + (*path == '/') : ""; /* a file that was unlinked while open has none */
	pthread_mutex_lock(&fs.lock);
	for (size_t i = 0; i < fs.count; i++) {
		struct rule *r = &fs.rules[i];
		if (!applies(r, operation, path) || !strikes(r))
			continue;
		delay_ms += r->delay_ms;
		error = r->error ? r->error : error;
		if (len && r->is_short && *len > 1)
			*len /= 2;
		if (len && r->has_room) {
			*len = *len < r->room ? *len : r->room;
			r->room -= *len;
			error = *len == 0 ? ENOSPC : error;
		}
	}
	pthread_mutex_unlock(&fs.lock);
	wait_ms(delay_ms);
	return -error;
}

static int error_named(const char *name)
{
	static const struct {
		const char *name;
		int error;
	} known[] = { { "EIO", EIO }, { "ENOSPC", ENOSPC }, { "EROFS", EROFS }, { "EACCES", EACCES } };
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (strcmp(name, known[i].name) == 0)
			return known[i].error;
	fprintf(stderr, "faultfs: no errno %s\n", name);
	return EIO;
}

static void read_option(struct rule *r, const char *word)
{
	const char *value = strchr(word, '=');
	unsigned long long n = value ? strtoull(value + 1, NULL, 10) : 0;
	if (strncmp(word, "delay=", 6) == 0)
		r->delay_ms = (unsigned)n;
	else if (strncmp(word, "errno=", 6) == 0)
		r->error = error_named(word + 6);
	else if (strncmp(word, "one-in=", 7) == 0)
		r->one_in = (unsigned)n;
	else if (strncmp(word, "after=", 6) == 0)
		r->after = (unsigned)n;
	else if (strncmp(word, "times=", 6) == 0)
		r->times = (unsigned)n;
	else if (strcmp(word, "short") == 0)
		r->is_short = true;
	else if (strncmp(word, "room=", 5) == 0)
		r->has_room = true, r->room = n;
	else
		fprintf(stderr, "faultfs: no option %s\n", word);
}

static void read_rule(char *line)
{
	char *rest = NULL, *operation = strtok_r(line, " ", &rest), *pattern = strtok_r(NULL, " ", &rest);
	if (!operation || !pattern || fs.count == RULES)
		return;
	struct rule *r = &fs.rules[fs.count++];
	*r = (struct rule){ 0 };
	snprintf(r->operation, sizeof r->operation, "%s", operation);
	snprintf(r->pattern, sizeof r->pattern, "%s", pattern);
	for (char *word; (word = strtok_r(NULL, " ", &rest));)
		read_option(r, word);
}

/* ---- the control socket ---- */

static void replace_rules(char *text, FILE *answer)
{
	char *rest = NULL;
	pthread_mutex_lock(&fs.lock);
	for (size_t i = 0; i < fs.count; i++)
		fprintf(answer, "%u\n", fs.rules[i].struck);
	fs.count = 0;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		read_rule(line);
	pthread_mutex_unlock(&fs.lock);
}

static void *serve_control(void *unused)
{
	(void)unused;
	for (;;) {
		char text[8192] = "";
		size_t got = 0;
		int client = accept(fs.control, NULL, NULL);
		if (client < 0)
			return NULL;
		for (ssize_t n; got < sizeof text - 1 && (n = read(client, text + got, sizeof text - 1 - got)) > 0;)
			got += (size_t)n;
		FILE *answer = fdopen(client, "w");
		replace_rules(text, answer);
		fclose(answer);
	}
}

static bool listen_on(const char *path)
{
	struct sockaddr_un here = { .sun_family = AF_UNIX };
	snprintf(here.sun_path, sizeof here.sun_path, "%s", path);
	fs.control = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return fs.control >= 0 && bind(fs.control, (struct sockaddr *)&here, sizeof here) == 0 && listen(fs.control, 4) == 0;
}

/* ---- the passage ---- */

static const char *below(const char *path)
{
	return path[1] ? path + 1 : ".";
}

static int done(int result)
{
	return result < 0 ? -errno : 0;
}

static int open_again(const char *path)
{
	return openat(fs.backing, below(path), O_RDONLY | O_CLOEXEC);
}

static int do_getattr(const char *path, struct stat *st, struct fuse_file_info *fi)
{
	return done(fi ? fstat((int)fi->fh, st) : fstatat(fs.backing, below(path), st, AT_SYMLINK_NOFOLLOW));
}

static int do_readdir(const char *path, void *buffer, fuse_fill_dir_t fill, off_t offset, struct fuse_file_info *fi,
		      enum fuse_readdir_flags flags)
{
	(void)offset;
	(void)fi;
	(void)flags;
	int fd = open_again(path);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (!dir)
		return -errno;
	for (const struct dirent *e; (e = readdir(dir));)
		fill(buffer, e->d_name, NULL, 0, 0);
	closedir(dir);
	return 0;
}

static bool is_mapped(const char *path)
{
	size_t len = strlen(path);
	return len > 4 && strcmp(path + len - 4, "-shm") == 0;
}

static int keep(const char *path, int fd, struct fuse_file_info *fi)
{
	if (fd < 0)
		return -errno;
	fi->fh = (uint64_t)fd;
	fi->direct_io = !is_mapped(path);
	return 0;
}

static int do_open(const char *path, struct fuse_file_info *fi)
{
	int error = suffer("open", path, NULL);
	return error ? error : keep(path, openat(fs.backing, below(path), fi->flags & ~O_NOFOLLOW), fi);
}

/* What is made belongs to whoever asked, not to us. */
static int give_away(const char *path)
{
	const struct fuse_context *c = fuse_get_context();
	return done(fchownat(fs.backing, below(path), c->uid, c->gid, AT_SYMLINK_NOFOLLOW));
}

static int do_create(const char *path, mode_t mode, struct fuse_file_info *fi)
{
	int error = suffer("create", path, NULL);
	if (!error)
		error = keep(path, openat(fs.backing, below(path), fi->flags | O_CREAT, mode), fi);
	return error ? error : give_away(path);
}

static int do_mkdir(const char *path, mode_t mode)
{
	int error = suffer("mkdir", path, NULL);
	if (!error)
		error = done(mkdirat(fs.backing, below(path), mode));
	return error ? error : give_away(path);
}

static int do_unlink(const char *path)
{
	int error = suffer("unlink", path, NULL);
	return error ? error : done(unlinkat(fs.backing, below(path), 0));
}

static int do_rmdir(const char *path)
{
	int error = suffer("unlink", path, NULL);
	return error ? error : done(unlinkat(fs.backing, below(path), AT_REMOVEDIR));
}

static int do_rename(const char *from, const char *to, unsigned flags)
{
	int error = suffer("rename", from, NULL);
	return error ? error : done(renameat2(fs.backing, below(from), fs.backing, below(to), flags));
}

static int do_link(const char *from, const char *to)
{
	int error = suffer("create", to, NULL);
	return error ? error : done(linkat(fs.backing, below(from), fs.backing, below(to), 0));
}

static int do_chmod(const char *path, mode_t mode, struct fuse_file_info *fi)
{
	return done(fi ? fchmod((int)fi->fh, mode) : fchmodat(fs.backing, below(path), mode, 0));
}

static int do_chown(const char *path, uid_t uid, gid_t gid, struct fuse_file_info *fi)
{
	return done(fi ? fchown((int)fi->fh, uid, gid) : fchownat(fs.backing, below(path), uid, gid, AT_SYMLINK_NOFOLLOW));
}

static int do_utimens(const char *path, const struct timespec times[2], struct fuse_file_info *fi)
{
	return done(fi ? futimens((int)fi->fh, times) : utimensat(fs.backing, below(path), times, AT_SYMLINK_NOFOLLOW));
}

static int do_truncate(const char *path, off_t size, struct fuse_file_info *fi)
{
	int error = suffer("truncate", path, NULL);
	if (error || fi)
		return error ? error : done(ftruncate((int)fi->fh, size));
	int fd = openat(fs.backing, below(path), O_WRONLY | O_CLOEXEC);
	error = fd < 0 ? -errno : done(ftruncate(fd, size));
	if (fd >= 0)
		close(fd);
	return error;
}

static int do_read(const char *path, char *buffer, size_t size, off_t offset, struct fuse_file_info *fi)
{
	int error = suffer("read", path, &size);
	ssize_t n = error ? 0 : pread((int)fi->fh, buffer, size, offset);
	return error ? error : n < 0 ? -errno : (int)n;
}

static int do_write(const char *path, const char *buffer, size_t size, off_t offset, struct fuse_file_info *fi)
{
	int error = suffer("write", path, &size);
	ssize_t n = error ? 0 : pwrite((int)fi->fh, buffer, size, offset);
	return error ? error : n < 0 ? -errno : (int)n;
}

static int do_fallocate(const char *path, int mode, off_t offset, off_t length, struct fuse_file_info *fi)
{
	size_t size = (size_t)length;
	int error = suffer("write", path, &size);
	return error ? error : size < (size_t)length ? -ENOSPC : done(fallocate((int)fi->fh, mode, offset, length));
}

/* Nothing of a test need survive a power cut: the delay and the error are what it is about. */
static int do_fsync(const char *path, int data_only, struct fuse_file_info *fi)
{
	(void)data_only;
	(void)fi;
	return suffer("fsync", path, NULL);
}

static int do_fsyncdir(const char *path, int data_only, struct fuse_file_info *fi)
{
	(void)data_only;
	(void)fi;
	return suffer("fsyncdir", path, NULL);
}

static int do_release(const char *path, struct fuse_file_info *fi)
{
	(void)path;
	return done(close((int)fi->fh));
}

static void tell_room(struct statvfs *st)
{
	pthread_mutex_lock(&fs.lock);
	for (size_t i = 0; i < fs.count; i++)
		if (fs.rules[i].has_room)
			st->f_bavail = st->f_bfree = (fsblkcnt_t)(fs.rules[i].room / st->f_frsize);
	pthread_mutex_unlock(&fs.lock);
}

static int do_statfs(const char *path, struct statvfs *st)
{
	int error = suffer("statfs", path, NULL);
	if (error || fstatvfs(fs.backing, st) != 0)
		return error ? error : -errno;
	tell_room(st);
	return 0;
}

static void *do_init(struct fuse_conn_info *connection, struct fuse_config *config)
{
	(void)connection;
	config->hard_remove = 1;
	config->entry_timeout = config->attr_timeout = config->negative_timeout = 0; /* tests spoil files behind our back */
	pthread_t thread;
	if (pthread_create(&thread, NULL, serve_control, NULL) != 0)
		exit(1);
	puts("ready");
	fflush(stdout);
	return NULL;
}

static const struct fuse_operations operations = {
	.init = do_init, .getattr = do_getattr, .readdir = do_readdir, .open = do_open, .create = do_create,
	.mkdir = do_mkdir, .unlink = do_unlink, .rmdir = do_rmdir, .rename = do_rename, .link = do_link, .chmod = do_chmod,
	.chown = do_chown, .utimens = do_utimens, .truncate = do_truncate, .read = do_read, .write = do_write,
	.fallocate = do_fallocate, .fsync = do_fsync, .fsyncdir = do_fsyncdir, .release = do_release, .statfs = do_statfs,
};

int main(int argc, char **argv)
{
	if (argc < 4) {
		fputs("usage: faultfs BACKING MOUNTPOINT SOCKET [SEED]\n", stderr);
		return 2;
	}
	fs.random = (argc > 4 ? strtoull(argv[4], NULL, 10) : 0) * 2 + 1;
	fs.backing = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fs.backing < 0 || !listen_on(argv[3])) {
		perror("faultfs");
		return 1;
	}
	umask(0);
	char options[] = "allow_other,default_permissions,fsname=faultfs,max_threads=64";
	char *const mount[] = { argv[0], argv[2], (char *)"-f", (char *)"-o", options, NULL };
	return fuse_main(5, (char **)mount, &operations, NULL);
}
