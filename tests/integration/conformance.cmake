# The running system against its contract, by code of another language that shares nothing with it.
add_test(NAME integration/conformance
	COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/conformance.py)
set_tests_properties(integration/conformance PROPERTIES LABELS integration TIMEOUT 600 COST 150
	ENVIRONMENT "APARTE_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY};PYTHONDONTWRITEBYTECODE=1")
