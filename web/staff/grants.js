/* Who may watch which recording, for what, until when; granting and revoking. */
import { formatDay, tOr } from '../i18n/i18n.js';
import { list } from '../ui/api.js';
import { action, el, plain } from '../ui/dom.js';
import { problemLine } from '../ui/problem.js';
import { formDialog, labelledField } from './dialog.js';
import { paged, pagesOf } from './pager.js';
import { recordingChoice } from './recording_choice.js';

const PURPOSES = ['supervision', 'certification', 'quality', 'research', 'disclosure'];
const DAY_MS = 86_400_000;

function askGrant({ api, again }, recordings) {
	const recording = recordingChoice(api, 'grant-recording', 'grant.recording', recordings);
	const supervisor = el('input', { required: true, autocapitalize: 'none', spellcheck: 'false', autocomplete: 'off', test: 'grant-supervisor' });
	const purpose = el('select', { required: true, test: 'grant-purpose' },
		...PURPOSES.map((one) => el('option', { value: one, t: `purpose.${one}` })));
	const day = (ms) => new Date(ms).toISOString().slice(0, 10);
	const end = el('input', { type: 'date', required: true, min: day(Date.now() + DAY_MS), value: day(Date.now() + 30 * DAY_MS), test: 'grant-end' });
	formDialog({
		title: 'grant.title',
		lead: 'grant.lead',
		test: 'grant',
		fields: [
			recording.node,
			labelledField('grant-supervisor', 'grant.supervisor', supervisor),
			labelledField('grant-purpose', 'grant.purpose', purpose),
			labelledField('grant-end', 'grant.end', end),
		],
		submit: { t: 'grant.create', test: 'grant-create' },
		async run() {
			const expires = new Date(`${end.value}T23:59:59.000Z`).toISOString();
			await api.post('/v1/grants', { recording: recording.value(), supervisor: supervisor.value.trim(), purpose: purpose.value, expires });
			again();
			return true;
		},
	});
}

function revokeButton({ api, again }, grant, problem) {
	const button = el('button', { type: 'button', class: 'small', t: 'grant.revoke', test: 'grant-revoke' });
	return action(button, () => api.delete(`/v1/grants/${grant.id}`).then(again, problem.show));
}

export async function grants(context) {
	const [answer, held] = await Promise.all([context.api.get('/v1/grants'), context.api.get('/v1/recordings?limit=200')]);
	const all = list(answer, 'grants');
	const recordings = list(held, 'recordings');
	const names = Object.fromEntries(recordings.map((one) => [one.id, one.reference]));
	const problem = problemLine('grants-problem');
	const create = el('button', { type: 'button', class: 'button primary', t: 'grant.new', test: 'grant-new',
		on: { click: () => askGrant(context, recordings) } });
	const row = (grant) => [
		plain('strong', names[grant.recording] || grant.recording.slice(0, 8), { title: grant.recording }),
		plain('span', grant.supervisor),
		el('span', { class: 'chip', t: tOr(`purpose.${grant.purpose}`, 'purpose.other') }),
		plain('span', formatDay(grant.expires)),
		grant.revoked ? el('span', { class: 'state', t: 'grant.revoked' }) : revokeButton(context, grant, problem),
	];
	const columns = ['grant.recording', 'grant.supervisor', 'grant.purpose', 'grant.end', 'table.act'];
	return { nodes: [
		el('div', { class: 'row between head' }, el('h1', { t: 'staff.grants' }), create), el('p', { class: 'lead', t: 'grant.pageLead' }), problem.node,
		paged({ items: all, row, columns, test: 'grant-row', label: 'staff.grants', none: 'grant.empty', hint: 'grant.emptyHint', next: answer.next,
			fetchMore: pagesOf(context.api, '/v1/grants', 'grants'), textOf: (one) => `${names[one.recording] ?? ''} ${one.recording} ${one.supervisor}` }),
	] };
}
