# Benchmarks: built with the tests, run by scripts/bench-erasure and its like, not by ctest, but for a small run that keeps them working.
add_executable(bench_erasure ${CMAKE_SOURCE_DIR}/tests/bench/bench_erasure.c)
target_link_libraries(bench_erasure PRIVATE ap_flags ap_vault_staff)
set_target_properties(bench_erasure PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
add_test(NAME bench/erasure COMMAND bench_erasure --recordings 300 WORKING_DIRECTORY ${CMAKE_BINARY_DIR})
set_tests_properties(bench/erasure PROPERTIES TIMEOUT 120 LABELS bench)
