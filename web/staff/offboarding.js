/* Platforms that leave: proposed and confirmed by two admins, exported at the machine, erased, certified. */
import { currentLanguage, formatDate, formatDay, tOr } from '../i18n/i18n.js';
import { list } from '../ui/api.js';
import { certificate } from '../ui/certificate.js';
import { action, el, plain, replace } from '../ui/dom.js';
import { problemLine } from '../ui/problem.js';
import { formDialog, labelledField } from './dialog.js';
import { empty } from './states.js';
import { table } from './table.js';

const STEPS = ['ordered', 'exported', 'erasing', 'erased'];
const name = (who) => String(who ?? '').replace(/^user:/, '');
const place = (tenant, rest = '') => `/v1/tenants/${encodeURIComponent(tenant)}/offboard${rest}`;

function askLeave({ api, again }, tenants) {
	const tenant = el('select', { required: true, test: 'leave-tenant' }, ...tenants.map((one) => plain('option', one.name, { value: one.name })));
	const recipient = el('input', { required: true, pattern: '\\s*age1[0-9a-z]{58}\\s*', autocapitalize: 'none', spellcheck: 'false', placeholder: 'leave.recipientExample',
		test: 'leave-recipient' });
	const reason = el('textarea', { required: true, maxlength: '1000', rows: '3', test: 'leave-reason' });
	formDialog({
		title: 'leave.title',
		lead: 'leave.askLead',
		test: 'leave',
		fields: [labelledField('leave-tenant', 'register.tenant', tenant), labelledField('leave-recipient', 'leave.recipient', recipient),
			labelledField('leave-reason', 'leave.reason', reason)],
		submit: { t: 'leave.propose', test: 'leave-propose' },
		async run() {
			await api.post(place(tenant.value), { recipient: recipient.value.trim(), reason: reason.value.trim() });
			again();
			return true;
		},
	});
}

/* Without an export it needs a reason; who exported does not say that it may go: the vault holds to that. */
function askErase({ api, again }, one) {
	const reason = el('textarea', { required: true, maxlength: '1000', rows: '3', test: 'leave-unexported' });
	const exported = one.state === 'exported';
	formDialog({
		title: 'leave.eraseTitle',
		lead: exported ? 'leave.eraseLead' : 'leave.eraseUnexportedLead',
		test: 'leave-erase',
		fields: [plain('p', one.tenant, { class: 'subject' }), exported ? null : labelledField('leave-unexported', 'leave.reason', reason)].filter(Boolean),
		submit: { t: 'leave.erase', test: 'leave-erase-confirm' },
		async run() {
			await api.post(place(one.tenant, '/erase'), exported ? {} : { without_export: reason.value.trim() });
			again();
			return true;
		},
	});
}

function steps(one) {
	const at = STEPS.indexOf(one.state);
	return el('ol', { class: 'steps', label: 'leave.steps' }, ...STEPS.map((step, i) =>
		el('li', { t: `leave.step.${step}`, class: i <= at && (step !== 'exported' || one.exported) ? 'done' : undefined, 'aria-current': i === at ? 'step' : undefined })));
}

function waiting(one) {
	const rows = one.state === 'erasing' ? list(one, 'waiting').map((each) => [plain('span', each.recording.slice(0, 8)),
		el('span', { t: tOr(`leave.why.${each.why}`, 'leave.why.erasing') }), plain('span', each.ground ?? '—'), plain('span', formatDay(each.until))]) : [];
	return rows.length ? table(['hold.recording', 'leave.waitsFor', 'hold.ground', 'leave.until'], rows, 'leave-waiting', 'leave.waits') : null;
}

function exportHint(one) {
	return el('p', { class: 'hint' }, el('span', { t: 'leave.exportHint' }), el('br'), plain('code', `aparte tenant export ${one.tenant} --to …`));
}

function certificateButton({ api }, one, problem) {
	const into = el('div', {});
	const button = el('button', { type: 'button', class: 'button primary', t: 'leave.certificate', test: 'leave-certificate-open' });
	action(button, async () => {
		problem.clear();
		await api.get(place(one.tenant, '/certificate')).then((proof) => replace(into, certificate(proof, 'leave-certificate')), problem.show);
	});
	return el('div', { class: 'stack' }, el('div', {}, button), into);
}

function card(context, one, problem) {
	const may = context.me.role === 'admin' && STEPS.indexOf(one.state) < 2;
	const erase = may ? el('button', { type: 'button', class: 'button', t: 'leave.erase', test: 'leave-erase-open', on: { click: () => askErase(context, one) } }) : null;
	return el('section', { class: 'card stack', test: 'leave-card', 'data-state': one.state },
		el('div', { class: 'row between' }, plain('h2', one.tenant), erase), steps(one),
		el('p', {}, el('span', { t: ['leave.orderedBy', { first: name(one.ordered_by), second: name(one.confirmed_by), time: formatDate(one.ordered) }] }), ' ',
			plain('q', one.reason)),
		el('p', { test: 'leave-counts', t: ['leave.counts', { sessions: one.sessions, recordings: one.recordings, erased: one.recordings_erased }] }),
		one.exported ? el('p', { t: ['leave.exportedAt', { time: formatDate(one.exported), n: one.export_recordings, left: one.left_out }] }) : null,
		one.state === 'ordered' ? exportHint(one) : null, waiting(one), one.certificate ? certificateButton(context, one, problem) : null);
}

function proposals(context, all, problem) {
	const rows = all.map((proposal) => {
		const confirm = el('button', { type: 'button', class: 'button primary', t: 'leave.confirm', test: 'leave-confirm' });
		action(confirm, () => context.api.post(place(proposal.body.tenant), { proposal: proposal.id }).then(context.again, problem.show));
		const own = name(proposal.proposed_by) === context.me.user || context.me.role !== 'admin';
		return [plain('strong', proposal.body.tenant), plain('span', proposal.body.reason), plain('code', proposal.body.recipient, { class: 'key' }),
			plain('span', name(proposal.proposed_by)), own ? el('span', { class: 'state', t: 'hold.waitsForAnother' }) : confirm];
	});
	return rows.length ? table(['register.tenant', 'leave.reason', 'leave.recipient', 'hold.proposedBy', 'table.act'], rows, 'leave-proposal', 'leave.proposals') : null;
}

export async function offboarding(context) {
	const admin = context.me.role === 'admin';
	const [answer, known] = await Promise.all([context.api.get('/v1/offboardings'), admin ? context.api.get(`/v1/register?lang=${currentLanguage()}`) : null]);
	const problem = problemLine('leave-problem');
	const leaving = list(answer, 'offboardings');
	const gone = new Set(leaving.map((one) => one.tenant));
	const stay = list(known, 'tenants').filter((one) => !gone.has(one.name));
	const create = admin && stay.length ? el('button', { type: 'button', class: 'button primary', t: 'leave.new', test: 'leave-new',
		on: { click: () => askLeave(context, stay) } }) : null;
	const waits = proposals(context, list(answer, 'proposals'), problem);
	return { nodes: [
		el('div', { class: 'row between head' }, el('h1', { t: 'staff.offboarding' }), create),
		el('p', { class: 'lead', t: 'leave.lead' }), problem.node, waits,
		...leaving.map((one) => card(context, one, problem)),
		leaving.length || waits ? null : empty('leave.empty', { hint: 'leave.emptyHint' }),
	] };
}
