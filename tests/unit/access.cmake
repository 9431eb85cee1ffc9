# The staff side. What needs a vault shares a fixture.
function(ap_staff_test module)
	ap_unit_test(${module} SOURCES ${CMAKE_SOURCE_DIR}/tests/testlib/staff_fixture.c LIBS ap_vault_staff)
endfunction()

ap_unit_test(access_rule LIBS ap_staff_rules)
ap_unit_test(clock_guard LIBS ap_staff_rules)
ap_unit_test(auth LIBS ap_staff_rules)
ap_unit_test(request_clock LIBS ap_staff_db ap_log_formats)
if(TARGET ap_vault_core)
	foreach(module access library plans playback damage erasure retention request hold login webhook)
		ap_staff_test(${module})
	endforeach()
	ap_staff_test(webhook_lanes)
	ap_unit_test(webhook_events LIBS ap_vault_world ap_vault_staff)
	ap_staff_test(clocks)
	ap_staff_test(archive)
	ap_unit_test(compose LIBS ap_vault_staff)
	ap_unit_test(job LIBS ap_vault_staff)
	ap_staff_test(passage)
	set_tests_properties(unit/clocks PROPERTIES LABELS "unit;torture" TIMEOUT 300)
endif()

# The running system, with the end-to-end tests' tools.
find_program(NODE node)
if(NODE)
	add_test(NAME integration/staff COMMAND ${NODE} --experimental-global-webcrypto --test staff.test.mjs
		WORKING_DIRECTORY ${CMAKE_CURRENT_LIST_DIR}/../integration)
	set_tests_properties(integration/staff PROPERTIES LABELS integration TIMEOUT 300 RESOURCE_LOCK browsers
		ENVIRONMENT APARTE_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY})
endif()

# Webhooks of the running instance, by a receiver that verifies on its own; with live media.
find_program(SYSTEM_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH)
if(SYSTEM_PYTHON)
	add_test(NAME integration/webhooks COMMAND ${SYSTEM_PYTHON} ${CMAKE_CURRENT_LIST_DIR}/../integration/webhooks.py)
	set_tests_properties(integration/webhooks PROPERTIES LABELS integration TIMEOUT 240 RESOURCE_LOCK browsers
		ENVIRONMENT "APARTE_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY};PYTHONDONTWRITEBYTECODE=1")
endif()
