# Turnover of the key-encryption key.
target_sources(ap_staff_db PRIVATE db/db_turnover.c db/db_lockdown.c db/db_incident.c)
target_sources(ap_vault_staff PRIVATE erasure/erasure_work.c keys/turnover.c keys/turnovers.c api/api_turnovers.c
	keys/lockdown.c keys/lockdown_lift.c api/api_lockdown.c erasure/incident.c erasure/incident_text.c api/api_incidents.c)
# What two admins' passphrases open: the command line does its part with the same code.
ap_library(escrow SOURCES keys/escrow.c LIBS ap_encodings)
target_link_libraries(ap_vault_staff PUBLIC ap_escrow)
