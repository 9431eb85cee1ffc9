/*
 * A whole gateway in one test process: real HTTP on a loopback port, the real routes, a fake media plane and a fake
 * vault, and an HTTP client in the same main loop.
 */
#pragma once

#include "fake_media.h"
#include "fake_vault.h"
#include "gateway/gateway.h"

#include <libsoup/soup.h>

#define TYPE_SDP "application/sdp"
#define TYPE_FRAGMENT "application/trickle-ice-sdpfrag"
#define TYPE_JSON "application/json"

struct world {
	struct ap_gateway gw;
	struct fake_vault *vault; /* NULL while it is away */
	SoupSession *client;
};

/* `settings`: lines "section.key=value", NULL for none. With a vault that has said Hello. */
void world_begin(struct world *w, const char *settings);
void world_end(struct world *w);
/* For cmocka: a world, in `*state`, that no rate bounds. */
int world_set_up(void **state);
int world_tear_down(void **state);
void world_lose_vault(struct world *w);
void world_link_vault(struct world *w);
/* Runs the main loop until `*flag` is not 0, or fails the test after 3 s. */
void world_wait(const int *flag);
/* Runs the main loop for so many ms. */
void world_run(unsigned ms);

struct answer {
	unsigned status;
	char *type, *etag, *location, *allow, *retry_after, *range; /* NULL when absent */
	char *body;
	size_t len;
	SoupMessageHeaders *headers;
};

/* One request; `token` and `body` may be NULL, `headers` is "Name: value\n…" or NULL. */
struct answer world_ask(struct world *w, const char *method, const char *path, const char *token, const char *type,
			const char *body, const char *headers);
void answer_clear(struct answer *a);
/* The problem's name: "urn:aparte:error:<name>" without its front; "" for none. */
const char *answer_problem(const struct answer *a);

/* One request, and that it is answered so. */
void world_expect(struct world *w, const char *method, const char *path, const char *token, const char *type,
		  const char *body, unsigned status, const char *problem);
/* An offer that is taken; `page` may be NULL. The first returns the answer, for answer_clear. */
struct answer world_join(struct world *w, const char *token, const char *page);
void world_join_only(struct world *w, const char *token);
/* Opens a gate as the vault would; returns the reading end, to be closed. */
int world_open_gate(struct world *w, uint64_t generation);

/* An event stream being read. */
struct listener {
	GString *text;
	int closed;
	GCancellable *stop;
};
struct listener *world_listen(struct world *w, const char *token, const char *page);
void listener_free(struct listener *l);
/* Fails the test when `text` has not come within 3 s. */
void listener_expect(struct listener *l, const char *text);

/* A fixture of tests/vectors; g_free. */
char *world_read(const char *path);
