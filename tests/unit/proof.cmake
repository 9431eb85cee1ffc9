# The restricted archive of proofs of consent (R40).
if(TARGET ap_vault_core)
	ap_unit_test(proof SOURCES ${CMAKE_SOURCE_DIR}/tests/testlib/staff_fixture.c LIBS ap_vault_staff)
endif()
