/* The first page of an administrator and an auditor: what is recorded now, what ends when, what waits, whether the log holds. */
import { formatDate, tOr } from '../i18n/i18n.js';
import { list } from '../ui/api.js';
import { el, plain } from '../ui/dom.js';
import { clock, urgency } from './clock.js';
import { decisionItem, decisions } from './desk_items.js';
import { expiries } from './expiries.js';
import { checkLog, verdictOf } from './ledger_check.js';
import { stepsList } from './ledger_steps.js';
import { counted } from './pager.js';
import { empty, part, tile } from './states.js';

const SHOWN = 5, RUNNING = 10;

function tiles({ recordings, live, requests, held, erasing }, admin) {
	const late = requests.overdue > 0;
	return el('div', { class: 'tiles', test: 'overview-tiles' },
		tile({ key: 'overview.live', value: counted(live), tone: live ? 'live' : undefined, hint: ['overview.liveHint', { n: counted(recordings.recording) }], test: 'tile-live' }),
		tile({ key: 'overview.kept', value: counted(recordings.sealed + recordings.archived + recordings.restricted), href: admin ? '#/recordings' : undefined,
			hint: ['overview.keptHint', { archived: counted(recordings.archived), frozen: counted(recordings.restricted) }], test: 'tile-kept' }),
		tile({ key: 'overview.requests', value: counted(requests.open), tone: late ? 'late' : requests.soon ? 'soon' : undefined, href: admin ? '#/requests' : undefined,
			hint: late ? ['overview.requestsLate', { n: counted(requests.overdue) }] : ['overview.requestsSoon', { n: counted(requests.soon) }], test: 'tile-requests' }),
		tile({ key: 'overview.holds', value: counted(held), href: '#/holds', hint: 'overview.holdsHint', test: 'tile-holds' }),
		tile({ key: 'overview.erased', value: counted(recordings.erased), hint: ['overview.erasedHint', { n: counted(erasing) }], test: 'tile-erased' }));
}

const more = (href, key) => el('a', { class: 'more', href, t: key });
const lines = (items, test) => el('ul', { class: 'lines', test }, ...items);

function requestLine(request) {
	return el('li', { class: 'line', test: 'overview-request' },
		el('a', { href: '#/requests', class: 'line-main' }, el('strong', { t: tOr(`request.${request.type}`, 'request.other') }),
			el('span', { class: 'line-note' }, el('span', { t: tOr(`role.${request.party}`, 'role.other') }), request.detail ? ' · ' : null, plain('span', request.detail))),
		clock(request.created, request.due));
}

/* A long list comes newest first and in pages: what is due soon, the overdue with it, is asked for by itself. */
const dueFirst = ({ requests }) => (requests.soon ? '/v1/requests?due=1' : '/v1/requests');

/* The nearest end first: so what is overdue leads. */
function drawRequests(answer, open) {
	const waiting = list(answer, 'requests').filter(({ state }) => ['open', 'extended'].includes(state)).sort((a, b) => (a.due < b.due ? -1 : 1));
	if (!waiting.length) return empty('request.empty');
	const shown = waiting.slice(0, SHOWN);
	return el('div', { class: 'stack' }, lines(shown.map(requestLine), 'overview-requests'), cutHint(shown.length, open));
}

function drawDecisions(items) {
	return items.length ? lines(items.slice(0, SHOWN).map(decisionItem), 'overview-desk') : empty('desk.empty');
}

function runningLine(one) {
	return el('li', { class: 'line', test: 'overview-running' },
		el('span', { class: 'line-main' }, el('strong', { class: one.open ? 'live' : undefined }, plain('span', one.reference || one.recording.slice(0, 8))),
			el('span', { class: 'line-note' }, plain('span', one.tenant), ' · ', el('span', { t: ['overview.begun', { time: formatDate(one.begun) }] }))),
		el('span', { class: one.open ? 'state state-live' : 'state', t: one.open ? 'overview.open' : 'overview.closed' }));
}

function drawIncidents(answer) {
	const open = list(answer, 'incidents').filter(({ state }) => state === 'open');
	if (!open.length) return empty('overview.noIncident');
	return lines(open.slice(0, SHOWN).map((one) => el('li', { class: 'line', 'data-tone': urgency(one.due) },
		el('a', { href: '#/incidents', class: 'line-main' }, plain('strong', one.summary)), clock(one.aware, one.due))), 'overview-incidents');
}

/* Colours are for what is certain: a log that too few witnesses saw has none. */
function verdict(log) {
	const said = verdictOf(log);
	return [el('p', { class: 'verdict', 'data-good': said === 'alone' ? undefined : String(log.good), 'data-verdict': said, test: 'overview-log', t: `ledger.${said}` }), stepsList(log.steps)];
}

/* The list is cut, and says of how many. */
function drawRunning(running, all) {
	if (!running.length) return empty('overview.nobody');
	const shown = running.slice(0, RUNNING);
	return el('div', { class: 'stack' }, lines(shown.map(runningLine)), cutHint(shown.length, all));
}

const cutHint = (shown, all) => (all > shown ? el('p', { class: 'hint', test: 'overview-cut', t: ['pager.shown', { shown: counted(shown), all: counted(all) }] }) : null);

export async function overview(context) {
	const { api, me } = context;
	const admin = me.role === 'admin';
	const seen = await api.get('/v1/overview');
	const parts = [
		part({ title: 'overview.expiries', test: 'overview-expiries', wide: true, load: () => expiries(context), draw: (node) => node }),
		admin ? part({ title: 'overview.requestsTitle', test: 'overview-requests-part', act: more('#/requests', 'overview.allRequests'), load: () => api.get(dueFirst(seen)),
			draw: (answer) => drawRequests(answer, seen.requests.open) }) : null,
		admin ? part({ title: 'overview.desk', test: 'overview-desk-part', load: () => decisions(context), draw: drawDecisions }) : null,
		part({ title: 'overview.running', test: 'overview-running-part', load: () => list(seen, 'running'),
			draw: (running) => drawRunning(running, seen.recordings.recording) }),
		part({ title: 'staff.incidents', test: 'overview-incidents-part', act: more('#/incidents', 'overview.allIncidents'), load: () => api.get('/v1/incidents'), draw: drawIncidents }),
		part({ title: 'overview.log', test: 'overview-log-part', wide: true, act: more('#/ledger', 'overview.toLedger'), load: () => checkLog(api), draw: verdict }),
	].filter(Boolean);
	return { nodes: [
		el('div', { class: 'row between head' }, el('h1', { t: 'staff.overview' }), el('span', { class: 'hint', t: ['overview.asOf', { time: formatDate(seen.as_of) }] })),
		seen.log_healthy ? null : el('p', { class: 'problem', role: 'alert', test: 'overview-log-ill', t: 'overview.logIll' }),
		tiles(seen, admin), el('div', { class: 'parts' }, ...parts),
	] };
}
