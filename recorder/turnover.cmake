# Turnover of the key-encryption key.
target_sources(ap_staff_db PRIVATE db_turnover.c db_lockdown.c db_incident.c)
target_sources(ap_vault_staff PRIVATE erasure_work.c turnover.c turnovers.c api_turnovers.c
	lockdown.c lockdown_lift.c api_lockdown.c incident.c incident_text.c api_incidents.c)
# What two admins' passphrases open: the command line does its part with the same code.
ap_library(escrow SOURCES escrow.c LIBS ap_encodings)
target_link_libraries(ap_vault_staff PUBLIC ap_escrow)
