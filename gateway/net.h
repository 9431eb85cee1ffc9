/*
 * A worker's UDP sockets on one port, at most two per address family, one for media and one for all else: datagrams in by
 * batches, out by batches, each leaving from the address its leg's packets came to.
 *
 * Where the kernel can, several datagrams cross it as one message: those of one length to one address on the way out
 * (UDP_SEGMENT), and what a network card merged on the way in (UDP_GRO; udp(7)). Nobody else sees it: what is received is
 * cut, what is sent is queued one by one, and the order within an address holds both ways.
 *
 * Threads: one worker. No allocation after _open.
 */
#pragma once

#include "gateway/counters.h"
#include "gateway/packet.h"

#include <aparte/err.h>

struct ap_net; /* opaque */

enum ap_family { AP_IPV4, AP_IPV6, AP_FAMILIES };
enum ap_door { AP_DOOR_MEDIA, AP_DOOR_CONTROL, AP_DOORS };

/* Binds the port on each family of which an address is advertised: on that address when it is the only one and this
 * machine's, else on all. `counters` is borrowed. */
struct ap_result ap_net_open(const char *const *advertised, uint16_t port, struct ap_counters *counters,
			     struct ap_net **ret_net);
void ap_net_close(struct ap_net *net);
/* The descriptor to poll; -1 when the family is not used, or when the media door takes all of it. */
int ap_net_fd(const struct ap_net *net, enum ap_family family, enum ap_door door);
/* A listening TCP socket bound like the UDP one of that family; -1 when there is none or the port is taken. */
int ap_net_listen(const struct ap_net *net, enum ap_family family);

/* Fills up to `max` (<= AP_BATCH) packets (path, data, len); returns how many. What is no datagram of ours has length
 * 0. */
size_t ap_net_receive(struct ap_net *net, enum ap_family family, enum ap_door door, struct ap_packet *packets,
		      size_t max);
/* Whether datagrams of a merged message are left over, of which no descriptor tells: receive again. */
bool ap_net_holds(const struct ap_net *net);
/* Puts a datagram in the next batch; data is borrowed until the flush. UDP paths only. */
void ap_net_queue(struct ap_net *net, const struct ap_path *path, const uint8_t *data, size_t len);
void ap_net_flush(struct ap_net *net);
