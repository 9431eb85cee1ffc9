/*
 * Bounded reading and writing of bytes from outside, network byte order unless the name says otherwise.
 *
 * Both have a sticky `bad` flag: after the first read or write that does not fit, reads give zeroes, writes
 * do nothing, and the flag stays up, so that a parser checks once at its end. No pointer arithmetic on
 * foreign bytes happens anywhere else in the project.
 *
 * Ownership: both borrow the memory they are given. Threads: one at a time per object.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ap_reader {
	const uint8_t *data; /* borrowed */
	size_t len;	     /* bytes in data */
	size_t off;	     /* next byte to read, <= len */
	bool bad;
};

struct ap_writer {
	uint8_t *data; /* borrowed */
	size_t cap;
	size_t len; /* bytes written, <= cap */
	bool bad;
};

struct ap_reader ap_reader_over(const void *data, size_t len);
size_t ap_reader_left(const struct ap_reader *r);
uint8_t ap_read_u8(struct ap_reader *r);
uint16_t ap_read_u16(struct ap_reader *r);
uint32_t ap_read_u24(struct ap_reader *r);
uint32_t ap_read_u32(struct ap_reader *r);
uint64_t ap_read_u64(struct ap_reader *r);
/* Copies n bytes to ret_dst; on shortage zeroes it and raises `bad`. */
void ap_read_bytes(struct ap_reader *r, void *ret_dst, size_t n);
/* Borrows n bytes in place; NULL on shortage (also raises `bad`). */
const uint8_t *ap_read_span(struct ap_reader *r, size_t n);
void ap_read_skip(struct ap_reader *r, size_t n);
/* A reader over the next n bytes, which are consumed here. Empty and bad on shortage. */
struct ap_reader ap_read_sub(struct ap_reader *r, size_t n);

struct ap_writer ap_writer_over(void *data, size_t cap);
void ap_write_u8(struct ap_writer *w, uint8_t v);
void ap_write_u16(struct ap_writer *w, uint16_t v);
void ap_write_u24(struct ap_writer *w, uint32_t v);
void ap_write_u32(struct ap_writer *w, uint32_t v);
void ap_write_u64(struct ap_writer *w, uint64_t v);
void ap_write_bytes(struct ap_writer *w, const void *src, size_t n);
/* ASCII label without its terminator. */
void ap_write_label(struct ap_writer *w, const char *label);
void ap_write_zero(struct ap_writer *w, size_t n);
/* Overwrites two bytes already written, at `off`; raises `bad` when they were not. */
void ap_write_u16_at(struct ap_writer *w, size_t off, uint16_t v);

/* memcpy with both sizes named: copies n bytes when they fit in cap, else nothing. Returns whether it did. */
bool ap_copy(void *dst, size_t cap, const void *src, size_t n);
