/*
 * What every fuzz target defines: one call per input; it returns 0 and must not crash, leak or trip an assertion.
 * libFuzzer calls it, or replay.c with the seeds in builds without clang.
 */
#pragma once

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
