/* The model's parts: reference.c (the gate and the world around it), reference_statement.c (what persons decide). */
#pragma once

#include "tests/model/reference.h"

#define RECORDING 0 /* index of `recording` among the purposes */

/* A leaf, or one that is owed while nothing can be written. */
void reference_push(struct reference *r, struct expected *x, const char *text);
/* `dropped`: its recording goes with it. */
void reference_close(struct reference *r, struct expected *x, bool dropped);
/* False when the event is none. */
bool reference_statement(struct reference *r, const struct event *e, int64_t said_ms, int64_t now_ms, struct expected *x);
