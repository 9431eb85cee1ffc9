/* The stand-in's part for what the operator answers for: holds, register, state, platforms that leave. */
import { randomUUID } from 'node:crypto';
import { logOfOne } from './log.mjs';

const now = (ms = 0) => new Date(Date.now() + ms).toISOString();
const DAY = 86_400_000;

export function newDesk() {
	return {
		holds: [], proposals: [], recipients: [], tenants: [{ name: 'nord', capacity: 'processor', controller: 'Nord SAS', policy: 'default',
			activities: [{ id: 'recording', title: 'Enregistrer la séance', keep: { number: 30, unit: 'days' }, decided_by: 'default', reason: 'Relire la séance' }] }],
		disclosures: [{ who: 'claire', role: 'supervisor', how: 'viewing', purpose: 'supervision', reason: 'Mensuelle', recording: randomUUID(), tenant: 'nord',
			begun: now(-DAY), bytes: 1, leaf: 4 }],
		checks: [{ check: 'log', state: 'good', detail: 'agrees' }, { check: 'backup', state: 'bad', detail: 'none for 8 days: aparte backup' }],
		dead: [0, 1].map((n) => ({ id: randomUUID(), tenant: 'nord', webhook: 'main', event: 'recording.sealed', created: now(-DAY), died: now(-n * DAY), attempts: 14,
			problem: 'http 500' })),
		locked: false, offboardings: [], leaving: [],
		proofs: [{ session: '00000000-0000-4000-8000-00000000000a', tenant: 'nord', kept: now(-DAY), until: now(1800 * DAY) }], opening: [],
	};
}

function holdPost({ staff: { desk } }, { json, answer }) {
	const body = json();
	if (!body.proposal) {
		desk.proposals.push({ id: randomUUID(), action: 'hold', proposed_by: 'user:claire', expires: now(DAY), body });
		return answer(202, { proposal: desk.proposals.at(-1).id });
	}
	const made = desk.proposals.find(({ id }) => id === body.proposal);
	desk.proposals = desk.proposals.filter((one) => one !== made);
	desk.holds.push({ id: randomUUID(), ...made.body, state: 'in_force', proposed_by: made.proposed_by, confirmed_by: 'user:claire', created: now() });
	return answer(201, desk.holds.at(-1));
}

/* As the vault does: the second admin's word lifts it. */
function holdDelete({ staff: { desk } }, { url, json, answer }) {
	const hold = desk.holds.find(({ id }) => url.pathname.endsWith(id));
	const first = desk.proposals.find(({ action, body }) => action === 'hold.lift' && body.hold === hold.id);
	if (first) Object.assign(hold, { state: 'lifted', lift_reason: json().reason });
	else desk.proposals.push({ id: randomUUID(), action: 'hold.lift', proposed_by: 'user:claire', expires: now(DAY), body: { hold: hold.id } });
	answer(first ? 204 : 202, first ? undefined : { proposal: 'p' });
}

function leave({ staff: { desk } }, { url, json, answer }) {
	const tenant = decodeURIComponent(url.pathname.split('/')[3]), body = json();
	if (!body.proposal) {
		desk.leaving.push({ id: randomUUID(), proposed_by: 'user:claire', expires: now(DAY), body: { tenant, ...body } });
		return answer(202, { proposal: desk.leaving.at(-1).id });
	}
	desk.leaving = [];
	desk.offboardings.push({ id: randomUUID(), tenant, state: 'ordered', reason: 'fin', ordered_by: 'user:sam', confirmed_by: 'user:claire', ordered: now(), sessions: 3,
		recordings: 2, recordings_erased: 0, waiting: [], certificate: false, data: { state: 'none' } });
	return answer(201, desk.offboardings.at(-1));
}

function eraseAll({ staff: { desk } }, { json, answer }) {
	const [one] = desk.offboardings;
	Object.assign(one, { state: 'erasing', unexported: json().without_export, recordings_erased: 1,
		waiting: [{ recording: randomUUID(), why: 'held', ground: 'art. 17(3)(e)', until: now(30 * DAY) }] });
	answer(200, one);
}

export async function certificateOf(key, members, turned = true) {
	const first = await logOfOne(key, 11, { erased_at: now(-2 * DAY), kek_id: 'aa', unrecoverable_at: 'pending', ...members });
	const at = now(5 * DAY);
	return turned ? { ...first, turnover: await logOfOne(key, 13, { event: 'turnover', kek_id: 'aa', unrecoverable_at: at }), unrecoverable_at: at } : first;
}

const told = (pick) => ({ staff: { desk } }, { answer }) => answer(200, pick(desk));

export const DESK_ROUTES = [
	[/^GET \/v1\/holds$/, told(({ holds, proposals }) => ({ holds, proposals }))],
	[/^POST \/v1\/holds$/, holdPost],
	[/^DELETE \/v1\/holds\//, holdDelete],
	[/^GET \/v1\/register$/, told(({ tenants }) => ({ generated: now(), controller: { name: 'Aparté SARL', contact: 'dpo@example.org' }, dpo: 'Mme D.',
		complaint: 'cnil.fr', tenants, recipients: [] }))],
	[/^GET \/v1\/register\/disclosures$/, told(({ disclosures }) => ({ disclosures }))],
	[/^GET \/v1\/recipients$/, told(({ recipients }) => ({ recipients }))],
	[/^POST \/v1\/recipients$/, ({ staff: { desk } }, { json, answer }) => {
		desk.recipients.push({ id: desk.recipients.length + 1, since: now(), ...json() });
		answer(201, { id: desk.recipients.length });
	}],
	[/^DELETE \/v1\/recipients\//, ({ staff: { desk } }, { url, answer }) => {
		desk.recipients[Number(url.pathname.split('/').pop()) - 1].ended = now();
		answer(204);
	}],
	[/^PUT \/v1\/tenants\/[^/]+\/roles$/, ({ staff: { desk } }, { json, answer }) => answer(200, Object.assign(desk.tenants[0], json()))],
	[/^GET \/v1\/doctor$/, told(({ checks }) => ({ ok: false, checks }))],
	[/^GET \/v1\/lockdown$/, told(({ locked }) => ({ locked, sealed: locked, covered: true, enrolled: ['sam', 'claire'], given: [] }))],
	[/^GET \/v1\/turnovers$/, told(() => ({ kek: { source: 'file', replaceable: true }, waiting: { erasures: 3, since: now(-DAY), due: now(DAY / 2) },
		turnovers: [{ id: randomUUID(), state: 'done', cause: 'schedule', begun: now(-DAY), wrapped: 40, destroyed: now(-DAY), unrecoverable_at: now(6 * DAY) }] }))],
	[/^GET \/v1\/backups$/, told(() => ({ configured: true, running: false, directory: '/srv/backup', last: { ok: false, at: now(-8 * DAY), problem: 'disk full' },
		proof: { ok: true, at: now(-8 * DAY) }, journal: { ok: true, waiting: 0 }, frozen: 0 }))],
	[/^GET \/v1\/webhooks$/, told(({ dead }) => ({ webhooks: [{ name: 'main', tenant: 'nord', host: 'nord.example', events: ['*'], waiting: 1, dead: dead.length }] }))],
	[/^GET \/v1\/deliveries$/, told(({ dead }) => ({ deliveries: dead }))],
	[/^POST \/v1\/deliveries\/retry$/, ({ staff: { desk } }, { answer }) => {
		answer(200, { retried: desk.dead.splice(0).length });
	}],
	[/^POST \/v1\/deliveries\/[^/]+\/retry$/, ({ staff: { desk } }, { url, answer }) => {
		desk.dead = desk.dead.filter(({ id }) => id !== url.pathname.split('/')[3]);
		answer(200, { retried: 1 });
	}],
	[/^DELETE \/v1\/deliveries\//, ({ staff: { desk } }, { url, answer }) => {
		desk.dead = desk.dead.filter(({ id }) => !url.pathname.endsWith(id));
		answer(204);
	}],
	[/^GET \/v1\/proofs$/, told(({ proofs, opening }) => ({ total: proofs.length, proofs, proposals: opening }))],
	[/^POST \/v1\/proofs$/, ({ staff: { desk } }, { json, answer }) => {
		const { session, reason, proposal } = json();
		if (proposal) return answer(201, { version: 1, session: desk.opening[0].session, parties: [], consents: [], notices: [] });
		desk.opening.push({ id: randomUUID(), proposed_by: 'user:claire', expires: now(DAY), session, reason });
		return answer(202, { proposal: desk.opening[0].id });
	}],
	[/^GET \/v1\/offboardings$/, told(({ offboardings, leaving }) => ({ offboardings, proposals: leaving }))],
	[/^POST \/v1\/tenants\/[^/]+\/offboard$/, leave],
	[/^POST \/v1\/tenants\/[^/]+\/offboard\/erase$/, eraseAll],
	[/^GET \/v1\/tenants\/[^/]+\/offboard\/certificate$/, async (mock, { answer }) =>
		answer(200, await certificateOf(mock.logKey, { event: 'tenant_erased', recordings: 2 }))],
];
