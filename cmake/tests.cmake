# All unit tests, without what only the other tests need.
add_custom_target(unit_tests)

# ap_compiled_once(<list> LIBS … SOURCES …): in place of sources that many tests share, their objects.
function(ap_compiled_once ret_objects)
	cmake_parse_arguments(ARG "" "" "LIBS;SOURCES" ${ARGN})
	set(objects)
	foreach(source IN LISTS ARG_SOURCES)
		get_filename_component(name ${source} NAME_WE)
		if(NOT TARGET shared_${name})
			add_library(shared_${name} OBJECT ${source})
			target_link_libraries(shared_${name} PRIVATE ap_flags ${ARG_LIBS} PkgConfig::CMOCKA)
			target_compile_definitions(shared_${name} PRIVATE AP_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
		endif()
		list(APPEND objects $<TARGET_OBJECTS:shared_${name}>)
	endforeach()
	set(${ret_objects} ${objects} PARENT_SCOPE)
endfunction()

# ap_unit_test(<module> LIBS … [SOURCES …]): tests/unit/test_<module>.c as a ctest of that name (cmocka). SOURCES: of
# tests/testlib, the same whatever test has them.
function(ap_unit_test module)
	cmake_parse_arguments(ARG "" "" "LIBS;SOURCES" ${ARGN})
	ap_compiled_once(shared LIBS ${ARG_LIBS} SOURCES ${ARG_SOURCES})
	add_executable(test_${module} ${CMAKE_SOURCE_DIR}/tests/unit/test_${module}.c ${shared})
	target_link_libraries(test_${module} PRIVATE ap_flags ${ARG_LIBS} PkgConfig::CMOCKA)
	target_compile_definitions(test_${module} PRIVATE AP_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
	set_target_properties(test_${module} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
	add_dependencies(unit_tests test_${module})
	add_test(NAME unit/${module} COMMAND test_${module} WORKING_DIRECTORY ${CMAKE_BINARY_DIR})
	set_tests_properties(unit/${module} PROPERTIES TIMEOUT 120 LABELS unit)
endfunction()
