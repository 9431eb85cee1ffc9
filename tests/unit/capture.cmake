# The capture: pure modules, protocol, the vault's hand on it; and real media through the real process.
function(ap_capture_test name)
	cmake_parse_arguments(ARG "" "" "LIBS;SOURCES" ${ARGN})
	add_executable(${name} ${CMAKE_SOURCE_DIR}/tests/integration/${name}.c
		${CMAKE_SOURCE_DIR}/tests/integration/capture_zygote.c ${ARG_SOURCES})
	target_link_libraries(${name} PRIVATE ap_flags ${ARG_LIBS} PkgConfig::CMOCKA)
	target_compile_definitions(${name} PRIVATE AP_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
		AP_CAPTURE_BIN="$<TARGET_FILE:aparte-capture>")
	set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
	add_dependencies(${name} aparte-capture)
	add_test(NAME integration/${name} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_BINARY_DIR})
	set_tests_properties(integration/${name} PROPERTIES TIMEOUT 240 LABELS integration)
endfunction()
ap_capture_test(capture_run SOURCES ${CMAKE_SOURCE_DIR}/tests/integration/capture_media.c
	${CMAKE_SOURCE_DIR}/tests/integration/capture_sender.c
	LIBS ap_capture_spawn PkgConfig::GST m)
set_tests_properties(integration/capture_run PROPERTIES PROCESSORS ${AP_TEST_SLOTS}) # it measures how late things are written
ap_unit_test(timeline LIBS ap_capture_pure)
ap_unit_test(reorder LIBS ap_capture_pure)
ap_capture_test(capture_sandbox SOURCES ${CMAKE_SOURCE_DIR}/tests/integration/confined_child.c
	LIBS ap_capture_proto ap_age)
ap_unit_test(webm LIBS ap_webm)
ap_unit_test(capture_proto LIBS ap_capture_proto)
ap_unit_test(blob_dir LIBS ap_blob)
ap_unit_test(mux LIBS ap_capture_pure)
ap_unit_test(capture_spawn LIBS ap_capture_spawn)
# Both persons in one film: the composer by itself, and the whole way into an archive.
ap_capture_test(compose_sandbox SOURCES ${CMAKE_SOURCE_DIR}/tests/integration/confined_child.c
	LIBS ap_capture_proto ap_age)
if(TARGET ap_vault_staff)
	ap_capture_test(compose SOURCES ${CMAKE_SOURCE_DIR}/tests/testlib/staff_fixture.c LIBS ap_vault_staff ap_capture_spawn)
endif()
