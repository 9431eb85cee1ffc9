# What the two HTTP listeners do with TLS, with bad HTTP, and whether they keep to docs/openapi.yaml: the real instance.
find_program(SYSTEM_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH)
if(SYSTEM_PYTHON AND TARGET aparte-gateway AND TARGET aparte-recorder)
	foreach(name tls http_raw openapi)
		add_test(NAME integration/${name} COMMAND ${SYSTEM_PYTHON} ${CMAKE_CURRENT_LIST_DIR}/${name}.py)
		set_tests_properties(integration/${name} PROPERTIES LABELS integration TIMEOUT 180
			ENVIRONMENT APARTE_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY})
	endforeach()
	add_test(NAME integration/tls_scan COMMAND ${SYSTEM_PYTHON} ${CMAKE_CURRENT_LIST_DIR}/tls_scan.py)
	set_tests_properties(integration/tls_scan PROPERTIES LABELS integration TIMEOUT 300
		ENVIRONMENT APARTE_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY})
endif()
