#include "recorder/gate/presence.h"

#include "recorder/api/body.h"

#include <aparte/buf.h>
#include <aparte/encode.h>
#include <sodium.h>

/* A 64-bit number as decimal text (JavaScript cannot hold it as a number) or as a number. */
static bool number_of(JsonObject *o, const char *name, uint64_t *ret_n)
{
	const char *text = ap_body_text(o, name);
	int64_t number = -1;
	if (text)
		return g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT64, ret_n, NULL);
	if (!ap_body_int(o, name, &number) || number < 0)
		return false;
	*ret_n = (uint64_t)number;
	return true;
}

struct ap_result ap_presence_parse(const char *json, struct ap_presence *ret_presence)
{
	g_autoptr(JsonNode) node = NULL;
	JsonObject *o = NULL;
	struct ap_presence p;
	AP_TRY(ap_body_parse(json, &node, &o));
	if (!number_of(o, "generation", &p.generation) || !number_of(o, "counter", &p.counter) ||
	    !ap_base64url_exact(ap_body_text(o, "signature"), p.signature, sizeof p.signature))
		return ap_fail(AP_ERR_PROTOCOL, "malformed", "presence has generation, counter and signature");
	*ret_presence = p;
	return AP_SUCCESS;
}

struct ap_result ap_presence_verify(const struct ap_presence *p, const struct ap_uuid *session, const uint8_t device[32])
{
	uint8_t bytes[64];
	struct ap_writer w = ap_writer_over(bytes, sizeof bytes);
	ap_write_label(&w, "aparte/presence/v1");
	ap_write_u8(&w, 0);
	ap_write_bytes(&w, session->b, sizeof session->b);
	ap_write_u64(&w, p->generation);
	ap_write_u64(&w, p->counter);
	if (crypto_sign_verify_detached(p->signature, bytes, w.len, device) != 0)
		return ap_fail(AP_ERR_DENIED, "statement-signature", "presence must be signed by the enrolled device");
	return AP_SUCCESS;
}
