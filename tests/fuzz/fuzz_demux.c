/* Demultiplexing, and reading a STUN username: what a stranger's datagram meets first. */
#include "fuzz.h"

#include "gateway/demux.h"
#include "gateway/ice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ap_ice_username username;
	if (ap_demux(data, size) == AP_DEMUX_STUN && ap_ice_read_username(data, size, &username) &&
	    username.remote_len > size)
		__builtin_trap();
	return 0;
}
