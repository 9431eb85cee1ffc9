/*
 * What brings the key-encryption key back after a lockdown: for each pair of enrolled admins the key is split into a
 * random pad and what is left of the key under it, and each half is sealed to one of the two. Two passphrases open it,
 * one says nothing at all about it (docs/FORMAT.md, Escrow). Two of n needs no more than that: no sharing over a field.
 *
 * An admin's X25519 pair is made of the passphrase (Argon2id). The vault keeps the public half, so it can make the halves
 * anew at each turnover without anybody's passphrase; the private one exists for a moment in the admin's own process.
 *
 * Pure but for randomness, and no database: the command line uses it too. Errors: AP_ERR_CRYPTO "escrow" (does not open),
 * AP_ERR_PROTOCOL "escrow" (not in its form). Outputs untouched on failure. Threads: any.
 */
#pragma once

#include <aparte/err.h>
#include <aparte/secret.h>
#include <glib.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <stdint.h>

#define AP_ESCROW_SALT 16
#define AP_ESCROW_PUBLIC 32
#define AP_ESCROW_SECRET_MAX 64 /* two keys, in a turnover */
#define AP_ESCROW_SEALED_MAX (AP_ESCROW_SECRET_MAX + 48)
#define AP_ESCROW_NAME 65
#define AP_ESCROW_PASSPHRASE_MIN 12 /* bytes */

/* How a passphrase becomes a key. */
struct ap_escrow_method {
	uint8_t salt[AP_ESCROW_SALT];
	uint64_t ops, mem; /* Argon2id's, mem in bytes */
};

struct ap_escrow_admin {
	char name[AP_ESCROW_NAME];
	struct ap_escrow_method method;
	uint8_t public[AP_ESCROW_PUBLIC];
};

struct ap_escrow_half {
	char of[AP_ESCROW_NAME], with[AP_ESCROW_NAME];
	uint8_t sealed[AP_ESCROW_SEALED_MAX];
	size_t len;
};

struct ap_escrow {
	GArray *admins; /* struct ap_escrow_admin, owned */
	GArray *halves; /* struct ap_escrow_half, owned: two for each pair of admins; none with fewer than two */
	GPtrArray *keys; /* kek_ids in hex of what the halves make, in its order; owned */
};

/* Fresh salt; what one passphrase costs on this machine's side of a second. `weak` is for tests. */
struct ap_escrow_method ap_escrow_method_new(bool weak);
/* *ret_private is the caller's, 32 bytes. "escrow": no memory for it. */
struct ap_result ap_escrow_pair(const struct ap_escrow_method *method, const struct ap_secret *passphrase,
				uint8_t ret_public[AP_ESCROW_PUBLIC], struct ap_secret **ret_private);

struct ap_escrow *ap_escrow_new(void);
void ap_escrow_free(struct ap_escrow *e); /* NULL is fine */
struct ap_escrow_admin *ap_escrow_find(const struct ap_escrow *e, const char *name); /* borrowed; NULL */
/* Replaces the one of that name, or removes it; the halves then no longer fit: split anew. */
void ap_escrow_put(struct ap_escrow *e, const struct ap_escrow_admin *admin);
void ap_escrow_remove(struct ap_escrow *e, const char *name);

/* Halves of `secret` for every pair; `keys` are the ids of what is in it (NULL-terminated, copied). */
struct ap_result ap_escrow_split(struct ap_escrow *e, const struct ap_secret *secret, const char *const *keys);
/* Opens one's half. */
struct ap_result ap_escrow_open(const struct ap_escrow_half *half, const uint8_t public[AP_ESCROW_PUBLIC],
				const struct ap_secret *private, struct ap_secret **ret_half);
/* "escrow" when they are of different lengths. Whether it is the key is for the caller to see by its id. */
struct ap_result ap_escrow_join(const struct ap_secret *a, const struct ap_secret *b, struct ap_secret **ret_secret);

/* docs/FORMAT.md, Escrow. */
char *ap_escrow_to_json(const struct ap_escrow *e); /* g_free */
struct ap_result ap_escrow_parse(const char *json, size_t len, struct ap_escrow **ret_escrow);
/* Parts of it, as the API gives and takes them: {"name","salt","ops","mem","public"} and {"of","with","sealed"}. */
JsonObject *ap_escrow_admin_to_json(const struct ap_escrow_admin *admin);
struct ap_result ap_escrow_admin_parse(JsonObject *o, struct ap_escrow_admin *ret_admin);
JsonObject *ap_escrow_half_to_json(const struct ap_escrow_half *half);
struct ap_result ap_escrow_half_parse(JsonObject *o, struct ap_escrow_half *ret_half);
