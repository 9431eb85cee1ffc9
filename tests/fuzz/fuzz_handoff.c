/*
 * Messages between the launcher and its children, over a real socket pair: the first byte is how many descriptors come
 * along, the rest the datagram. The launcher reads these of processes that parse strangers' bytes: it must keep no
 * descriptor that it was not handed, and no text that is not whole.
 */
#include "fuzz.h"

#include "descriptors.h"

#include <aparte/handoff.h>
#include <string.h>

/* Sent again by us it is the same message. */
static void check_again(const struct link *l, const struct ap_handoff *m)
{
	struct ap_handoff again = { .fd = -2 };
	g_assert_true(ap_ok(ap_handoff_send(l->ends[0], m->type, m->text, m->fd)));
	g_assert_true(ap_ok(ap_handoff_receive(l->ends[1], 0, &again)));
	g_assert_true(again.type == m->type && (again.fd >= 0) == (m->fd >= 0));
	g_assert_cmpstr(again.text, ==, m->text);
	if (again.fd >= 0)
		close(again.fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ap_handoff m;
	const struct link *l = the_link();
	if (size < 2 || size > 8192)
		return 0;
	unsigned fds = data[0] % (MOST_FDS + 1);
	int before = lowest_free(l);
	m.fd = -2;
	send_raw(l, data + 1, size - 1, fds);
	struct ap_result r = ap_handoff_receive(l->ends[1], 0, &m);
	if (ap_ok(r)) {
		g_assert_true((fds == 1) == (m.fd >= 0) && fds <= 1);
		g_assert_true((uint8_t)m.type == data[1] && strlen(m.text) == size - 2);
		g_assert_true(memcmp(m.text, data + 2, size - 2) == 0);
		check_again(l, &m);
		if (m.fd >= 0)
			close(m.fd);
	} else {
		g_assert_cmpstr(r.name, ==, "handoff-message");
	}
	g_assert_true(lowest_free(l) == before);
	return 0;
}
