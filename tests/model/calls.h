/*
 * The gateway's calls to the vault without the wire between: the real handlers of recorder/link/rpc_*.c, which answer to an
 * invocation that keeps the answer. What stands in for GLib's invocation is linked into the test alone.
 */
#pragma once

#include "recorder/link/rpc_private.h"

struct call {
	bool answered;
	const char *name; /* "ok" or the API's error name */
	char *text;	  /* the answer's first string, owned; NULL without one */
	/* Runs when the answer comes, before anything else does. May be NULL. */
	void (*on_answer)(void *data);
	void *data;
};

/* Consumes `arguments` (floating). The answer may come later, as the main context runs. */
void call_begin(struct call *c, const struct ap_rpc_env *env, ap_rpc_handler handler, GVariant *arguments);
void call_clear(struct call *c);
