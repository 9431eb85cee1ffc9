/*
 * A code of conduct as a document (config/conduct/, docs/FORMAT.md):
 *   {"lang":"fr|en","title","text":["paragraph",…],"questions":[{"text","choices":["…",…],"right":0},…]}
 * `questions` may be left out. Its SHA-256 is over the RFC 8785 form.
 *
 * Pure; any thread. Ownership: the document owns what it parsed.
 */
#pragma once

#include <aparte/encode.h>
#include <aparte/err.h>
#include <json-glib/json-glib.h>

#define AP_CONDUCT_TEXTS 60
#define AP_CONDUCT_QUESTIONS 20
#define AP_CONDUCT_CHOICES 6

struct ap_conduct_document; /* opaque */

/* "invalid" when the form is wrong; unknown members are refused. */
struct ap_result ap_conduct_document_parse(const char *json, struct ap_conduct_document **ret_document);
void ap_conduct_document_free(struct ap_conduct_document *d);

const char *ap_conduct_document_lang(const struct ap_conduct_document *d); /* "fr" or "en" */
const char *ap_conduct_document_text(const struct ap_conduct_document *d); /* canonical */
struct ap_hash ap_conduct_document_hash(const struct ap_conduct_document *d);
unsigned ap_conduct_document_questions(const struct ap_conduct_document *d);
/* How many of these answers (numbers of choices, in the questions' order) are right; a missing one is not. */
unsigned ap_conduct_document_right(const struct ap_conduct_document *d, JsonArray *answers);
/* As it is shown: without which choice is right. The caller's. */
JsonObject *ap_conduct_document_shown(const struct ap_conduct_document *d);
