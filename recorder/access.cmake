# Who may see what: approvals, the code of conduct, the review, notes.
target_sources(ap_staff_rules PRIVATE access/conduct_document.c access/password_rule.c)
target_sources(ap_staff_db PRIVATE db/db_staff_approval.c db/db_staff_conduct.c db/db_staff_review.c db/db_staff_note.c)
target_sources(ap_vault_staff PRIVATE access/approval.c access/authenticator.c access/conduct.c access/review.c access/note.c api/api_tracks.c api/api_notes.c api/api_governance.c
	${CMAKE_BINARY_DIR}/generated/text_conduct_fr.c ${CMAKE_BINARY_DIR}/generated/text_conduct_en.c)
target_link_libraries(ap_vault_staff PRIVATE PkgConfig::QRENCODE)
