/* Incidents with their 72 hours, notes, closing and the report of who was affected; and the button that shuts everything. */
import { currentLanguage, formatDate } from '../i18n/i18n.js';
import { list } from '../ui/api.js';
import { el, plain } from '../ui/dom.js';
import { clock } from './clock.js';
import { formDialog, labelledField } from './dialog.js';
import { staffIcon } from './icons_staff.js';
import { paged, pagesOf } from './pager.js';

const OUTCOMES = ['notified', 'no-risk', 'false-alarm'];

function textArea(test) {
	return el('textarea', { required: true, maxlength: '1000', rows: '3', test });
}

function askOpen({ api, again }) {
	const summary = textArea('incident-summary');
	const aware = el('input', { type: 'datetime-local', test: 'incident-aware' });
	formDialog({
		title: 'incident.open',
		lead: 'incident.openLead',
		test: 'incident',
		fields: [labelledField('incident-summary', 'incident.summary', summary), labelledField('incident-aware', 'incident.aware', aware)],
		submit: { t: 'incident.openIt', test: 'incident-create' },
		async run() {
			await api.post('/v1/incidents', { summary: summary.value.trim(), ...(aware.value ? { aware: new Date(aware.value).toISOString() } : {}) });
			again();
			return true;
		},
	});
}

function askNote({ api, again }, incident) {
	const text = textArea('incident-text');
	formDialog({
		title: 'incident.note',
		test: 'incident-note',
		fields: [labelledField('incident-text', 'incident.text', text)],
		submit: { t: 'incident.noteIt', test: 'incident-note-add' },
		async run() {
			await api.post(`/v1/incidents/${incident.id}/notes`, { text: text.value.trim() });
			again();
			return true;
		},
	});
}

function askClose({ api, again }, incident) {
	const reason = textArea('incident-why');
	const outcome = el('select', { required: true, test: 'incident-outcome' },
		...OUTCOMES.map((one) => el('option', { value: one, t: `incident.${one}` })));
	formDialog({
		title: 'incident.close',
		lead: 'incident.closeLead',
		test: 'incident-close',
		fields: [labelledField('incident-outcome', 'incident.outcome', outcome), labelledField('incident-why', 'incident.why', reason)],
		submit: { t: 'incident.closeIt', test: 'incident-closing' },
		async run() {
			await api.post(`/v1/incidents/${incident.id}/close`, { outcome: outcome.value, reason: reason.value.trim() });
			again();
			return true;
		},
	});
}

function askLockdown({ api, again }) {
	const reason = textArea('lockdown-reason');
	formDialog({
		title: 'lockdown.title',
		lead: 'lockdown.lead',
		test: 'lockdown',
		fields: [labelledField('lockdown-reason', 'access.reason', reason)],
		submit: { t: 'lockdown.confirm', test: 'lockdown-confirm' },
		async run() {
			await api.post('/v1/lockdown', { reason: reason.value.trim() });
			again(); /* which finds nobody signed in any more */
			return true;
		},
	});
}

function acts(context, incident) {
	const act = (key, test, run) => el('button', { type: 'button', class: 'small', t: key, test, on: { click: run } });
	const report = el('a', { href: `/v1/incidents/${incident.id}/report?format=md&lang=${currentLanguage()}`, download: `${incident.id}.md`, class: 'small',
		t: 'incident.report', test: 'incident-report' });
	if (context.me.role !== 'admin' || incident.state === 'closed') return el('div', { class: 'row' }, report);
	return el('div', { class: 'row' }, report, act('incident.noteIt', 'incident-add', () => askNote(context, incident)),
		act('incident.closeIt', 'incident-end', () => askClose(context, incident)));
}

function dueCell(incident) {
	if (incident.state === 'closed') return el('span', { class: 'state', t: `incident.${incident.outcome}` });
	return el('span', { class: 'due' }, clock(incident.aware, incident.due), plain('span', formatDate(incident.due), { class: 'hint' }));
}

/* Apart from everything else: nobody presses it on the way to something. */
function lockdownCard(context) {
	return el('section', { class: 'card danger-zone', label: 'lockdown.new' }, staffIcon('holds'),
		el('div', {}, el('h2', { t: 'lockdown.new' }), el('p', { t: 'lockdown.lead' })),
		el('button', { type: 'button', class: 'button danger', t: 'lockdown.begin', test: 'lockdown-new', on: { click: () => askLockdown(context) } }));
}

export async function incidents(context) {
	const answer = await context.api.get('/v1/incidents');
	const open = (one) => one.state !== 'closed';
	const all = list(answer, 'incidents').sort((a, b) => open(b) - open(a)); /* what runs comes first */
	const admin = context.me.role === 'admin';
	const create = el('button', { type: 'button', class: 'button primary', t: 'incident.new', test: 'incident-new', on: { click: () => askOpen(context) } });
	const row = (incident) => [plain('strong', incident.summary), plain('span', formatDate(incident.aware)), dueCell(incident), acts(context, incident)];
	return { nodes: [
		el('div', { class: 'row between head' }, el('h1', { t: 'staff.incidents' }), admin ? create : null), el('p', { class: 'lead', t: 'incident.lead' }),
		paged({ items: all, row, columns: ['incident.summary', 'incident.known', 'incident.due', 'table.act'], test: 'incident-row', label: 'staff.incidents', none: 'incident.empty',
			hint: 'incident.emptyHint', next: answer.next, fetchMore: pagesOf(context.api, '/v1/incidents', 'incidents'), textOf: (one) => one.summary }),
		admin ? lockdownCard(context) : null,
	] };
}
