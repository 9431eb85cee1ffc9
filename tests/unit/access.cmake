# The staff side. What needs a vault shares a fixture.
function(ap_staff_test module)
	ap_unit_test(${module} SOURCES ${CMAKE_SOURCE_DIR}/tests/testlib/staff_fixture.c LIBS ap_vault_staff)
endfunction()

ap_unit_test(access_rule LIBS ap_staff_rules)
ap_unit_test(clock_guard LIBS ap_staff_rules)
ap_unit_test(auth LIBS ap_staff_rules)
if(TARGET ap_vault_core)
	foreach(module access playback erasure retention request hold login webhook staff)
		ap_staff_test(${module})
	endforeach()
endif()
