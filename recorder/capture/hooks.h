/*
 * Test builds only: what a captured capture would try. The sandbox test asks a running capture to do it.
 */
#pragma once

#include <aparte/capture.h>

/* errno of the attempt; 0 when it was allowed. */
uint32_t ap_hook_try(enum ap_capture_hook what);
