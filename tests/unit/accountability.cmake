# What the operator answers for (R24, R25, R26, R37).
if(TARGET ap_vault_core)
	ap_staff_test(account)
	target_compile_definitions(test_account PRIVATE AP_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
endif()
