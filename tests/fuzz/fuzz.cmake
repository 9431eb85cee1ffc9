# ap_fuzz(<name> [MAX_LEN n] LIBS … [SOURCES …]): tests/fuzz/fuzz_<name>.c with its seeds in tests/fuzz/corpus/<name>/, as
# ctest fuzz/<name>, and a dictionary where tests/fuzz/dict/<name>.dict is there. MAX_LEN bounds what libFuzzer makes up.
# With AP_FUZZ (clang) libFuzzer runs it a bounded count from those seeds, and scripts/fuzz as long as one likes; every
# other build replays the seeds, under whatever sanitizers it has. A crash found goes into the corpus as a seed.
set(AP_FUZZ_RUNS 20000 CACHE STRING "runs of each fuzz target under ctest")
add_custom_target(fuzz_targets)
file(REMOVE ${CMAKE_BINARY_DIR}/fuzz/targets)

function(ap_fuzz name)
	cmake_parse_arguments(ARG "" "MAX_LEN" "LIBS;SOURCES" ${ARGN})
	set(folder ${CMAKE_SOURCE_DIR}/tests/fuzz)
	set(found ${CMAKE_BINARY_DIR}/fuzz/${name})
	if(NOT ARG_MAX_LEN)
		set(ARG_MAX_LEN 65536)
	endif()
	add_executable(fuzz_${name} ${folder}/fuzz_${name}.c ${ARG_SOURCES})
	add_dependencies(fuzz_targets fuzz_${name})
	target_link_libraries(fuzz_${name} PRIVATE ap_flags ${ARG_LIBS})
	target_compile_definitions(fuzz_${name} PRIVATE AP_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
	set_target_properties(fuzz_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
	if(AP_FUZZ)
		target_compile_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
		target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
		file(MAKE_DIRECTORY ${found})
		file(APPEND ${CMAKE_BINARY_DIR}/fuzz/targets "${name} ${ARG_MAX_LEN}\n") # what scripts/fuzz reads
		add_test(NAME fuzz/${name} COMMAND fuzz_${name} -runs=${AP_FUZZ_RUNS} -max_total_time=60 -max_len=${ARG_MAX_LEN}
			-artifact_prefix=${found}/ ${found} ${folder}/corpus/${name})
	else()
		target_sources(fuzz_${name} PRIVATE ${folder}/replay.c)
		add_test(NAME fuzz/${name} COMMAND fuzz_${name} ${folder}/corpus/${name})
	endif()
	set_tests_properties(fuzz/${name} PROPERTIES TIMEOUT 180 LABELS fuzz)
endfunction()

ap_fuzz(jcs MAX_LEN 4096 LIBS ap_encodings)
ap_fuzz(age MAX_LEN 512 LIBS ap_age
	SOURCES ${CMAKE_CURRENT_LIST_DIR}/plain_secrets.c ${CMAKE_CURRENT_LIST_DIR}/remembered_curve.c)
ap_fuzz(checkpoint MAX_LEN 1024 LIBS ap_log_formats SOURCES ${CMAKE_CURRENT_LIST_DIR}/plain_secrets.c)
ap_fuzz(receipt MAX_LEN 256 LIBS ap_log_formats
	SOURCES ${CMAKE_CURRENT_LIST_DIR}/plain_secrets.c ${CMAKE_CURRENT_LIST_DIR}/plain_signatures.c)
ap_fuzz(witness MAX_LEN 1024 LIBS ap_log_formats
	SOURCES ${CMAKE_CURRENT_LIST_DIR}/plain_secrets.c ${CMAKE_CURRENT_LIST_DIR}/plain_signatures.c)
include(${CMAKE_CURRENT_LIST_DIR}/gateway.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/vault.cmake)
