ap_unit_test(age LIBS ap_age)
