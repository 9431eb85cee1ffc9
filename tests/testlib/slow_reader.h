/*
 * A client that reads slowly: a raw TCP connection with a small window, in the same process as the server it reads
 * from, whose main loop (the default context) is run meanwhile.
 */
#pragma once

#include <glib.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Asks for a path with this bearer token and "Range: bytes=0-", and reads the first bytes of a 206; the socket. Fails
 * the test when the transfer does not go on by itself afterwards. */
int slow_reader_begin(unsigned port, const char *path, const char *token);
/* Runs the server until the connection was reset, or for so many microseconds. */
bool slow_reader_reset_within(int fd, int64_t us);
/* Reads what had come before the reset, which must be the end; how much. Closes the socket. */
size_t slow_reader_drain(int fd);
