#include "source.h"

#include <stdlib.h>

#define MAX_AHEAD 3000 /* sequence numbers */
#define MAX_BEHIND 3000
#define MAX_DRIFT_NS INT64_C(3000000000) /* RTP time against arrival time */
#define MAX_LATE_NS INT64_C(30000000000) /* so long a way may be broken (RFC 7675) and be repaired all the same */
#define SETTLE_NS INT64_C(200000000)	 /* after a restart: what fits not is a straggler, not a next restart */

struct ap_source ap_source_new(uint32_t rate)
{
	return (struct ap_source){ .rate = rate };
}

/* What lies behind in number and in time is late: asked for again after an outage, it comes seconds after what followed
 * it, and its arrival says nothing. */
static bool continues(const struct ap_source *s, const struct ap_source_packet *p)
{
	int16_t step = (int16_t)(uint16_t)(p->seq - s->seq);
	int64_t media = (int64_t)(int32_t)(p->rtp - s->rtp) * INT64_C(1000000000) / s->rate;
	bool late = step <= 0 && media <= 0 && media >= -MAX_LATE_NS;
	bool in_time = llabs(media - (p->arrival_ns - s->arrival_ns)) <= MAX_DRIFT_NS;
	return p->ssrc == s->ssrc && step <= MAX_AHEAD && step >= -MAX_BEHIND && (late || in_time);
}

static void move_to(struct ap_source *s, const struct ap_source_packet *p)
{
	s->ssrc = p->ssrc;
	s->seq = p->seq;
	s->rtp = p->rtp;
	s->arrival_ns = p->arrival_ns;
}

enum ap_source_verdict ap_source_judge(struct ap_source *s, const struct ap_source_packet *p)
{
	if (s->active && continues(s, p)) {
		if ((int16_t)(uint16_t)(p->seq - s->seq) > 0)
			move_to(s, p);
		return AP_SOURCE_TAKE;
	}
	if (s->active && p->arrival_ns - s->restarted_ns < SETTLE_NS)
		return AP_SOURCE_DROP;
	s->active = true;
	s->restarted_ns = p->arrival_ns;
	move_to(s, p);
	return AP_SOURCE_RESTART;
}
