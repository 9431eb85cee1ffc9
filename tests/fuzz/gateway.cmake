# What strangers send to the gateway, in the order of the packet; then signalling.
foreach(target demux rtp rtcp tcp_framing)
	ap_fuzz(${target} MAX_LEN 2048 LIBS ap_media)
endforeach()
ap_fuzz(path MAX_LEN 256 LIBS ap_media)
ap_fuzz(stream MAX_LEN 512 LIBS ap_media)
ap_fuzz(stun MAX_LEN 1501 LIBS ap_media)
# It puts stand-ins before the library's sockets and crypto.
ap_fuzz(relay MAX_LEN 2048 LIBS ap_media)
ap_fuzz(sdp MAX_LEN 4096 LIBS ap_sdp)
# The whole gateway's HTTP over a stand-in vault; the fake media plane and the signalling that calls it need each other.
ap_fuzz(http MAX_LEN 3072 LIBS ap_signalling ap_http PkgConfig::SOUP
	SOURCES ${CMAKE_SOURCE_DIR}/tests/testlib/fake_media.c)
ap_fuzz(srtp MAX_LEN 1501 LIBS ap_media)
ap_fuzz(dtls MAX_LEN 1024 LIBS ap_media PkgConfig::OPENSSL SOURCES ${CMAKE_CURRENT_LIST_DIR}/parsed_once.c)
if(AP_FUZZ)
	target_sources(fuzz_dtls PRIVATE ${CMAKE_CURRENT_LIST_DIR}/plain_openssl.c)
endif()
