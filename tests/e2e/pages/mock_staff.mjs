/* The staff side of the stand-in: sign-in by cookie, recordings, accesses, grants, requests, erasures. */
import { randomUUID } from 'node:crypto';
import { answerRange, Problem } from './mock.mjs';
import { logOfOne } from './log.mjs';

const COOKIE = 'aparte_vault_test=yes';

export function newStaff(role = 'supervisor') {
	return { role, user: 'claire', recordings: [], accesses: [], grants: [], requests: [], failures: 0, trackError: null };
}

function login({ staff }, { json, answer }) {
	const { user, password, totp } = json();
	if (user !== staff.user || password !== 'secret' || totp !== '123456') throw new Problem(401, 'credentials');
	answer(200, { user, role: staff.role }, { 'Set-Cookie': `${COOKIE}; HttpOnly; SameSite=Strict; Path=/` });
}

function begin({ staff }, { json, answer, url }) {
	const { purpose, reason } = json();
	if (!purpose || !reason) throw new Problem(403, 'access-reason-required');
	const access = { id: randomUUID(), recording: url.pathname.split('/')[3], purpose, reason, who: 'user:claire', begun: new Date().toISOString() };
	staff.accesses.push(access);
	answer(201, { id: access.id, recording: access.recording });
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

const ROUTES = [
	[/^GET \/v1\/me$/, ({ staff }, { answer }) => answer(200, { user: staff.user, role: staff.role })],
	[/^POST \/v1\/logout$/, (_, { answer }) => answer(204, undefined, { 'Set-Cookie': 'aparte_vault_test=; Max-Age=0; Path=/' })],
	[/^GET \/v1\/recordings$/, ({ staff }, { answer }) => answer(200, { recordings: staff.recordings })],
	[/^GET \/v1\/recordings\/[^/]+$/, ({ staff }, { answer, url }) =>
		answer(200, staff.recordings.find(({ id }) => id === url.pathname.split('/')[3]) ?? {})],
	[/^POST \/v1\/recordings\/[^/]+\/accesses$/, begin],
	[/^POST \/v1\/accesses\/[^/]+\/end$/, (_, { answer }) => answer(204)],
	[/^GET \/v1\/recordings\/[^/]+\/tracks\//, track],
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
	[/^POST \/v1\/requests\//, step],
	[/^GET \/v1\/accesses$/, ({ staff }, { answer }) => answer(200, { accesses: staff.accesses })],
	[/^POST \/v1\/erasures$/, erase],
];

/* True when the call was one of staff's. Changes by cookie need the content type and the listener's own origin. */
export async function staffRoutes(mock, context) {
	const { request, call } = context;
	if (call === 'POST /v1/login') return login(mock, context), true;
	const route = ROUTES.find(([pattern]) => pattern.test(call));
	if (!route) return false;
	if (!request.headers.cookie?.includes(COOKIE)) throw new Problem(401, 'credentials');
	if (request.method !== 'GET' && (request.headers['content-type'] !== 'application/json' || request.headers.origin !== mock.origin))
		throw new Problem(403, 'csrf');
	await route[1](mock, context);
	return true;
}
