# The media plane, in the order of the packet.
add_library(ap_media STATIC
	net.c net_in.c net_out.c pace.c ice_tcp.c framing.c demux.c ice.c dtls.c path.c transport.c srtp.c srtp_gcm.c
	rtp.c stream.c rtcp.c repair.c tap.c relay.c call.c commands.c worker.c media_queue.c addresses.c media.c)
target_link_libraries(ap_media PUBLIC ap_base ap_flags PkgConfig::GLIB
	PRIVATE PkgConfig::OPENSSL ap_srtp_library PkgConfig::NICE PkgConfig::SODIUM)
