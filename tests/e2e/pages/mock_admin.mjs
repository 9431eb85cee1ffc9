/* The stand-in's part for an administrator's first page, policies, users and the ledger. */
import { GrowingLog, makeWitness } from './log_grow.mjs';

const DAY = 86_400_000;
const iso = (ms) => new Date(ms).toISOString();
const day = (ms) => iso(ms).slice(0, 10);
/* As mock.mjs has it, which imports this file. */
const problem = (status, name) => Object.assign(new Error(name), { status, name });

/* The same numbers at every run. */
function dice(seed) {
	let state = seed;
	return (n) => {
		state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
		return Math.floor((state / 2_147_483_648) * n);
	};
}

const POLICIES = ['default', 'default', 'default', 'certification-2027', 'certification-2027', 'protected', 'pilot-lyon'];

/* `count` recordings that end within `months`, more of them soon than late. */
export function someExpiring(count, months = 12, seed = 7) {
	const roll = dice(seed);
	return Array.from({ length: count }, (_, i) => {
		const expires = Date.now() + DAY + Math.floor((roll(1000) * roll(1000)) / 1e6 * months * 30 * DAY) + roll(DAY);
		return { id: `${String(i).padStart(8, '0')}-1111-4000-8000-000000000000`, session: 's', tenant: i % 5 ? 'nord' : 'sud-est', policy: POLICIES[roll(POLICIES.length)],
			reference: `NORD-${2600 + i}`, state: i % 9 ? 'sealed' : 'archived', created: iso(expires - 30 * DAY), expires: iso(expires), held: i % 31 === 3 };
	}).sort((a, b) => (a.expires < b.expires ? -1 : 1));
}

const POLICY = {
	name: 'default', kind: 'policy', reason: 'Chaque finalité est conservée le temps qu’on y travaille.',
	purposes: { recording: { days: 30, reason: 'Relire la séance' }, supervision: { months: 6, reason: 'Deux fois par an' }, research: { off: true, reason: 'Aucune' } },
	protected: { days: 14, four_eyes: true, reason: 'Personne à risque' }, archive: null, access_log: { months: 12, reason: 'Un an' }, consent_proof_days: 1826,
};

export function newAdmin() {
	return {
		expiring: [], running: [], kept: [], healthy: true, allTenants: true, log: null, broken: [],
		policies: [{ ...POLICY, version: 3, created: iso(Date.now() - 40 * DAY) }], preview: null, applied: null,
		users: [['claire', 'admin'], ['sam', 'admin'], ['ana', 'supervisor'], ['louis', 'auditor']].map(([user, role], i) => ({ user, role, created: iso(Date.now() - i * 90 * DAY) })),
		logins: [{ user: 'claire', role: 'admin' }, { user: 'ana', role: 'supervisor' }],
	};
}

/* The log, made when first asked for: twenty leaves, two witnesses of which one sleeps. */
export function logOf(mock) {
	const admin = mock.staff.admin;
	if (!admin.log) {
		admin.log = new GrowingLog(mock.logKey).fill(20);
		admin.log.witnesses = [makeWitness('temoin.example'), { ...makeWitness('witness.example'), sleeps: true, size: 12, at: Date.now() - 3 * DAY }];
	}
	return admin.log;
}

const waits = ({ state }) => ['open', 'extended'].includes(state);

function overview({ staff }, { answer }) {
	const { admin } = staff, open = staff.requests.filter(waits), now = Date.now();
	const states = { recording: admin.running.length, sealed: 0, archived: 0, restricted: admin.kept.length, erased: 214 };
	for (const { state } of admin.expiring) states[state]++;
	answer(200, { as_of: iso(now), recordings: states, held: staff.desk.holds.filter(({ state }) => state === 'in_force').length, erasing: 2, running: admin.running,
		live: admin.live ?? admin.running.filter(({ open: gate }) => gate).length,
		requests: { open: open.length, overdue: open.filter(({ due }) => due < iso(now)).length, soon: open.filter(({ due }) => due < iso(now + 7 * DAY)).length },
		log_healthy: admin.healthy, all_tenants: admin.allTenants });
}

function expiries({ staff: { admin } }, { url, answer }) {
	const from = url.searchParams.get('from'), to = url.searchParams.get('to');
	const within = admin.expiring.filter(({ expires }) => expires >= from && expires < to), counts = new Map();
	for (const { expires, policy, held } of within) {
		const key = `${expires.slice(0, 10)} ${policy}`, one = counts.get(key) ?? { day: expires.slice(0, 10), policy, count: 0, held: 0 };
		counts.set(key, { ...one, count: one.count + 1, held: one.held + Number(held) });
	}
	answer(200, { from: `${from}T00:00:00.000Z`, to: `${to}T00:00:00.000Z`, before: admin.kept.length, after: admin.expiring.filter(({ expires }) => expires >= to).length,
		without: admin.running.length, days: [...counts.values()].sort((a, b) => (a.day < b.day ? -1 : 1)) });
}

/* 200 at a time, as the vault. */
function ending({ staff: { admin, role } }, { url, answer }) {
	const period = url.pathname.split('/').pop(), all = period === 'before' ? admin.kept : admin.expiring.filter(({ expires }) => expires.startsWith(period));
	const after = url.searchParams.get('after'), start = after ? all.findIndex(({ id }) => id === after) + 1 : 0, page = all.slice(start, start + 200);
	const shown = role === 'admin' ? page : page.map(({ reference, ...rest }) => rest);
	answer(200, { recordings: shown, ...(start + 200 < all.length ? { next: page.at(-1).id } : {}) });
}

const find = (admin, url) => admin.policies.find(({ name }) => name === decodeURIComponent(url.pathname.split('/')[3])) ?? (() => {
	throw problem(404, 'not-found');
})();

function policy({ staff: { admin } }, { url, answer }) {
	const { version, created, ...document } = find(admin, url);
	answer(200, { name: document.name, kind: document.kind, version, created, document, versions: [3, 2, 1].map((n) => ({ version: n, created: iso(Date.now() - n * 30 * DAY), set_by: 'user:sam' })) });
}

/* What a change does is the test's to say. */
function preview({ staff: { admin } }, { json, answer }) {
	const { purposes } = json();
	if (!purposes.recording) throw problem(422, 'invalid');
	answer(200, { token: 'tok', as_of: iso(Date.now()), at_once: 0, held: 0, total: 0, unchanged: 0, days: [], days_before: [], recordings: [],
		changes: [{ path: 'purposes.recording.days', from: 30, to: purposes.recording.days }], notice: { wider: false, purposes: [{ purpose: 'recording', change: 'shorter' }] }, ...admin.preview });
}

export function somePreview() {
	const now = Date.now(), before = [], after = [{ day: day(now), count: 9 }];
	for (let i = 0; i < 30; i++) before.push({ day: day(now + (i + 1) * DAY), count: 1 + ((i * 7) % 5) });
	for (let i = 0; i < 14; i++) after.push({ day: day(now + (i + 1) * DAY), count: 2 + ((i * 5) % 6) });
	const total = before.reduce((sum, { count }) => sum + count, 0);
	return { at_once: 7, held: 2, total, unchanged: 120, days: after, days_before: before };
}

function ledger(mock, { url, answer }) {
	const log = logOf(mock), what = url.pathname.split('/').pop(), number = (name) => Number(url.searchParams.get(name));
	const text = (value) => answer(200, value, { 'Content-Type': 'text/plain; charset=utf-8' });
	if (what === 'key') return text(`${log.key.verifierKey}\n`);
	if (what === 'checkpoint') return text(log.shown ?? log.checkpoint());
	if (what === 'consistency') return answer(200, { from: number('from'), to: number('to'), hashes: log.continues(number('from'), number('to')) });
	if (what === 'proof') return answer(200, { leaf_index: number('leaf'), tree_size: number('size'), hashes: log.proof(number('leaf'), number('size')) });
	if (what === 'witnesses') return answer(200, { quorum: 1, witnesses: log.witnesses.map(({ verifierKey, name, size, at }) => ({ key: verifierKey, name, size, ...(at ? { at: iso(at) } : {}) })) });
	throw problem(404, 'not-found');
}

export const ADMIN_ROUTES = [
	[/^GET \/v1\/overview$/, overview],
	[/^GET \/v1\/expiries$/, expiries],
	[/^GET \/v1\/expiries\//, ending],
	[/^GET \/v1\/policies$/, ({ staff: { admin } }, { answer }) => answer(200, { policies: admin.policies })],
	[/^GET \/v1\/policies\/[^/]+$/, policy],
	[/^POST \/v1\/policies\/[^/]+\/preview$/, preview],
	[/^PUT \/v1\/policies\/[^/]+$/, (mock, context) => {
		mock.staff.admin.applied = { token: context.url.searchParams.get('preview'), document: context.json() };
		Object.assign(find(mock.staff.admin, context.url), context.json(), { version: 4 });
		policy(mock, context);
	}],
	[/^GET \/v1\/users$/, ({ staff: { admin } }, { answer }) => answer(200, { users: admin.users })],
	[/^GET \/v1\/logins$/, ({ staff: { admin } }, { answer }) => answer(200, { logins: admin.logins })],
	[/^DELETE \/v1\/logins\//, ({ staff: { admin } }, { url, answer }) => {
		admin.logins = admin.logins.filter(({ user }) => !url.pathname.endsWith(`/${user}`));
		answer(204);
	}],
	[/^GET \/v1\/ledger\//, ledger],
];
