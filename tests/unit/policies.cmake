# Policies, regions and the terms that follow from them.
ap_unit_test(rules LIBS ap_vault_rules)
ap_unit_test(policy_diff LIBS ap_vault_rules)
if(TARGET ap_vault_core)
	foreach(module terms lifecycle)
		ap_staff_test(${module})
	endforeach()
endif()
