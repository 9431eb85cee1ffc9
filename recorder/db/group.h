/*
 * Group commit: what several callers want written is written in one transaction and made durable by one fsync.
 *
 * Each item is a part of the transaction that can be undone alone: one that fails leaves no trace and takes no other
 * with it. Nobody is told anything before the commit; when that fails, every item has failed. Items are written in the
 * order in which they were added, so leaves of the log stand in that order too.
 *
 * A group is closed once nothing else is ready in its thread's main context: by then all calls that came in while the
 * last commit waited for the disk have been added. Where that one had several callers, who may be back at once, it stays
 * open while they keep coming: a quarter of what that commit took, AP_GROUP_WAIT_MOST_US at most. A caller alone waits for
 * nobody.
 *
 * Threads: one; its thread-default main context runs what waits.
 */
#pragma once

#include "recorder/db/db.h"

#define AP_GROUP_MOST 64 /* items in one transaction: no commit holds others up for long */
#define AP_GROUP_WAIT_MOST_US 1000

struct ap_group; /* opaque */

struct ap_group_item {
	/* Inside the group's transaction: no begin, no commit, nothing outside the database that a failure would have to undo. */
	struct ap_result (*write)(void *data, struct ap_db *db);
	/* After the commit, or the failure of this item or of all; outside transactions. Each exactly once, in order. May add
	 * others. */
	void (*done)(void *data, struct ap_result r);
	void *data; /* the caller's until `done` */
};

/* What is to be done once for all of a group; each may be NULL. */
struct ap_group_hooks {
	/* Before the commit, when something was written: a failure fails all. */
	struct ap_result (*before)(void *ctx);
	/* After the commit or its failure, before anybody is told. */
	void (*after)(void *ctx, struct ap_result r);
	void *ctx;
};

/* Hooks are copied, what they stand on is borrowed; NULL: none. */
struct ap_group *ap_group_new(const struct ap_group_hooks *hooks);
/* Fails what waits ("vault-unavailable"). NULL is fine. */
void ap_group_free(struct ap_group *g);
/* Soon; not before this returns. */
void ap_group_add(struct ap_group *g, const struct ap_group_item *item);
/* Before the first is added, and whenever it may be another: this thread's connection, borrowed. NULL: all fail. */
void ap_group_connect(struct ap_group *g, struct ap_db *db);
/* Now: all that waits. Not from within `write` or a hook. */
void ap_group_commit(struct ap_group *g);
/* How many wait. */
unsigned ap_group_waiting(const struct ap_group *g);
