/*
 * Where the key-encryption key comes from: one seam, several sources. "file" is for demonstration (32 bytes, 0600,
 * made once); "credential" reads a systemd credential ($CREDENTIALS_DIRECTORY/<name>). PKCS#11 comes next.
 *
 * A turnover asks for a successor (ap_kek_make_next), wraps everything under it, then lets it take the place of the old
 * key, which is destroyed (ap_kek_turn). Files do that by names (secret_file.h: kek, kek.next, kek.old). A credential is
 * the operator's to replace: its successor is the credential <name>-next, and the old one is destroyed by their hand.
 *
 * Threads: one at a time per place. Errors: AP_ERR_IO "kek" (missing, wrong size, wrong mode), AP_ERR_IO "secret-file",
 * AP_ERR_INTERNAL "kek-source" (unknown), AP_ERR_DENIED "conflict" (the operator's turn; the detail says what to do).
 */
#pragma once

#include <aparte/err.h>
#include <aparte/secret.h>
#include <stdbool.h>

enum ap_kek_source { AP_KEK_FILE, AP_KEK_CREDENTIAL };

/* "file" or "credential", as in aparte.conf. */
struct ap_result ap_kek_source_parse(const char *text, enum ap_kek_source *ret_source);
/* A source that must not be used off loopback unless configured. */
bool ap_kek_source_is_demo(enum ap_kek_source source);

/*
 * `where` is the path of the file, or the credential's name. `create`: a missing file is made (fsynced, 0600);
 * credentials are never made. *ret_kek is the caller's, 32 bytes.
 */
struct ap_result ap_kek_load(enum ap_kek_source source, const char *where, bool create, struct ap_secret **ret_kek);

struct ap_kek_place {
	enum ap_kek_source source;
	const char *where; /* as for ap_kek_load */
	bool next;	   /* a credential's successor was there at the start: after it the vault sees no credentials */
};

/* The vault can make a successor and destroy the old key by itself. */
bool ap_kek_replaceable(const struct ap_kek_place *place);
/* After a crash: what was being destroyed is destroyed. Before ap_kek_load. */
struct ap_result ap_kek_settle(const struct ap_kek_place *place);
/* The successor of a turnover under way; "not-found" (AP_ERR_DENIED) when there is none. */
struct ap_result ap_kek_load_next(const struct ap_kek_place *place, struct ap_secret **ret_next);
/* Durable on success. "conflict": a credential; with a successor beside it, the vault begins by itself at its start. */
struct ap_result ap_kek_make_next(const struct ap_kek_place *place, struct ap_secret **ret_next);
/* The successor takes the old key's place, which is destroyed. "conflict": a credential. */
struct ap_result ap_kek_turn(const struct ap_kek_place *place);
/* No successor is waiting, and nothing of an old key is left to destroy. */
bool ap_kek_turned(const struct ap_kek_place *place);
/* Lockdown: destroys every plain file of it. A credential is not ours to destroy: "conflict". */
struct ap_result ap_kek_destroy(const struct ap_kek_place *place);
/* After a lockdown: makes the file anew, and the successor's of a turnover under way. A credential: success, nothing is
 * written. */
struct ap_result ap_kek_keep(const struct ap_kek_place *place, const struct ap_secret *kek);
struct ap_result ap_kek_keep_next(const struct ap_kek_place *place, const struct ap_secret *next);
