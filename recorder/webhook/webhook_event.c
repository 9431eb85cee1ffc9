#include "recorder/webhook/webhook_event.h"

#include <stddef.h>
#include <string.h>

bool ap_webhook_event_known(const char *name)
{
	static const char *const names[] = {
#define X(name) name,
		AP_WEBHOOK_EVENTS(X)
#undef X
	};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}
