/*
 * Promise: on a bad network the call goes on, and the recording keeps its length, its sync and every frame the other
 * person could show. Two clients of other code than the gateway's, a relay that loses, delays, reorders, repeats and
 * rebinds between each of them and the media plane, the real capture behind the gate; each call in a process of its
 * own, several at once.
 *
 *	network [SCENARIO…]	those; without any: the bounded run
 *
 * APARTE_TEST_SEED: the seed of what the networks do. APARTE_NETWORK=full: all scenarios. APARTE_TORTURE_SECONDS: all,
 * again and again with other seeds until the time is over. APARTE_NETWORK_LIST=1 lists the frames missing.
 */
#include "network_call.h"

#include <aparte/err.h>
#include <aparte/secret.h>
#include <glib.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { AT_ONCE = 2 }; /* several times slower: more at once would only measure that */
#else
enum { AT_ONCE = 6 };
#endif
enum { PORT = 22410, PORTS = 4, IMPOSSIBLE = 77 };
static const double FIRST_MS = 1300, SYNC_MS = 80, LENGTH_S = 0.3, HEARD = 0.02;

static const struct network_scenario scenarios[] = {
	{.name = "clean", .way = "", .seconds = 6},
	{.name = "loss-5", .way = "loss=0.05,delay=10", .seconds = 9},
	{.name = "loss-20", .way = "loss=0.2,spare=1,delay=10", .seconds = 10, .full = true},
	{.name = "loss-20-jitter-100", .way = "loss=0.2,spare=1,delay=20,jitter=100", .seconds = 10},
	{.name = "bursts", .way = "delay=20", .later = "burst=0.004,burst_n=25,delay=20", .seconds = 9},
	{.name = "opening-unheard", .way = "delay=10", .outage_ms = 150, .seconds = 6},
	{.name = "opening-outage", .way = "delay=20", .outage_ms = 1500, .seconds = 9},
	{.name = "opening-repaired", .way = "delay=20", .outage_ms = 1200, .outage_up = true, .seconds = 8},
	{.name = "opening-bursts", .way = "burst=0.004,burst_n=60,delay=20", .seconds = 10, .full = true},
	{.name = "jitter-100", .way = "delay=10,jitter=100", .seconds = 8, .full = true},
	{.name = "reorder", .way = "reorder=0.1,reorder_ms=60,delay=10", .seconds = 8, .full = true},
	{.name = "duplicate", .way = "duplicate=0.2,delay=5", .seconds = 6, .full = true},
	{.name = "all", .way = "loss=0.05,reorder=0.05,reorder_ms=50,delay=10,jitter=100,duplicate=0.05", .seconds = 9},
	{.name = "rebind", .way = "delay=5", .seconds = 14, .persons = {{.rebind_ms = 3000}, {0}}},
	/* Who hears nothing asks for nothing, and shows all that is repaired once it hears again. */
	{.name = "deaf", .way = "loss=0.05,spare=1,delay=10", .seconds = 9, .persons = {{.deaf_ms = 1000, .deaf_for_ms = 5000}, {0}},
	 .patience_ms = 9000},
	{.name = "deaf-loss-20", .way = "loss=0.2,spare=1,delay=10,jitter=50", .seconds = 14,
	 .persons = {{.deaf_ms = 1000, .deaf_for_ms = 7000}, {0}}, .patience_ms = 9000, .full = true},
	{.name = "restart", .way = "loss=0.05,delay=10", .seconds = 9, .persons = {{.restart_ms = 3000}, {.restart_ms = 5000}}},
	{.name = "reload", .way = "loss=0.05,delay=10", .seconds = 10, .persons = {{0}, {.reload_ms = 4000}}},
	{.name = "no-rtx", .way = "loss=0.05,delay=10", .seconds = 9, .persons = {{.no_rtx = true}, {0}}},
	{.name = "clock", .way = "jitter=30", .seconds = 9, .persons = {{.ntp_offset_s = 5, .drift_ppm = 100}, {0}}},
	{.name = "tcp", .way = "", .seconds = 6, .persons = {{.tcp = true}, {0}}},
	{.name = "mtu-1280", .place = PLACE_MTU_1280, .seconds = 6},
	{.name = "ipv6", .place = PLACE_IPV6, .seconds = 6},
	{.name = "udp-blocked", .place = PLACE_NO_UDP, .seconds = 6},

	{.name = "later-loss-20", .way = "delay=10", .later = "loss=0.2,spare=1,delay=10", .seconds = 12, .full = true},
	{.name = "later-jitter", .way = "delay=10", .later = "delay=10,jitter=100", .seconds = 12, .full = true},
	{.name = "far", .way = "delay=150,loss=0.05", .seconds = 12, .full = true},
	{.name = "far-loss-20", .way = "delay=100,loss=0.2", .seconds = 14, .full = true},
	{.name = "bursts-long", .way = "delay=20", .later = "burst=0.002,burst_n=120,delay=20", .seconds = 14, .full = true},
	{.name = "reorder-half", .way = "reorder=0.5,reorder_ms=40,delay=10", .seconds = 9, .full = true},
	{.name = "duplicate-all", .way = "duplicate=1,delay=5,jitter=50", .seconds = 8, .full = true},
	{.name = "all-20", .way = "loss=0.2,spare=1,reorder=0.1,reorder_ms=60,delay=10,jitter=100,duplicate=0.1", .seconds = 14, .full = true},
	{.name = "rebind-both", .way = "delay=10,jitter=20,loss=0.05", .seconds = 16,
	 .persons = {{.rebind_ms = 3000}, {.rebind_ms = 3200}}, .full = true},
	{.name = "restart-loss-20", .way = "delay=10,loss=0.2", .seconds = 12,
	 .persons = {{.restart_ms = 3000}, {.restart_ms = 3050}}, .full = true},
	{.name = "reload-loss-20", .way = "delay=10,loss=0.2,spare=1,jitter=50", .seconds = 14,
	 .persons = {{.reload_ms = 4000}, {0}}, .full = true},
	{.name = "reload-both", .way = "delay=10,jitter=50", .seconds = 14,
	 .persons = {{.reload_ms = 4000}, {.reload_ms = 4400}}, .full = true},
	{.name = "no-rtx-20", .way = "loss=0.2,spare=1,delay=10", .seconds = 12, .persons = {{.no_rtx = true}, {0}}, .full = true},
	{.name = "no-rtx-both-jitter", .way = "loss=0.05,delay=10,jitter=100", .seconds = 12,
	 .persons = {{.no_rtx = true}, {.no_rtx = true}}, .full = true},
	{.name = "clock-back-loss-20", .way = "loss=0.2,spare=1,delay=10,jitter=100", .seconds = 14,
	 .persons = {{.ntp_offset_s = -5, .drift_ppm = -100}, {.ntp_offset_s = 5, .drift_ppm = 100}}, .full = true},
	{.name = "tcp-and-loss-20", .way = "loss=0.2,spare=1,delay=10", .seconds = 10, .persons = {{.tcp = true}, {0}}, .full = true},
	{.name = "tcp-both-reload", .way = "", .seconds = 10, .persons = {{.tcp = true, .reload_ms = 4000}, {.tcp = true}}, .full = true},
};

struct job {
	const struct network_scenario *scenario; /* NULL: free */
	uint64_t seed;
	pid_t pid;
	int result; /* reading end */
};

static unsigned passed, failed, skipped;

/* ---- one call, in its own process ---- */

G_NORETURN static void hold(const struct network_scenario *s, uint64_t seed, uint16_t port, int out)
{
	struct network_result result;
	g_random_set_seed((guint32)seed);
	if (!network_enter(s->place))
		_exit(IMPOSSIBLE);
	network_call(s, seed, port, &result);
	/* Pointers mean the same over there: it is the same program. */
	_exit(write(out, &result, sizeof result) == sizeof result ? 0 : 1);
}

static void start(struct job *j, unsigned place, const struct network_scenario *s, uint64_t seed)
{
	int ends[2];
	fflush(stdout);
	g_assert_true(pipe(ends) == 0);
	*j = (struct job){.scenario = s, .seed = seed, .pid = fork(), .result = ends[0]};
	if (j->pid == 0) {
		close(ends[0]);
		hold(s, seed, (uint16_t)(PORT + place * PORTS), ends[1]);
	}
	close(ends[1]);
}

/* ---- judging ---- */

static bool wrong(const char *scenario, const char *format, ...) G_GNUC_PRINTF(2, 3);
static bool wrong(const char *scenario, const char *format, ...)
{
	va_list list;
	va_start(list, format);
	g_autofree char *text = g_strdup_vprintf(format, list);
	va_end(list);
	printf("  %s: %s\n", scenario, text);
	return false;
}

static bool person_is_right(const struct network_scenario *s, int side, const struct network_figures *f)
{
	const char *who = side == 0 ? "coach" : "coachee";
	bool right = true;
	/* At 20 % loss without repeats hardly a keyframe comes whole. */
	bool hopeless = s->persons[0].no_rtx && strstr(s->way, "loss=0.2");
	if ((f->shown == 0 && !hopeless) || f->recorded == 0)
		right = wrong(s->name, "%s: nothing to compare", who);
	if (f->missing > 0)
		right = wrong(s->name, "%s: %u frames could be shown and are not recorded", who, f->missing);
	if (f->spoilt > 0)
		right = wrong(s->name, "%s: %u spoilt frames", who, f->spoilt);
	if (s->outage_ms && f->first_ms > s->outage_ms + FIRST_MS)
		right = wrong(s->name, "%s: the first frame is at %.0f ms", who, f->first_ms);
	if (f->heard_missing > f->heard * HEARD)
		right = wrong(s->name, "%s: %u of %u sounds are not recorded", who, f->heard_missing, f->heard);
	if (f->worst_av_ms > SYNC_MS)
		right = wrong(s->name, "%s: picture and sound %.0f ms apart", who, f->worst_av_ms);
	if (fabs(f->length_off_s) > LENGTH_S)
		right = wrong(s->name, "%s: length is %.2f s off", who, f->length_off_s);
	return right;
}

static bool is_right(const struct network_scenario *s, const struct network_result *r)
{
	bool right = !r->trouble || wrong(s->name, "%s", r->trouble);
	for (int side = 0; side < 2 && !r->trouble; side++)
		right = person_is_right(s, side, &r->of[side]) && right;
	if (!r->trouble && !(fabs(r->across_ms) <= SYNC_MS))
		right = wrong(s->name, "the two persons are %.0f ms apart", r->across_ms);
	if (r->tap_dropped > 0)
		right = wrong(s->name, "the gate took %" PRIu64 " packets too few", r->tap_dropped);
	return right;
}

static void tell(const struct network_scenario *s, const struct network_result *r)
{
	printf("%-20s connect %4.1f s  across %4.0f ms", s->name, r->connect_s, r->across_ms);
	for (int side = 0; side < 2; side++) {
		const struct network_figures *f = &r->of[side];
		printf("  | sent %u shown %u rec %u miss %u first %.0f ms sound %u-%u av %.0f ms len %+.2f s", f->sent, f->shown,
		       f->recorded, f->missing, f->first_ms, f->heard, f->heard_missing, f->worst_av_ms, f->length_off_s);
	}
	printf("\n");
}

static void finish(struct job *j)
{
	struct network_result result = {0};
	int status = 0;
	bool whole = read(j->result, &result, sizeof result) == sizeof result;
	waitpid(j->pid, &status, 0);
	close(j->result);
	if (WIFEXITED(status) && WEXITSTATUS(status) == IMPOSSIBLE) {
		printf("%-20s skipped: needs root and network namespaces\n", j->scenario->name);
		skipped++;
	} else if (!whole) {
		printf("%-20s its process ended with %d\n", j->scenario->name, status);
		failed++;
	} else {
		tell(j->scenario, &result);
		bool right = is_right(j->scenario, &result);
		passed += right;
		failed += !right;
	}
	j->scenario = NULL;
}

/* ---- many ---- */

static struct job jobs[AT_ONCE];

static void wait_for_one(void)
{
	siginfo_t info = {0};
	waitid(P_ALL, 0, &info, WEXITED | WNOWAIT);
	for (unsigned i = 0; i < AT_ONCE; i++)
		if (jobs[i].scenario && jobs[i].pid == info.si_pid)
			finish(&jobs[i]);
}

static bool any_busy(void)
{
	for (unsigned i = 0; i < AT_ONCE; i++)
		if (jobs[i].scenario)
			return true;
	return false;
}

static void begin(const struct network_scenario *s, uint64_t seed)
{
	for (;; wait_for_one())
		for (unsigned i = 0; i < AT_ONCE; i++)
			if (!jobs[i].scenario) {
				start(&jobs[i], i, s, seed);
				return;
			}
}

static bool is_asked(const struct network_scenario *s, char **names, bool full)
{
	if (!*names)
		return full || !s->full;
	for (; *names; names++)
		if (strcmp(*names, s->name) == 0)
			return true;
	return false;
}

static void run_all(char **names, bool full, uint64_t seed)
{
	printf("seed %" PRIu64 "\n", seed);
	for (size_t i = 0; i < G_N_ELEMENTS(scenarios); i++)
		if (is_asked(&scenarios[i], names, full))
			begin(&scenarios[i], seed + i);
	while (any_busy())
		wait_for_one();
}

int main(int argc, char **argv)
{
	const char *seed_text = getenv("APARTE_TEST_SEED"), *torture = getenv("APARTE_TORTURE_SECONDS");
	uint64_t seed = seed_text ? strtoull(seed_text, NULL, 10) : (uint64_t)g_get_real_time();
	int64_t until = g_get_monotonic_time() + (torture ? strtoll(torture, NULL, 10) : 0) * G_TIME_SPAN_SECOND;
	bool full = torture || g_strcmp0(getenv("APARTE_NETWORK"), "full") == 0;
	(void)argc;
	setvbuf(stdout, NULL, _IOLBF, 0);
	AP_IGNORE(ap_secret_init()); /* calls fail without it, and say so */
	do
		run_all(argv + 1, full, seed);
	while ((seed += G_N_ELEMENTS(scenarios)) && g_get_monotonic_time() < until && failed == 0);
	printf("%u passed, %u failed, %u skipped\n", passed, failed, skipped);
	return failed ? 1 : passed == 0 ? IMPOSSIBLE : 0;
}
