# Turnover of the key-encryption key, lockdown, incidents.
ap_unit_test(secret_file LIBS ap_keys)
ap_unit_test(escrow LIBS ap_escrow ap_keys)
if(TARGET ap_vault_staff)
	foreach(module turnover lockdown incident)
		ap_staff_test(${module})
	endforeach()
	ap_unit_test(keys_api SOURCES ${CMAKE_SOURCE_DIR}/tests/testlib/staff_fixture.c
		${CMAKE_SOURCE_DIR}/tests/testlib/staff_site.c LIBS ap_vault_staff)
endif()
if(NODE)
	add_test(NAME integration/keys COMMAND ${NODE} --experimental-global-webcrypto --test keys.test.mjs
		WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}/tests/integration)
	set_tests_properties(integration/keys PROPERTIES LABELS integration TIMEOUT 300 RESOURCE_LOCK browsers
		ENVIRONMENT APARTE_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY})
endif()
