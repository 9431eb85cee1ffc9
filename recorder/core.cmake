# The vault's core. The scripts of recorder/schema are embedded as C strings.
function(ap_embed_schema name)
	set(text "#include \"recorder/db.h\"\n\nconst char *const ap_schema_${name}[] = {\n")
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

ap_library(db SOURCES db.c db_copy.c ${CMAKE_BINARY_DIR}/generated/schema_vault.c ${CMAKE_BINARY_DIR}/generated/schema_keys.c
	LIBS ap_base PkgConfig::SQLITE)

# Shipped policy and notices, embedded so that the vault needs no path for them.
function(ap_embed_text name file)
	set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${file})
	file(READ ${CMAKE_SOURCE_DIR}/${file} body)
	string(REPLACE "\\" "\\\\" body "${body}")
	string(REPLACE "\"" "\\\"" body "${body}")
	string(REPLACE "\n" "\\n\"\n\"" body "${body}")
	file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/text_${name}.c
		CONTENT "#include \"recorder/db_policy.h\"\n\nconst char ap_text_${name}[] =\n\"${body}\";\n" @ONLY)
endfunction()
ap_embed_text(policy_default config/policies/default.json)
ap_embed_text(notice_fr config/notices/fr.json)
ap_embed_text(notice_en config/notices/en.json)
ap_embed_text(conduct_fr config/conduct/fr.json)
ap_embed_text(conduct_en config/conduct/en.json)

# Decisions without clock, disk or network.
ap_library(vault_rules SOURCES purpose.c consent_state.c period.c policy.c policy_parse.c policy_diff.c rules.c body.c statement.c consent_check.c token.c gate.c presence.c
	clock_guard.c
	LIBS ap_encodings)

# Owed withdrawals: a file, no database.
ap_library(owed SOURCES owed.c LIBS ap_vault_rules)

ap_library(vault_core SOURCES db_ledger.c db_policy.c db_term.c db_lifecycle.c rule_book.c term.c db_session.c db_tenant.c db_consent.c db_recording.c db_segment.c
	ledger.c ledger_query.c vault.c vault_calls.c notice.c session.c party.c recording.c recording_seal.c manifest.c sweep.c db_sweep.c
	consent.c consent_give.c consent_withdraw.c session_end.c
	gatekeeper.c gatekeepers.c gatekeeper_open.c gatekeeper_capture.c gatekeeper_show.c disk_watch.c sealer.c
	backup/journal.c backup/journal_file.c backup/db_journal.c
	link.c link_front.c link_message.c rpc.c rpc_platform.c rpc_party.c rpc_rights.c core.c
	${CMAKE_BINARY_DIR}/generated/text_policy_default.c ${CMAKE_BINARY_DIR}/generated/text_notice_fr.c
	${CMAKE_BINARY_DIR}/generated/text_notice_en.c
	LIBS ap_vault_rules ap_staff_db ap_owed ap_db ap_keys ap_log_formats ap_blob ap_webm ap_age ap_problem ap_dbus PkgConfig::JSON)

add_executable(aparte-recorder main.c)
target_link_libraries(aparte-recorder PRIVATE ap_vault_core ap_capture_spawn ap_sandbox ap_vault_staff)
