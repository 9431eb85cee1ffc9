#include "recorder/keys/escrow.h"

#include <aparte/buf.h>
#include <aparte/encode.h>
#include <aparte/jcs.h>
#include <sodium.h>
#include <string.h>

#define FORMAT "aparte/escrow/v1"
#define MAX_BYTES 65536
#define MEM_MAX (UINT64_C(4) << 30)
#define OPS_MAX 64

G_STATIC_ASSERT(AP_ESCROW_SALT == crypto_pwhash_SALTBYTES);
G_STATIC_ASSERT(AP_ESCROW_PUBLIC == crypto_box_PUBLICKEYBYTES);
G_STATIC_ASSERT(AP_ESCROW_SEALED_MAX == AP_ESCROW_SECRET_MAX + crypto_box_SEALBYTES);

static struct ap_result bad_form(void)
{
	return ap_fail(AP_ERR_PROTOCOL, "escrow", "what the lockdown passphrases open is not in its form");
}

/* ---- passphrases ---- */

struct ap_escrow_method ap_escrow_method_new(bool weak)
{
	struct ap_escrow_method m = { .ops = weak ? crypto_pwhash_OPSLIMIT_MIN : crypto_pwhash_OPSLIMIT_MODERATE,
				      .mem = weak ? crypto_pwhash_MEMLIMIT_MIN : crypto_pwhash_MEMLIMIT_MODERATE };
	randombytes_buf(m.salt, sizeof m.salt);
	return m;
}

struct ap_result ap_escrow_pair(const struct ap_escrow_method *method, const struct ap_secret *passphrase,
				uint8_t ret_public[AP_ESCROW_PUBLIC], struct ap_secret **ret_private)
{
	struct ap_secret *seed = ap_secret_new(crypto_box_SEEDBYTES), *private = ap_secret_new(crypto_box_SECRETKEYBYTES);
	int made = crypto_pwhash(ap_secret_bytes_rw(seed), crypto_box_SEEDBYTES, (const char *)ap_secret_bytes(passphrase),
				 ap_secret_len(passphrase), method->salt, method->ops, (size_t)method->mem, crypto_pwhash_ALG_ARGON2ID13);
	if (made == 0)
		made = crypto_box_seed_keypair(ret_public, ap_secret_bytes_rw(private), ap_secret_bytes(seed));
	ap_secret_free(seed);
	if (made != 0) {
		ap_secret_free(private);
		return ap_fail(AP_ERR_CRYPTO, "escrow", "there is not enough memory to make a key of this passphrase");
	}
	*ret_private = private;
	return AP_SUCCESS;
}

/* ---- the object ---- */

struct ap_escrow *ap_escrow_new(void)
{
	struct ap_escrow *e = g_new0(struct ap_escrow, 1);
	e->admins = g_array_new(FALSE, FALSE, sizeof(struct ap_escrow_admin));
	e->halves = g_array_new(FALSE, FALSE, sizeof(struct ap_escrow_half));
	e->keys = g_ptr_array_new_with_free_func(g_free);
	return e;
}

void ap_escrow_free(struct ap_escrow *e)
{
	if (!e)
		return;
	g_array_unref(e->admins);
	g_array_unref(e->halves);
	g_ptr_array_unref(e->keys);
	g_free(e);
}

struct ap_escrow_admin *ap_escrow_find(const struct ap_escrow *e, const char *name)
{
	for (guint i = 0; i < e->admins->len; i++) {
		struct ap_escrow_admin *admin = &g_array_index(e->admins, struct ap_escrow_admin, i);
		if (strcmp(admin->name, name) == 0)
			return admin;
	}
	return NULL;
}

void ap_escrow_put(struct ap_escrow *e, const struct ap_escrow_admin *admin)
{
	struct ap_escrow_admin *old = ap_escrow_find(e, admin->name);
	if (old)
		*old = *admin;
	else
		g_array_append_vals(e->admins, admin, 1);
}

void ap_escrow_remove(struct ap_escrow *e, const char *name)
{
	for (guint i = 0; i < e->admins->len; i++)
		if (strcmp(g_array_index(e->admins, struct ap_escrow_admin, i).name, name) == 0) {
			g_array_remove_index(e->admins, i);
			return;
		}
}

/* ---- halves ---- */

static struct ap_result seal_half(struct ap_escrow *e, const struct ap_escrow_admin *of, const struct ap_escrow_admin *with,
				  const struct ap_secret *half)
{
	struct ap_escrow_half h = { .len = ap_secret_len(half) + crypto_box_SEALBYTES };
	g_strlcpy(h.of, of->name, sizeof h.of);
	g_strlcpy(h.with, with->name, sizeof h.with);
	if (crypto_box_seal(h.sealed, ap_secret_bytes(half), ap_secret_len(half), of->public) != 0)
		return ap_fail(AP_ERR_CRYPTO, "escrow", "an admin's public key is of small order");
	g_array_append_val(e->halves, h);
	return AP_SUCCESS;
}

static struct ap_result split_pair(struct ap_escrow *e, const struct ap_escrow_admin *a, const struct ap_escrow_admin *b,
				   const struct ap_secret *secret)
{
	struct ap_secret *pad = ap_secret_random(ap_secret_len(secret)), *rest = NULL;
	struct ap_result r = ap_escrow_join(secret, pad, &rest);
	if (ap_ok(r))
		r = seal_half(e, a, b, pad);
	if (ap_ok(r))
		r = seal_half(e, b, a, rest);
	ap_secret_free(pad);
	ap_secret_free(rest);
	return r;
}

struct ap_result ap_escrow_split(struct ap_escrow *e, const struct ap_secret *secret, const char *const *keys)
{
	if (ap_secret_len(secret) > AP_ESCROW_SECRET_MAX)
		return bad_form();
	g_array_set_size(e->halves, 0);
	g_ptr_array_set_size(e->keys, 0);
	for (guint i = 0; i < e->admins->len; i++)
		for (guint k = i + 1; k < e->admins->len; k++)
			AP_TRY(split_pair(e, &g_array_index(e->admins, struct ap_escrow_admin, i),
					  &g_array_index(e->admins, struct ap_escrow_admin, k), secret));
	for (; e->halves->len > 0 && *keys; keys++)
		g_ptr_array_add(e->keys, g_strdup(*keys));
	return AP_SUCCESS;
}

struct ap_result ap_escrow_open(const struct ap_escrow_half *half, const uint8_t public[AP_ESCROW_PUBLIC],
				const struct ap_secret *private, struct ap_secret **ret_half)
{
	if (half->len <= crypto_box_SEALBYTES)
		return bad_form();
	struct ap_secret *opened = ap_secret_new(half->len - crypto_box_SEALBYTES);
	if (crypto_box_seal_open(ap_secret_bytes_rw(opened), half->sealed, half->len, public, ap_secret_bytes(private)) != 0) {
		ap_secret_free(opened);
		return ap_fail(AP_ERR_CRYPTO, "escrow", "this is not the passphrase");
	}
	*ret_half = opened;
	return AP_SUCCESS;
}

struct ap_result ap_escrow_join(const struct ap_secret *a, const struct ap_secret *b, struct ap_secret **ret_secret)
{
	size_t len = ap_secret_len(a);
	if (len != ap_secret_len(b))
		return ap_fail(AP_ERR_CRYPTO, "escrow", "the two halves do not belong together");
	struct ap_secret *joined = ap_secret_new(len);
	for (size_t i = 0; i < len; i++)
		ap_secret_bytes_rw(joined)[i] = ap_secret_bytes(a)[i] ^ ap_secret_bytes(b)[i];
	*ret_secret = joined;
	return AP_SUCCESS;
}

/* ---- JSON ---- */

static void set_bytes(JsonObject *o, const char *name, const uint8_t *bytes, size_t len)
{
	g_autofree char *text = ap_base64url(bytes, len);
	json_object_set_string_member(o, name, text);
}

JsonObject *ap_escrow_admin_to_json(const struct ap_escrow_admin *admin)
{
	JsonObject *o = json_object_new();
	json_object_set_string_member(o, "name", admin->name);
	set_bytes(o, "salt", admin->method.salt, AP_ESCROW_SALT);
	json_object_set_int_member(o, "ops", (gint64)admin->method.ops);
	json_object_set_int_member(o, "mem", (gint64)admin->method.mem);
	set_bytes(o, "public", admin->public, AP_ESCROW_PUBLIC);
	return o;
}

static const char *text_of(JsonObject *o, const char *name)
{
	JsonNode *node = json_object_get_member(o, name);
	return node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING ? json_node_get_string(node) : "";
}

static bool take_name(JsonObject *o, const char *name, char ret_name[AP_ESCROW_NAME])
{
	const char *text = text_of(o, name);
	return *text && g_strlcpy(ret_name, text, AP_ESCROW_NAME) < AP_ESCROW_NAME;
}

static bool take_number(JsonObject *o, const char *name, uint64_t low, uint64_t high, uint64_t *ret_n)
{
	JsonNode *node = json_object_get_member(o, name);
	if (!node || !JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_INT64)
		return false;
	*ret_n = (uint64_t)json_node_get_int(node);
	return *ret_n >= low && *ret_n <= high;
}

struct ap_result ap_escrow_admin_parse(JsonObject *o, struct ap_escrow_admin *ret_admin)
{
	struct ap_escrow_admin a = { 0 };
	if (!take_name(o, "name", a.name) || !ap_base64url_exact(text_of(o, "salt"), a.method.salt, AP_ESCROW_SALT) ||
	    !take_number(o, "ops", crypto_pwhash_OPSLIMIT_MIN, OPS_MAX, &a.method.ops) ||
	    !take_number(o, "mem", crypto_pwhash_MEMLIMIT_MIN, MEM_MAX, &a.method.mem) ||
	    !ap_base64url_exact(text_of(o, "public"), a.public, AP_ESCROW_PUBLIC))
		return bad_form();
	*ret_admin = a;
	return AP_SUCCESS;
}

JsonObject *ap_escrow_half_to_json(const struct ap_escrow_half *half)
{
	JsonObject *o = json_object_new();
	json_object_set_string_member(o, "of", half->of);
	json_object_set_string_member(o, "with", half->with);
	set_bytes(o, "sealed", half->sealed, half->len);
	return o;
}

struct ap_result ap_escrow_half_parse(JsonObject *o, struct ap_escrow_half *ret_half)
{
	struct ap_escrow_half h = { 0 };
	const char *sealed = text_of(o, "sealed");
	if (!take_name(o, "of", h.of) || !take_name(o, "with", h.with) ||
	    !ap_base64url_read(sealed, strlen(sealed), h.sealed, sizeof h.sealed, &h.len) || h.len <= crypto_box_SEALBYTES)
		return bad_form();
	*ret_half = h;
	return AP_SUCCESS;
}

char *ap_escrow_to_json(const struct ap_escrow *e)
{
	g_autoptr(JsonObject) o = json_object_new();
	JsonArray *admins = json_array_new(), *halves = json_array_new(), *keys = json_array_new();
	char *text = NULL;
	for (guint i = 0; i < e->admins->len; i++)
		json_array_add_object_element(admins, ap_escrow_admin_to_json(&g_array_index(e->admins, struct ap_escrow_admin, i)));
	for (guint i = 0; i < e->halves->len; i++)
		json_array_add_object_element(halves, ap_escrow_half_to_json(&g_array_index(e->halves, struct ap_escrow_half, i)));
	for (guint i = 0; i < e->keys->len; i++)
		json_array_add_string_element(keys, e->keys->pdata[i]);
	json_object_set_string_member(o, "format", FORMAT);
	json_object_set_array_member(o, "admins", admins);
	json_object_set_array_member(o, "halves", halves);
	json_object_set_array_member(o, "keys", keys);
	return ap_ok(ap_jcs_from_object(o, &text)) ? text : g_strdup("{}"); /* our own form always has one */
}

static JsonArray *array_of(JsonObject *o, const char *name)
{
	JsonNode *node = json_object_get_member(o, name);
	return node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

static JsonObject *object_at(JsonArray *array, guint i)
{
	JsonNode *node = json_array_get_element(array, i);
	return JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

static struct ap_result take_all(JsonObject *o, struct ap_escrow *e)
{
	JsonArray *admins = array_of(o, "admins"), *halves = array_of(o, "halves"), *keys = array_of(o, "keys");
	if (strcmp(text_of(o, "format"), FORMAT) != 0 || !admins || !halves || !keys)
		return bad_form();
	for (guint i = 0; i < json_array_get_length(admins); i++) {
		struct ap_escrow_admin admin;
		JsonObject *one = object_at(admins, i);
		AP_TRY(one ? ap_escrow_admin_parse(one, &admin) : bad_form());
		g_array_append_val(e->admins, admin);
	}
	for (guint i = 0; i < json_array_get_length(halves); i++) {
		struct ap_escrow_half half;
		JsonObject *one = object_at(halves, i);
		AP_TRY(one ? ap_escrow_half_parse(one, &half) : bad_form());
		g_array_append_val(e->halves, half);
	}
	for (guint i = 0; i < json_array_get_length(keys); i++) {
		JsonNode *key = json_array_get_element(keys, i);
		if (json_node_get_value_type(key) != G_TYPE_STRING)
			return bad_form();
		g_ptr_array_add(e->keys, g_strdup(json_node_get_string(key)));
	}
	return AP_SUCCESS;
}

struct ap_result ap_escrow_parse(const char *json, size_t len, struct ap_escrow **ret_escrow)
{
	g_autoptr(JsonNode) node = NULL;
	if (!ap_ok(ap_json_parse(json, len, MAX_BYTES, &node)) || !JSON_NODE_HOLDS_OBJECT(node))
		return bad_form();
	struct ap_escrow *e = ap_escrow_new();
	struct ap_result r = take_all(json_node_get_object(node), e);
	if (ap_ok(r))
		*ret_escrow = e;
	else
		ap_escrow_free(e);
	return r;
}
