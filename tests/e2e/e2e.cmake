# The running system through its own launcher; node:test files here are one ctest each, named by their file.
find_program(NODE node)
if(NODE)
	file(GLOB e2e_tests RELATIVE ${CMAKE_CURRENT_LIST_DIR} CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.test.mjs)
	foreach(file ${e2e_tests})
		string(REPLACE ".test.mjs" "" name ${file})
		set(within)
		if(name MATCHES "^(clients|firefox|network)$")
			set(within ${CMAKE_CURRENT_LIST_DIR}/in_netns)
		endif()
		add_test(NAME e2e/${name} COMMAND ${within} ${NODE} --experimental-global-webcrypto --test ${file}
			WORKING_DIRECTORY ${CMAKE_CURRENT_LIST_DIR})
		set_tests_properties(e2e/${name} PROPERTIES LABELS e2e TIMEOUT 300 SKIP_RETURN_CODE 77 RESOURCE_LOCK browsers
			COST 100 ENVIRONMENT APARTE_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY})
		# What measures times has the machine for itself.
		if(name MATCHES "^(sync|session|network|kills|clients)$")
			set_tests_properties(e2e/${name} PROPERTIES PROCESSORS ${AP_TEST_SLOTS})
		endif()
	endforeach()
endif()

add_executable(ask_open ${CMAKE_SOURCE_DIR}/tests/testlib/ask_open.c)
target_link_libraries(ask_open PRIVATE ap_flags)
set_target_properties(ask_open PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
