/*
 * Messages between vault, zygote and captures, over a real socket pair: the first byte is how many descriptors come
 * along, the rest the datagram. What is taken is written again as the same bytes; no descriptor is ever left open.
 */
#include "fuzz.h"

#include "descriptors.h"

#include <aparte/capture.h>
#include <string.h>

static void check_again(const struct link *l, const struct ap_capture_message *m, const uint8_t *bytes, size_t len)
{
	uint8_t again[AP_CAPTURE_MESSAGE + 1];
	g_assert_true(ap_ok(ap_capture_send(l->ends[0], m, false)));
	ssize_t n = recv(l->ends[1], again, sizeof again, 0); /* drops the descriptor it brought */
	g_assert_true(n == (ssize_t)len && memcmp(again, bytes, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ap_capture_message m = { .fd = -2 };
	const struct link *l = the_link();
	if (size < 2 || size > 4096)
		return 0;
	unsigned fds = data[0] % (MOST_FDS + 1);
	int before = lowest_free(l);
	send_raw(l, data + 1, size - 1, fds);
	struct ap_result r = ap_capture_receive(l->ends[1], false, &m);
	if (ap_ok(r)) {
		g_assert_true(fds == (m.fd >= 0 ? 1 : 0) && m.type < AP_CAPTURE_TYPES && size - 1 <= AP_CAPTURE_MESSAGE);
		check_again(l, &m, data + 1, size - 1);
	} else {
		g_assert_cmpstr(r.name, ==, "capture-message");
		g_assert_true(m.fd == -2);
	}
	if (ap_ok(r) && m.fd >= 0)
		close(m.fd);
	g_assert_true(lowest_free(l) == before);
	return 0;
}
