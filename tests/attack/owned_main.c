#include "tests/attack/owned.h"

#include <aparte/capture.h>
#include <string.h>
#include <sys/socket.h>

/* The START order is looked at and left where it is: the honest code is to read it too. */
static bool peek_recording(int socket, uint8_t ret_id[16])
{
	uint8_t bytes[AP_CAPTURE_MESSAGE];
	ssize_t n = recv(socket, bytes, sizeof bytes, MSG_PEEK);
	if (n < 18 || bytes[1] != AP_CAPTURE_START)
		return false;
	memcpy(ret_id, bytes + 2, 16);
	return true;
}

int ap_owned_run(int socket, bool confined)
{
	uint8_t id[16];
	if (!peek_recording(socket, id) || memcmp(id, OWNED_MARK, 3) != 0)
		return ap_capture_run(socket, confined);
	switch ((enum owned_way)id[3]) {
	case OWNED_CALLS:
		return owned_try_calls(socket);
	case OWNED_EXHAUST:
		return owned_exhaust(socket);
	case OWNED_LIES:
		return owned_lie(socket, confined, (enum owned_lie)id[4]);
	}
	return 1;
}
