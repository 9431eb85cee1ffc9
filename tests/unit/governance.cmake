# Who governs access: approvals, code of conduct, review, notes, roles.
ap_unit_test(conduct_document LIBS ap_staff_rules)
ap_unit_test(password_rule LIBS ap_staff_rules)
if(TARGET ap_vault_core)
	foreach(module approval conduct review note sponsor)
		ap_staff_test(${module})
	endforeach()
	foreach(module staff roles cut own_password)
		ap_unit_test(${module} SOURCES ${CMAKE_SOURCE_DIR}/tests/testlib/staff_fixture.c
			${CMAKE_SOURCE_DIR}/tests/testlib/staff_site.c LIBS ap_vault_staff)
	endforeach()
	target_sources(test_cut PRIVATE ${CMAKE_SOURCE_DIR}/tests/testlib/slow_reader.c)
	target_compile_definitions(test_roles PRIVATE AP_ROLES_FILE="${CMAKE_SOURCE_DIR}/docs/ROLES.md")
endif()

find_program(NODE node)
if(NODE)
	add_test(NAME integration/governance COMMAND ${NODE} --experimental-global-webcrypto --test governance.test.mjs
		WORKING_DIRECTORY ${CMAKE_CURRENT_LIST_DIR}/../integration)
	set_tests_properties(integration/governance PROPERTIES LABELS integration TIMEOUT 300 RESOURCE_LOCK browsers
		ENVIRONMENT APARTE_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY})
endif()
