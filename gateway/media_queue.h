/*
 * Commands from the main thread to a worker, and what workers report back.
 *
 * Threads: each queue has any number of pushers and one taker; an eventfd wakes the taker. Not on the packet path.
 */
#pragma once

#include "gateway/media.h"

enum ap_command_type {
	AP_COMMAND_PUT,
	AP_COMMAND_RESTART,
	AP_COMMAND_DROP,
	AP_COMMAND_OPEN_TAP,
	AP_COMMAND_CLOSE_TAP,
	AP_COMMAND_STOP,
};

struct ap_command {
	enum ap_command_type type;
	struct ap_leg_desc *leg; /* owned; PUT, RESTART */
	struct ap_uuid session;
	enum ap_role role;
	uint64_t generation;
	int fd; /* owned; OPEN_TAP, else -1 */
	ap_media_done done;
	ap_media_tap_closed tap_closed;
	void *ctx;
};

enum ap_report_type { AP_REPORT_LEG, AP_REPORT_TAP_LOST, AP_REPORT_DONE, AP_REPORT_TAP_CLOSED };

struct ap_report {
	enum ap_report_type type;
	struct ap_uuid session;
	enum ap_role role;
	uint64_t leg_id;
	enum ap_leg_event event;
	uint64_t generation;
	ap_media_done done; /* DONE, TAP_CLOSED: whom to call, NULL: nobody */
	ap_media_tap_closed tap_closed;
	void *ctx;
	uint64_t packets, dropped;
};

struct ap_inbox;  /* opaque: of commands */
struct ap_outbox; /* opaque: of reports */

struct ap_result ap_inbox_new(struct ap_inbox **ret_inbox);
void ap_inbox_free(struct ap_inbox *inbox);
/* Takes over what the command owns. */
void ap_inbox_push(struct ap_inbox *inbox, const struct ap_command *command);
/* The next command, NULL when empty; ap_command_free it. Call ap_inbox_awake first when the descriptor is readable. */
struct ap_command *ap_inbox_take(struct ap_inbox *inbox);
void ap_command_free(struct ap_command *command);
int ap_inbox_fd(const struct ap_inbox *inbox);
void ap_inbox_awake(struct ap_inbox *inbox);

struct ap_result ap_outbox_new(struct ap_outbox **ret_outbox);
void ap_outbox_free(struct ap_outbox *outbox);
void ap_outbox_push(struct ap_outbox *outbox, const struct ap_report *report);
struct ap_report *ap_outbox_take(struct ap_outbox *outbox); /* g_free */
int ap_outbox_fd(const struct ap_outbox *outbox);
void ap_outbox_awake(struct ap_outbox *outbox);
