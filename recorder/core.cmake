# The vault's core. The scripts of recorder/schema are embedded as C strings.
function(ap_embed_schema name)
	set(text "#include \"recorder/db/db.h\"\n\nconst char *const ap_schema_${name}[] = {\n")
	file(GLOB scripts CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/recorder/schema/${name}-*.sql)
	list(SORT scripts)
	foreach(script ${scripts})
		set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${script})
		file(READ ${script} sql)
		string(REPLACE "\\" "\\\\" sql "${sql}")
		string(REPLACE "\"" "\\\"" sql "${sql}")
		string(REPLACE "\n" "\\n\"\n\"" sql "${sql}")
		string(APPEND text "\"${sql}\",\n")
	endforeach()
	string(APPEND text "0,\n};\n")
	file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/schema_${name}.c CONTENT "${text}" @ONLY)
endfunction()
ap_embed_schema(vault)
ap_embed_schema(keys)

ap_library(db SOURCES db/db.c db/group.c db/db_copy.c ${CMAKE_BINARY_DIR}/generated/schema_vault.c ${CMAKE_BINARY_DIR}/generated/schema_keys.c
	LIBS ap_base PkgConfig::SQLITE)

# Shipped policy and notices, embedded so that the vault needs no path for them.
function(ap_embed_text name file)
	set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${file})
	file(READ ${CMAKE_SOURCE_DIR}/${file} body)
	string(REPLACE "\\" "\\\\" body "${body}")
	string(REPLACE "\"" "\\\"" body "${body}")
	string(REPLACE "\n" "\\n\"\n\"" body "${body}")
	file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/text_${name}.c
		CONTENT "#include \"recorder/db/db_policy.h\"\n\nconst char ap_text_${name}[] =\n\"${body}\";\n" @ONLY)
endfunction()
ap_embed_text(policy_default config/policies/default.json)
ap_embed_text(notice_fr config/notices/fr.json)
ap_embed_text(notice_en config/notices/en.json)
ap_embed_text(conduct_fr config/conduct/fr.json)
ap_embed_text(conduct_en config/conduct/en.json)

# Decisions without clock, disk or network.
ap_library(vault_rules SOURCES consent/purpose.c consent/consent_state.c policy/period.c policy/policy.c policy/policy_parse.c policy/policy_diff.c policy/rules.c api/body.c consent/statement.c consent/consent_check.c consent/token.c gate/gate.c gate/presence.c
	policy/clock_guard.c
	LIBS ap_encodings)

# Owed withdrawals: a file, no database.
ap_library(owed SOURCES consent/owed.c LIBS ap_vault_rules)

ap_library(vault_core SOURCES db/db_ledger.c db/db_witness.c ledger/witness_list.c ledger/public.c db/db_policy.c db/db_term.c db/db_lifecycle.c policy/rule_book.c policy/term.c db/db_session.c db/db_tenant.c db/db_consent.c db/db_recording.c db/db_segment.c
	ledger/ledger.c ledger/ledger_query.c vault.c vault_calls.c consent/notice.c consent/session.c consent/party.c recording/recording.c recording/recording_seal.c recording/manifest.c recording/vouched.c recording/sweep.c db/db_sweep.c
	consent/consent.c consent/consent_give.c consent/consent_withdraw.c consent/session_end.c
	gate/gatekeeper.c gate/gatekeepers.c gate/gatekeeper_open.c gate/gatekeeper_capture.c gate/gatekeeper_show.c gate/gatekeeper_tell.c gate/disk_watch.c gate/sealer.c
	backup/journal.c backup/journal_file.c backup/db_journal.c
	link/link.c link/link_front.c link/link_message.c link/rpc.c link/rpc_platform.c link/rpc_party.c link/rpc_rights.c core.c
	${CMAKE_BINARY_DIR}/generated/text_policy_default.c ${CMAKE_BINARY_DIR}/generated/text_notice_fr.c
	${CMAKE_BINARY_DIR}/generated/text_notice_en.c
	LIBS ap_vault_rules ap_staff_db ap_owed ap_db ap_keys ap_log_formats ap_blob ap_webm ap_age ap_problem ap_dbus PkgConfig::JSON)

add_executable(aparte-recorder main.c)
target_link_libraries(aparte-recorder PRIVATE ap_vault_core ap_capture_spawn ap_sandbox ap_vault_staff)
