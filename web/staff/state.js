/* How the instance stands: what the doctor finds, lockdown, key turnovers, backups, webhooks given up, witnesses. */
import { formatDate, tOr } from '../i18n/i18n.js';
import { list } from '../ui/api.js';
import { action, el, plain } from '../ui/dom.js';
import { problemLine } from '../ui/problem.js';
import { part } from './states.js';
import { table } from './table.js';

function facts(pairs) {
	return el('dl', { class: 'facts' }, ...pairs.filter(([, value]) => value).flatMap(([key, value]) =>
		[el('dt', { t: key }), el('dd', {}, typeof value === 'string' || typeof value === 'number' ? plain('span', String(value)) : value)]));
}

const mark = (good, yes, no) => el('span', { class: good ? 'state state-good' : 'state state-bad', t: good ? yes : no });

function drawDoctor(report) {
	const rows = list(report, 'checks').map((check) => [
		plain('strong', check.check), el('span', { class: `state state-${check.state}`, t: tOr(`state.check.${check.state}`, 'state.check.warn') }),
		plain('span', check.detail),
	]);
	return table(['state.check', 'state.verdict', 'state.detail'], rows, 'state-check', 'state.doctor');
}

function drawLockdown(lockdown) {
	return facts([
		['state.locked', mark(!lockdown.locked, 'state.open', 'state.lockedDown')],
		['state.since', lockdown.since && formatDate(lockdown.since)],
		['state.enrolled', lockdown.enrolled.join(', ') || '—'],
		['state.covered', mark(lockdown.covered, 'state.coveredYes', 'state.coveredNo')],
		['state.given', lockdown.locked && (lockdown.given.join(', ') || '—')],
	]);
}

function drawTurnovers(answer) {
	const { waiting } = answer;
	const rows = list(answer, 'turnovers').slice(0, 10).map((one) => [
		plain('span', formatDate(one.begun)), el('span', { t: tOr(`state.cause.${one.cause}`, 'state.cause.admin') }), plain('span', one.wrapped),
		plain('span', formatDate(one.destroyed)), plain('span', formatDate(one.unrecoverable_at)),
	]);
	return el('div', { class: 'stack' },
		facts([['state.waiting', waiting.erasures], ['state.due', waiting.due && formatDate(waiting.due)]]),
		el('p', { class: 'hint' }, el('span', { t: 'state.rotateHint' }), ' ', plain('code', 'aparte rotate')),
		rows.length ? table(['state.begun', 'state.cause', 'state.wrapped', 'state.destroyed', 'state.unrecoverable'], rows, 'state-turnover', 'state.turnovers')
			: el('p', { class: 'empty', t: 'state.noTurnovers' }));
}

function drawBackups(backups) {
	if (!backups.configured) return el('p', { class: 'hint', t: 'state.noBackups' });
	const run = (one) => one && el('span', { class: 'row' }, mark(one.ok, 'state.worked', 'state.failed'), plain('span', formatDate(one.at)), plain('span', one.problem));
	return facts([
		['state.directory', backups.directory], ['state.lastBackup', run(backups.last)], ['state.lastProof', run(backups.proof)],
		['state.journal', backups.journal && mark(backups.journal.ok, 'state.journalGood', 'state.journalBad')],
		['state.journalWaiting', backups.journal?.waiting], ['state.frozen', backups.frozen],
	]);
}

/* What was given up, and what an admin does about it. */
function deadLetters({ api, me, again }, all) {
	const problem = problemLine('state-dead-problem');
	const act = (key, test, run) => action(el('button', { type: 'button', class: 'small', t: key, test }), () => run().then(again, problem.show));
	const rows = all.slice(0, 100).map((one) => [plain('strong', one.event), plain('span', `${one.tenant} · ${one.webhook}`), plain('span', formatDate(one.died)),
		plain('span', one.attempts), plain('span', one.problem ?? '—'), me.role === 'admin' ? el('span', { class: 'row' },
			act('state.retry', 'dead-retry', () => api.post(`/v1/deliveries/${one.id}/retry`)),
			act('state.drop', 'dead-drop', () => api.delete(`/v1/deliveries/${one.id}`))) : plain('span', '—')]);
	return [problem.node, table(['state.event', 'state.webhook', 'register.when', 'state.attempts', 'state.problem', 'table.act'], rows, 'state-letter', 'state.webhooks'),
		me.role === 'admin' ? el('div', {}, act('state.retryAll', 'dead-retry-all', () => api.post('/v1/deliveries/retry'))) : null];
}

function drawWebhooks(context, [hooks, dead]) {
	const given = list(dead, 'deliveries'), letters = given.length;
	const rows = list(hooks, 'webhooks').map((one) => [plain('strong', one.name), plain('span', one.tenant), plain('span', one.host),
		plain('span', one.waiting), plain('span', one.dead)]);
	return el('div', { class: 'stack' },
		el('p', { test: 'state-dead', class: letters ? 'late' : undefined, t: ['state.dead', { n: letters }] }),
		rows.length ? table(['state.webhook', 'register.tenant', 'state.host', 'state.queued', 'state.givenUp'], rows, 'state-webhook', 'state.webhook') : null,
		...(letters ? deadLetters(context, given) : []));
}

function drawWitnesses(answer) {
	const all = list(answer, 'witnesses');
	if (!all.length) return el('p', { class: 'hint', t: 'state.noWitnesses' });
	return el('div', { class: 'stack' },
		facts([['state.quorum', `${answer.quorum ?? 0} / ${all.length}`]]),
		table(['state.witness', 'state.size', 'state.seen'], all.map((one) => [plain('strong', one.name), plain('span', one.size), plain('span', formatDate(one.at))]),
			'state-witness', 'state.witnesses'));
}

/* Each part asks and fails by itself, so that none hides the others; what is every platform's says so to an admin of one. */
export async function state(context) {
	const { api, me } = context;
	const one = (title, test, load, draw, wide = false) => part({ title, test, load, draw, wide });
	const parts = [
		me.role === 'admin' ? one('state.doctor', 'state-doctor', () => api.get('/v1/doctor'), drawDoctor, true) : null,
		one('state.lockdown', 'state-lockdown', () => api.get('/v1/lockdown'), drawLockdown),
		one('state.backups', 'state-backups', () => api.get('/v1/backups'), drawBackups),
		one('state.turnovers', 'state-turnovers', () => api.get('/v1/turnovers'), drawTurnovers, true),
		one('state.webhooks', 'state-webhooks', () => Promise.all([api.get('/v1/webhooks'), api.get('/v1/deliveries')]), (answers) => drawWebhooks(context, answers), true),
		one('state.witnesses', 'state-witnesses', () => api.get('/v1/ledger/witnesses'), drawWitnesses, true),
	].filter(Boolean);
	await Promise.all(parts.map(({ ready }) => ready));
	return { nodes: [el('div', { class: 'row between head' }, el('h1', { t: 'staff.state' }), el('a', { class: 'button', href: '#/ledger', t: 'overview.toLedger' })),
		el('p', { class: 'lead', t: 'state.lead' }), el('div', { class: 'parts' }, ...parts)] };
}
