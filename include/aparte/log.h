/*
 * Structured logging: one JSON-free line per event on stderr (the launcher and journald keep it), made of an
 * event word and key=value fields that the caller names.
 *
 * Never logged: tokens, names, e-mail addresses, shares, keys, SDP, statements, URLs with a query. Session and
 * recording ids may be. A test greps a whole run.
 *
 *     ap_log(AP_LOG_INFO, "gate_opened", "session=%s epoch=%u", id, epoch);
 *
 * Threads: any. Not on the packet path.
 */
#pragma once

enum ap_log_level { AP_LOG_ERROR, AP_LOG_WARN, AP_LOG_INFO, AP_LOG_DEBUG };

/* Names the process in each line ("gateway"); level from config, default INFO. Before threads start. */
void ap_log_init(const char *process, enum ap_log_level level);
void ap_log(enum ap_log_level level, const char *event, const char *format, ...) __attribute__((format(printf, 3, 4)));
