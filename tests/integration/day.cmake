# A day in the life of a programme, over years of the vault's clock; the age tool and ffprobe beside it.
if(TARGET call_peers OR EXISTS ${CMAKE_SOURCE_DIR}/tests/testlib/call_peers.c)
	add_test(NAME integration/day COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/day.py)
	set_tests_properties(integration/day PROPERTIES LABELS integration TIMEOUT 600 SKIP_RETURN_CODE 77 COST 200
		ENVIRONMENT "APARTE_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY};PYTHONDONTWRITEBYTECODE=1")
endif()
