/* Persons' requests with their clocks; the nearest end first. */
import { formatDate, formatDay, tOr } from '../i18n/i18n.js';
import { list } from '../ui/api.js';
import { el, plain } from '../ui/dom.js';
import { formDialog, labelledField } from './dialog.js';
import { table } from './table.js';

const DAY_MS = 86_400_000;

/* Every step states its reason: the person reads it. */
function ask({ api, again }, request, step) {
	const reason = el('textarea', { required: true, rows: '3', maxlength: '1000', test: 'request-reason' });
	formDialog({
		title: `request.${step}`,
		lead: `request.${step}.lead`,
		test: 'request',
		fields: [labelledField('request-reason', 'access.reason', reason)],
		submit: { t: `request.${step}`, test: `request-${step}-confirm` },
		async run() {
			await api.post(`/v1/requests/${request.id}/${step}`, { reason: reason.value.trim() });
			again();
			return true;
		},
	});
}

function acts(context, request) {
	if (!['open', 'extended'].includes(request.state)) return el('span', {}, request.reason ?? '');
	const steps = request.state === 'open' ? ['execute', 'extend', 'refuse'] : ['execute', 'refuse'];
	return el('div', { class: 'row' }, ...steps.map((step) =>
		el('button', { type: 'button', class: 'small', t: `request.${step}`, test: `request-${step}`,
			on: { click: () => ask(context, request, step) } })));
}

function due(request) {
	const days = Math.ceil((new Date(request.due) - Date.now()) / DAY_MS);
	const late = ['open', 'extended'].includes(request.state) && days < 7;
	return plain('span', formatDay(request.due), { class: late ? 'late' : undefined });
}

export async function requests(context) {
	const all = list(await context.api.get('/v1/requests'), 'requests');
	all.sort((a, b) => (a.due < b.due ? -1 : 1));
	const rows = all.map((request) => [
		el('strong', { t: tOr(`request.${request.type}`, 'request.other') }),
		el('span', { t: tOr(`role.${request.party}`, 'role.other') }),
		plain('span', request.detail),
		plain('span', formatDate(request.created)),
		due(request),
		el('span', { class: 'state', t: tOr(`requestState.${request.state}`, 'requestState.other') }),
		acts(context, request),
	]);
	const columns = ['request.type', 'request.from', 'request.detail', 'request.created', 'request.dueDay', 'request.stateName', 'table.act'];
	const body = rows.length ? table(columns, rows, 'request-row') : el('p', { class: 'empty', t: 'request.empty' });
	return { nodes: [el('h1', { t: 'staff.requests' }), body] };
}
