/*
 * What comes over the gateway's link. The first byte chooses: bytes as they are, or a message that GDBus writes from the
 * input and of which one byte is changed. What our reader lets pass GDBus reads too, and sees the same in it; what GDBus
 * writes for a method of the contract we let pass.
 */
#include "fuzz.h"

#include <aparte/buf.h>
#include <gio/gio.h>
#include <recorder/link/link_message.h>
#include <recorder/link/rpc.h>
#include <string.h>
#include <vault_dbus.h>

static void check_same(const uint8_t *bytes, size_t size, const struct ap_link_message *m)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GDBusMessage) read = g_dbus_message_new_from_blob((guchar *)bytes, size, G_DBUS_CAPABILITY_FLAGS_NONE, &error);
	if (!read)
		g_error("GDBus refuses what we let pass: %s", error->message);
	g_assert_cmpint(g_dbus_message_get_message_type(read), ==, m->kind);
	g_assert_true(g_dbus_message_get_serial(read) != 0);
	g_assert_cmpstr(g_dbus_message_get_signature(read), ==, m->signature);
	if (m->kind != AP_LINK_CALL) {
		g_assert_cmpuint(g_dbus_message_get_reply_serial(read), !=, 0);
		return;
	}
	g_assert_cmpstr(g_dbus_message_get_member(read), ==, m->member);
	g_assert_cmpstr(g_dbus_message_get_path(read), ==, "/fr/aparte");
	g_assert_cmpstr(g_dbus_message_get_interface(read), ==, "fr.aparte.Vault1");
	GVariant *body = g_dbus_message_get_body(read);
	if (ap_rpc_permits(m->member, m->signature) && body) /* then the handler unpacks it unseen */
		g_assert_true(g_variant_is_normal_form(body));
}

static bool try_bytes(const uint8_t *bytes, size_t size)
{
	struct ap_link_message m = { 0 };
	if (!ap_ok(ap_link_message_read(bytes, size, &m)))
		return false;
	g_assert_true(size <= AP_LINK_MESSAGE && ap_link_message_size(bytes) == size);
	check_same(bytes, size, &m);
	return true;
}

/* A value of that type out of the input. */
static GVariant *value_of(char type, struct ap_reader *r)
{
	switch (type) {
	case 's': {
		size_t len = MIN(ap_read_u8(r), ap_reader_left(r));
		const char *text = (const char *)ap_read_span(r, len);
		g_autofree char *valid = g_utf8_make_valid(text ? text : "", text ? (gssize)len : 0);
		return g_variant_new_string(valid);
	}
	case 'b': return g_variant_new_boolean(ap_read_u8(r) & 1);
	case 'u': return g_variant_new_uint32(ap_read_u32(r));
	default: return g_variant_new_uint64(ap_read_u64(r));
	}
}

static GDBusMessage *make(struct ap_reader *r)
{
	const GDBusInterfaceInfo *info = ap_dbus_vault1_interface_info();
	size_t count = 0;
	while (info->methods[count])
		count++;
	const GDBusMethodInfo *method = info->methods[ap_read_u8(r) % count];
	GDBusMessage *m = g_dbus_message_new_method_call(NULL, "/fr/aparte", info->name, method->name);
	g_auto(GVariantBuilder) b = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_TUPLE);
	bool any = false;
	for (GDBusArgInfo **arg = method->in_args; arg && *arg; arg++, any = true)
		g_variant_builder_add_value(&b, value_of((*arg)->signature[0], r));
	if (any)
		g_dbus_message_set_body(m, g_variant_builder_end(&b));
	g_dbus_message_set_serial(m, ap_read_u32(r) | 1);
	return m;
}

static void try_made(const uint8_t *data, size_t size)
{
	struct ap_reader r = ap_reader_over(data, size);
	uint16_t at = ap_read_u16(&r);
	uint8_t change = ap_read_u8(&r);
	g_autoptr(GDBusMessage) m = make(&r);
	gsize len = 0;
	g_autofree guchar *bytes = g_dbus_message_to_blob(m, &len, G_DBUS_CAPABILITY_FLAGS_NONE, NULL);
	g_assert_true(bytes && try_bytes(bytes, len));
	bytes[at % len] ^= change;
	(void)try_bytes(bytes, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0 && data[0] % 2 == 0)
		(void)try_bytes(data + 1, size - 1);
	else if (size > 0)
		try_made(data + 1, size - 1);
	return 0;
}
