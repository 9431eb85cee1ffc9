/*
 * Results that must be checked.
 *
 * Every function that can fail for a reason outside its caller returns a struct ap_result. The compiler
 * warns (and our build fails) when one is dropped. `name` is one of the error names of the HTTP API
 * (docs/openapi.yaml, "urn:aparte:error:<name>") or a shorter internal word; `detail` says what to do about
 * it. Both are static strings: they never carry tokens, names or other data, so they can be logged.
 *
 * Threads: values only, safe anywhere.
 */
#pragma once

#include <stdbool.h>

enum ap_err {
	AP_OK = 0,
	AP_ERR_IO,	 /* disk, socket, database */
	AP_ERR_PROTOCOL, /* malformed or unexpected input */
	AP_ERR_DENIED,	 /* the caller may not, or a proof is missing */
	AP_ERR_LIMIT,	 /* too large, too many, too late */
	AP_ERR_CRYPTO,	 /* authentication or key trouble */
	AP_ERR_INTERNAL, /* our own mistake */
};

struct [[nodiscard]] ap_result {
	enum ap_err err;
	const char *name;
	const char *detail;
};

#define AP_SUCCESS ((struct ap_result){ AP_OK, "ok", "" })

static inline struct ap_result ap_fail(enum ap_err err, const char *name, const char *detail)
{
	return (struct ap_result){ err, name, detail };
}

static inline bool ap_ok(struct ap_result r)
{
	return r.err == AP_OK;
}

/* Returns from the calling function when `expr` fails. */
#define AP_TRY(expr)                               \
	do {                                       \
		struct ap_result ap_try_ = (expr); \
		if (!ap_ok(ap_try_))               \
			return ap_try_;            \
	} while (0)

/* Drops a result on purpose; the reason stands beside the call. */
#define AP_IGNORE(expr)                                   \
	do {                                              \
		struct ap_result ap_ignored_ = (expr);    \
		(void)ap_ignored_;                        \
	} while (0)
