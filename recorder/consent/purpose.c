#include "recorder/consent/purpose.h"

#include <string.h>

static const char *const texts[AP_PURPOSE_COUNT] = {
#define X(id, text) text,
	AP_PURPOSES(X)
#undef X
};

const char *ap_purpose_text(enum ap_purpose p)
{
	return texts[p];
}

bool ap_purpose_parse(const char *text, enum ap_purpose *ret_p)
{
	for (int i = 0; text && i < AP_PURPOSE_COUNT; i++)
		if (strcmp(texts[i], text) == 0) {
			*ret_p = (enum ap_purpose)i;
			return true;
		}
	return false;
}
