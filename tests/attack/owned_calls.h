/*
 * The system calls an attacker would try from inside a capture, and what each must answer.
 */
#pragma once

#include <stddef.h>

/* Descriptors as they lie in the owned capture when the calls begin. */
enum { OWNED_CONTROL = 3, OWNED_SEGMENT = 4, OWNED_CLOSED_SEGMENT = 5, OWNED_GATE = 6 };

struct owned_call {
	const char *name;
	long (*attempt)(void);
	int expected; /* errno; 0: must work */
};

extern const struct owned_call owned_calls[];
extern const size_t owned_call_count;
