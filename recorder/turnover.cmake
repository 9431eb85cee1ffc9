# Turnover of the key-encryption key.
target_sources(ap_staff_db PRIVATE db_turnover.c)
target_sources(ap_vault_staff PRIVATE erasure_work.c turnover.c turnovers.c api_turnovers.c)
