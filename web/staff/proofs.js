/* The restricted archive of proofs of consent: which sessions, until when; two admins open one, and the log keeps that they did. */
import { formatDay } from '../i18n/i18n.js';
import { list } from '../ui/api.js';
import { action, el, plain, replace } from '../ui/dom.js';
import { problemLine } from '../ui/problem.js';
import { saveJson } from '../ui/save.js';
import { formDialog, labelledField } from './dialog.js';
import { paged, pagesOf } from './pager.js';
import { table } from './table.js';

const name = (who) => String(who ?? '').replace(/^user:/, '');
const short = (id) => plain('code', id.slice(0, 8), { title: id });

function askOpen({ api, again }, session) {
	const reason = el('textarea', { required: true, maxlength: '1000', rows: '3', test: 'proof-reason' });
	formDialog({
		title: 'proof.title',
		lead: 'proof.askLead',
		test: 'proof',
		fields: [plain('p', session, { class: 'subject' }), labelledField('proof-reason', 'proof.reason', reason)],
		submit: { t: 'hold.propose', test: 'proof-propose' },
		async run() {
			await api.post('/v1/proofs', { session, reason: reason.value.trim() });
			again();
			return true;
		},
	});
}

function opened(proof) {
	const save = el('button', { type: 'button', class: 'button', t: 'proof.save', test: 'proof-save', on: { click: () => saveJson(`proof-${proof.session}.json`, proof) } });
	return el('section', { class: 'card stack', test: 'proof-opened' }, el('div', { class: 'row between' }, el('h2', { t: 'proof.opened' }), save),
		el('p', { class: 'lead', t: 'proof.openedLead' }),
		plain('pre', JSON.stringify(proof, null, 2), { class: 'certificate-body', tabindex: '0', 'aria-label': proof.session }));
}

function proposals({ api, me }, all, place, problem) {
	return all.map((proposal) => {
		const confirm = el('button', { type: 'button', class: 'button primary', t: 'proof.confirm', test: 'proof-confirm' });
		action(confirm, async () => {
			problem.clear();
			await api.post('/v1/proofs', { proposal: proposal.id }).then((proof) => replace(place, opened(proof)), problem.show);
		});
		const own = name(proposal.proposed_by) === me.user || me.role !== 'admin';
		return [short(proposal.session), plain('span', proposal.reason), plain('span', name(proposal.proposed_by)),
			own ? el('span', { class: 'state', t: 'hold.waitsForAnother' }) : confirm];
	});
}

export async function proofs(context) {
	const { api, me } = context;
	const answer = await api.get('/v1/proofs');
	const all = list(answer, 'proofs');
	const problem = problemLine('proofs-problem'), place = el('div', {});
	const open = (one) => el('button', { type: 'button', class: 'small', t: 'proof.open', test: 'proof-open', on: { click: () => askOpen(context, one.session) } });
	const row = (one) => [short(one.session), plain('span', one.tenant ?? '—'), plain('span', formatDay(one.kept)), plain('span', formatDay(one.until)),
		me.role === 'admin' ? open(one) : plain('span', '—')];
	const waiting = proposals(context, list(answer, 'proposals'), place, problem);
	return { nodes: [
		el('h1', { t: 'staff.proofs' }), el('p', { class: 'lead', t: 'proof.lead' }), problem.node, place,
		waiting.length ? el('h2', { t: 'proof.proposals' }) : null,
		waiting.length ? table(['proof.session', 'proof.reason', 'hold.proposedBy', 'table.act'], waiting, 'proof-proposal', 'proof.proposals') : null,
		paged({ items: all, row, columns: ['proof.session', 'register.tenant', 'proof.kept', 'proof.until', 'table.act'], test: 'proof-row', label: 'staff.proofs', none: 'proof.empty',
			hint: 'proof.emptyHint', next: answer.next, fetchMore: pagesOf(api, '/v1/proofs', 'proofs'), textOf: (one) => `${one.session} ${one.tenant ?? ''}` }),
	] };
}
