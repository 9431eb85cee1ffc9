#include "gateway/call.h"

#include "gateway/media_queue.h"
#include "gateway/rtcp.h"

#include <aparte/secret.h>
#include <string.h>

enum { NS_PER_MS = 1000000 };
enum { OPENING_KEYFRAMES = 3 };
static const int64_t KEYFRAME_EVERY_NS = 300ll * NS_PER_MS; /* browsers give no more than that */
static const int64_t TAP_KEYFRAME_EVERY_NS = 2000ll * NS_PER_MS;
static const int64_t CONNECTED_NS = (int64_t)AP_CONNECTED_MS * NS_PER_MS;
static const int64_t SILENT_NS = 1000ll * NS_PER_MS;
static const int64_t SHAKE_LIMIT_NS = 30000ll * NS_PER_MS;
static const int64_t SHAKE_CROWDED_NS = 3000ll * NS_PER_MS; /* when others wait for their turn */

struct ap_call *ap_call_find(struct ap_worker *w, const struct ap_uuid *session)
{
	return g_hash_table_lookup(w->calls, session);
}

struct ap_call *ap_call_get(struct ap_worker *w, const struct ap_uuid *session)
{
	struct ap_call *call = ap_call_find(w, session);
	if (call)
		return call;
	call = g_new0(struct ap_call, 1);
	call->session = *session;
	g_hash_table_insert(w->calls, &call->session, call);
	return call;
}

void ap_call_sweep(struct ap_worker *w, struct ap_call *call)
{
	if (!call->legs[0] && !call->legs[1] && !call->tap)
		g_hash_table_remove(w->calls, &call->session);
}

void ap_call_free(void *call)
{
	struct ap_call *c = call;
	for (int side = 0; side < 2; side++)
		if (c->legs[side])
			ap_leg_end(c->legs[side]);
	ap_tap_free(c->tap);
	g_free(c->repairs);
	g_free(c);
}

void ap_call_close_tap(struct ap_call *call, uint64_t *ret_packets, uint64_t *ret_dropped)
{
	*ret_packets = call->tap ? ap_tap_packets(call->tap) : 0;
	*ret_dropped = call->tap ? ap_tap_dropped(call->tap) : 0;
	ap_tap_free(g_steal_pointer(&call->tap));
	g_clear_pointer(&call->repairs, g_free);
}

static void set_credentials(struct ap_leg_credentials *c, const struct ap_leg_desc *desc)
{
	g_strlcpy(c->ufrag, desc->local_ufrag, sizeof c->ufrag);
	g_strlcpy(c->pwd, desc->local_pwd, sizeof c->pwd);
	g_strlcpy(c->remote_ufrag, desc->remote_ufrag, sizeof c->remote_ufrag);
}

/* The table borrows its keys from the legs. */
static void list_ufrag(struct ap_leg *leg, const struct ap_leg_credentials *c)
{
	g_hash_table_replace(leg->worker->ufrags, (void *)c->ufrag, leg);
}

static void unlist_ufrag(struct ap_leg *leg, struct ap_leg_credentials *c)
{
	if (c->ufrag[0] && g_hash_table_lookup(leg->worker->ufrags, c->ufrag) == leg)
		g_hash_table_remove(leg->worker->ufrags, c->ufrag);
	ap_wipe(c, sizeof *c);
}

void ap_leg_list_source(struct ap_leg *leg, enum ap_line line, bool rtx, uint32_t ssrc)
{
	GHashTable *sources = leg->worker->sources;
	uint32_t *listed = &leg->listed[line][rtx];
	if (*listed && g_hash_table_lookup(sources, GUINT_TO_POINTER(*listed)) == leg)
		g_hash_table_remove(sources, GUINT_TO_POINTER(*listed));
	if (ssrc)
		g_hash_table_replace(sources, GUINT_TO_POINTER(ssrc), leg);
	*listed = ssrc;
}

static void unlist_sources(struct ap_leg *leg)
{
	for (int i = 0; i < AP_LINES; i++) {
		ap_leg_list_source(leg, (enum ap_line)i, false, 0);
		ap_leg_list_source(leg, (enum ap_line)i, true, 0);
	}
}

/* The streams of this sender go on with another source. */
static void unbind_streams(struct ap_call *call, unsigned side)
{
	for (int i = 0; i < AP_LINES; i++) {
		ap_stream_unbind(&call->streams[side][i]);
		if (call->repairs)
			ap_repair_restart(&call->repairs[side][i]);
	}
	ap_seqmap_unbind(&call->twcc[side]);
}

struct ap_leg *ap_leg_put(struct ap_worker *w, const struct ap_leg_desc *desc)
{
	struct ap_call *call = ap_call_get(w, &desc->session);
	unsigned side = ap_side(desc->role);
	if (call->legs[side])
		ap_leg_end(call->legs[side]);
	struct ap_leg *leg = g_new0(struct ap_leg, 1);
	leg->worker = w;
	leg->call = call;
	leg->role = desc->role;
	leg->id = desc->id;
	leg->selected = -1;
	leg->heard_ns = w->now_ns;
	for (int i = 0; i < AP_LINES; i++)
		leg->lines[i] = desc->lines[i];
	ap_copy(leg->fingerprint, sizeof leg->fingerprint, desc->fingerprint, sizeof desc->fingerprint);
	ap_sources_init(&leg->sources, leg->lines);
	for (int i = 0; i < AP_LINES; i++) {
		ap_leg_list_source(leg, (enum ap_line)i, false, leg->lines[i].remote_ssrc);
		ap_leg_list_source(leg, (enum ap_line)i, true, leg->lines[i].remote_rtx_ssrc);
	}
	set_credentials(&leg->now, desc);
	list_ufrag(leg, &leg->now);
	unbind_streams(call, side);
	call->legs[side] = leg;
	return leg;
}

void ap_leg_restart(struct ap_leg *leg, const struct ap_leg_desc *desc)
{
	unlist_ufrag(leg, &leg->before);
	g_hash_table_remove(leg->worker->ufrags, leg->now.ufrag);
	leg->before = leg->now;
	list_ufrag(leg, &leg->before);
	set_credentials(&leg->now, desc);
	list_ufrag(leg, &leg->now);
	leg->id = desc->id;
}

static void end_handshake(struct ap_leg *leg)
{
	leg->worker->handshakes -= leg->shaking_since_ns != 0;
	leg->shaking_since_ns = 0;
}

static void forget_path(struct ap_leg *leg, size_t i)
{
	const struct ap_path *path = &leg->paths[i].path;
	if (path->tcp)
		ap_tcp_close(path->tcp);
	else
		ap_path_table_remove(leg->worker->paths, path);
}

void ap_leg_end(struct ap_leg *leg)
{
	if (leg->dtls)
		ap_dtls_close(leg->dtls);
	end_handshake(leg);
	for (size_t i = 0; i < leg->path_count; i++)
		forget_path(leg, i);
	unlist_ufrag(leg, &leg->now);
	unlist_ufrag(leg, &leg->before);
	unlist_sources(leg);
	leg->call->legs[ap_side(leg->role)] = NULL;
	ap_dtls_free(leg->dtls);
	ap_srtp_free(leg->inward);
	ap_srtp_free(leg->outward);
	g_free(leg);
}

static void report(struct ap_leg *leg, enum ap_leg_event event)
{
	ap_outbox_push(leg->worker->outbox, &(struct ap_report){.type = AP_REPORT_LEG,
								.session = leg->call->session,
								.role = leg->role,
								.leg_id = leg->id,
								.event = event});
}

void ap_leg_fail(struct ap_leg *leg)
{
	report(leg, AP_LEG_FAILED);
	ap_leg_end(leg);
}

void ap_leg_send(struct ap_leg *leg, const uint8_t *data, size_t len)
{
	if (leg->selected < 0)
		return;
	const struct ap_path *path = &leg->paths[leg->selected].path;
	struct ap_worker *w = leg->worker;
	if (path->tcp) {
		ap_count(&w->counters, ap_tcp_send(path->tcp, data, len) ? AP_COUNT_PACKETS_OUT : AP_COUNT_DROP_SEND);
		return;
	}
	ap_net_queue(w->net, path, data, len);
	ap_net_flush(w->net);
}

static int find_path(const struct ap_leg *leg, const struct ap_path *path)
{
	for (size_t i = 0; i < leg->path_count; i++)
		if (ap_path_equal(&leg->paths[i].path, path))
			return (int)i;
	return -1;
}

static void drop_path_at(struct ap_leg *leg, size_t i)
{
	size_t last = --leg->path_count;
	leg->paths[i] = leg->paths[last];
	if (leg->selected == (int)i)
		leg->selected = -1;
	else if (leg->selected == (int)last)
		leg->selected = (int)i;
}

void ap_leg_lose_path(struct ap_leg *leg, const struct ap_path *path)
{
	int i = find_path(leg, path);
	if (i >= 0)
		drop_path_at(leg, (size_t)i);
}

/* The place of the path that was silent longest, other than the selected one. */
static size_t stalest_path(const struct ap_leg *leg)
{
	size_t stalest = leg->selected == 0 ? 1 : 0;
	for (size_t i = 0; i < leg->path_count; i++)
		if ((int)i != leg->selected && leg->paths[i].heard_ns < leg->paths[stalest].heard_ns)
			stalest = i;
	return stalest;
}

static int add_path(struct ap_leg *leg, const struct ap_path *path)
{
	if (leg->path_count == AP_LEG_PATHS) {
		size_t stalest = stalest_path(leg);
		forget_path(leg, stalest);
		drop_path_at(leg, stalest);
	}
	if (path->tcp) {
		ap_tcp_set_leg(path->tcp, leg);
	} else {
		struct ap_leg *other = ap_path_table_put(leg->worker->paths, path, leg);
		if (other && other != leg)
			ap_leg_lose_path(other, path);
	}
	leg->paths[leg->path_count] = (struct ap_leg_path){.path = *path};
	return (int)leg->path_count++;
}

/* Every nomination counts, but one of lower priority (a client that nominates all its pairs) only once the selected
 * path has gone silent. Then any valid check counts: those for liveness, which tell of a new address after a NAT forgot
 * the old one, nominate nothing (RFC 7675 §5.1). Before any nomination the first checked path serves. */
static bool better(const struct ap_leg *leg, int i, const struct ap_ice_check *check)
{
	if (leg->selected < 0)
		return true;
	const struct ap_leg_path *selected = &leg->paths[leg->selected];
	bool silent = leg->worker->now_ns - selected->heard_ns > SILENT_NS;
	if (!check->nominated || i == leg->selected)
		return silent && i != leg->selected;
	return !leg->nominated || check->priority >= selected->priority || silent;
}

void ap_leg_checked(struct ap_leg *leg, const struct ap_path *path, const struct ap_ice_check *check)
{
	int i = find_path(leg, path);
	if (i < 0)
		i = add_path(leg, path);
	leg->paths[i].priority = check->priority;
	if (better(leg, i, check))
		leg->selected = i;
	leg->nominated |= check->nominated;
	ap_leg_heard(leg, path);
}

void ap_leg_heard(struct ap_leg *leg, const struct ap_path *path)
{
	leg->heard_ns = leg->worker->now_ns;
	int i = leg->selected;
	if (i < 0 || !ap_path_equal(&leg->paths[i].path, path))
		i = find_path(leg, path);
	if (i >= 0)
		leg->paths[i].heard_ns = leg->heard_ns;
}

static bool make_srtp(struct ap_leg *leg)
{
	struct ap_dtls_keys keys;
	if (!ap_ok(ap_dtls_export(leg->dtls, &keys)))
		return false;
	bool made = ap_ok(ap_srtp_new(keys.profile, AP_SRTP_INWARD, keys.inward, &leg->inward)) &&
		    ap_ok(ap_srtp_new(keys.profile, AP_SRTP_OUTWARD, keys.outward, &leg->outward));
	ap_wipe(&keys, sizeof keys);
	return made;
}

static bool sends_video(const struct ap_leg *leg, int line)
{
	return line != AP_LINE_AUDIO && leg->lines[line].present && leg->lines[line].from_client;
}

static void ask_keyframe(struct ap_leg *leg, int line)
{
	struct ap_keyframe *k = &leg->keyframes[line];
	uint32_t ssrc = leg->sources.of[line].ssrc;
	_Alignas(8) uint8_t bytes[AP_RTCP_PLI_SIZE + AP_SRTP_TRAILER];
	if (!leg->outward || !ssrc || leg->worker->now_ns - k->asked_ns < KEYFRAME_EVERY_NS)
		return;
	struct ap_writer w = ap_writer_over(bytes, AP_RTCP_PLI_SIZE);
	ap_rtcp_write_pli(&w, leg->lines[line].local_ssrc, ssrc);
	size_t len = w.len;
	if (ap_srtp_protect(leg->outward, AP_SRTP_RTCP, bytes, &len) != AP_SRTP_OK)
		return;
	ap_leg_send(leg, bytes, len);
	ap_count(&leg->worker->counters, AP_COUNT_KEYFRAMES);
	/* While nothing is heard of a client the repeats wait: what was asked may not have reached it either. */
	k->wanted -= k->wanted == 1 || (k->wanted > 1 && leg->heard_ns > k->asked_ns);
	k->asked_ns = leg->worker->now_ns;
}

static void want_keyframe(struct ap_leg *leg, enum ap_line line, unsigned times)
{
	struct ap_keyframe *k = &leg->keyframes[line];
	if (!sends_video(leg, line))
		return;
	k->wanted = MAX(k->wanted, times);
	ask_keyframe(leg, line);
}

void ap_leg_want_keyframe(struct ap_leg *leg, enum ap_line line)
{
	want_keyframe(leg, line, 1);
}

static void want_keyframes(struct ap_leg *leg, unsigned times)
{
	for (int i = AP_LINE_CAMERA; leg && i < AP_LINES; i++)
		want_keyframe(leg, (enum ap_line)i, times);
}

/* Somebody begins to watch: the other person, or a recording. A request is one packet, and what it asks for may be lost
 * too; not every client asks by itself, and the recording's next is two seconds away. */
static void want_opening_keyframes(struct ap_leg *leg)
{
	want_keyframes(leg, OPENING_KEYFRAMES);
}

void ap_leg_established(struct ap_leg *leg)
{
	end_handshake(leg);
	if (!make_srtp(leg)) {
		ap_count(&leg->worker->counters, AP_COUNT_DTLS_FAILED);
		ap_leg_fail(leg);
		return;
	}
	ap_count(&leg->worker->counters, AP_COUNT_DTLS_DONE);
	leg->heard_ns = leg->worker->now_ns;
	leg->connected = true;
	report(leg, AP_LEG_CONNECTED);
	want_opening_keyframes(leg);
	want_opening_keyframes(ap_leg_peer(leg));
}

static bool tick_handshake(struct ap_leg *leg)
{
	const struct ap_worker *w = leg->worker;
	bool crowded = w->handshakes >= w->max_handshakes;
	bool late = w->now_ns - leg->shaking_since_ns > (crowded ? SHAKE_CROWDED_NS : SHAKE_LIMIT_NS);
	if (!late && ap_dtls_tick(leg->dtls) != AP_DTLS_FAILED)
		return true;
	ap_count(&leg->worker->counters, AP_COUNT_DTLS_FAILED);
	ap_leg_fail(leg);
	return false;
}

bool ap_leg_tick(struct ap_leg *leg)
{
	int64_t silent = leg->worker->now_ns - leg->heard_ns;
	if (leg->shaking_since_ns && !tick_handshake(leg))
		return false;
	if (silent > leg->worker->idle_ns) {
		ap_leg_fail(leg);
		return false;
	}
	bool connected = leg->inward && silent <= CONNECTED_NS;
	if (connected != leg->connected) {
		leg->connected = connected;
		report(leg, connected ? AP_LEG_CONNECTED : AP_LEG_DISCONNECTED);
		if (connected)
			want_opening_keyframes(ap_leg_peer(leg));
	}
	for (int i = AP_LINE_CAMERA; i < AP_LINES; i++)
		if (leg->keyframes[i].wanted)
			ask_keyframe(leg, i);
	return true;
}

void ap_call_check_tap(struct ap_worker *w, struct ap_call *call)
{
	uint64_t packets, dropped;
	if (!call->tap || !ap_tap_lost(call->tap))
		return;
	ap_outbox_push(w->outbox, &(struct ap_report){.type = AP_REPORT_TAP_LOST,
						      .session = call->session,
						      .generation = ap_tap_generation(call->tap)});
	ap_call_close_tap(call, &packets, &dropped);
}

void ap_call_open_tap(struct ap_worker *w, struct ap_call *call, int fd, uint64_t generation)
{
	uint64_t packets, dropped;
	ap_call_close_tap(call, &packets, &dropped);
	call->tap = ap_tap_new(fd, generation);
	call->tap_keyframe_ns = w->now_ns;
	call->repairs = g_malloc0(2 * sizeof *call->repairs);
	for (int side = 0; side < 2; side++)
		want_opening_keyframes(call->legs[side]);
}

/* Only of who can repeat without repeating sequence numbers. */
static void ask_repeats(struct ap_leg *leg, enum ap_line line, struct ap_repair *repair)
{
	const struct ap_leg_line *l = &leg->lines[line];
	_Alignas(8) uint8_t bytes[AP_RTCP_NACK_MAX + AP_SRTP_TRAILER];
	uint16_t seqs[AP_REPAIR_MOST];
	uint32_t ssrc = leg->sources.of[line].ssrc;
	if (!sends_video(leg, line) || !l->nack || !l->rtx_pt || !leg->outward || !ssrc)
		return;
	size_t count = ap_repair_due(repair, leg->worker->now_ns, seqs);
	if (count == 0)
		return;
	struct ap_writer w = ap_writer_over(bytes, AP_RTCP_NACK_MAX);
	ap_rtcp_write_nack(&w, l->local_ssrc, ssrc, seqs, count);
	size_t len = w.len;
	if (ap_srtp_protect(leg->outward, AP_SRTP_RTCP, bytes, &len) != AP_SRTP_OK)
		return;
	ap_leg_send(leg, bytes, len);
	ap_count_add(&leg->worker->counters, AP_COUNT_REPEATS, count);
}

void ap_call_tick_tap(struct ap_worker *w, struct ap_call *call)
{
	ap_call_check_tap(w, call);
	for (int side = 0; side < 2; side++)
		for (int i = AP_LINE_CAMERA; call->tap && call->legs[side] && i < AP_LINES; i++)
			ask_repeats(call->legs[side], (enum ap_line)i, &call->repairs[side][i]);
	if (!call->tap || w->now_ns - call->tap_keyframe_ns < TAP_KEYFRAME_EVERY_NS)
		return;
	call->tap_keyframe_ns = w->now_ns;
	for (int side = 0; side < 2; side++)
		want_keyframes(call->legs[side], 1);
}
