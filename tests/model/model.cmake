# Models the product is held against: consent histories, and the gate's protocol.
add_executable(test_histories ${CMAKE_CURRENT_LIST_DIR}/histories.c ${CMAKE_CURRENT_LIST_DIR}/compare.c
	${CMAKE_CURRENT_LIST_DIR}/reference.c ${CMAKE_CURRENT_LIST_DIR}/reference_statement.c ${CMAKE_CURRENT_LIST_DIR}/script.c
	${CMAKE_CURRENT_LIST_DIR}/subject.c ${CMAKE_CURRENT_LIST_DIR}/subject_vault.c ${CMAKE_CURRENT_LIST_DIR}/calls.c
	${CMAKE_SOURCE_DIR}/tests/fuzz/plain_secrets.c)
target_link_libraries(test_histories PRIVATE ap_flags ap_vault_world ap_vault_staff)
set_target_properties(test_histories PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
add_test(NAME model/histories COMMAND test_histories WORKING_DIRECTORY ${CMAKE_BINARY_DIR})
set_tests_properties(model/histories PROPERTIES TIMEOUT 300 LABELS "model;torture")

# gate.pml, which includes recorder/gate/gate_table.def, holds; and without any one safeguard spin finds the hole.
function(ap_gate_model name wanted)
	add_test(NAME model/gate_${name} COMMAND ${CMAKE_SOURCE_DIR}/tests/model/gate_model.sh
		${CMAKE_BINARY_DIR}/tests/gate_${name} ${CMAKE_SOURCE_DIR}/tests/model/gate.pml ${wanted} ${ARGN})
	set_tests_properties(model/gate_${name} PROPERTIES TIMEOUT 300 LABELS model SKIP_RETURN_CODE 77)
endfunction()
ap_gate_model(safe safe)
ap_gate_model(safe_crashes safe -DCRASHES=1 -DDEAFNESS=1)
ap_gate_model(safe_restarts safe -DRESTARTS=1)
ap_gate_model(safe_staff safe -DSTAFF)
ap_gate_model(live live -DDEAFNESS=1)
ap_gate_model(unsafe_no_generation_check unsafe -DNO_GENERATION_CHECK)
ap_gate_model(unsafe_answer_first unsafe -DANSWER_FIRST)
ap_gate_model(unsafe_no_fold unsafe -DSTAFF -DNO_FOLD)
ap_gate_model(unsafe_orphans_count unsafe -DRESTARTS=1 -DORPHANS_COUNT)
ap_gate_model(stuck_no_kill stuck -DDEAFNESS=1 -DNO_KILL)
