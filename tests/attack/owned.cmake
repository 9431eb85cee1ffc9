# A capture that is owned: aparte-capture with another main behind the same zygote and sandbox. Test builds only; the
# release has neither this folder nor the target (attack/owned_release looks).
add_executable(aparte-capture-owned ${CMAKE_SOURCE_DIR}/recorder/capture/main.c ${CMAKE_SOURCE_DIR}/recorder/capture/zygote.c
	attack/owned_main.c attack/owned_calls.c attack/owned_exhaust.c attack/owned_lies.c)
set_source_files_properties(${CMAKE_SOURCE_DIR}/recorder/capture/zygote.c PROPERTIES COMPILE_DEFINITIONS
	ap_capture_run=ap_owned_run)
target_link_libraries(aparte-capture-owned PRIVATE ap_capture_core)
target_link_options(aparte-capture-owned PRIVATE -Wl,--wrap=ap_capture_send -Wl,--wrap=ap_capture_receive
	-Wl,--wrap=fsync)
set_target_properties(aparte-capture-owned PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)

function(ap_owned_test name)
	add_executable(${name} attack/${name}.c ${ARGN})
	target_link_libraries(${name} PRIVATE ap_flags ap_capture_spawn PkgConfig::GST PkgConfig::CMOCKA m)
	target_compile_definitions(${name} PRIVATE AP_OWNED_BIN="$<TARGET_FILE:aparte-capture-owned>"
		AP_CAPTURE_BIN="$<TARGET_FILE:aparte-capture-owned>")
	target_sources(${name} PRIVATE integration/capture_zygote.c)
	set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
	add_dependencies(${name} aparte-capture-owned)
	add_test(NAME attack/${name} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_BINARY_DIR})
	set_tests_properties(attack/${name} PROPERTIES TIMEOUT 120 LABELS attack)
endfunction()
ap_owned_test(owned_sandbox attack/owned_calls.c)
ap_owned_test(owned_reports integration/capture_media.c)
ap_owned_test(owned_hang integration/capture_media.c)
set_tests_properties(attack/owned_hang PROPERTIES LABELS "attack;torture")
add_test(NAME attack/owned_release COMMAND ${CMAKE_CURRENT_LIST_DIR}/owned_release.sh ${CMAKE_SOURCE_DIR}
	${CMAKE_BINARY_DIR}/release-check $<TARGET_FILE:aparte-capture> $<TARGET_FILE:aparte-capture-owned>)
set_tests_properties(attack/owned_release PROPERTIES TIMEOUT 120 LABELS attack)
