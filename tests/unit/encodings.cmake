ap_unit_test(age LIBS ap_age)
ap_unit_test(hpke LIBS ap_keys)
ap_unit_test(keys LIBS ap_keys)
ap_unit_test(db_keys LIBS ap_keys)
