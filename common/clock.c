#include <aparte/clock.h>

#include <glib.h>
#include <string.h>
#include <time.h>

static int64_t now_ns(clockid_t id)
{
	struct timespec ts;
	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

#ifdef AP_TEST_CLOCK
static struct {
	char path[512];
	GMutex lock;
	int64_t read_ns;
	int64_t offset_ms;
} test_clock;

void ap_clock_test_file(const char *path)
{
	g_strlcpy(test_clock.path, path, sizeof test_clock.path);
}

static int64_t test_offset_ms(void)
{
	if (!test_clock.path[0])
		return 0;
	g_mutex_lock(&test_clock.lock);
	int64_t now = now_ns(CLOCK_MONOTONIC);
	if (!test_clock.read_ns || now - test_clock.read_ns > 20000000) {
		g_autofree char *text = NULL;
		test_clock.read_ns = now;
		if (g_file_get_contents(test_clock.path, &text, NULL, NULL))
			test_clock.offset_ms = g_ascii_strtoll(text, NULL, 10);
	}
	int64_t offset = test_clock.offset_ms;
	g_mutex_unlock(&test_clock.lock);
	return offset;
}
#else
void ap_clock_test_file(const char *path)
{
	(void)path;
}

static int64_t test_offset_ms(void)
{
	return 0;
}
#endif

static int64_t system_wall_ms(void *ctx)
{
	(void)ctx;
	return now_ns(CLOCK_REALTIME) / 1000000 + test_offset_ms();
}

static int64_t system_mono_ns(void *ctx)
{
	(void)ctx;
	return now_ns(CLOCK_MONOTONIC);
}

const struct ap_clock *ap_clock_system(void)
{
	static const struct ap_clock clock = { system_wall_ms, system_mono_ns, NULL };
	return &clock;
}

void ap_time_text(int64_t wall_ms, char ret_text[AP_TIME_TEXT])
{
	int64_t since = MAX(wall_ms, 0);
	g_autoptr(GDateTime) t = g_date_time_new_from_unix_utc(since / 1000);
	if (!t) {
		g_strlcpy(ret_text, "9999-12-31T23:59:59.999Z", AP_TIME_TEXT);
		return;
	}
	g_autofree char *seconds = g_date_time_format(t, "%Y-%m-%dT%H:%M:%S");
	g_autofree char *text = g_strdup_printf("%s.%03dZ", seconds, (int)(since % 1000));
	g_strlcpy(ret_text, text, AP_TIME_TEXT);
}

/* `pattern` has '0' for a digit, everything else for itself. */
static bool looks_like(const char *text, const char *pattern, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (pattern[i] == '0' ? !g_ascii_isdigit(text[i]) : text[i] != pattern[i])
			return false;
	return true;
}

bool ap_time_parse(const char *text, int64_t *ret_wall_ms)
{
	static const char pattern[] = "0000-00-00T00:00:00";
	size_t n = strnlen(text, 40);
	if (n < sizeof pattern || n > 30 || text[n - 1] != 'Z' || !looks_like(text, pattern, sizeof pattern - 1))
		return false;
	if (text[19] != 'Z') {
		if (text[19] != '.' || n < 22)
			return false;
		for (size_t i = 20; i < n - 1; i++)
			if (!g_ascii_isdigit(text[i]))
				return false;
	}
	g_autoptr(GDateTime) t = g_date_time_new_from_iso8601(text, NULL);
	if (!t || strncmp(text + 17, "60", 2) > 0) /* GLib takes a second 61 */
		return false;
	int64_t wall_ms = g_date_time_to_unix(t) * 1000 + g_date_time_get_microsecond(t) / 1000;
	if (wall_ms < 0)
		return false;
	*ret_wall_ms = wall_ms;
	return true;
}
