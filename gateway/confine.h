/*
 * The gateway's confinement: after this no path can be opened, whoever we run as, so the recordings and the keys are
 * out of reach even for root; no program can be executed and no privilege gained. Called while the process has one
 * thread and before its first untrusted byte.
 */
#pragma once

#include "gateway/srtp.h"

#include <aparte/err.h>

/* "sandbox" when this kernel cannot do it: the gateway then refuses to start. *ret_held must live as long as any SRTP
 * is used: it keeps libraries loaded that could not be loaded again. */
struct ap_result ap_confine(struct ap_srtp **ret_held);
