# A disk that fails under a running instance, by tests/testlib/faultfs.c; without FUSE they are skipped by name.
pkg_check_modules(FUSE IMPORTED_TARGET fuse3)
if(FUSE_FOUND)
	add_executable(faultfs ${CMAKE_SOURCE_DIR}/tests/testlib/faultfs.c)
	target_link_libraries(faultfs PRIVATE ap_flags PkgConfig::FUSE)
	set_target_properties(faultfs PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
endif()
