ap_unit_test(buf LIBS ap_base)
