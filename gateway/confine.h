/*
 * The gateway's confinement: after this no path can be opened, whoever we run as, so the recordings and the keys are
 * out of reach even for root; no program can be executed and no privilege gained. Called while the process has one
 * thread and before its first untrusted byte.
 */
#pragma once

#include <aparte/err.h>

/* "sandbox" when this kernel cannot do it: the gateway then refuses to start. */
struct ap_result ap_confine(void);
