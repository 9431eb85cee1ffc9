# Bad networks: the relay as a library and as a program, and recorded calls through it.
add_library(ap_test_lossy STATIC ${CMAKE_SOURCE_DIR}/tests/testlib/lossy.c)
target_link_libraries(ap_test_lossy PUBLIC ap_flags ap_base PkgConfig::GLIB)
add_executable(lossy ${CMAKE_SOURCE_DIR}/tests/testlib/lossy_main.c)
target_link_libraries(lossy PRIVATE ap_test_lossy)
set_target_properties(lossy PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)

add_executable(test_network ${CMAKE_CURRENT_LIST_DIR}/network.c ${CMAKE_CURRENT_LIST_DIR}/network_call.c
	${CMAKE_CURRENT_LIST_DIR}/network_recording.c ${CMAKE_CURRENT_LIST_DIR}/capture_zygote.c
	${CMAKE_SOURCE_DIR}/tests/testlib/media_fixture.c ${CMAKE_SOURCE_DIR}/tests/testlib/numbered.c)
target_link_libraries(test_network PRIVATE ap_media ap_test_peer ap_test_lossy ap_capture_spawn ap_age ap_flags
	PkgConfig::CMOCKA m)
target_compile_definitions(test_network PRIVATE AP_CAPTURE_BIN="$<TARGET_FILE:aparte-capture>")
set_target_properties(test_network PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
add_dependencies(test_network aparte-capture)
add_test(NAME integration/network COMMAND test_network WORKING_DIRECTORY ${CMAKE_BINARY_DIR})
set_tests_properties(integration/network PROPERTIES TIMEOUT 240 LABELS "integration;torture" SKIP_RETURN_CODE 77
	PROCESSORS ${AP_TEST_SLOTS})
