# The fuzz targets of what vault, capture, launcher and command line read.
ap_fuzz(decode MAX_LEN 1024 LIBS ap_age)
ap_fuzz(webm MAX_LEN 3072 LIBS ap_webm)
ap_fuzz(handoff MAX_LEN 5000 LIBS ap_base)
ap_fuzz(capture_message MAX_LEN 2200 LIBS ap_capture_proto)
ap_fuzz(capture_report MAX_LEN 512 LIBS ap_capture_spawn)
ap_fuzz(config MAX_LEN 2048 LIBS ap_base)
ap_fuzz(policy MAX_LEN 2048 LIBS ap_vault_rules)
ap_fuzz(statement MAX_LEN 2048 LIBS ap_vault_rules)
ap_fuzz(hpke MAX_LEN 512 LIBS ap_keys
	SOURCES ${CMAKE_CURRENT_LIST_DIR}/plain_secrets.c ${CMAKE_CURRENT_LIST_DIR}/remembered_curve.c)
ap_fuzz(webhook MAX_LEN 512 LIBS ap_vault_staff)
ap_fuzz(link_message MAX_LEN 1024 LIBS ap_vault_core ap_capture_spawn)
ap_fuzz(compose MAX_LEN 4096 LIBS ap_vault_staff
	SOURCES ${CMAKE_CURRENT_LIST_DIR}/plain_secrets.c ${CMAKE_CURRENT_LIST_DIR}/remembered_curve.c)
ap_fuzz(gate MAX_LEN 2048 LIBS ap_capture_core)
# Its stand-ins for chain.c and tracks.c go before theirs, also when ingest.c learns to call one more of those.
target_link_options(fuzz_gate PRIVATE LINKER:--allow-multiple-definition)
ap_fuzz(range MAX_LEN 128 LIBS ap_http SOURCES ${CMAKE_CURRENT_LIST_DIR}/fake_http.c)
ap_fuzz(api MAX_LEN 512 LIBS ap_vault_staff ap_capture_spawn PkgConfig::CMOCKA
	SOURCES ${CMAKE_CURRENT_LIST_DIR}/fake_http.c ${CMAKE_SOURCE_DIR}/tests/testlib/staff_fixture.c)
target_link_options(fuzz_api PRIVATE LINKER:--wrap=ap_http_listen)
ap_fuzz(manifest MAX_LEN 512 LIBS ap_vault_core
	SOURCES ${CMAKE_CURRENT_LIST_DIR}/plain_secrets.c ${CMAKE_CURRENT_LIST_DIR}/plain_signatures.c)
ap_fuzz(journal MAX_LEN 512 LIBS ap_vault_core
	SOURCES ${CMAKE_CURRENT_LIST_DIR}/plain_secrets.c ${CMAKE_CURRENT_LIST_DIR}/plain_signatures.c)
ap_fuzz(rpc MAX_LEN 1024 LIBS ap_vault_world ap_vault_staff SOURCES ${CMAKE_CURRENT_LIST_DIR}/plain_secrets.c)
# The vault parses its few policies at each look; the parser has a target of its own.
target_link_options(fuzz_rpc PRIVATE LINKER:--wrap=ap_policy_parse)
