/* Users and grants that nobody confirmed for long: confirmed or ended, one by one. */
import { formatDay, tOr } from '../i18n/i18n.js';
import { list } from '../ui/api.js';
import { action, el, plain } from '../ui/dom.js';
import { problemLine } from '../ui/problem.js';
import { paged, pagesOf } from './pager.js';

function acts({ api, me, again }, item, problem) {
	const own = item.item === `user:${me.user}`;
	const verbs = me.role !== 'admin' ? [] : own ? ['expire'] : ['confirm', 'expire'];
	return el('div', { class: 'row' }, ...verbs.map((verb) => {
		const button = el('button', { type: 'button', class: 'small', t: `review.${verb}`, test: `review-${verb}` });
		return action(button, () => api.post(`/v1/review/${verb}`, { items: [item.item] }).then(again, problem.show));
	}));
}

export async function review(context) {
	const answer = await context.api.get('/v1/review');
	const problem = problemLine('review-problem');
	const row = (item) => [
		el('strong', { t: `review.${item.kind}` }),
		plain('span', item.who),
		el('span', { t: tOr(`staffRole.${item.role}`, 'role.other') }),
		item.purpose ? el('span', { t: tOr(`purpose.${item.purpose}`, 'purpose.other') }) : plain('span', '—'),
		plain('span', formatDay(item.since)),
		plain('span', formatDay(item.expires), { class: item.state === 'overdue' ? 'late' : undefined }),
		acts(context, item, problem),
	];
	const columns = ['review.what', 'access.who', 'review.role', 'access.purpose', 'review.since', 'review.ends', 'table.act'];
	const body = paged({ items: list(answer, 'items'), row, columns, test: 'review-row', label: 'staff.review', none: 'review.empty', hint: 'review.emptyHint', next: answer.next,
		fetchMore: pagesOf(context.api, '/v1/review', 'items'), textOf: (one) => `${one.who} ${one.role ?? ''}` });
	const lead = el('p', { class: 'lead', t: ['review.lead', { days: answer.review_days, grace: answer.grace_days }] });
	return { nodes: [el('h1', { t: 'staff.review' }), lead, problem.node, body] };
}
