/*
 * Whether a password that a person chose will do (R11): long, not made of a few characters, a run or a repetition, not
 * the user's name, and not one of the well-known ones. NIST SP 800-63B §3.1.1: length and a list of what is known count,
 * not classes of characters. Pure; any thread.
 */
#pragma once

#include <aparte/err.h>

#define AP_PASSWORD_LEAST 12 /* bytes */

/* "invalid" with what to do. */
struct ap_result ap_password_check(const char *password, const char *user);
