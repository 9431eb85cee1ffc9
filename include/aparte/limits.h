/*
 * Sizes and counts that more than one process must agree on. Bytes, ms or plain counts as named.
 */
#pragma once

#define AP_MAX_STATEMENT 8192	     /* a consent statement, RFC 8785 text */
#define AP_MAX_BODY 16384	     /* a JSON request body */
#define AP_MAX_SDP 65536	     /* an SDP offer or trickle fragment */
#define AP_MAX_MESSAGE 4096	     /* an opaque message between the persons */
#define AP_MAX_PACKET 1500	     /* an RTP or RTCP packet, in clear */
#define AP_MAX_TOKEN 128	     /* a bearer token's text */
#define AP_MAX_TRACK_READ 1048576    /* bytes in one TrackRead answer */
#define AP_SEGMENT_MS 4000	     /* media in one sealed segment, at most */
#define AP_CLUSTER_MS 1000	     /* media in one WebM cluster, at most */
#define AP_CONNECTED_MS 6000	     /* connected = authenticated STUN or SRTP within this */
#define AP_PRESENCE_MS 12000	     /* without a presence this long the gate closes */
#define AP_CAPTURE_ACK_MS 200	     /* a capture that has not closed within this is killed */
#define AP_STATEMENT_SKEW_MS 300000  /* a give's event_time may be this far from ours */
