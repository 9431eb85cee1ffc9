/*
 * The gate: the one way media can enter a recording.
 *
 * A gate descriptor is one end of a SOCK_SEQPACKET pair that the vault makes at each opening and hands to the
 * gateway (writing end) and to the capture (reading end). Each datagram is a fixed header and one packet in
 * clear, as the sender's RTP or RTCP after SRTP was undone, with these header changes by the gateway:
 * RTP: payload type is AP_GATE_PT_*, the SSRC is left as the sender's; RTX packets arrive already restored to the
 * packet they repeat (RFC 4588 undone); header extensions are left as sent. RTCP: sender reports only (packet
 * type 200, one per datagram), the SSRC as the sender's.
 *
 * The capture accepts a datagram only when its generation is the one of the epoch it was opened for, the
 * version is known and the sizes fit; everything else is counted and dropped.
 */
#pragma once

#include <aparte/buf.h>
#include <aparte/limits.h>
#include <aparte/uuid.h>

#define AP_GATE_VERSION 1
#define AP_GATE_HEADER 20 /* version(1) kind(1) role(1) line(1) generation(8) arrival_ns(8), big endian */
#define AP_GATE_DATAGRAM (AP_GATE_HEADER + AP_MAX_PACKET)

enum ap_gate_kind { AP_GATE_RTP = 1, AP_GATE_RTCP_SR = 2 };

/* The m-line a packet belongs to; the order of the offer's m-lines too. */
enum ap_line { AP_LINE_AUDIO = 0, AP_LINE_CAMERA = 1, AP_LINE_SCREEN = 2, AP_LINES = 3 };

#define AP_GATE_PT_AUDIO 111
#define AP_GATE_PT_VIDEO 96 /* camera and screen */

struct ap_gate_header {
	enum ap_gate_kind kind;
	enum ap_role role;   /* who sent it */
	enum ap_line line;
	uint64_t generation; /* the opening it belongs to, never 0 */
	uint64_t arrival_ns; /* gateway's CLOCK_MONOTONIC at reception */
};

static inline void ap_gate_header_write(struct ap_writer *w, const struct ap_gate_header *h)
{
	ap_write_u8(w, AP_GATE_VERSION);
	ap_write_u8(w, (uint8_t)h->kind);
	ap_write_u8(w, (uint8_t)h->role);
	ap_write_u8(w, (uint8_t)h->line);
	ap_write_u64(w, h->generation);
	ap_write_u64(w, h->arrival_ns);
}

/* False when the header is short, of another version, or has a field out of range. */
static inline bool ap_gate_header_read(struct ap_reader *r, struct ap_gate_header *ret_h)
{
	uint8_t version = ap_read_u8(r), kind = ap_read_u8(r), role = ap_read_u8(r), line = ap_read_u8(r);
	uint64_t generation = ap_read_u64(r), arrival_ns = ap_read_u64(r);
	if (r->bad || version != AP_GATE_VERSION || kind < AP_GATE_RTP || kind > AP_GATE_RTCP_SR ||
	    role < AP_COACH || role > AP_COACHEE || line >= AP_LINES || generation == 0)
		return false;
	*ret_h = (struct ap_gate_header){ .kind = (enum ap_gate_kind)kind,
					  .role = (enum ap_role)role,
					  .line = (enum ap_line)line,
					  .generation = generation,
					  .arrival_ns = arrival_ns };
	return true;
}

/* What clients see; anything else is to be treated as closed. */
enum ap_gate_state { AP_GATE_CLOSED, AP_GATE_OPENING, AP_GATE_OPEN };

/* Why it is closed: one bit each, names as in the API, in the order they are told. */
#define AP_GATE_REASONS(X)                        \
	X(CONSENT_MISSING, "consent_missing")     \
	X(DISCONNECTED, "disconnected")           \
	X(PAUSED, "paused")                       \
	X(PRESENCE, "presence")                   \
	X(DEVICE, "device")                       \
	X(POLICY, "policy")                       \
	X(STORAGE, "storage")                     \
	X(LEDGER, "ledger")                       \
	X(SANDBOX, "sandbox")                     \
	X(VAULT, "vault")                         \
	X(LOCKDOWN, "lockdown")                   \
	X(ENDED, "ended")

enum ap_gate_reason_bit {
#define X(id, name) AP_GATE_BIT_##id,
	AP_GATE_REASONS(X)
#undef X
		AP_GATE_REASON_COUNT
};

#define AP_GATE_REASON(id) (1u << AP_GATE_BIT_##id)
