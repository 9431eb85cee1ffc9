# The staff side. Decisions apart from what reads disk or network.
ap_library(staff_rules SOURCES access_rule.c auth.c LIBS ap_vault_rules PkgConfig::OATH)
ap_library(staff_db SOURCES answer.c db_staff_access.c db_staff_grant.c db_staff_user.c db_staff_erasure.c db_staff_desk.c
	db_request.c db_passage.c db_hold.c portability/db_archive.c request_clock.c
	db_staff_policy.c db_staff_webhook.c db_staff_metrics.c
	LIBS ap_db ap_encodings PkgConfig::JSON)
ap_library(vault_staff SOURCES access.c access_list.c grant.c playback.c erasure.c retention.c request.c request_effect.c request_decide.c
	passage.c job.c passage_job.c portability/archive.c portability/archive_job.c portability/copy.c portability/copy_text.c portability/vcon.c
	portability/zip.c portability/readme.c hold.c proposal.c
	terms.c terms_change.c terms_policy.c terms_tenant.c terms_explain.c lifecycle.c webhook.c webhook_url.c login.c user.c doctor.c metrics.c admin.c api.c api_session.c api_recordings.c api_desk.c api_policies.c api_requests.c
	api_erasures.c api_people.c api_export.c api_public.c staff.c staff_rights.c
	LIBS ap_vault_core ap_staff_rules ap_staff_db ap_blob ap_http PkgConfig::SOUP PkgConfig::ARCHIVE)
include(access.cmake)
include(backup.cmake)
include(accountability/accountability.cmake)
