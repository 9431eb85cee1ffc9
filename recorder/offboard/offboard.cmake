# A platform that leaves: its export, its erasure, its certificate.
target_sources(ap_staff_db PRIVATE offboard/db_offboard.c)
target_sources(ap_vault_staff PRIVATE offboard/offboard.c offboard/offboard_end.c offboard/hand_over.c offboard/hand_over_job.c
	api/api_offboard.c)
