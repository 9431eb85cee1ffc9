/*
 * A whole life of an instance, at the most talkative log level, with every secret that occurs in it written down; then all
 * that the instance left or shows is searched for them: logs, arguments, environments, memory files, databases with what
 * SQLite left in them, metrics, errors, webhooks, the public log, exports, and the memory of those that must not know.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CallPeers } from './lib/call_peers.mjs';
import { Hoard } from './lib/hoard.mjs';
import { Instance, isRoot, sleep, until } from './lib/instance.mjs';
import { argumentsOf, coreLimit, environmentOf, memoryOf, namelessFiles, ownerOf, statusOf } from './lib/insides.mjs';
import { Party } from './lib/party.mjs';
import { exportWithAge } from './lib/recording.mjs';
import { rowsOf } from './lib/remains.mjs';
import { adminCall, freshCode, Staff, totp } from './lib/staff.mjs';

const work = mkdtempSync(join(tmpdir(), 'aparte-secrets-'));
const hoard = new Hoard();
const said = []; /* { what, bytes }: what the instance answered, told or printed */
const needsRoot = { skip: isRoot ? false : 'needs root to look inside other processes' };
let instance, peers, hooks, recording;

/* Persons as no other text has them. */
const word = () => randomBytes(6).toString('hex');
const persons = () => ({ coach: { id: `coach-${word()}@example.org`, name: `Xanthippe Q${word()}`, locale: 'fr' },
	coachee: { id: `coachee-${word()}@example.org`, name: `Wolfgang Y${word()}`, locale: 'en' } });

const say = (what, bytes) => said.push({ what, bytes: Buffer.from(bytes) });

/* Every refusal that any helper of this test is answered is kept, head and body; so are passwords of media. */
const realFetch = globalThis.fetch;
globalThis.fetch = async (url, options) => {
	const answer = await realFetch(url, options);
	const type = answer.headers.get('content-type') ?? '';
	if (answer.status >= 400)
		say(`${options?.method ?? 'GET'} ${new URL(url).pathname} ${answer.status}`,
			`${JSON.stringify([...answer.headers])}\n${await answer.clone().text()}`);
	for (const text of type.includes('sdp') ? [await answer.clone().text(), String(options.body)] : [])
		for (const [, password] of text.matchAll(/^a=ice-pwd:(\S+)/gm))
			hoard.add('ice', password);
	return answer;
};

async function receiveHooks() {
	const server = createServer((request, response) => {
		const parts = [JSON.stringify(request.rawHeaders), request.url];
		request.on('data', (part) => parts.push(part));
		request.on('end', () => {
			say('a webhook', parts.join('\n'));
			response.end();
		});
	});
	await new Promise((done) => server.listen(0, '127.0.0.1', done));
	return server;
}


/* What stands in the caller's environment is the launcher's business alone. */
const operators = randomBytes(16).toString('hex');

before(async () => {
	hooks = await receiveHooks();
	instance = await Instance.start({ config: { 'log.level': 'debug', 'gateway.rate_per_minute': 100000,
		'webhooks.allow_http': true, 'webhooks.private_hosts': '127.0.0.1' },
		env: { OPERATORS_PASSWORD: operators } });
	peers = await CallPeers.start();
});
after(async () => {
	await peers?.stop();
	hooks?.close();
	await instance?.stop();
	rmSync(work, { recursive: true, force: true });
});

async function noteOwnKeys() {
	hoard.add('operator', operators);
	hoard.add('kek', readFileSync(join(instance.home, 'vault/kek')));
	for (const { name, secret } of await rowsOf(instance, 'keys.db', 'SELECT name, lower(hex(secret)) AS secret FROM server_key'))
		hoard.add(name.startsWith('totp:') ? 'totp' : 'server-key', Buffer.from(secret, 'hex'));
	hoard.add('api-key', instance.demo.api_key);
	for (const user of ['supervisor', 'admin', 'admin2', 'auditor'].map((name) => instance.demo[name])) {
		hoard.add('password', user.password);
		hoard.add('totp', user.totp_secret);
	}
}

/* A session of two persons who call and let themselves be recorded. */
async function recorded() {
	const they = persons();
	const session = await instance.session(they);
	const made = { session, name: session.id.slice(0, 8) };
	for (const role of ['coach', 'coachee']) {
		hoard.add('party-token', session.parties[role].token);
		hoard.add('name', they[role].name);
		hoard.add('principal', they[role].id);
		const person = new Party(instance, session, role);
		made[role] = person;
		hoard.add('device-key', person.key.private.export({ format: 'der', type: 'pkcs8' }).subarray(-32));
		await person.join();
		await peers.call(person, `${made.name}.${role}`, 0);
		await give(person);
	}
	await until('the gate is open', async () => (await made.coach.gate()).state === 'open');
	return made;
}

async function give(person) {
	const share = randomBytes(32), notice = await person.notice();
	hoard.add('share', share);
	const answer = await person.post(await person.give(['recording', 'supervision'], { notice, share,
		members: { share_commitment: person.commitment(share).toString('base64url') } }));
	assert.equal(answer.status, 201, answer.text);
}

const hangUp = (made) => ['coach', 'coachee'].forEach((role) => peers.drop(`${made.name}.${role}`));

async function signIn(user) {
	const staff = await Staff.login(instance, user);
	hoard.add('staff-token', staff.token);
	return staff;
}

/* A password typed where the name belongs, one mistyped, a code used twice: what people do. */
async function signInWrongly(user) {
	const mistyped = `correct-${word()}-horse`, misplaced = `battery-${word()}-staple`;
	hoard.add('password', mistyped);
	hoard.add('password', misplaced);
	const login = (body) => fetch(`${instance.vault}/v1/login`, { method: 'POST', headers: { 'content-type': 'application/json' },
		body: typeof body === 'string' ? body : JSON.stringify(body) });
	const code = await freshCode(user, 0, true);
	await login({ user: user.user, password: mistyped, totp: code });
	await login({ user: misplaced, password: user.password, totp: code });
	await login({ user: user.user, password: user.password, totp: code });
	await login({ user: user.user, password: user.password, totp: code });
	await login({ user: user.user, password: user.password, totp: 'nonsense' });
	await login(`{"user":"${user.user}","password":"${user.password}"`);
}

/* Tokens where none belong, statements that are spoiled, bodies that are nothing: each is refused. */
async function spoil(made) {
	const { coach } = made, offer = { type: 'application/sdp', raw: true };
	const token = randomBytes(32).toString('base64url');
	hoard.add('party-token', token);
	const wrong = [
		() => coach.call('GET', `/v1/party/${coach.token}`), () => coach.call('GET', `/v1/party/recordings/${coach.token}`),
		() => coach.call('GET', '/v1/party', undefined, { headers: { authorization: `Bearer ${token}` } }),
		() => coach.call('GET', '/v1/party', undefined, { headers: { authorization: `Basic ${token}` } }),
		() => fetch(`${instance.gateway}/join?token=${coach.token}&name=${encodeURIComponent(made.session.id)}`),
		() => fetch(`${instance.gateway}/v1/party?access_token=${coach.token}`),
		() => fetch(`${instance.vault}/v1/recordings?token=${instance.demo.api_key}`),
		() => fetch(`${instance.vault}/v1/recordings`, { headers: { authorization: `Bearer ${coach.token}` } }),
		() => fetch(`${instance.gateway}/v1/sessions/${instance.demo.api_key}`, { headers: { authorization: `Bearer ${instance.demo.api_key}` } }),
		() => coach.call('POST', '/v1/consents', `{"statement":"${coach.token}`, { raw: true }),
		() => coach.call('POST', '/v1/consents', { statement: coach.principal, key: coach.token, signature: coach.token }),
		() => coach.call('POST', '/v1/media', `v=0\r\na=ice-pwd:${coach.token}\r\n`, offer),
		() => coach.call('PATCH', `/v1/media/${coach.token}`, 'a=ice-ufrag:x', { ...offer, type: 'application/trickle-ice-sdpfrag' }),
		() => coach.call('PUT', '/v1/party/device', { key: coach.token.slice(1) }),
		() => coach.call('POST', '/v1/party/presence', { generation: coach.token, counter: -1, signature: '' }),
		() => coach.call('POST', '/v1/party/requests', { type: coach.token, detail: coach.principal }),
		() => instance.platform('POST', '/v1/sessions', { reference: 'x', coach: { id: coach.principal, name: 7 }, coachee: {} }),
		() => instance.platform('PUT', '/v1/webhooks/bad', { url: `http://user:${token}@example.org/?${token}`, events: ['session.created'] }),
	];
	for (const [n, call] of wrong.entries()) {
		const answer = await call();
		assert.ok(answer.status >= 400 || n === 4, `wrong input ${n}: ${answer.status}`);
	}
	const spoiled = [{ signature: () => coach.token }, { members: { pii_principal: `other-${coach.principal}` } }, { members: { role: 'coachee' } },
		{ share: randomBytes(32) }, { members: { event_time: '2001-01-01T00:00:00.000Z' } }];
	for (const how of spoiled)
		assert.ok((await coach.post(await coach.give(['recording'], how))).status >= 400);
}

async function killed(...names) {
	const all = instance.processes();
	for (const name of names)
		process.kill(all[name], 'SIGKILL');
	await until('both answer again', async () => (await Promise.all([instance.gateway, instance.vault].map((base) => fetch(`${base}/readyz`))))
		.every(({ status }) => status === 200), 30000, 200);
}

/* One story; the later steps lean on the earlier ones. */
let first, second;

test('a life: logins, sessions, consents, recordings, wrong inputs of every kind', async () => {
	await noteOwnKeys();
	const hook = await instance.platform('PUT', '/v1/webhooks/main',
		{ url: `http://127.0.0.1:${hooks.address().port}/hook`, events: ['session.created', 'session.ended', 'recording.sealed', 'recording.erased'] });
	assert.ok(hook.status < 300, JSON.stringify(hook));
	hoard.add('webhook', hook.body.secret);
	hoard.add('webhook', Buffer.from(hook.body.secret.replace('whsec_', ''), 'base64'));
	await signInWrongly(instance.demo.auditor);
	first = await recorded();
	await spoil(first);
	await until('the gate is open', async () => (await first.coach.gate()).state === 'open', 20000);
	await sleep(5000);
	await first.coach.call('POST', '/v1/party/requests', { type: 'access', detail: `about ${first.coach.principal}` });
	await instance.platform('DELETE', `/v1/sessions/${first.session.id}`);
	hangUp(first);
	const { recordings } = (await instance.platform('GET', `/v1/sessions/${first.session.id}`)).body;
	recording = recordings.at(-1).id;
});

test('a life: kill -9, playback by grant, export, an erasure', async () => {
	await killed('aparte-recorder');
	await killed('aparte-gateway');
	const granted = await adminCall(instance, 'POST', '/v1/grants', { recording, supervisor: instance.demo.supervisor.user,
		purpose: 'supervision', expires: new Date(Date.now() + 3600e3).toISOString() });
	assert.equal(granted.status, 201, JSON.stringify(granted.body));
	const supervisor = await signIn(instance.demo.supervisor);
	const access = await supervisor.call('POST', `/v1/recordings/${recording}/accesses`, { purpose: 'supervision', reason: 'case' });
	const track = await supervisor.call('GET', `/v1/recordings/${recording}/tracks/coach?access=${access.body.id}`);
	assert.equal(track.bytes.readUInt32BE(0), 0x1a45dfa3);
	await exportWithAge(instance, recording, join(work, 'export'));
	for (const [identity] of readFileSync(join(work, 'export/identity'), 'utf8').matchAll(/AGE-SECRET-KEY-\w+/g))
		hoard.add('identity', identity);
	say('doctor', JSON.stringify(await instance.cli('doctor', '--json')));
	second = await recorded(); /* goes on while everything is searched */
	await sleep(1000);
	assert.equal((await first.coach.post(await first.coach.decide('ConsentWithdrawn'))).status, 201);
	await until('it is erased', async () =>
		(await instance.platform('GET', `/v1/sessions/${first.session.id}`)).body.recordings.every(({ state }) => state === 'erased'));
	await killed('aparte-recorder');
	await until('the second is recorded again', async () => (await second.coach.gate()).state === 'open', 30000);
});

test('every kind of secret occurred', () => {
	assert.deepEqual([...hoard.kinds()].sort(), ['api-key', 'device-key', 'ice', 'identity', 'kek', 'name', 'operator', 'party-token',
		'password', 'principal', 'server-key', 'share', 'staff-token', 'totp', 'webhook']);
	assert.ok(said.length > 25, `${said.length} things were said`);
	assert.ok(said.some(({ what }) => what === 'a webhook'));
});

/* The search finds what is planted, in each form, so its silence means something. */
test('the search can find', () => {
	const planted = randomBytes(32), other = new Hoard();
	other.add('planted', planted);
	other.add('named', 'Xanthippe');
	const log = Buffer.from(readFileSync(join(instance.home, 'run/aparte.log')));
	assert.deepEqual(other.find(log), []);
	const forms = [planted, planted.toString('hex'), planted.toString('hex').toUpperCase(), planted.toString('base64'), planted.toString('base64url'),
		...[1, 2, 5].map((n) => Buffer.concat([randomBytes(n), planted, randomBytes(3)]).toString('base64url'))];
	for (const form of forms)
		assert.deepEqual(other.find(Buffer.concat([log, Buffer.from(form), log])).map(({ kind }) => kind), ['planted'], String(form));
	assert.deepEqual(other.find(Buffer.from('name=Xanthippe')).map(({ kind }) => kind), ['named']);
	other.add('token', planted.toString('base64url'));
	assert.equal(other.find(planted).length, 2, 'a token is searched for as its bytes too');
});

/* By what is documented: docs/FORMAT.md and the schemas' heads. demo.json exists in demonstrations alone. */
const MAY = [
	[/\/demo\.json$/, ['api-key', 'password', 'totp', 'party-token']],
	[/\/vault\/kek$/, ['kek']],
	[/\/vault\/keys\.db(-wal)?$/, ['server-key', 'totp', 'webhook']],
	[/\/vault\/vault\.db(-wal)?$/, ['name', 'principal']], /* party and the statements as they were signed */
];

test('no file of the instance has one that is not meant to be there', async () => {
	await until('a segment', () => instance.files().some(({ path }) => path.endsWith('/0.age')), 20000);
	const files = instance.files();
	assert.ok(['vault.db', 'keys.db', 'aparte.log', '0.age'].every((name) => files.some(({ path }) => path.endsWith(name))));
	for (const { path, bytes } of files) {
		const may = MAY.filter(([pattern]) => pattern.test(path)).flatMap(([, kinds]) => kinds);
		assert.deepEqual(hoard.find(bytes, may), [], path);
	}
});

test('a one-time code is in no log', () => {
	const log = instance.log(), steps = Array.from({ length: 21 }, (_, n) => Date.now() + (1 - n) * 30000);
	for (const user of ['supervisor', 'admin', 'auditor'])
		for (const at of steps)
			assert.ok(!new RegExp(`(?<![0-9a-f])${totp(instance.demo[user].totp_secret, at)}(?![0-9a-f])`).test(log), 'a code');
});

test('nothing it answers with, tells or prints has one', async () => {
	for (const base of [instance.gateway, instance.vault])
		for (const path of ['/metrics', '/healthz', '/readyz', '/v1/ledger/key', '/v1/ledger/checkpoint', '/v1/ledger/leaves?from=0&count=1000'])
			say(`${base}${path}`, await (await fetch(`${base}${path}`)).text());
	for (const { what, bytes } of said)
		assert.deepEqual(hoard.find(bytes), [], `${what}: ${bytes.toString('latin1').slice(0, 400)}`);
});

function everyProcess() {
	const { captures, ...named } = instance.processes();
	assert.ok(captures.length > 0 && named['aparte-recorder'] && named['aparte-gateway'] && named['aparte-capture']);
	return [...Object.entries(named), ...captures.map((pid) => ['a capture', pid])];
}

test('no argument, environment or memory file has one', needsRoot, () => {
	for (const [name, pid] of everyProcess()) {
		assert.deepEqual(hoard.find(argumentsOf(pid)), [], `${name}: arguments`);
		assert.deepEqual(hoard.find(environmentOf(pid), name === 'serve' ? ['operator'] : []), [], `${name}: environment`);
		for (const { target, bytes } of namelessFiles(pid))
			assert.deepEqual(hoard.find(bytes), [], `${name}: ${target}`);
	}
	assert.ok(environmentOf(instance.processes().serve).includes(operators), 'the search sees environments');
});

test('no process can leave a core dump or be looked into by its own user', needsRoot, () => {
	for (const [name, pid] of everyProcess()) {
		assert.deepEqual(coreLimit(pid), ['0', '0'], name);
		assert.equal(ownerOf(pid), 0, `${name} is dumpable`);
	}
});

/* What each process must never have had in clear. */
const NEVER = ['share', 'kek', 'server-key', 'password', 'totp', 'staff-token', 'identity', 'webhook', 'device-key'];

test('the memory of gateway, captures and launcher has no key, share or password', needsRoot, () => {
	for (const [name, pid] of everyProcess().filter(([name]) => name !== 'aparte-recorder')) {
		const kinds = name === 'aparte-gateway' ? NEVER : [...NEVER, 'party-token', 'api-key', 'name', 'principal'];
		let size = 0;
		for (const { bytes } of memoryOf(pid)) {
			size += bytes.length;
			assert.deepEqual(hoard.places(bytes, kinds), [], name);
		}
		assert.ok(size > 100000, `${name}: memory was read`);
	}
});

test('the vault keeps keys in memory that is neither swapped nor dumped', needsRoot, () => {
	const pid = instance.processes()['aparte-recorder'], seen = [];
	assert.ok(parseInt(statusOf(pid).VmLck, 10) > 0, 'some memory is locked');
	for (const { bytes, locked, dumped } of memoryOf(pid))
		for (const { kind } of hoard.places(bytes, ['kek', 'share', 'identity']))
			seen.push({ kind, locked, dumped });
	assert.ok(seen.some(({ kind }) => kind === 'kek'), 'the search sees the vault\'s memory');
	assert.deepEqual(seen.filter(({ locked, dumped }) => !locked || dumped), []);
});
