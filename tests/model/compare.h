/*
 * Is what the vault did what the model says? The first difference, in words.
 */
#pragma once

#include "tests/model/reference.h"
#include "tests/model/subject.h"

/* After one event. NULL when all is right; else what is not, g_free. Reads the log's new leaves. */
char *compare(struct subject *s, const struct reference *r, const struct expected *x, const struct event *e);
