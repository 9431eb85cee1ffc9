# The restricted archive of proofs of consent (R40).
if(TARGET ap_vault_core)
	ap_unit_test(proof SOURCES ${CMAKE_SOURCE_DIR}/tests/testlib/staff_fixture.c LIBS ap_vault_staff)
endif()

# The command line over the real instance, and years.
find_program(SYSTEM_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH)
if(SYSTEM_PYTHON)
	add_test(NAME integration/proof COMMAND ${SYSTEM_PYTHON} ${CMAKE_CURRENT_LIST_DIR}/../integration/proof.py)
	set_tests_properties(integration/proof PROPERTIES LABELS integration TIMEOUT 180
		ENVIRONMENT "APARTE_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY};PYTHONDONTWRITEBYTECODE=1")
endif()
