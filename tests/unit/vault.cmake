ap_unit_test(db LIBS ap_db)
# A vault with a faked capture and gateway.
add_library(ap_vault_world STATIC ${CMAKE_SOURCE_DIR}/tests/testlib/vault_world.c ${CMAKE_SOURCE_DIR}/tests/testlib/fake_capture.c)
target_link_libraries(ap_vault_world PUBLIC ap_vault_core PkgConfig::CMOCKA)
ap_unit_test(gatekeeper LIBS ap_vault_world)
ap_unit_test(consent LIBS ap_vault_world)
