# Backups, journal and restore. What a start needs of the journal is in core.cmake.
target_sources(ap_keys PRIVATE keys/db_keys_image.c keys/db_keys_loan.c)
target_sources(ap_vault_staff PRIVATE api/api_backup.c backup/backup.c backup/db_backup.c backup/destination.c backup/key_part.c
	backup/mirror.c backup/part.c backup/release.c backup/replay.c backup/replay_rules.c backup/db_replay.c backup/restore.c backup/restore_bytes.c backup/restore_log.c
	backup/restore_main.c backup/restore_parts.c)
