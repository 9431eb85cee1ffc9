/* Accesses that wait for a second person's word: what one asked, and what one is asked. */
import { formatDate, tOr } from '../i18n/i18n.js';
import { list } from '../ui/api.js';
import { action, el, plain } from '../ui/dom.js';
import { problemLine } from '../ui/problem.js';
import { paged, pagesOf } from './pager.js';

function decide({ api, again }, approval, verb, problem) {
	const button = el('button', { type: 'button', class: 'small', t: `approval.${verb}`, test: `approval-${verb}` });
	return action(button, () => api.post(`/v1/approvals/${approval.id}/${verb}`).then(again, problem.show));
}

function acts(context, approval, problem) {
	const mine = approval.who === context.me.user;
	const may = ['admin', 'coach'].includes(context.me.role) && !mine;
	const verbs = { pending: ['approve', 'deny'], approved: ['deny'] }[approval.state] ?? [];
	return el('div', { class: 'row' }, ...(may ? verbs : []).map((verb) => decide(context, approval, verb, problem)));
}

export async function approvals(context) {
	const answer = await context.api.get('/v1/approvals');
	const waiting = (one) => one.state === 'pending';
	const all = list(answer, 'approvals').sort((a, b) => waiting(b) - waiting(a)); /* what waits comes first */
	const problem = problemLine('approvals-problem');
	const row = (one) => [
		plain('strong', one.who),
		plain('span', one.reference || one.recording.slice(0, 8)),
		el('span', { t: tOr(`purpose.${one.purpose}`, 'purpose.other') }),
		plain('q', one.reason),
		plain('span', formatDate(one.until ?? one.lapses)),
		el('span', { class: `state approval-${one.state}`, t: tOr(`approvalState.${one.state}`, 'state.other') }),
		acts(context, one, problem),
	];
	const columns = ['access.who', 'grant.recording', 'access.purpose', 'access.reason', 'grant.end', 'request.stateName', 'table.act'];
	const body = paged({ items: all, row, columns, test: 'approval-row', label: 'staff.approvals', none: 'approval.empty', hint: 'approval.emptyHint', next: answer.next,
		fetchMore: pagesOf(context.api, '/v1/approvals', 'approvals'), textOf: (one) => `${one.who} ${one.reference ?? ''} ${one.recording} ${one.reason}` });
	return { nodes: [el('h1', { t: 'staff.approvals' }), el('p', { class: 'lead', t: 'approval.lead' }), problem.node, body] };
}
