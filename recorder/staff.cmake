# The staff side. Decisions apart from what reads disk or network.
ap_library(staff_rules SOURCES access/access_rule.c access/auth.c LIBS ap_vault_rules PkgConfig::OATH)
ap_library(staff_db SOURCES api/answer.c db/db_staff_access.c db/db_library.c db/db_staff_grant.c db/db_staff_user.c db/db_staff_erasure.c db/db_staff_desk.c
	db/db_request.c db/db_passage.c db/db_hold.c portability/db_archive.c erasure/request_clock.c
	db/db_staff_policy.c webhook/db_webhook.c db/db_staff_metrics.c
	LIBS ap_db ap_encodings PkgConfig::JSON)
ap_library(vault_staff SOURCES access/access.c access/access_list.c access/grant.c recording/playback.c erasure/erasure.c erasure/retention.c erasure/request.c erasure/request_effect.c erasure/request_decide.c
	erasure/passage.c job.c erasure/passage_job.c portability/archive.c portability/archive_job.c portability/copy.c portability/copy_text.c portability/vcon.c
	portability/zip.c portability/readme.c erasure/hold.c erasure/proposal.c
	policy/terms.c policy/terms_change.c policy/terms_policy.c policy/terms_tenant.c policy/terms_explain.c erasure/lifecycle.c webhook/webhook.c webhook/webhook_event.c webhook/webhook_url.c webhook/webhook_message.c webhook/webhook_sender.c webhook/webhook_turnover.c access/login.c access/user.c api/doctor.c api/metrics.c api/admin.c api/api.c api/page.c api/api_session.c api/api_recordings.c api/api_desk.c api/api_policies.c api/api_requests.c
	api/api_erasures.c api/api_people.c api/api_export.c api/api_webhooks.c api/api_public.c api/staff.c api/staff_rights.c
	LIBS ap_vault_core ap_staff_rules ap_staff_db ap_blob ap_http PkgConfig::SOUP PkgConfig::ARCHIVE)
include(portability/portability.cmake)
include(access.cmake)
include(backup.cmake)
include(accountability/accountability.cmake)
include(offboard/offboard.cmake)
