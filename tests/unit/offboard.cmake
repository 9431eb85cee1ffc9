# A platform that leaves (R30).
if(TARGET ap_vault_core)
	foreach(module offboard hand_over)
		ap_unit_test(${module} LIBS ap_vault_staff
			SOURCES ${CMAKE_SOURCE_DIR}/tests/testlib/staff_fixture.c ${CMAKE_SOURCE_DIR}/tests/testlib/desk_fixture.c)
	endforeach()
endif()

# The command line over the real instance: the export opened by the stock age tool, the certificate verified offline.
find_program(SYSTEM_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH)
if(SYSTEM_PYTHON)
	add_test(NAME integration/offboard COMMAND ${SYSTEM_PYTHON} ${CMAKE_CURRENT_LIST_DIR}/../integration/offboard.py)
	set_tests_properties(integration/offboard PROPERTIES LABELS integration TIMEOUT 240 SKIP_RETURN_CODE 77 RESOURCE_LOCK browsers
		ENVIRONMENT "APARTE_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY};PYTHONDONTWRITEBYTECODE=1")
endif()
