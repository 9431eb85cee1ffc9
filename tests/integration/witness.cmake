# The log before outsiders: witnesses of another language, offline verification.
add_test(NAME integration/witness COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/witness.py)
set_tests_properties(integration/witness PROPERTIES LABELS integration TIMEOUT 300
	ENVIRONMENT "APARTE_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY};PYTHONDONTWRITEBYTECODE=1")
