# Who may see what: approvals, the code of conduct, the review, notes.
target_sources(ap_staff_rules PRIVATE conduct_document.c password_rule.c)
target_sources(ap_staff_db PRIVATE db_staff_approval.c db_staff_conduct.c db_staff_review.c db_staff_note.c)
target_sources(ap_vault_staff PRIVATE approval.c conduct.c review.c note.c api_tracks.c api_notes.c api_governance.c
	${CMAKE_BINARY_DIR}/generated/text_conduct_fr.c ${CMAKE_BINARY_DIR}/generated/text_conduct_en.c)
