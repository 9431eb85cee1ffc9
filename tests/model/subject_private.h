/* The subject's parts: subject.c (what persons and machine do), subject_vault.c (the vault's life, and its faked gateway). */
#pragma once

#include "tests/model/subject.h"

/* The vault under test, opened over what lies on disk, and closed as by a kill. */
void subject_start(struct subject *s);
void subject_stop(struct subject *s);

/* Runs what is pending on the main context. */
void subject_run(void);
/* The gateway says what became of its descriptor, unless it is silent. */
void subject_gateway_answers(struct subject *s);
bool subject_leads(int fd);
