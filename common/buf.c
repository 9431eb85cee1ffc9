#include <aparte/buf.h>

#include <string.h>

struct ap_reader ap_reader_over(const void *data, size_t len)
{
	return (struct ap_reader){ .data = data, .len = data ? len : 0, .off = 0, .bad = false };
}

size_t ap_reader_left(const struct ap_reader *r)
{
	return r->len - r->off;
}

const uint8_t *ap_read_span(struct ap_reader *r, size_t n)
{
	if (r->bad || n > r->len - r->off) {
		r->bad = true;
		r->off = r->len;
		return NULL;
	}
	const uint8_t *at = r->data + r->off;
	r->off += n;
	return at;
}

/* n <= 8 bytes, big endian; 0 on shortage. */
static uint64_t read_be(struct ap_reader *r, size_t n)
{
	const uint8_t *at = ap_read_span(r, n);
	uint64_t v = 0;
	for (size_t i = 0; at && i < n; i++)
		v = v << 8 | at[i];
	return v;
}

uint8_t ap_read_u8(struct ap_reader *r)
{
	return (uint8_t)read_be(r, 1);
}

uint16_t ap_read_u16(struct ap_reader *r)
{
	return (uint16_t)read_be(r, 2);
}

uint32_t ap_read_u24(struct ap_reader *r)
{
	return (uint32_t)read_be(r, 3);
}

uint32_t ap_read_u32(struct ap_reader *r)
{
	return (uint32_t)read_be(r, 4);
}

uint64_t ap_read_u64(struct ap_reader *r)
{
	return read_be(r, 8);
}

void ap_read_bytes(struct ap_reader *r, void *ret_dst, size_t n)
{
	const uint8_t *at = ap_read_span(r, n);
	if (at)
		memcpy(ret_dst, at, n);
	else
		memset(ret_dst, 0, n);
}

void ap_read_skip(struct ap_reader *r, size_t n)
{
	(void)ap_read_span(r, n);
}

struct ap_reader ap_read_sub(struct ap_reader *r, size_t n)
{
	const uint8_t *at = ap_read_span(r, n);
	struct ap_reader sub = ap_reader_over(at, n);
	sub.bad = !at && n > 0;
	return sub;
}

struct ap_writer ap_writer_over(void *data, size_t cap)
{
	return (struct ap_writer){ .data = data, .cap = cap, .len = 0, .bad = false };
}

static uint8_t *claim(struct ap_writer *w, size_t n)
{
	if (w->bad || n > w->cap - w->len) {
		w->bad = true;
		return NULL;
	}
	uint8_t *at = w->data + w->len;
	w->len += n;
	return at;
}

static void write_be(struct ap_writer *w, uint64_t v, size_t n)
{
	uint8_t *at = claim(w, n);
	for (size_t i = 0; at && i < n; i++)
		at[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

void ap_write_u8(struct ap_writer *w, uint8_t v)
{
	write_be(w, v, 1);
}

void ap_write_u16(struct ap_writer *w, uint16_t v)
{
	write_be(w, v, 2);
}

void ap_write_u24(struct ap_writer *w, uint32_t v)
{
	write_be(w, v, 3);
}

void ap_write_u32(struct ap_writer *w, uint32_t v)
{
	write_be(w, v, 4);
}

void ap_write_u64(struct ap_writer *w, uint64_t v)
{
	write_be(w, v, 8);
}

void ap_write_bytes(struct ap_writer *w, const void *src, size_t n)
{
	uint8_t *at = claim(w, n);
	if (at && n > 0)
		memcpy(at, src, n);
}

void ap_write_label(struct ap_writer *w, const char *label)
{
	ap_write_bytes(w, label, strlen(label));
}

void ap_write_zero(struct ap_writer *w, size_t n)
{
	uint8_t *at = claim(w, n);
	if (at)
		memset(at, 0, n);
}

void ap_write_u16_at(struct ap_writer *w, size_t off, uint16_t v)
{
	if (w->bad || off > w->len || w->len - off < 2) {
		w->bad = true;
		return;
	}
	w->data[off] = (uint8_t)(v >> 8);
	w->data[off + 1] = (uint8_t)v;
}

bool ap_copy(void *dst, size_t cap, const void *src, size_t n)
{
	if (n > cap)
		return false;
	if (n > 0)
		memcpy(dst, src, n);
	return true;
}
