#include "recorder/access/authenticator.h"

#include "recorder/access/auth.h"
#include "recorder/api/answer.h"
#include "recorder/db/db_staff_user.h"
#include "recorder/vault.h"

#include <qrencode.h>
#include <string.h>

struct offer {
	struct ap_secret *secret; /* owned */
	int64_t until_ms;
	unsigned wrong;
};

struct ap_offers {
	/* borrowed */
	struct ap_vault *v;
	/* owned */
	GHashTable *by_user; /* gint64 user -> struct offer */
};

static void offer_free(void *data)
{
	struct offer *offer = data;
	ap_secret_free(offer->secret);
	g_free(offer);
}

struct ap_offers *ap_offers_new(struct ap_vault *v)
{
	struct ap_offers *o = g_new0(struct ap_offers, 1);
	o->v = v;
	o->by_user = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, offer_free);
	return o;
}

void ap_offers_free(struct ap_offers *o)
{
	if (!o)
		return;
	g_hash_table_unref(o->by_user);
	g_free(o);
}

static int64_t now(const struct ap_offers *o)
{
	return ap_vault_believed_ms(o->v);
}

static void wipe_text(char *text)
{
	ap_wipe(text, strlen(text));
	g_free(text);
}

/* Rows of 0 and 1, without the light margin that readers need around them. */
static JsonArray *rows_of(const QRcode *code)
{
	JsonArray *rows = json_array_new();
	g_autofree char *row = g_malloc0((size_t)code->width + 1);
	for (int y = 0; y < code->width; y++) {
		for (int x = 0; x < code->width; x++)
			row[x] = code->data[y * code->width + x] & 1 ? '1' : '0';
		json_array_add_string_element(rows, row);
	}
	return rows;
}

static struct ap_result add_qr(JsonObject *o, const char *uri)
{
	QRcode *code = QRcode_encodeString(uri, 0, QR_ECLEVEL_M, QR_MODE_8, 1);
	if (!code)
		return ap_fail(AP_ERR_INTERNAL, "internal", "no QR code could be made");
	json_object_set_array_member(o, "qr", rows_of(code));
	ap_wipe(code->data, (size_t)code->width * (size_t)code->width);
	QRcode_free(code);
	return AP_SUCCESS;
}

struct ap_result ap_authenticator_offer(struct ap_offers *o, const struct ap_actor *user, JsonNode **ret_answer)
{
	struct offer *offer = g_new0(struct offer, 1);
	*offer = (struct offer){.secret = ap_secret_random(AP_TOTP_SECRET), .until_ms = now(o) + AP_OFFER_MS};
	char *secret = ap_auth_totp_text(offer->secret), *uri = ap_auth_totp_uri(offer->secret, user->name);
	g_autoptr(JsonObject) answer = json_object_new();
	ap_answer_text(answer, "totp_secret", secret);
	ap_answer_text(answer, "otpauth", uri);
	ap_answer_time(answer, "expires", offer->until_ms);
	struct ap_result r = add_qr(answer, uri);
	wipe_text(secret);
	wipe_text(uri);
	if (!ap_ok(r)) {
		offer_free(offer);
		return r;
	}
	g_hash_table_replace(o->by_user, g_memdup2(&user->user, sizeof user->user), offer);
	*ret_answer = ap_answer_object(g_steal_pointer(&answer));
	return AP_SUCCESS;
}

static struct ap_result write_taken(struct ap_vault *v, const struct ap_actor *user, const char *token, int64_t step,
				    const struct ap_secret *secret)
{
	struct ap_hash login = ap_sha256(token, strlen(token));
	g_autofree char *name = g_strconcat("totp:", user->name, NULL), *who = ap_actor_text(user);
	JsonObject *body = json_object_new();
	uint64_t leaf;
	ap_answer_text(body, "event", "user_authenticator");
	ap_answer_text(body, "user", user->name);
	ap_answer_text(body, "by", who);
	AP_TRY(ap_ledger_append(ap_vault_ledger(v), ap_vault_db(v), AP_LEAF_OTHER, body, &leaf));
	AP_TRY(ap_db_user_accepted(ap_vault_db(v), user->user, step)); /* the code that was shown logs nobody in */
	AP_TRY(ap_db_user_enrolled(ap_vault_db(v), user->user)); /* or a restore would bring the old one back */
	AP_TRY(ap_db_login_delete_others(ap_vault_db(v), user->user, &login));
	return ap_db_keys_server_set(ap_vault_keys(v), name, secret);
}

struct ap_result ap_authenticator_take(struct ap_offers *o, const struct ap_actor *user, const char *token, const char *code)
{
	struct offer *offer = g_hash_table_lookup(o->by_user, &user->user);
	int64_t step = 0;
	if (!offer || offer->until_ms <= now(o) || offer->wrong >= AP_OFFER_TRIES) {
		g_hash_table_remove(o->by_user, &user->user);
		return ap_fail(AP_ERR_DENIED, "conflict", "no authenticator is being enrolled: begin anew");
	}
	if (ap_auth_totp(offer->secret, code, ap_wall_ms(ap_vault_clock(o->v)), 0, &step) != AP_TOTP_RIGHT) {
		offer->wrong++;
		return ap_fail(AP_ERR_DENIED, "credentials", "this is no code of the new authenticator");
	}
	AP_TRY(ap_db_begin(ap_vault_db(o->v)));
	AP_TRY(ap_db_finish(ap_vault_db(o->v), write_taken(o->v, user, token, step, offer->secret)));
	g_hash_table_remove(o->by_user, &user->user);
	return AP_SUCCESS;
}
