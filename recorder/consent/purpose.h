/*
 * What a recording may be used for: a closed list (API.md). A set of purposes is a bit mask.
 * Pure; any thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define AP_PURPOSES(X)                       \
	X(RECORDING, "recording")            \
	X(SUPERVISION, "supervision")        \
	X(CERTIFICATION, "certification")    \
	X(QUALITY, "quality")                \
	X(RESEARCH, "research")              \
	X(AI_TRAINING, "ai_training")        \
	X(DISCLOSURE, "disclosure")          \
	X(SHARE_COPY, "share_copy")

enum ap_purpose {
#define X(id, text) AP_PURPOSE_##id,
	AP_PURPOSES(X)
#undef X
		AP_PURPOSE_COUNT
};

typedef uint32_t ap_purposes; /* bit 1 << enum ap_purpose */
#define AP_PURPOSE_BIT(p) ((ap_purposes)1 << (p))
#define AP_PURPOSE_ALL ((ap_purposes)((1u << AP_PURPOSE_COUNT) - 1))

const char *ap_purpose_text(enum ap_purpose p);
bool ap_purpose_parse(const char *text, enum ap_purpose *ret_p);
