# What the operator answers for (R24, R25, R26, R37).
if(TARGET ap_vault_core)
	ap_staff_test(account)
	target_compile_definitions(test_account PRIVATE AP_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
	ap_unit_test(overview SOURCES ${CMAKE_SOURCE_DIR}/tests/testlib/staff_fixture.c
		${CMAKE_SOURCE_DIR}/tests/testlib/staff_site.c LIBS ap_vault_staff)
endif()

# The command line over the real instance, and what persons are shown.
find_program(SYSTEM_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH)
if(SYSTEM_PYTHON)
	add_test(NAME integration/account COMMAND ${SYSTEM_PYTHON} ${CMAKE_CURRENT_LIST_DIR}/../integration/account.py)
	set_tests_properties(integration/account PROPERTIES LABELS integration TIMEOUT 120
		ENVIRONMENT "APARTE_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY};PYTHONDONTWRITEBYTECODE=1")
endif()
