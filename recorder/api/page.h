/*
 * Lists come in pages: `limit` (1 … AP_PAGE_MOST) and `after`, the `next` of the page before.
 *
 * Threads: main thread. "malformed" for another limit, or an `after` that is no id where it must be one.
 */
#pragma once

#include "recorder/api/api.h"

#define AP_PAGE_MOST 1000

struct ap_page {
	int64_t limit;
	const struct ap_uuid *after; /* NULL: the first page */
	struct ap_uuid id;	     /* what `after` points to */
};

/* What was asked for, in a list whose rows go by id; `usual` is the limit of who names none. */
struct ap_result ap_page_asked(const struct ap_api_call *c, int64_t usual, struct ap_page *ret_page);
/* Drops what is in excess of the page (the database is asked for one more than its limit) and says what comes next. Takes the
 * list; rows have an "id". */
JsonNode *ap_page_answer(const char *name, JsonArray *list, const struct ap_page *page);
/* For lists that are short by nature (staff, tenants, holds): cuts the page out of the whole list, which is the member `name` of
 * c->answer. Rows go by their member `key`, of which no two have the same. */
struct ap_result ap_page_cut(struct ap_api_call *c, const char *name, const char *key);
