/* Persons' requests with their clocks: what is overdue first, then the nearest end, then what was answered. */
import { formatDate, formatDay, tOr } from '../i18n/i18n.js';
import { list } from '../ui/api.js';
import { el, plain } from '../ui/dom.js';
import { clock } from './clock.js';
import { formDialog, labelledField } from './dialog.js';
import { counted, paged, pagesOf } from './pager.js';
import { tile } from './states.js';

const waits = (request) => ['open', 'extended'].includes(request.state);

/* Every step states its reason: the person reads it. A refusal names its article besides. */
function ask({ api, again }, request, step) {
	const reason = el('textarea', { required: true, rows: '3', maxlength: '1000', test: 'request-reason' });
	const article = el('input', { type: 'text', required: true, maxlength: '200', test: 'request-article' });
	const refusal = step === 'refuse';
	formDialog({
		title: `request.${step}`,
		lead: `request.${step}.lead`,
		test: 'request',
		fields: [el('p', { test: 'request-about' }, el('strong', { t: tOr(`request.${request.type}`, 'request.other') }), ' · ', el('span', { t: tOr(`role.${request.party}`, 'role.other') }), ' · ',
			plain('span', [nameOf(request), request.tenant].filter(Boolean).join(' · '))),
		refusal ? labelledField('request-article', 'request.article', article) : null, labelledField('request-reason', 'access.reason', reason)].filter(Boolean),
		submit: { t: `request.${step}`, test: `request-${step}-confirm` },
		async run() {
			await api.post(`/v1/requests/${request.id}/${step}`, { reason: reason.value.trim(), ...(refusal ? { article: article.value.trim() } : {}) });
			again();
			return true;
		},
	});
}

function askTick({ api, again }, request, number) {
	const note = el('input', { type: 'text', maxlength: '1000', test: 'request-note' });
	formDialog({
		title: 'request.tick',
		lead: 'request.tick.lead',
		test: 'request-tick',
		fields: [labelledField('request-note', 'request.tickNote', note)],
		submit: { t: 'request.tick', test: 'request-tick-confirm' },
		async run() {
			await api.post(`/v1/requests/${request.id}/checklist/${number}`, { note: note.value.trim() });
			again();
			return true;
		},
	});
}

function askOpen({ api, again }) {
	const session = el('input', { type: 'text', required: true, pattern: '[0-9a-f\\-]{36}', test: 'request-session' });
	const party = el('select', { test: 'request-party' }, ...['coach', 'coachee'].map((role) => el('option', { value: role, t: `role.${role}` })));
	const types = ['erasure', 'access', 'portability', 'restriction', 'rectification', 'objection'];
	const type = el('select', { test: 'request-open-type' }, ...types.map((one) => el('option', { value: one, t: `request.${one}` })));
	const detail = el('textarea', { rows: '3', maxlength: '2000', test: 'request-open-detail' });
	formDialog({
		title: 'request.open',
		lead: 'request.open.lead',
		test: 'request-open',
		fields: [labelledField('request-session', 'request.session', session), labelledField('request-party', 'request.party', party),
			labelledField('request-open-type', 'request.type', type), labelledField('request-open-detail', 'request.detail', detail)],
		submit: { t: 'request.open', test: 'request-open-confirm' },
		async run() {
			await api.post('/v1/requests', { session: session.value.trim(), party: party.value, type: type.value, detail: detail.value.trim() });
			again();
			return true;
		},
	});
}

function steps(request) {
	if (waits(request)) return request.state === 'open' ? ['execute', 'extend', 'refuse'] : ['execute', 'refuse'];
	return request.type === 'restriction' && request.state === 'done' && !request.lifts ? ['lift'] : [];
}

function acts(context, request) {
	const buttons = steps(request).map((step) => el('button', { type: 'button', class: 'small', t: `request.${step}`, test: `request-${step}`,
		on: { click: () => ask(context, request, step) } }));
	const told = waits(request) ? null : el('span', {}, [request.article, request.reason].filter(Boolean).join(' · '));
	return el('div', { class: 'row' }, ...buttons, told);
}

/* What lies outside the system, each with who ticked it and when. */
function checklist(context, request) {
	const items = (request.checklist ?? []).map(({ number, item, ticked, ticked_by: by }) => {
		const known = tOr(`checklist.${item}`, null);
		const words = known ? el('span', { t: known }) : plain('span', item);
		const state = ticked
			? el('span', { t: ['checklist.ticked', { who: String(by).replace(/^user:/, ''), time: formatDay(ticked) }] })
			: el('button', { type: 'button', class: 'small', t: 'request.tick', test: 'request-tick', on: { click: () => askTick(context, request, number) } });
		return el('li', { test: 'request-item', 'data-ticked': String(Boolean(ticked)) }, words, ' ', state);
	});
	return items.length ? el('ul', {}, ...items) : null;
}

function due(request) {
	if (!waits(request)) return plain('span', formatDay(request.due));
	return el('span', { class: 'due' }, clock(request.created, request.due, { test: 'request-days' }), plain('span', formatDay(request.due), { class: 'hint' }));
}

/* Two persons may ask the same on one day: whoever executes one sees of which session it is. */
const nameOf = ({ reference, session }) => reference || String(session ?? '').slice(0, 8);

function whose(request) {
	return el('span', { class: 'two', test: 'request-whose' }, plain('strong', nameOf(request), { title: request.session }), plain('span', request.tenant, { class: 'hint' }));
}

function what(request) {
	return el('span', { class: 'two' }, el('strong', { t: tOr(`request.${request.type}`, 'request.other') }),
		el('span', { class: 'hint', title: formatDate(request.created) }, el('span', { t: 'request.created' }), ' ', formatDay(request.created)));
}

function row(context, request) {
	return [
		what(request),
		whose(request),
		el('span', { t: tOr(`role.${request.party}`, 'role.other') }),
		el('div', {}, plain('span', request.detail), checklist(context, request)),
		due(request),
		el('span', { class: `state request-${request.state}`, t: tOr(`requestState.${request.state}`, 'requestState.other') }),
		acts(context, request),
	];
}

/* Those that wait before those answered; in each the nearest end first. */
const order = (a, b) => waits(b) - waits(a) || (a.due < b.due ? -1 : 1);

/* Of all there are, counted by the vault: the list comes in pages, and the oldest last. Its `soon` holds the overdue too. */
function tiles({ open, overdue, soon }) {
	return el('div', { class: 'tiles' },
		tile({ key: 'request.tileLate', value: counted(overdue), tone: overdue ? 'late' : undefined, test: 'requests-late' }),
		tile({ key: 'request.tileSoon', value: counted(soon - overdue), tone: soon > overdue ? 'soon' : undefined, test: 'requests-soon' }),
		tile({ key: 'request.tileOpen', value: counted(open), test: 'requests-open' }));
}

export async function requests(context) {
	const [answer, seen] = await Promise.all([context.api.get('/v1/requests'), context.api.get('/v1/overview')]);
	const all = list(answer, 'requests').sort(order);
	const columns = ['request.type', 'request.session', 'request.from', 'request.detail', 'request.dueDay', 'request.stateName', 'table.act'];
	const open = el('button', { type: 'button', class: 'button primary', t: 'request.open', test: 'request-new', on: { click: () => askOpen(context) } });
	return { nodes: [
		el('div', { class: 'row between head' }, el('h1', { t: 'staff.requests' }), open), el('p', { class: 'lead', t: 'request.pageLead' }), all.length ? tiles(seen.requests) : null,
		paged({ items: all, row: (one) => row(context, one), columns, test: 'request-row', label: 'staff.requests', none: 'request.empty', hint: 'request.emptyHint',
			next: answer.next, fetchMore: pagesOf(context.api, '/v1/requests', 'requests'),
			textOf: (one) => `${one.detail ?? ''} ${one.reference ?? ''} ${one.session ?? ''} ${one.tenant ?? ''} ${one.type} ${one.party}` }),
	] };
}
