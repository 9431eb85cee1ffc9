/*
 * What waits for this person's decision, gathered from where each thing is decided: accesses that need a second word, proposals of
 * another admin, what the review asks for. Each with where it is answered.
 */
import { formatDay } from '../i18n/i18n.js';
import { list } from '../ui/api.js';
import { el, plain } from '../ui/dom.js';

const bare = (who) => String(who ?? '').replace(/^(user|party):/, '');

/* A source that fails or is not this role's brings nothing; the page behind says why. */
const asked = (api, path) => api.get(path).catch(() => null);

function proposalsOf(answer, me, view, words) {
	return list(answer, 'proposals').filter((one) => bare(one.proposed_by) !== me.user)
		.map((one) => ({ view, what: words(one), who: bare(one.proposed_by), why: one.body?.reason ?? one.reason, until: one.expires }));
}

const holdWords = (one) => (one.action === 'hold.lift' ? 'desk.liftHold' : 'desk.hold');

/* [{view, what (a key), who, why, until}], the nearest end first. */
export async function decisions({ api, me }) {
	const [approvals, holds, proofs, leaving, review] = await Promise.all(['/v1/approvals', '/v1/holds', '/v1/proofs', '/v1/offboardings', '/v1/review'].map((path) => asked(api, path)));
	const waiting = list(approvals, 'approvals').filter((one) => one.state === 'pending' && one.who !== me.user)
		.map((one) => ({ view: 'approvals', what: 'desk.approval', who: one.who, why: one.reason, until: one.lapses }));
	const reviewed = list(review, 'items').filter((one) => one.item !== `user:${me.user}`)
		.map((one) => ({ view: 'review', what: one.kind === 'grant' ? 'desk.reviewGrant' : 'desk.reviewUser', who: one.who, until: one.expires }));
	return [...waiting, ...proposalsOf(holds, me, 'holds', holdWords), ...proposalsOf(proofs, me, 'proofs', () => 'desk.proof'),
		...proposalsOf(leaving, me, 'offboarding', () => 'desk.leaving'), ...reviewed].sort((a, b) => (String(a.until) < String(b.until) ? -1 : 1));
}

export function decisionItem({ view, what, who, why, until }) {
	return el('li', { class: 'line', test: 'desk-item', 'data-view': view },
		el('a', { href: `#/${view}`, class: 'line-main' }, el('strong', { t: what }), el('span', { class: 'line-note' }, plain('span', who), why ? ' · ' : null, why ? plain('q', why) : null)),
		el('span', { class: 'line-side', t: ['desk.until', { time: formatDay(until) }] }));
}
