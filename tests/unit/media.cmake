# The media plane: pure modules one by one, then whole with independent clients.
foreach(module budget demux framing net pace path repair rtp rtcp srtp stream tap)
	ap_unit_test(${module} LIBS ap_media)
endforeach()
ap_unit_test(ice LIBS ap_media PkgConfig::NICE)

add_library(ap_test_peer STATIC ${CMAKE_SOURCE_DIR}/tests/testlib/peer.c ${CMAKE_SOURCE_DIR}/tests/testlib/peer_dtls.c)
target_link_libraries(ap_test_peer PUBLIC ap_flags ap_base PkgConfig::GLIB
	PRIVATE PkgConfig::NICE PkgConfig::OPENSSL ap_srtp_library)
ap_unit_test(dtls LIBS ap_media ap_test_peer PkgConfig::OPENSSL ap_srtp_library)

# ap_media_test(<name>): tests/integration/<name>.c over the fixture, on ports of its own.
function(ap_media_test name)
	add_executable(test_${name} ${CMAKE_SOURCE_DIR}/tests/integration/${name}.c
		${CMAKE_SOURCE_DIR}/tests/testlib/media_fixture.c)
	target_link_libraries(test_${name} PRIVATE ap_media ap_test_peer ap_flags PkgConfig::CMOCKA)
	set_target_properties(test_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
	add_test(NAME integration/${name} COMMAND test_${name} WORKING_DIRECTORY ${CMAKE_BINARY_DIR})
	set_tests_properties(integration/${name} PROPERTIES TIMEOUT 120 LABELS integration)
endfunction()

ap_media_test(media_relay)
ap_media_test(media_transport)
target_link_libraries(test_media_transport PRIVATE PkgConfig::NICE)
ap_media_test(media_tap)
