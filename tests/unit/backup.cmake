# Backups, journal, restore (R22), over the staff side's fixture.
foreach(module backup journal restore restore_kept)
	ap_unit_test(${module} SOURCES ${CMAKE_SOURCE_DIR}/tests/testlib/staff_fixture.c
		${CMAKE_SOURCE_DIR}/tests/testlib/backup_fixture.c LIBS ap_vault_staff)
endforeach()

# The real programs, with the stock age tool beside them.
if(TARGET call_peers OR EXISTS ${CMAKE_SOURCE_DIR}/tests/testlib/call_peers.c)
	add_test(NAME integration/backup COMMAND /usr/bin/python3 ${CMAKE_SOURCE_DIR}/tests/integration/backup.py)
	set_tests_properties(integration/backup PROPERTIES LABELS integration TIMEOUT 240 SKIP_RETURN_CODE 77 RESOURCE_LOCK browsers
		ENVIRONMENT "APARTE_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY};PYTHONDONTWRITEBYTECODE=1")
endif()
