#include "recorder/capture/timeline.h"

#include <aparte/clock.h>
#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define MS INT64_C(1000000)
#define SECOND INT64_C(1000000000)

/* A sender: its clock runs at (1 + ppm/1e6), its NTP time is off, its packets take delay..delay+jitter. */
struct sender {
	double ppm;
	int64_t ntp_off_ns, delay_ns, jitter_ns, video_coding_ns;
	uint32_t rtp_base[2];
	unsigned seed;
};

static uint32_t rtp_at(const struct sender *s, enum ap_line line, int64_t true_ns)
{
	uint32_t rate = line == AP_LINE_AUDIO ? 48000 : 90000;
	double sender_ns = (double)true_ns * (1 + s->ppm / 1e6);
	return s->rtp_base[line] + (uint32_t)(uint64_t)(sender_ns * rate / 1e9);
}

static uint64_t ntp_at(const struct sender *s, int64_t true_ns)
{
	int64_t ns = (int64_t)((double)true_ns * (1 + s->ppm / 1e6)) + s->ntp_off_ns + INT64_C(3900000000) * SECOND / 1000 * 1000;
	return (uint64_t)(ns / SECOND) << 32 | (uint64_t)(ns % SECOND) * (UINT64_C(1) << 32) / SECOND;
}

static int64_t arrival(struct sender *s, enum ap_line line, int64_t true_ns)
{
	int64_t jitter = s->jitter_ns ? (int64_t)((double)rand_r(&s->seed) / RAND_MAX * (double)s->jitter_ns) : 0;
	return true_ns + s->delay_ns + jitter + (line == AP_LINE_AUDIO ? 0 : s->video_coding_ns);
}

static void start(struct ap_timeline *t, const struct sender *s, int64_t begin_ns)
{
	ap_timeline_start(t, AP_LINE_AUDIO, 48000, rtp_at(s, AP_LINE_AUDIO, begin_ns));
	ap_timeline_start(t, AP_LINE_CAMERA, 90000, rtp_at(s, AP_LINE_CAMERA, begin_ns));
}

/* One packet of each line at true_ns; returns where both were laid, minus where they belong. */
static void step(struct ap_timeline *t, struct sender *s, int64_t true_ns, bool report, int64_t ret_error[2])
{
	for (int line = AP_LINE_AUDIO; line <= AP_LINE_CAMERA; line++) {
		uint32_t rtp = rtp_at(s, (enum ap_line)line, true_ns);
		ap_timeline_arrival(t, (enum ap_line)line, rtp, arrival(s, (enum ap_line)line, true_ns));
		if (report)
			ap_timeline_report(t, (enum ap_line)line, ntp_at(s, true_ns), rtp);
		ret_error[line] = ap_timeline_map(t, (enum ap_line)line, rtp) - true_ns;
	}
}

static void an_hour_with_a_clock_off_by_5_s_and_100_ppm(void **state)
{
	(void)state;
	struct sender people[2] = {
		{ .ppm = 100, .ntp_off_ns = 5 * SECOND, .delay_ns = 20 * MS, .jitter_ns = 40 * MS,
		  .video_coding_ns = 60 * MS, .rtp_base = { 0xFFFFFF00, 0xFFFF0000 }, .seed = 1 },
		{ .ppm = -100, .ntp_off_ns = -3 * SECOND, .delay_ns = 30 * MS, .jitter_ns = 20 * MS,
		  .video_coding_ns = 40 * MS, .rtp_base = { 7, 9 }, .seed = 2 },
	};
	struct ap_timeline t[2] = { 0 };
	const int64_t begin = 1000 * SECOND;
	int64_t worst_av = 0, worst_across = 0;
	for (int p = 0; p < 2; p++)
		start(&t[p], &people[p], begin);
	for (int64_t n = 0; n < 3600 * 25; n++) {
		int64_t error[2][2], at = begin + n * 40 * MS;
		for (int p = 0; p < 2; p++)
			step(&t[p], &people[p], at, n % 75 == 10, error[p]);
		if (n < 5 * 25) /* until the first reports were followed */
			continue;
		for (int p = 0; p < 2; p++)
			worst_av = MAX(worst_av, llabs(error[p][0] - error[p][1]));
		worst_across = MAX(worst_across, llabs(error[0][0] - error[1][0]));
	}
	print_message("worst: %lld us between sound and picture, %lld us between persons\n", (long long)worst_av / 1000,
		      (long long)worst_across / 1000);
	assert_true(worst_av < 20 * MS);
	assert_true(worst_across < 40 * MS); /* 10 ms of it are the delays' own difference */
}

static void sound_and_picture_meet_by_reports_not_by_arrival(void **state)
{
	(void)state;
	struct sender s = { .delay_ns = 10 * MS, .video_coding_ns = 100 * MS, .seed = 1 };
	struct ap_timeline t = { 0 };
	int64_t error[2];
	start(&t, &s, 50 * SECOND);
	step(&t, &s, 50 * SECOND, false, error);
	assert_in_range(error[1] - error[0], 99 * MS, 101 * MS); /* without reports: as they came */
	for (int n = 1; n < 100; n++)
		step(&t, &s, 50 * SECOND + n * 40 * MS, n == 5, error);
	assert_in_range(llabs(error[1] - error[0]), 0, 2 * MS);
}

static void an_absurd_report_is_not_believed(void **state)
{
	(void)state;
	struct sender s = { .delay_ns = 10 * MS, .seed = 1 };
	struct ap_timeline t = { 0 };
	int64_t error[2];
	start(&t, &s, 50 * SECOND);
	step(&t, &s, 50 * SECOND, true, error);
	ap_timeline_report(&t, AP_LINE_CAMERA, ntp_at(&s, 10 * SECOND), rtp_at(&s, AP_LINE_CAMERA, 50 * SECOND));
	for (int n = 1; n < 100; n++) {
		step(&t, &s, 50 * SECOND + n * 40 * MS, false, error);
		assert_in_range(llabs(error[0]), 0, 15 * MS);
		assert_in_range(llabs(error[1]), 0, 15 * MS);
	}
}

static void a_sender_whose_clock_paused_is_caught_up_with(void **state)
{
	(void)state;
	struct ap_timeline t = { 0 };
	int64_t media = 0, at = 90 * SECOND, got = 0;
	ap_timeline_start(&t, AP_LINE_CAMERA, 90000, 0);
	for (int n = 0; n < 200; n++) {
		if (n == 100)
			at += 2 * SECOND; /* nothing came, and the timestamps go on where they were */
		ap_timeline_arrival(&t, AP_LINE_CAMERA, (uint32_t)(media * 9 / 100000), at);
		got = ap_timeline_map(&t, AP_LINE_CAMERA, (uint32_t)(media * 9 / 100000));
		media += 40 * MS;
		at += 40 * MS;
	}
	assert_in_range(llabs(got - (at - 40 * MS)), 0, 60 * MS);
}

static void time_never_runs_backwards_nor_wraps(void **state)
{
	(void)state;
	struct ap_timeline t = { 0 };
	uint32_t rtp = 0xFFFFFFFF - 90000;
	int64_t last = 0;
	ap_timeline_start(&t, AP_LINE_CAMERA, 90000, rtp);
	for (int n = 0; n < 100; n++, rtp += 3000) {
		ap_timeline_arrival(&t, AP_LINE_CAMERA, rtp, 10 * SECOND + n * SECOND / 30 + (n % 3) * 5 * MS);
		int64_t now = ap_timeline_map(&t, AP_LINE_CAMERA, rtp);
		assert_true(now > last);
		last = now;
	}
	assert_in_range(last, 13 * SECOND, 14 * SECOND);
}

static void an_unstarted_line_maps_to_zero(void **state)
{
	(void)state;
	struct ap_timeline t = { 0 };
	ap_timeline_arrival(&t, AP_LINE_SCREEN, 1, 1);
	ap_timeline_report(&t, AP_LINE_SCREEN, 1, 1);
	assert_int_equal(ap_timeline_map(&t, AP_LINE_SCREEN, 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_hour_with_a_clock_off_by_5_s_and_100_ppm),
		cmocka_unit_test(sound_and_picture_meet_by_reports_not_by_arrival),
		cmocka_unit_test(an_absurd_report_is_not_believed),
		cmocka_unit_test(a_sender_whose_clock_paused_is_caught_up_with),
		cmocka_unit_test(time_never_runs_backwards_nor_wraps),
		cmocka_unit_test(an_unstarted_line_maps_to_zero),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
