# A gateway that lies: tests in the gateway's place before the real vault, with the real captures.
find_program(SYSTEM_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH)
function(ap_attack name script)
	add_test(NAME attack/${name} COMMAND ${SYSTEM_PYTHON} ${CMAKE_SOURCE_DIR}/tests/attack/${script}.py)
	set_tests_properties(attack/${name} PROPERTIES LABELS "attack;${ARGN}" TIMEOUT 180
		ENVIRONMENT "APARTE_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY};PYTHONDONTWRITEBYTECODE=1")
endfunction()
if(SYSTEM_PYTHON AND TARGET aparte-recorder AND TARGET aparte-capture)
	ap_attack(permits permits)
	ap_attack(liar/link liar_link)
	ap_attack(liar/media liar_media)
	ap_attack(liar/patience liar_patience)
	ap_attack(liar/random liar_random torture)
	ap_attack(relink relink)
	set_tests_properties(attack/relink PROPERTIES SKIP_RETURN_CODE 77)
endif()
# Time that a test injects is in no release.
add_test(NAME attack/release_clock COMMAND ${CMAKE_SOURCE_DIR}/tests/attack/release_clock.sh ${CMAKE_SOURCE_DIR}
	${CMAKE_BINARY_DIR}/release-clock $<TARGET_FILE:aparte-recorder>)
set_tests_properties(attack/release_clock PROPERTIES TIMEOUT 120 LABELS attack)
