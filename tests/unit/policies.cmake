# Policies, regions and the terms that follow from them.
ap_unit_test(rules LIBS ap_vault_rules)
ap_unit_test(policy_diff LIBS ap_vault_rules)
if(TARGET ap_vault_core)
	foreach(module terms lifecycle)
		ap_staff_test(${module})
	endforeach()
endif()

# The running system, with the end-to-end tests' tools.
find_program(NODE node)
if(NODE)
	add_test(NAME integration/policies COMMAND ${NODE} --experimental-global-webcrypto --test policies.test.mjs
		WORKING_DIRECTORY ${CMAKE_CURRENT_LIST_DIR}/../integration)
	set_tests_properties(integration/policies PROPERTIES LABELS integration TIMEOUT 300 RESOURCE_LOCK browsers
		ENVIRONMENT APARTE_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY})
endif()
