#include "tests/attack/owned.h"

#include <aparte/capture.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* The attack gives up here: a product without bounds shall fail a test, not take the machine down. */
#define MAX_MIB 4096
#define MAX_THREADS 2000
#define MAX_DESCRIPTORS 20000
#define MAX_FILE_MIB 512

static uint64_t take_memory(void)
{
	uint64_t mib = 0;
	while (mib < MAX_MIB && mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
		mib++; /* not touched: the promise of it is what is bounded */
	return mib;
}

static void *wait_for_ever(void *data)
{
	(void)data;
	while (sleep(1000) == 0)
		;
	return NULL;
}

static uint64_t take_threads(void)
{
	uint64_t count = 0;
	pthread_attr_t small;
	pthread_t thread;
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 16384 * 2);
	while (count < MAX_THREADS && pthread_create(&thread, &small, wait_for_ever, NULL) == 0)
		count++;
	return count;
}

static uint64_t take_descriptors(int socket)
{
	uint64_t count = 0;
	while (count < MAX_DESCRIPTORS && dup(socket) >= 0)
		count++;
	return count;
}

static uint64_t fill_file(int fd)
{
	static char block[1 << 20];
	uint64_t mib = 0;
	signal(SIGXFSZ, SIG_IGN);
	while (mib < MAX_FILE_MIB && write(fd, block, sizeof block) == (ssize_t)sizeof block)
		mib++;
	return mib;
}

int owned_exhaust(int socket)
{
	struct ap_capture_message m;
	for (int i = 0; i < 2; i++) /* START, SEGMENT */
		if (!ap_ok(ap_capture_receive(socket, true, &m)))
			return 1;
	struct owned_loot loot = { .file_mib = fill_file(m.fd) };
	loot.threads = take_threads();
	loot.descriptors = take_descriptors(socket);
	loot.memory_mib = take_memory();
	send(socket, &loot, sizeof loot, MSG_NOSIGNAL);
	for (;;)
		sleep(1000); /* and keeps it */
}
