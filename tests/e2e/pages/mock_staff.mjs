/* The staff side of the stand-in: sign-in by cookie, recordings, accesses, grants, requests, erasures. */
import { randomUUID } from 'node:crypto';
import { answerRange, Problem } from './mock.mjs';
import { logOfOne } from './log.mjs';
import { ADMIN_ROUTES, newAdmin } from './mock_admin.mjs';
import { libraryPage } from './mock_library.mjs';
import { DESK_ROUTES, newDesk } from './mock_desk.mjs';

const COOKIE = 'aparte_vault_test=yes';

export function newStaff(role = 'supervisor') {
	return { role, user: 'claire', asked: [], ended: false, lost: false, recordings: [], accesses: [], grants: [], requests: [], failures: 0, trackError: null,
		notes: [], approvals: [], review: [], incidents: [], needsWord: false, desk: newDesk(), admin: newAdmin(),
		conduct: { version: 1, lang: 'fr', title: 'Code', text: ['Un.', 'Deux.'], sha256: 'a'.repeat(64), pass_percent: 0, acknowledged: 1, questions: [] } };
}

function login({ staff }, { json, answer }) {
	const { user, password, totp } = json();
	if (user !== staff.user || password !== 'secret' || totp !== '123456') throw new Problem(401, 'credentials');
	staff.ended = false;
	answer(200, { user, role: staff.role }, { 'Set-Cookie': `${COOKIE}; HttpOnly; SameSite=Strict; Path=/` });
}

function ask(staff, { purpose, reason, url, answer }) {
	const approval = { id: randomUUID(), recording: url.pathname.split('/')[3], reference: 'Séance 1', who: 'claire', purpose, reason, needs: ['four_eyes'],
		state: 'pending', asked: new Date().toISOString(), lapses: new Date(Date.now() + 86_400_000).toISOString() };
	staff.approvals.push(approval);
	answer(202, { approval: approval.id, recording: approval.recording, state: 'pending', lapses: approval.lapses });
}

function tick({ staff }, { url, answer }) {
	const [id, , number] = url.pathname.split('/').slice(3);
	const request = staff.requests.find((one) => one.id === id);
	Object.assign(request.checklist[number - 1], { ticked_by: 'user:claire', ticked: new Date().toISOString() });
	answer(200, request);
}

function openFor({ staff }, { json, answer }) {
	const made = { id: randomUUID(), state: 'open', created: new Date().toISOString(), due: new Date(Date.now() + 3e9).toISOString(), ...json() };
	staff.requests.push(made);
	answer(201, made);
}

function acknowledge({ staff }, { json, answer }) {
	const { version, sha256, answers } = json();
	if (version !== staff.conduct.version || sha256 !== staff.conduct.sha256) throw new Problem(409, 'conflict');
	if (staff.conduct.questions.some((_, i) => answers[i] !== 1)) throw new Problem(422, 'invalid');
	staff.conduct.acknowledged = version;
	answer(201, { version, acknowledged: new Date().toISOString() });
}

function review({ staff }, { json, answer }) {
	staff.review = staff.review.filter(({ item }) => !json().items.includes(item));
	answer(204);
}

function begin({ staff }, { json, answer, url }) {
	const { purpose, reason } = json();
	if (!purpose || !reason) throw new Problem(403, 'access-reason-required');
	if (staff.conduct.acknowledged < staff.conduct.version) throw new Problem(403, 'role');
	if (staff.needsWord) return ask(staff, { purpose, reason, url, answer });
	const access = { id: randomUUID(), recording: url.pathname.split('/')[3], purpose, reason, who: 'user:claire', begun: new Date().toISOString() };
	staff.accesses.push(access);
	answer(201, { id: access.id, recording: access.recording, expires: new Date(Date.now() + 4 * 3_600_000).toISOString() });
}

function track(mock, { request, url, answer }) {
	if (mock.staff.trackError) throw new Problem(410, mock.staff.trackError);
	if (!mock.staff.accesses.some(({ id }) => id === url.searchParams.get('access'))) throw new Problem(403, 'access-reason-required');
	answerRange(mock.tracks[url.pathname.split('/').pop()], request, answer);
}

async function erase(mock, { json, answer }) {
	const { recording } = json();
	mock.staff.recordings.find(({ id }) => id === recording).state = 'erased';
	answer(201, await logOfOne(mock.logKey, 11, { event: 'Erased', recording }));
}

function step({ staff }, { url, json, answer }) {
	const [, , , id, what] = url.pathname.split('/');
	const request = staff.requests.find((one) => one.id === id);
	request.state = { execute: 'done', refuse: 'refused', extend: 'extended' }[what];
	request.reason = json().reason;
	answer(200, request);
}

function incident({ staff }, { url, json, answer }) {
	const [, , , id, what] = url.pathname.split('/');
	if (!id) {
		const aware = json().aware ?? new Date().toISOString();
		staff.incidents.push({ id: randomUUID(), state: 'open', summary: json().summary, aware, due: new Date(Date.parse(aware) + 72 * 3_600_000).toISOString(),
			overdue: false, notes: [] });
		return answer(201, staff.incidents.at(-1));
	}
	const one = staff.incidents.find((other) => other.id === id);
	if (what === 'notes') one.notes.push(json().text);
	else Object.assign(one, { state: 'closed', ...json() });
	return answer(200, one);
}

const ROUTES = [
	[/^GET \/v1\/incidents$/, ({ staff }, { answer }) => answer(200, { incidents: staff.incidents })],
	[/^POST \/v1\/incidents/, incident],
	[/^POST \/v1\/lockdown$/, ({ staff }, { json, answer }) => {
		staff.lockdown = json().reason;
		answer(200, { locked: true });
	}],
	[/^GET \/v1\/me$/, ({ staff }, { answer }) => answer(200, { user: staff.user, role: staff.role,
		conduct_due: staff.conduct.acknowledged < staff.conduct.version })],
	[/^POST \/v1\/logout$/, (_, { answer }) => answer(204, undefined, { 'Set-Cookie': 'aparte_vault_test=; Max-Age=0; Path=/' })],
	[/^GET \/v1\/recordings$/, ({ staff }, { answer, url }) => {
		staff.asked.push(url.search);
		answer(200, libraryPage(staff.recordings, url.searchParams));
	}],
	[/^GET \/v1\/recordings\/[^/]+$/, ({ staff, tracks }, { answer, url }) => {
		const one = staff.recordings.find(({ id }) => id === url.pathname.split('/')[3]) ?? {};
		answer(200, { ...one, tracks: Object.fromEntries(Object.entries(tracks).map(([role, { length }]) => [role, { size: length, type: 'video/webm' }])) });
	}],
	[/^POST \/v1\/recordings\/[^/]+\/accesses$/, begin],
	[/^DELETE \/v1\/recordings\/[^/]+\/accesses\/[^/]+$/, (_, { answer }) => answer(204)],
	[/^GET \/v1\/recordings\/[^/]+\/tracks\//, track],
	[/^GET \/v1\/recordings\/[^/]+\/notes$/, ({ staff }, { answer }) => answer(200, { notes: staff.notes })],
	[/^POST \/v1\/recordings\/[^/]+\/notes$/, ({ staff }, { json, answer }) => {
		staff.notes.push({ id: randomUUID(), ...json() });
		answer(201, { id: staff.notes.at(-1).id });
	}],
	[/^DELETE \/v1\/recordings\/[^/]+\/notes\//, ({ staff }, { url, answer }) => {
		staff.notes = staff.notes.filter(({ id }) => !url.pathname.endsWith(id));
		answer(204);
	}],
	[/^POST \/v1\/me\/password$/, ({ staff }, { json, answer }) => {
		const wish = json();
		if (wish.password !== 'secret') throw new Problem(401, 'credentials');
		if (wish.new.startsWith('password')) throw new Problem(422, 'invalid');
		staff.chosen = wish.new;
		answer(200, { user: staff.user, role: staff.role });
	}],
	[/^POST \/v1\/me\/authenticator$/, ({ staff }, { json, answer }) => {
		if (json().password !== 'secret') throw new Problem(401, 'credentials');
		staff.offered = true;
		const row = (y) => Array.from({ length: 33 }, (_, x) => ((x * 7 + y * 5) % 3 ? '0' : '1')).join('');
		answer(200, { totp_secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP', otpauth: 'otpauth://totp/Aparte:claire', qr: Array.from({ length: 33 }, (_, y) => row(y)),
			expires: new Date(Date.now() + 600_000).toISOString() });
	}],
	[/^POST \/v1\/me\/authenticator\/confirm$/, ({ staff }, { json, answer }) => {
		if (!staff.offered) throw new Problem(409, 'conflict');
		if (json().code !== '654321') throw new Problem(401, 'credentials');
		staff.enrolled = true;
		answer(204);
	}],
	[/^GET \/v1\/conduct$/, ({ staff }, { answer }) => answer(200, staff.conduct)],
	[/^GET \/v1\/conduct\/status$/, ({ staff }, { answer }) => answer(200, { version: staff.conduct.version, users: [{ user: 'claire', role: staff.role, version: staff.conduct.acknowledged }] })],
	[/^POST \/v1\/conduct\/acknowledgements$/, acknowledge],
	[/^GET \/v1\/approvals$/, ({ staff }, { answer }) => answer(200, { approvals: staff.approvals })],
	[/^POST \/v1\/approvals\//, ({ staff }, { url, answer }) => {
		const [, , , id, verb] = url.pathname.split('/');
		staff.approvals.find((one) => one.id === id).state = verb === 'approve' ? 'approved' : 'denied';
		answer(200, { id, state: 'approved' });
	}],
	[/^GET \/v1\/review$/, ({ staff }, { answer }) => answer(200, { review_days: 90, grace_days: 14, items: staff.review })],
	[/^POST \/v1\/review\//, review],
	[/^GET \/v1\/grants$/, ({ staff }, { answer }) => answer(200, { grants: staff.grants })],
	[/^POST \/v1\/grants$/, ({ staff }, { json, answer }) => {
		staff.grants.push({ id: randomUUID(), ...json() });
		answer(201, staff.grants.at(-1));
	}],
	[/^DELETE \/v1\/grants\//, ({ staff }, { url, answer }) => {
		staff.grants.find(({ id }) => url.pathname.endsWith(id)).revoked = new Date().toISOString();
		answer(204);
	}],
	[/^GET \/v1\/requests$/, ({ staff }, { answer }) => answer(200, { requests: staff.requests })],
	[/^POST \/v1\/requests$/, openFor],
	[/^POST \/v1\/requests\/.+\/checklist\//, tick],
	[/^POST \/v1\/requests\//, step],
	[/^GET \/v1\/accesses$/, ({ staff }, { answer }) => answer(200, { accesses: staff.accesses })],
	[/^POST \/v1\/erasures$/, erase],
	...ADMIN_ROUTES,
	...DESK_ROUTES,
];

/* True when the call was one of staff's. Changes by cookie need the content type and the listener's own origin. */
export async function staffRoutes(mock, context) {
	const { request, call } = context;
	if (call === 'POST /v1/login') return login(mock, context), true;
	const route = ROUTES.find(([pattern]) => pattern.test(call));
	if (!route) return false;
	if (mock.staff.lost) throw new Problem(503, 'vault-unavailable');
	if (!request.headers.cookie?.includes(COOKIE)) throw new Problem(401, 'credentials');
	if (mock.staff.ended) throw new Problem(401, 'token-expired');
	if (request.method !== 'GET' && (request.headers['content-type'] !== 'application/json' || request.headers.origin !== mock.origin))
		throw new Problem(403, 'csrf');
	const broken = mock.staff.admin.broken.find(([pattern]) => pattern.test(call)); /* [pattern, status, name] */
	if (broken) throw new Problem(broken[1], broken[2]);
	await route[1](mock, context);
	return true;
}
