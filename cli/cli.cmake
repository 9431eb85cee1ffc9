# The aparte command: one file per subcommand (commands.h lists them); the client of the staff subcommands is in
# staff.cmake, and what tests drive of the launcher is a library.
include(staff.cmake)
ap_library(launcher SOURCES instance.c pidfile.c serve_child.c serve_config.c serve_run.c serve_sockets.c serve_tls.c
	LIBS ap_base PkgConfig::SOUP PkgConfig::OPENSSL)
target_compile_definitions(ap_launcher PRIVATE AP_SOURCE_DIR="${CMAKE_SOURCE_DIR}")

add_executable(aparte main.c init.c serve.c demo.c user.c tenant.c tenant_leave.c tenant_export.c recipient.c register.c policy.c policy_terms.c request.c hold.c proof.c erase.c grant.c review.c conduct.c ledger.c
	ledger_verify.c ledger_offline.c ledger_save.c ledger_source.c export.c rotate.c lockdown.c passphrase.c incident.c webhook.c clock.c backup.c restore.c doctor.c age.c)
target_link_libraries(aparte PRIVATE ap_launcher ap_client ap_age ap_log_formats ap_escrow ap_problem)
target_compile_definitions(aparte PRIVATE AP_VERSION="${PROJECT_VERSION}")

install(TARGETS aparte aparte-gateway aparte-recorder aparte-capture RUNTIME DESTINATION bin)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/web ${CMAKE_SOURCE_DIR}/config DESTINATION share/aparte)
