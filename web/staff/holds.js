/* Legal holds: what stops an erasure, on which ground, until when. One admin proposes, another confirms; lifting takes two as well. */
import { formatDay } from '../i18n/i18n.js';
import { list } from '../ui/api.js';
import { action, el, plain } from '../ui/dom.js';
import { problemLine } from '../ui/problem.js';
import { formDialog, labelledField } from './dialog.js';
import { paged, pagesOf } from './pager.js';
import { recordingChoice } from './recording_choice.js';
import { table } from './table.js';

const DAY_MS = 86_400_000;
const name = (who) => String(who ?? '—').replace(/^user:/, '');

function askHold({ api, again }, recordings) {
	const recording = recordingChoice(api, 'hold-recording', 'hold.recording', recordings);
	const ground = el('input', { required: true, maxlength: '200', placeholder: 'hold.groundExample', test: 'hold-ground' });
	const reason = el('textarea', { required: true, maxlength: '1000', rows: '3', test: 'hold-reason' });
	const day = (ms) => new Date(ms).toISOString().slice(0, 10);
	const end = el('input', { type: 'date', required: true, min: day(Date.now() + DAY_MS), value: day(Date.now() + 90 * DAY_MS), test: 'hold-end' });
	formDialog({
		title: 'hold.title',
		lead: 'hold.askLead',
		test: 'hold',
		fields: [recording.node, labelledField('hold-ground', 'hold.ground', ground),
			labelledField('hold-reason', 'hold.reason', reason), labelledField('hold-end', 'hold.ends', end)],
		submit: { t: 'hold.propose', test: 'hold-propose' },
		async run() {
			const ends = new Date(`${end.value}T23:59:59.000Z`).toISOString();
			await api.post('/v1/holds', { recording: recording.value(), ground: ground.value.trim(), reason: reason.value.trim(), ends });
			again();
			return true;
		},
	});
}

/* The first admin's word proposes, the second's lifts. */
function askLift({ api, again }, hold, confirms) {
	const reason = el('textarea', { maxlength: '1000', rows: '3', test: 'hold-lift-reason' });
	formDialog({
		title: 'hold.lift',
		lead: confirms ? 'hold.liftConfirmLead' : 'hold.liftLead',
		test: 'hold-lift',
		fields: [labelledField('hold-lift-reason', 'hold.liftReason', reason)],
		submit: { t: confirms ? 'hold.liftConfirm' : 'hold.liftPropose', test: 'hold-lift-confirm' },
		async run() {
			await api.json('DELETE', `/v1/holds/${hold.id}`, { reason: reason.value.trim() });
			again();
			return true;
		},
	});
}

function proposalRows(context, proposals, names, problem) {
	const wanted = proposals.filter(({ action: what }) => what === 'hold');
	return wanted.map((proposal) => {
		const own = name(proposal.proposed_by) === context.me.user || context.me.role !== 'admin';
		const confirm = el('button', { type: 'button', class: 'button primary', t: 'hold.confirm', test: 'hold-confirm' });
		action(confirm, () => context.api.post('/v1/holds', { proposal: proposal.id }).then(context.again, problem.show));
		return [
			plain('span', names[proposal.body.recording] || proposal.body.recording.slice(0, 8)),
			el('span', {}, plain('strong', proposal.body.ground), el('br'), plain('span', proposal.body.reason)),
			plain('span', formatDay(proposal.body.ends)), plain('span', name(proposal.proposed_by)),
			own ? el('span', { class: 'state', t: 'hold.waitsForAnother' }) : confirm,
		];
	});
}

/* Which hold some admin proposes to lift: {hold: who}. */
function liftings(proposals) {
	return Object.fromEntries(proposals.filter(({ action: what }) => what === 'hold.lift').map((one) => [one.body.hold, name(one.proposed_by)]));
}

function rowOf(context, hold, lifting, names) {
	const by = lifting[hold.id];
	const lift = el('button', { type: 'button', class: 'small', t: by ? 'hold.liftConfirm' : 'hold.liftPropose', test: 'hold-lift-open',
		on: { click: () => askLift(context, hold, Boolean(by)) } });
	const may = context.me.role === 'admin' && hold.state === 'in_force';
	return [
		plain('span', names[hold.recording] || hold.recording.slice(0, 8)),
		el('span', {}, plain('strong', hold.ground), el('br'), plain('span', hold.reason)),
		plain('span', formatDay(hold.ends)),
		el('span', {}, plain('span', name(hold.proposed_by)), el('br'), plain('span', name(hold.confirmed_by))),
		el('span', { class: 'row' }, el('span', { class: `state hold-${hold.state}`, t: `hold.state.${hold.state}`, test: 'hold-state' }),
			may && by === context.me.user ? el('span', { class: 'hint', t: 'hold.waitsForAnother' }) : may ? lift : null),
	];
}

export async function holds(context) {
	const admin = context.me.role === 'admin';
	const [answer, known] = await Promise.all([context.api.get('/v1/holds'), admin ? context.api.get('/v1/recordings?limit=200') : null]);
	const recordings = list(known, 'recordings');
	const names = Object.fromEntries(recordings.map((one) => [one.id, one.reference]));
	const proposals = list(answer, 'proposals');
	const problem = problemLine('holds-problem');
	const create = admin ? el('button', { type: 'button', class: 'button primary', t: 'hold.new', test: 'hold-new',
		on: { click: () => askHold(context, recordings) } }) : null;
	const columns = ['hold.recording', 'hold.groundAndReason', 'hold.ends'];
	const waiting = proposalRows(context, proposals, names, problem);
	const held = list(answer, 'holds'), lifting = liftings(proposals);
	return { nodes: [
		el('div', { class: 'row between head' }, el('h1', { t: 'staff.holds' }), create),
		el('p', { class: 'lead', t: 'hold.lead' }), problem.node,
		waiting.length ? el('h2', { t: 'hold.proposals' }) : null,
		waiting.length ? table([...columns, 'hold.proposedBy', 'table.act'], waiting, 'hold-proposal', 'hold.proposals') : null,
		paged({ items: held, row: (one) => rowOf(context, one, lifting, names), columns: [...columns, 'hold.twoAdmins', 'hold.stateName'], test: 'hold-row', label: 'staff.holds',
			none: 'hold.empty', hint: 'hold.emptyHint', next: answer.next, fetchMore: pagesOf(context.api, '/v1/holds', 'holds'),
			textOf: (one) => `${names[one.recording] ?? ''} ${one.recording} ${one.ground} ${one.reason}` }),
	] };
}
