#include "recorder/link/link_message.h"

#include <aparte/buf.h>
#include <gio/gio.h>
#include <string.h>

#define PATH "/fr/aparte"
#define INTERFACE "fr.aparte.Vault1"
#define ORDER (G_BYTE_ORDER == G_LITTLE_ENDIAN ? 'l' : 'B')
#define VERSION 1
#define NO_REPLY 1 /* flag */
#define NAME_MAX_BYTES 255

enum field { FIELD_NONE, FIELD_PATH, FIELD_INTERFACE, FIELD_MEMBER, FIELD_ERROR, FIELD_REPLY_TO, FIELD_SIGNATURE = 8, FIELDS };

#define BIT(field) (1u << (field))

/* Which fields a message of each kind must have; the signature may stand beside them, nothing else may. */
static const unsigned wanted[] = {
	[AP_LINK_CALL] = BIT(FIELD_PATH) | BIT(FIELD_INTERFACE) | BIT(FIELD_MEMBER),
	[AP_LINK_RETURN] = BIT(FIELD_REPLY_TO),
	[AP_LINK_ERROR] = BIT(FIELD_REPLY_TO) | BIT(FIELD_ERROR),
};

/* The four types of our contract's arguments. */
static const uint8_t types[FIELDS] = {
	[FIELD_PATH] = 'o',  [FIELD_INTERFACE] = 's', [FIELD_MEMBER] = 's',
	[FIELD_ERROR] = 's', [FIELD_REPLY_TO] = 'u',  [FIELD_SIGNATURE] = 'g',
};

static void align(struct ap_reader *r, size_t to)
{
	ap_read_skip(r, -r->off % to);
}

static uint32_t read_u32(struct ap_reader *r)
{
	uint32_t v;
	align(r, sizeof v);
	ap_read_bytes(r, &v, sizeof v);
	return v;
}

/* A text of a length that was read already, with its end mark; "" and bad when it is none. */
static const char *read_text(struct ap_reader *r, size_t len)
{
	const char *text = (const char *)ap_read_span(r, len);
	uint8_t end = ap_read_u8(r);
	if (r->bad || end != 0 || !g_utf8_validate_len(text, len, NULL))
		r->bad = true;
	return r->bad ? "" : text;
}

static void read_value(struct ap_reader *r, char type)
{
	switch (type) {
	case 's':
		read_text(r, read_u32(r));
		return;
	case 'b':
		r->bad = read_u32(r) > 1 || r->bad;
		return;
	case 'u':
		read_u32(r);
		return;
	case 't':
		align(r, 8);
		ap_read_skip(r, 8);
		return;
	default:
		r->bad = true;
	}
}

size_t ap_link_message_size(const uint8_t head[AP_LINK_HEAD])
{
	struct ap_reader r = ap_reader_over(head, AP_LINK_HEAD);
	uint8_t order = ap_read_u8(&r), kind = ap_read_u8(&r), flags = ap_read_u8(&r), version = ap_read_u8(&r);
	uint64_t body = read_u32(&r), serial = read_u32(&r), fields = read_u32(&r);
	uint64_t size = AP_LINK_HEAD + (fields + 7) / 8 * 8 + body;
	bool ours = order == ORDER && kind >= AP_LINK_CALL && kind <= AP_LINK_ERROR && version == VERSION && serial != 0 &&
		    (kind != AP_LINK_CALL || !(flags & NO_REPLY));
	return ours && size <= AP_LINK_MESSAGE ? (size_t)size : 0;
}

struct fields {
	unsigned seen;
	const char *texts[FIELDS];
};

/* One entry of the header's array: code, the type's signature, the value. */
static void read_field(struct ap_reader *r, struct fields *f)
{
	align(r, 8);
	uint8_t code = ap_read_u8(r), type_len = ap_read_u8(r), type = ap_read_u8(r), end = ap_read_u8(r);
	if (r->bad || code >= FIELDS || types[code] == 0 || type_len != 1 || type != types[code] || end != 0 ||
	    f->seen & BIT(code)) {
		r->bad = true;
		return;
	}
	f->seen |= BIT(code);
	if (type == 'u')
		r->bad = read_u32(r) == 0 || r->bad;
	else
		f->texts[code] = read_text(r, type == 'g' ? ap_read_u8(r) : read_u32(r));
}

static bool names_fit(const struct fields *f, enum ap_link_kind kind)
{
	if ((f->seen & ~BIT(FIELD_SIGNATURE)) != wanted[kind])
		return false;
	if (kind == AP_LINK_CALL)
		return strcmp(f->texts[FIELD_PATH], PATH) == 0 && strcmp(f->texts[FIELD_INTERFACE], INTERFACE) == 0 &&
		       g_dbus_is_member_name(f->texts[FIELD_MEMBER]);
	return kind == AP_LINK_RETURN ||
	       (strlen(f->texts[FIELD_ERROR]) <= NAME_MAX_BYTES && g_dbus_is_interface_name(f->texts[FIELD_ERROR]));
}

struct ap_result ap_link_message_read(const uint8_t *bytes, size_t len, struct ap_link_message *ret_message)
{
	const struct ap_result none = ap_fail(AP_ERR_PROTOCOL, "link-message", "the gateway sent what is no message of ours");
	if (len < AP_LINK_HEAD || ap_link_message_size(bytes) != len)
		return none;
	struct ap_reader r = ap_reader_over(bytes, len);
	struct fields f = { 0 };
	enum ap_link_kind kind = (enum ap_link_kind)bytes[1];
	ap_read_skip(&r, AP_LINK_HEAD - sizeof(uint32_t));
	size_t end = AP_LINK_HEAD;
	end += read_u32(&r);
	while (!r.bad && r.off < end)
		read_field(&r, &f);
	if (r.bad || r.off != end || !names_fit(&f, kind))
		return none;
	align(&r, 8);
	const char *signature = f.texts[FIELD_SIGNATURE] ? f.texts[FIELD_SIGNATURE] : "";
	for (const char *type = signature; *type && !r.bad; type++)
		read_value(&r, *type);
	if (r.bad || ap_reader_left(&r) != 0)
		return none;
	*ret_message = (struct ap_link_message){ kind, kind == AP_LINK_CALL ? f.texts[FIELD_MEMBER] : "", signature };
	return AP_SUCCESS;
}
