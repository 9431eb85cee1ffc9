#include <aparte/clock.h>
#include <aparte/log.h>

#include <glib.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static struct {
	const char *process;
	enum ap_log_level level;
} config = { "aparte", AP_LOG_INFO };

void ap_log_init(const char *process, enum ap_log_level level)
{
	config.process = process;
	config.level = level;
}

/* Field values come from our own code, but a stray control character must not forge a line. */
static void flatten(char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (g_ascii_iscntrl(line[i]))
			line[i] = ' ';
}

void ap_log(enum ap_log_level level, const char *event, const char *format, ...)
{
	static const char *const words[] = { "error", "warn", "info", "debug" };
	char line[1024], time[AP_TIME_TEXT];
	if (level > config.level)
		return;
	ap_time_text(ap_wall_ms(ap_clock_system()), time);
	int n = snprintf(line, sizeof line - 1, "%s %s %s %s ", time, words[level], config.process, event);
	va_list args;
	va_start(args, format);
	int m = vsnprintf(line + n, sizeof line - 1 - (size_t)n, format, args);
	va_end(args);
	size_t len = MIN((size_t)n + (size_t)MAX(m, 0), sizeof line - 2);
	flatten(line, len);
	line[len++] = '\n';
	ssize_t ignored = write(STDERR_FILENO, line, len);
	(void)ignored;
}
