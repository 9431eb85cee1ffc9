/*
 * The privacy notice a person is shown (R4, R33, R37): shipped texts, the operator's configuration, the purposes and
 * periods that the session's policies leave (recorder/policy/rule_book.h), and who is controller for the tenant and who else
 * processes (recorder/accountability), as one RFC 8785 document with its SHA-256. A change
 * of any of them makes a new document, which old consents do not cover: a give names the current one or is refused, and
 * a purpose or period that came after a session was made never reaches it.
 *
 * Threads: any, with that thread's connection. Texts are g_free'd by the caller.
 */
#pragma once

#include "recorder/consent/session.h"
#include "recorder/vault.h"

/* "fr" or "en": the nearest to a locale or language tag; English for all others. Static. */
const char *ap_notice_lang(const char *tag);

/* The current document for a session in a language, stored as shown. */
struct ap_result ap_notice_current(struct ap_vault *v, struct ap_db *db, const struct ap_session *session,
				   const char *lang, char **ret_document, struct ap_hash *ret_sha256);
/* The answer of GET /v1/notice: the document (or the old one of that hash) with "sha256" and this person's "seal". */
struct ap_result ap_notice_answer(struct ap_vault *v, struct ap_db *db, const struct ap_party *party, const char *lang,
				  const char *sha256, char **ret_json);

/* Purposes offered to the persons of a session: none when it may never be recorded. */
struct ap_result ap_session_offered(struct ap_vault *v, struct ap_db *db, const struct ap_session *session,
				    ap_purposes *ret_offered);
/* May this session be recorded as things are (policy and vault)? */
struct ap_result ap_session_may_record(struct ap_vault *v, struct ap_db *db, const struct ap_session *session, bool *ret_may);
