/*
 * Starts the real aparte-capture as the launcher would, for tests.
 */
#pragma once

#include <sys/types.h>

struct test_zygote {
	pid_t pid;
	int control; /* the launcher's end */
	int link;    /* the vault's end; the taker closes it */
};

/* Path of the executable from AP_CAPTURE_BIN. Fails the test when it does not come up. */
struct test_zygote test_zygote_start(void);
/* STOP; returns its exit status as waitpid's. */
int test_zygote_stop(struct test_zygote *z);
