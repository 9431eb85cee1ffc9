#include "recorder/backup/destination.h"

#include "recorder/backup/key_part.h"
#include "recorder/vault.h"

#define DAY_MS (86400LL * 1000)

bool ap_backup_configured(struct ap_vault *v)
{
	return *ap_config_text(ap_vault_config(v), "backup.directory");
}

char *ap_destination_directory(struct ap_vault *v)
{
	return ap_backup_configured(v) ?
		       g_canonicalize_filename(ap_config_text(ap_vault_config(v), "backup.directory"), ap_vault_home(v)) :
		       g_strdup("");
}

int64_t ap_destination_horizon_ms(struct ap_vault *v)
{
	return ap_config_int(ap_vault_config(v), "backup.key_horizon") * DAY_MS;
}

static struct ap_result check(struct ap_vault *v, const struct ap_destination *d, struct ap_age_recipient *ret_recipient)
{
	const char *recipient = ap_config_text(ap_vault_config(v), "backup.recipient");
	if (!ap_backup_configured(v))
		return ap_fail(AP_ERR_DENIED, "backup", "no backups are made: set backup.directory, backup.recipient and backup.journal in aparte.conf");
	if (!*recipient)
		return ap_fail(AP_ERR_DENIED, "backup",
			       "backup.recipient is not set: without the restore operator's age recipient (age1…) nothing could be encrypted; "
			       "make one with `age-keygen` and keep its identity offline");
	if (!ap_ok(ap_age_recipient_parse(recipient, ret_recipient)))
		return ap_fail(AP_ERR_DENIED, "backup", "backup.recipient is no age recipient (age1…)");
	if (!g_file_test(d->directory, G_FILE_TEST_IS_DIR))
		return ap_fail(AP_ERR_IO, "backup", "backup.directory is not there: make it for the vault's user, or mount its disk");
	return AP_SUCCESS;
}

struct ap_result ap_destination_find(struct ap_vault *v, struct ap_destination *ret_destination)
{
	struct ap_destination d = { .directory = ap_destination_directory(v) };
	struct ap_result r = check(v, &d, &d.recipient);
	if (ap_ok(r))
		*ret_destination = d;
	else
		ap_destination_clear(&d);
	return r;
}

static struct ap_result make_place(const char *path, struct ap_uuid *ret_place)
{
	char text[AP_UUID_TEXT];
	struct ap_uuid place = ap_uuid_random();
	ap_uuid_text(&place, text);
	if (!g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0600, NULL))
		return ap_fail(AP_ERR_IO, "backup", "backup.directory cannot be written");
	*ret_place = place;
	return AP_SUCCESS;
}

struct ap_result ap_destination_place(const char *directory, bool make, struct ap_uuid *ret_place)
{
	g_autofree char *path = g_build_filename(directory, "place", NULL), *text = NULL;
	if (g_file_get_contents(path, &text, NULL, NULL))
		return ap_uuid_parse(text, ret_place) ? AP_SUCCESS : ap_fail(AP_ERR_IO, "backup", "its file `place` is damaged");
	if (g_file_test(path, G_FILE_TEST_EXISTS))
		return ap_fail(AP_ERR_IO, "backup", "its file `place` cannot be read");
	return make ? make_place(path, ret_place) : ap_fail(AP_ERR_DENIED, "not-found", "no backup was made there");
}

void ap_destination_clear(struct ap_destination *d)
{
	g_clear_pointer(&d->directory, g_free);
}
