# Turnover of the key-encryption key, lockdown, incidents.
ap_unit_test(secret_file LIBS ap_keys)
ap_unit_test(escrow LIBS ap_escrow ap_keys)
if(TARGET ap_vault_staff)
	foreach(module turnover lockdown incident)
		ap_staff_test(${module})
	endforeach()
endif()
