# A disk that fails under a running instance, by tests/testlib/faultfs.c; without FUSE they are skipped by name (77).
pkg_check_modules(FUSE IMPORTED_TARGET fuse3)
if(FUSE_FOUND)
	add_executable(faultfs ${CMAKE_SOURCE_DIR}/tests/testlib/faultfs.c)
	target_link_libraries(faultfs PRIVATE ap_flags PkgConfig::FUSE)
	set_target_properties(faultfs PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
endif()
foreach(name storage storage_start storage_torture)
	add_test(NAME e2e/${name} COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/${name}.py)
	set_tests_properties(e2e/${name} PROPERTIES LABELS e2e TIMEOUT 400 SKIP_RETURN_CODE 77
		ENVIRONMENT "APARTE_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY};PYTHONDONTWRITEBYTECODE=1")
endforeach()
# These two count a live call's packets.
set_tests_properties(e2e/storage e2e/storage_torture PROPERTIES RESOURCE_LOCK browsers)
set_tests_properties(e2e/storage_torture PROPERTIES LABELS "e2e;torture" TIMEOUT 300)
