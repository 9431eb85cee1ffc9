# What tests/e2e/kills.test.mjs calls with.
if(TARGET ap_test_peer)
	add_executable(call_peers ${CMAKE_SOURCE_DIR}/tests/testlib/call_peers.c
		${CMAKE_SOURCE_DIR}/tests/integration/capture_media.c)
	target_link_libraries(call_peers PRIVATE ap_flags ap_test_peer PkgConfig::GST m)
	set_target_properties(call_peers PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
endif()
if(TEST e2e/kills)
	set_tests_properties(e2e/kills PROPERTIES LABELS "e2e;torture")
endif()
