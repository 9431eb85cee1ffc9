# Signalling: SDP, WHIP, the public API, the link to the vault. ap_media is the media plane's.
ap_library(sdp SOURCES sdp.c sdp_answer.c sdp_fragment.c LIBS ap_base PkgConfig::GSTSDP)
ap_library(signalling SOURCES authenticate.c events.c gateway.c http_consent.c http_ledger.c http_pages.c http_party.c
	http_platform.c http_rights.c limiter.c metrics.c session.c switchboard.c turn.c vault_client.c whip.c
	LIBS ap_sdp ap_http ap_dbus ap_problem)

if(TARGET ap_media AND TARGET ap_sandbox)
	add_executable(aparte-gateway main.c confine.c)
	target_link_libraries(aparte-gateway PRIVATE ap_signalling ap_media ap_sandbox PkgConfig::OPENSSL PkgConfig::SECCOMP)
endif()
