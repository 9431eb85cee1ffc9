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

void ap_destination_clear(struct ap_destination *d)
{
	g_clear_pointer(&d->directory, g_free);
}
