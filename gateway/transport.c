#include "gateway/transport.h"

#include "gateway/call.h"

#include <string.h>

struct ap_leg *ap_transport_leg(const struct ap_worker *w, const struct ap_path *path)
{
	return path->tcp ? ap_tcp_leg(path->tcp) : ap_path_table_find(w->paths, path);
}

/* Refusals serve who looks for a fault, not who sends thousands of them. */
static const struct ap_budget_rule REFUSALS = {.each_ns = 1000000000 / 100, .at_once_ns = 1000000000};

static void answer(struct ap_worker *w, const struct ap_path *path)
{
	if (w->check.len == 0)
		return;
	if (!w->check.valid) {
		if (!ap_budget_left(&w->refusals, &REFUSALS, w->now_ns))
			return;
		ap_budget_spend(&w->refusals, &REFUSALS, w->now_ns);
	}
	if (path->tcp) {
		ap_count(&w->counters, ap_tcp_send(path->tcp, w->check.answer, w->check.len) ? AP_COUNT_PACKETS_OUT
											     : AP_COUNT_DROP_SEND);
		return;
	}
	ap_net_queue(w->net, path, w->check.answer, w->check.len);
	ap_net_flush(w->net);
}

static const struct ap_leg_credentials *credentials(const struct ap_leg *leg, const struct ap_ice_username *username)
{
	const struct ap_leg_credentials *c = strcmp(leg->now.ufrag, username->local) == 0 ? &leg->now : &leg->before;
	bool same = username->remote_len == strlen(c->remote_ufrag) &&
		    memcmp(username->remote, c->remote_ufrag, username->remote_len) == 0;
	return same ? c : NULL;
}

/* A pair was nominated with the new credentials of a restart: the old ones are void (RFC 8445 §9). */
static void retire_old(struct ap_leg *leg)
{
	if (leg->before.ufrag[0])
		g_hash_table_remove(leg->worker->ufrags, leg->before.ufrag);
	leg->before = (struct ap_leg_credentials){0};
}

void ap_transport_stun(struct ap_worker *w, const struct ap_packet *packet)
{
	struct ap_ice_username username;
	struct ap_leg *leg = NULL;
	const struct ap_leg_credentials *c = NULL;
	if (ap_ice_read_username(packet->data, packet->len, &username))
		leg = g_hash_table_lookup(w->ufrags, username.local);
	if (leg)
		c = credentials(leg, &username);
	if (!c || (packet->path.tcp && ap_tcp_leg(packet->path.tcp) && ap_tcp_leg(packet->path.tcp) != leg)) {
		ap_count(&w->counters, AP_COUNT_STUN_UNKNOWN);
		return;
	}
	struct sockaddr_storage from;
	ap_path_remote(&packet->path, &from);
	ap_ice_answer(w->ice, packet->data, packet->len, c->pwd, &from, ap_path_remote_len(&packet->path), &w->check);
	ap_count(&w->counters, w->check.valid ? AP_COUNT_STUN_VALID : AP_COUNT_STUN_REFUSED);
	if (w->check.valid)
		ap_leg_checked(leg, &packet->path, &w->check);
	answer(w, &packet->path);
	if (w->check.nominated && c == &leg->now)
		retire_old(leg);
}

static void send_flight(void *ctx, const uint8_t *data, size_t len)
{
	ap_leg_send(ctx, data, len);
}

/* Handshakes cost the most of all we do for a client: only so many at once. What is dropped comes again. */
static bool begin_handshake(struct ap_worker *w, struct ap_leg *leg)
{
	if (w->handshakes >= w->max_handshakes) {
		ap_count(&w->counters, AP_COUNT_DTLS_CAPPED);
		return false;
	}
	if (!ap_ok(ap_dtls_new(w->identity, leg->fingerprint, send_flight, leg, &leg->dtls)))
		return false;
	w->handshakes++;
	leg->shaking_since_ns = w->now_ns;
	ap_count(&w->counters, AP_COUNT_DTLS_STARTED);
	return true;
}

void ap_transport_dtls(struct ap_worker *w, const struct ap_packet *packet)
{
	struct ap_leg *leg = ap_transport_leg(w, &packet->path);
	if (!leg) {
		ap_count(&w->counters, AP_COUNT_DROP_UNKNOWN);
		return;
	}
	if (!leg->dtls && !begin_handshake(w, leg))
		return;
	struct ap_call *call = leg->call;
	switch (ap_dtls_receive(leg->dtls, packet->data, packet->len)) {
	case AP_DTLS_HANDSHAKING:
		return;
	case AP_DTLS_ESTABLISHED:
		if (!leg->inward)
			ap_leg_established(leg);
		break;
	case AP_DTLS_FAILED:
		ap_count(&w->counters, AP_COUNT_DTLS_FAILED);
		ap_leg_fail(leg);
		break;
	case AP_DTLS_CLOSED: /* the client hung up */
		ap_leg_fail(leg);
		break;
	}
	ap_call_sweep(w, call);
}
