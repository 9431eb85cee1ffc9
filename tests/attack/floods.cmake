# Floods against a running instance with a live call that is measured.
if(TARGET ap_test_peer AND SYSTEM_PYTHON)
	add_executable(floods_call attack/floods_call.c attack/floods_peer.c)
	add_executable(floods_gen attack/floods_gen.c)
	foreach(program floods_call floods_gen)
		target_link_libraries(${program} PRIVATE ap_flags ap_base PkgConfig::GLIB PkgConfig::NICE PkgConfig::OPENSSL
			ap_srtp_library)
		set_target_properties(${program} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
	endforeach()
	target_link_libraries(floods_call PRIVATE ap_test_peer)
	ap_attack(floods floods torture)
	# Times are measured: nothing else may want the processors.
	set_tests_properties(attack/floods PROPERTIES RUN_SERIAL TRUE TIMEOUT 300)
endif()
