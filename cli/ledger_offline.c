#include "cli/ledger_offline.h"

#include "cli/commands.h"

#include <glib.h>
#include <json-glib/json-glib.h>
#include <recorder/ledger/consistency.h>
#include <recorder/ledger/log_file.h>
#include <string.h>

static int failed(const char *subject, const char *reason)
{
	g_printerr("aparte ledger verify: %s: %s\n", subject, reason);
	return AP_EXIT_FAILED;
}

static int wrong(const char *option, const char *reason)
{
	g_printerr("aparte ledger verify: %s: %s\n", option, reason);
	return AP_EXIT_USAGE;
}

/* ---- what is known beforehand ---- */

static bool known_twice(const struct ap_ledger_pins *pins, const struct ap_log_key *key)
{
	for (size_t i = 0; i < pins->count; i++)
		if (memcmp(pins->witnesses[i].public, key->public, sizeof key->public) == 0)
			return true;
	return false;
}

int ap_ledger_pins_parse(const char *vkey, char **witnesses, int quorum, struct ap_ledger_pins *ret_pins)
{
	struct ap_ledger_pins pins = { 0 };
	struct ap_result r = ap_log_key_parse(vkey, &pins.key);
	if (!ap_ok(r))
		return wrong("--vkey", r.detail);
	for (char **w = witnesses; w && *w; w++) {
		struct ap_log_key key;
		r = ap_witness_key_parse(*w, &key);
		if (!ap_ok(r))
			return wrong("--witness", r.detail);
		if (pins.count == AP_WITNESSES_MAX || known_twice(&pins, &key))
			return wrong("--witness", "one twice, or more than 8");
		pins.witnesses[pins.count++] = key;
	}
	if (quorum > (int)pins.count || quorum < -1)
		return wrong("--quorum", "more than there are witnesses");
	pins.quorum = quorum < 0 ? (unsigned)pins.count : (unsigned)quorum;
	*ret_pins = pins;
	return AP_EXIT_OK;
}

bool ap_ledger_pins_hold(const struct ap_ledger_pins *pins, const char *note)
{
	unsigned n = ap_cosignatures_count(note, strlen(note), pins->witnesses, pins->count);
	if (n >= pins->quorum)
		return true;
	g_printerr("aparte ledger verify: %u of the %zu witnesses cosigned this checkpoint, %u were asked for\n", n, pins->count,
		   pins->quorum);
	return false;
}

bool ap_ledger_read_checkpoint(const char *path, const struct ap_log_key *key, struct ap_checkpoint *ret_checkpoint,
			       char **ret_note)
{
	g_autofree char *text = NULL;
	gsize len = 0;
	if (!g_file_get_contents(path, &text, &len, NULL)) {
		failed(path, "cannot be read");
		return false;
	}
	g_autofree char *note = ap_checkpoint_text_in(text, len);
	struct ap_result r = note ? ap_checkpoint_verify(note, strlen(note), key, ret_checkpoint) :
				    ap_fail(AP_ERR_PROTOCOL, "checkpoint", "neither a checkpoint nor a receipt");
	if (!ap_ok(r)) {
		failed(path, r.detail);
		return false;
	}
	if (ret_note)
		*ret_note = g_steal_pointer(&note);
	return true;
}

/* ---- telling ---- */

static void tell_json(const struct ap_checkpoint *c, const struct ap_checkpoint *older, const struct ap_log_key *key,
		      unsigned cosigned)
{
	g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), json_object_new());
	JsonObject *o = json_node_get_object(node);
	g_autofree char *root = ap_hash_hex(&c->root), *vkey = ap_log_key_text(key);
	json_object_set_boolean_member(o, "valid", TRUE);
	json_object_set_string_member(o, "key", vkey);
	json_object_set_string_member(o, "origin", c->origin);
	json_object_set_int_member(o, "tree_size", (gint64)c->size);
	json_object_set_string_member(o, "root", root);
	json_object_set_int_member(o, "cosigned", cosigned);
	if (older)
		json_object_set_int_member(o, "continues", (gint64)older->size);
	g_autofree char *text = json_to_string(node, FALSE);
	g_print("%s\n", text);
}

int ap_ledger_tell(const struct ap_checkpoint *c, const struct ap_checkpoint *older, const char *note,
		   const struct ap_ledger_pins *pins, bool json)
{
	unsigned cosigned = ap_cosignatures_count(note, strlen(note), pins->witnesses, pins->count);
	g_autofree char *root = ap_hash_hex(&c->root), *vkey = ap_log_key_text(&pins->key);
	if (json) {
		tell_json(c, older, &pins->key, cosigned);
		return AP_EXIT_OK;
	}
	g_print("%s: %" G_GUINT64_FORMAT " leaves, root %s, signed by %s\n", c->origin, c->size, root, vkey);
	if (older)
		g_print("It holds all %" G_GUINT64_FORMAT " leaves of the older checkpoint, unchanged.\n", older->size);
	if (pins->count > 0)
		g_print("%u of %zu witnesses cosigned it.\n", cosigned, pins->count);
	return AP_EXIT_OK;
}

/* ---- proofs ---- */

int ap_ledger_verify_log(const char *path, const char *older_path, const struct ap_ledger_pins *pins, bool json)
{
	struct ap_log_file *file = NULL;
	struct ap_checkpoint c, older;
	if (older_path && !ap_ledger_read_checkpoint(older_path, &pins->key, &older, NULL))
		return AP_EXIT_FAILED;
	struct ap_result r = ap_log_file_open(path, &file);
	if (ap_ok(r))
		r = ap_log_file_verify(file, &pins->key, older_path ? &older : NULL, &c, NULL);
	int status = ap_ok(r) ? AP_EXIT_OK : failed(path, r.detail);
	if (ap_ok(r))
		status = ap_ledger_pins_hold(pins, ap_log_file_note(file)) ?
				 ap_ledger_tell(&c, older_path ? &older : NULL, ap_log_file_note(file), pins, json) :
				 AP_EXIT_FAILED;
	ap_log_file_close(file);
	return status;
}

/* A proof is of these two checkpoints and no others. */
static bool is_of(const char *path, const struct ap_checkpoint *in_proof, const struct ap_log_key *key)
{
	struct ap_checkpoint c;
	if (!path)
		return true;
	if (!ap_ledger_read_checkpoint(path, key, &c, NULL))
		return false;
	if (c.size == in_proof->size && ap_hash_equal(&c.root, &in_proof->root))
		return true;
	failed(path, "the proof is of another checkpoint");
	return false;
}

int ap_ledger_verify_consistency(const char *path, const char *older, const char *newer, const struct ap_ledger_pins *pins,
				 bool json)
{
	g_autofree char *text = NULL;
	gsize len = 0;
	struct ap_consistency c;
	if (!g_file_get_contents(path, &text, &len, NULL))
		return failed(path, "cannot be read");
	struct ap_result r = ap_consistency_verify(text, len, &pins->key, &c);
	if (!ap_ok(r))
		return failed(path, r.detail);
	int status = is_of(older, &c.older, &pins->key) && is_of(newer, &c.newer, &pins->key) &&
				     ap_ledger_pins_hold(pins, c.newer_note) ?
			     ap_ledger_tell(&c.newer, &c.older, c.newer_note, pins, json) :
			     AP_EXIT_FAILED;
	ap_consistency_clear(&c);
	return status;
}
