# Backups, journal, restore (R22), over the staff side's fixture.
foreach(module backup journal restore)
	ap_unit_test(${module} SOURCES ${CMAKE_SOURCE_DIR}/tests/testlib/staff_fixture.c
		${CMAKE_SOURCE_DIR}/tests/testlib/backup_fixture.c LIBS ap_vault_staff)
endforeach()
