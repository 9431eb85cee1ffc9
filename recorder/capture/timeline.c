#include "timeline.h"

#define SECOND INT64_C(1000000000)
#define MS INT64_C(1000000)
#define HIGH (300 * MS)		    /* a window this far above the minimum for HIGH_BUCKETS: the sender's clock paused */
#define HIGH_BUCKETS 2
#define PLAUSIBLE (1500 * MS)	    /* reports that move a line further than this are not believed */
#define AUDIO_SLEW 50		    /* correct at most 1/50 of the time passed: not heard */
#define VIDEO_SLEW 2

static int64_t ticks_of(const struct ap_timeline_line *l, uint32_t rtp)
{
	return l->last_ticks + (int32_t)(rtp - l->last_rtp);
}

static int64_t media_ns(const struct ap_timeline_line *l, int64_t ticks)
{
	return ticks / l->rate * SECOND + ticks % l->rate * SECOND / l->rate;
}

static int64_t window_min(const struct ap_timeline_line *l)
{
	int64_t min = INT64_MAX;
	for (int i = 0; i < AP_TIMELINE_BUCKETS; i++)
		if (l->bucket_min[i] < min)
			min = l->bucket_min[i];
	return min;
}

static int64_t *bucket_at(struct ap_timeline_line *l, int64_t second)
{
	return &l->bucket_min[second % AP_TIMELINE_BUCKETS];
}

void ap_timeline_start(struct ap_timeline *t, enum ap_line line, uint32_t rate, uint32_t rtp)
{
	struct ap_timeline_line *l = &t->lines[line];
	*l = (struct ap_timeline_line){ .started = true, .rate = rate, .last_rtp = rtp };
	for (int i = 0; i < AP_TIMELINE_BUCKETS; i++)
		l->bucket_min[i] = INT64_MAX;
}

/* The sender's clock stood still for a while: the old minimum would keep its frames in the past. */
static void forget_when_high(struct ap_timeline_line *l)
{
	int64_t newest = *bucket_at(l, l->bucket);
	l->high = newest != INT64_MAX && newest - window_min(l) > HIGH ? l->high + 1 : 0;
	if (l->high < HIGH_BUCKETS)
		return;
	for (int i = 0; i < AP_TIMELINE_BUCKETS; i++)
		l->bucket_min[i] = INT64_MAX;
	*bucket_at(l, l->bucket) = newest;
	l->high = 0;
}

static void turn_to(struct ap_timeline_line *l, int64_t second)
{
	if (second <= l->bucket)
		return;
	forget_when_high(l);
	int64_t steps = second - l->bucket;
	for (int64_t i = 1; i <= steps && i <= AP_TIMELINE_BUCKETS; i++)
		*bucket_at(l, l->bucket + i) = INT64_MAX;
	l->bucket = second;
}

void ap_timeline_arrival(struct ap_timeline *t, enum ap_line line, uint32_t rtp, int64_t arrival_ns)
{
	struct ap_timeline_line *l = &t->lines[line];
	if (!l->started || arrival_ns < 0)
		return;
	int64_t ticks = ticks_of(l, rtp), delay = arrival_ns - media_ns(l, ticks), second = arrival_ns / SECOND;
	turn_to(l, second);
	if (delay < *bucket_at(l, l->bucket))
		*bucket_at(l, l->bucket) = delay;
	if (ticks > l->last_ticks) {
		l->last_ticks = ticks;
		l->last_rtp = rtp;
	}
}

/* Seconds and a binary fraction since 1900, as ns; wraps are of no matter, only differences are used. */
static int64_t ntp_ns(uint64_t ntp)
{
	return (int64_t)(ntp >> 32) * SECOND + (int64_t)((ntp & UINT32_MAX) * (uint64_t)SECOND >> 32);
}

void ap_timeline_report(struct ap_timeline *t, enum ap_line line, uint64_t ntp, uint32_t rtp)
{
	struct ap_timeline_line *l = &t->lines[line];
	if (!l->started)
		return;
	l->reported = true;
	l->report_offset = ntp_ns(ntp) - media_ns(l, ticks_of(l, rtp));
}

/* Where this line should lie: by reports when they are there and plausible, else by its own arrivals. */
static int64_t aim(const struct ap_timeline *t, enum ap_line line)
{
	const struct ap_timeline_line *l = &t->lines[line];
	int64_t own = window_min(l), person = INT64_MAX;
	if (!l->reported)
		return own;
	for (int i = 0; i < AP_LINES; i++) {
		const struct ap_timeline_line *other = &t->lines[i];
		int64_t min = other->started && other->reported ? window_min(other) : INT64_MAX;
		if (min != INT64_MAX && min - other->report_offset < person)
			person = min - other->report_offset;
	}
	int64_t by_report = l->report_offset + person;
	return own - by_report > PLAUSIBLE ? own : by_report;
}

static int64_t at_least_zero(int64_t v)
{
	return v < 0 ? 0 : v;
}

int64_t ap_timeline_map(struct ap_timeline *t, enum ap_line line, uint32_t rtp)
{
	struct ap_timeline_line *l = &t->lines[line];
	if (!l->started || window_min(l) == INT64_MAX)
		return 0;
	int64_t media = media_ns(l, ticks_of(l, rtp)), target = aim(t, line), passed = media + l->offset - l->last_ns;
	int64_t most = at_least_zero(passed) / (line == AP_LINE_AUDIO ? AUDIO_SLEW : VIDEO_SLEW);
	int64_t off = target - l->offset;
	if (!l->mapped || off > HIGH || off < -HIGH)
		l->offset = target;
	else
		l->offset += off > most ? most : off < -most ? -most : off;
	l->mapped = true;
	int64_t ns = at_least_zero(media + l->offset);
	if (ns > l->last_ns)
		l->last_ns = ns;
	return ns;
}
