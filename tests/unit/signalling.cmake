# Signalling: SDP by fixtures of real clients, the whole gateway against a fake vault and a fake media plane.
ap_unit_test(sdp LIBS ap_sdp)

add_library(ap_test_world STATIC testlib/world.c testlib/fake_vault.c testlib/fake_media.c)
target_link_libraries(ap_test_world PUBLIC ap_signalling PkgConfig::CMOCKA)
target_include_directories(ap_test_world PUBLIC ${CMAKE_SOURCE_DIR}/tests)
target_compile_definitions(ap_test_world PRIVATE AP_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
# The fake media plane and the signalling that calls it need each other.
foreach(module gateway gateway_vault)
	ap_unit_test(${module} LIBS ap_test_world ap_signalling ap_test_world)
endforeach()

# The real process with a fake vault, for real clients.
if(TARGET aparte-gateway)
	add_executable(gateway_stand testlib/gateway_stand.c testlib/fake_vault.c)
	target_link_libraries(gateway_stand PRIVATE ap_flags ap_base ap_problem ap_dbus PkgConfig::SODIUM)
	target_include_directories(gateway_stand PRIVATE ${CMAKE_SOURCE_DIR}/tests)
	set_target_properties(gateway_stand PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
	add_dependencies(gateway_stand aparte-gateway)
endif()
find_program(NODE node)
if(TARGET gateway_stand AND NODE)
	add_test(NAME integration/gateway_browsers
		COMMAND ${NODE} ${CMAKE_SOURCE_DIR}/tests/integration/gateway_browsers.mjs $<TARGET_FILE:gateway_stand>
			$<TARGET_FILE:aparte-gateway> ${CMAKE_SOURCE_DIR}/web)
	set_tests_properties(integration/gateway_browsers PROPERTIES LABELS integration TIMEOUT 120 RESOURCE_LOCK browsers)
	add_test(NAME integration/gateway_openapi
		COMMAND /usr/bin/python3 ${CMAKE_SOURCE_DIR}/tests/integration/gateway_openapi.py $<TARGET_FILE:gateway_stand>
			$<TARGET_FILE:aparte-gateway> ${CMAKE_SOURCE_DIR})
	set_tests_properties(integration/gateway_openapi PROPERTIES LABELS integration TIMEOUT 60)
endif()
ap_unit_test(gateway_cut SOURCES ${CMAKE_SOURCE_DIR}/tests/testlib/slow_reader.c LIBS ap_test_world ap_signalling ap_test_world)
ap_unit_test(signalling_parts LIBS ap_signalling ap_test_world)
