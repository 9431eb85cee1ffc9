ap_unit_test(db LIBS ap_db)
