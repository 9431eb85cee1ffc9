/* The staff side of a running instance: logins, grants, viewing by ranges, requests of persons, holds, the socket. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Instance, until } from '../e2e/lib/instance.mjs';
import { record } from '../e2e/lib/record.mjs';
import { Staff, adminCall, errorName, freshCode } from '../e2e/lib/staff.mjs';

let instance, made, scratch, supervisor, grant, track;
const day = 86400000;
const soon = (ms) => new Date(Date.now() + ms).toISOString();
const accesses = async () => (await adminCall(instance, 'GET', '/v1/accesses')).body.accesses;

before(async () => {
	instance = await Instance.start();
	scratch = mkdtempSync(join(tmpdir(), 'aparte-staff-'));
	made = await record(instance, 5);
});
after(async () => {
	await instance?.stop();
	if (scratch)
		rmSync(scratch, { recursive: true, force: true });
});

const login = (user, password, totp, headers = {}) => fetch(`${instance.vault}/v1/login`, { method: 'POST',
	headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify({ user, password, totp }) });

/* Any call with a person's token, at the gateway. */
async function asParty(role, method, path, body, headers = {}) {
	const response = await fetch(`${instance.gateway}/v1/party${path}`, { method, headers: {
		authorization: `Bearer ${made.session.parties[role].token}`, ...(body ? { 'content-type': 'application/json' } : {}), ...headers },
		body: body && JSON.stringify(body) });
	const bytes = Buffer.from(await response.arrayBuffer());
	return { status: response.status, bytes, headers: response.headers,
		body: /json/.test(response.headers.get('content-type')) ? JSON.parse(bytes) : null };
}

test('R11 both factors, a code once, then lock-out with a wait told', async () => {
	const { user, password } = instance.demo.auditor;
	const code = await freshCode(instance.demo.auditor, 0, true);
	assert.equal((await login(user, 'wrong', code)).status, 401);
	const good = await login(user, password, code);
	assert.equal(good.status, 200);
	const cookie = good.headers.get('set-cookie');
	assert.match(cookie, new RegExp(`^aparte_vault_${instance.port + 1}=[\\w-]{43}; Path=/; HttpOnly; SameSite=Strict`));
	const again = await login(user, password, code);
	assert.equal(again.status, 401);
	assert.equal((await again.json()).type, 'urn:aparte:error:totp-replayed');
	let last;
	for (let i = 0; i < 6; i++)
		last = await login('nobody', 'guess', '000000');
	assert.equal(last.status, 429);
	assert.ok(Number(last.headers.get('retry-after')) > 0);
});

test('R10 R12 by grant only; the access is logged before its first byte', async () => {
	supervisor = await Staff.login(instance, instance.demo.supervisor);
	assert.deepEqual((await supervisor.call('GET', '/v1/recordings')).body.recordings, []);
	const path = `/v1/recordings/${made.recording}`;
	const why = { purpose: 'supervision', reason: 'case review' };
	assert.equal((await supervisor.call('POST', `${path}/accesses`, why)).status, 404);
	grant = (await adminCall(instance, 'POST', '/v1/grants', { recording: made.recording,
		supervisor: instance.demo.supervisor.user, purpose: 'supervision', expires: soon(day) })).body;
	assert.equal(errorName(await supervisor.call('GET', `${path}/tracks/coach`)), 'access-reason-required');
	assert.equal(errorName(await supervisor.call('POST', `${path}/accesses`, { ...why, purpose: 'quality' })), 'role');
	const before = (await accesses()).length;
	const access = (await supervisor.call('POST', `${path}/accesses`, why)).body;
	const logged = (await accesses()).find(({ id }) => id === access.id);
	assert.equal((await accesses()).length, before + 1);
	assert.deepEqual([logged.reason, logged.bytes], ['case review', 0]);
	track = `${path}/tracks/coach?access=${access.id}`;
});

test('a track plays by ranges, seeks, and is a whole WebM', async () => {
	const whole = await supervisor.call('GET', track);
	assert.equal(whole.status, 200);
	assert.equal(whole.headers.get('cache-control'), 'no-store');
	assert.equal(whole.bytes.readUInt32BE(0), 0x1a45dfa3, 'EBML');
	const size = whole.bytes.length;
	for (const [range, from, to] of [['bytes=0-0', 0, 1], ['bytes=1000-2999', 1000, 3000], [`bytes=${size - 9}-${size + 9}`, size - 9, size],
		['bytes=-17', size - 17, size], ['bytes=200-', 200, size]]) {
		const part = await supervisor.call('GET', track, null, { range });
		assert.equal(part.status, 206, range);
		assert.equal(part.headers.get('content-range'), `bytes ${from}-${to - 1}/${size}`);
		assert.ok(part.bytes.equals(whole.bytes.subarray(from, to)), range);
	}
	assert.equal((await supervisor.call('GET', track, null, { range: `bytes=${size}-` })).status, 416);
	const { bytes } = (await accesses()).find(({ who }) => who === instance.demo.supervisor.user);
	assert.ok(bytes >= size, 'what was read is counted');
});

test('R38 R12 both speakers watch, and see who else did', async () => {
	for (const role of ['coach', 'coachee']) {
		const [one] = (await asParty(role, 'GET', '/recordings')).body.recordings;
		assert.equal(one.watchable, true);
		const part = await asParty(role, 'GET', `/recordings/${made.recording}/tracks/coachee`, null, { range: 'bytes=0-3' });
		assert.equal(part.status, 206);
		assert.equal(part.bytes.readUInt32BE(0), 0x1a45dfa3);
		const seen = (await asParty(role, 'GET', '/accesses')).body.accesses;
		assert.ok(seen.some(({ who, reason }) => who === instance.demo.supervisor.user && reason === 'case review'));
	}
});

test('a revoked grant ends the viewing at once', async () => {
	assert.equal((await adminCall(instance, 'DELETE', `/v1/grants/${grant.id}`)).status, 204);
	assert.equal(errorName(await supervisor.call('GET', track, null, { range: 'bytes=0-9' })), 'role');
	assert.ok((await accesses()).filter(({ who }) => who === instance.demo.supervisor.user).every(({ ended }) => ended));
});

test('R41 an admin never sees content; the stock age tool opens an export, which is logged', async () => {
	const admin = await Staff.login(instance, instance.demo.admin);
	const why = { purpose: 'supervision', reason: 'curious' };
	assert.equal(errorName(await admin.call('POST', `/v1/recordings/${made.recording}/accesses`, why)), 'role');
	assert.equal(errorName(await admin.call('POST', `/v1/recordings/${made.recording}/export`, { reason: 'r' })), 'role');
	const identity = join(scratch, 'identity'), dir = join(scratch, 'segments');
	await instance.cli('export', '--recording', made.recording, '--identity', identity, '--segments', dir,
		'--admin', 'admin', '--reason', 'court order 12');
	assert.equal(statSync(identity).mode & 0o777, 0o600);
	const names = readdirSync(join(dir, 'coachee')).sort((a, b) => parseInt(a, 10) - parseInt(b, 10));
	const plain = names.map((name) => execFileSync('age', ['-d', '-i', identity, join(dir, 'coachee', name)]));
	assert.equal(Buffer.concat(plain).readUInt32BE(0), 0x1a45dfa3);
	assert.ok((await accesses()).some(({ purpose, reason }) => purpose === 'export' && reason === 'court order 12'));
	assert.equal((await instance.cliFails('export', '--recording', made.recording, '--identity', identity,
		'--admin', 'admin', '--reason', 'again')).code, 1, 'a file that is there is kept');
});

test('R21 R39 the archive: own track alone, opened by stock tools; the copy of all data', async () => {
	const key = join(scratch, 'own-key'), file = join(scratch, 'archive.age'), zip = join(scratch, 'archive.zip');
	execFileSync('age-keygen', ['-o', key], { stdio: 'ignore' });
	const recipient = execFileSync('age-keygen', ['-y', key]).toString().trim();
	const asked = (await asParty('coachee', 'POST', '/requests', { type: 'portability' })).body;
	assert.equal((await asParty('coachee', 'POST', `/requests/${asked.id}/archive`, { recipient })).status, 202);
	await until('the archive is ready', async () =>
		(await asParty('coachee', 'GET', `/requests/${asked.id}`)).body.archive.state === 'ready', 20000);
	assert.equal(statSync(join(instance.home, 'vault', 'archives', `${asked.id}.age`)).mode & 0o777, 0o600);
	writeFileSync(file, (await asParty('coachee', 'GET', `/requests/${asked.id}/archive`)).bytes);
	execFileSync('age', ['-d', '-i', key, '-o', zip, file]);
	execFileSync('python3', ['-m', 'zipfile', '-e', zip, join(scratch, 'archive')]);
	assert.deepEqual(readdirSync(join(scratch, 'archive', 'tracks')), [`${made.recording}-coachee.webm`]);
	const own = readFileSync(join(scratch, 'archive', 'tracks', `${made.recording}-coachee.webm`));
	assert.ok(own.equals((await asParty('coachee', 'GET', `/recordings/${made.recording}/tracks/coachee`)).bytes));
	const vcon = JSON.parse(readFileSync(join(scratch, 'archive', 'session.vcon.json')));
	assert.equal(vcon.dialog[0].content_hash, `sha512-${createHash('sha512').update(own).digest('base64url')}`);
	assert.ok(vcon.attachments.some(({ body }) => body.purpose_grants.some(({ purpose, granted }) => purpose === 'recording' && granted)));
	assert.equal((await asParty('coach', 'GET', `/requests/${asked.id}/archive`)).status, 404, 'nobody else’s');
	const copy = (await asParty('coachee', 'GET', `/requests/${asked.id}/copy`)).body;
	assert.ok(copy.recordings.some(({ id }) => id === made.recording));
	assert.ok(copy.accesses.some(({ reason }) => reason.startsWith('portability')), 'taking the copy is an access');
	assert.equal((await asParty('coachee', 'GET', `/requests/${asked.id}`)).body.state, 'done');
});

test('R39 with the other’s share_copy both are in it, side by side; taken back, the archive goes', async () => {
	const key = join(scratch, 'film-key'), file = join(scratch, 'film.age'), zip = join(scratch, 'film.zip');
	execFileSync('age-keygen', ['-o', key], { stdio: 'ignore' });
	const recipient = execFileSync('age-keygen', ['-y', key]).toString().trim();
	assert.equal((await made.coach.post(await made.coach.give(['share_copy']))).status, 201);
	const asked = (await asParty('coachee', 'POST', '/requests', { type: 'portability' })).body;
	assert.equal((await asParty('coachee', 'POST', `/requests/${asked.id}/archive`, { recipient })).status, 202);
	const state = async () => (await asParty('coachee', 'GET', `/requests/${asked.id}`)).body.archive;
	await until('the archive is ready', async () => (await state()).state === 'ready', 90000);
	assert.equal((await state()).films, 1);
	writeFileSync(file, (await asParty('coachee', 'GET', `/requests/${asked.id}/archive`)).bytes);
	execFileSync('age', ['-d', '-i', key, '-o', zip, file]);
	execFileSync('python3', ['-m', 'zipfile', '-e', zip, join(scratch, 'film')]);
	const film = join(scratch, 'film', 'films', `${made.recording}.webm`);
	const { streams, format } = JSON.parse(execFileSync('ffprobe', ['-v', 'error', '-show_streams', '-show_format', '-of', 'json', film]));
	assert.deepEqual(streams.map(({ codec_name, width, height }) => [codec_name, width, height]),
		[['opus', undefined, undefined], ['vp8', 1280, 360]]);
	const own = execFileSync('ffprobe', ['-v', 'error', '-show_entries', 'format=duration', '-of', 'csv=p=0',
		join(scratch, 'film', 'tracks', `${made.recording}-coachee.webm`)]).toString();
	assert.ok(Math.abs(format.duration - own) <= 0.2, `${format.duration} and ${own}`);
	execFileSync('ffmpeg', ['-v', 'error', '-xerror', '-i', film, '-f', 'null', '-']);
	const { accesses: seen } = (await asParty('coach', 'GET', '/accesses')).body;
	assert.ok(seen.some(({ purpose, role }) => purpose === 'share_copy' && role === 'coachee'), 'the other sees who took them along');
	assert.equal((await made.coach.post(await made.coach.decide('ConsentWithdrawn', ['share_copy']))).status, 201);
	assert.equal((await asParty('coachee', 'GET', `/requests/${asked.id}/archive`)).status, 410);
	await until('its file is gone', () => !existsSync(join(instance.home, 'vault', 'archives', `${asked.id}.age`)), 5000);
});

test('R21 R23 by the command: opened on behalf, copied, answered; a checklist ticked by name', async () => {
	const admin = ['--admin', 'admin'];
	const id = (await instance.cli('request', 'open', made.session.id, 'coachee', 'access', '--detail', 'by letter', ...admin)).trim();
	const copy = JSON.parse(await instance.cli('request', 'copy', id, ...admin));
	assert.equal(copy.scope, 'person');
	assert.match(await instance.cli('request', 'copy', id, '--markdown', ...admin), /^# /);
	assert.equal(errorName(await (await Staff.login(instance, instance.demo.admin)).call('GET', `/v1/requests/${id}/copy`)), 'role');
	assert.match(await instance.cli('request', 'execute', id, '--reason', 'sent by post', ...admin), /done/);
	assert.match(await instance.cli('request', 'list', ...admin), /access/);
	assert.equal((await instance.cliFails('request', 'tick', id, '1', ...admin)).code, 1, 'no checklist on an access');
	assert.equal((await asParty('coachee', 'GET', `/requests/${id}`)).body.reason, 'sent by post');
});

test('R32 a passage is erased: both see it, the rest is a whole WebM, the old recording is certified erased', async () => {
	const old = made.recording;
	const asked = await asParty('coachee', 'POST', `/recordings/${old}/passages`, { from_ms: 2000, to_ms: 3000 });
	assert.equal(asked.status, 202);
	const living = async (role) => (await asParty(role, 'GET', '/recordings')).body.recordings.filter(({ state }) => state === 'sealed');
	await until('the remainder stands', async () => {
		const [one, ...more] = await living('coach');
		return one && one.id !== old && !more.length;
	}, 20000);
	const [rest] = await living('coach');
	assert.deepEqual(rest.passages.map(({ from_ms: from, to_ms: to, by, state }) => [from, to, by, state]), [[2000, 3000, 'coachee', 'done']]);
	assert.deepEqual((await living('coachee'))[0].passages, rest.passages);
	const file = join(scratch, 'rest.webm');
	writeFileSync(file, (await asParty('coach', 'GET', `/recordings/${rest.id}/tracks/coach`)).bytes);
	const times = execFileSync('ffprobe', ['-v', 'error', '-select_streams', 'a', '-show_entries', 'packet=pts_time', '-of', 'csv=p=0', file])
		.toString().trim().split('\n').map(parseFloat);
	assert.ok(times.some((t) => t < 1.9) && times.some((t) => t > 4.1), 'both sides of it play');
	assert.ok(!times.some((t) => t >= 2 && t < 3), 'nothing of it is left');
	const gone = (await asParty('coach', 'GET', '/recordings')).body.recordings.find(({ id }) => id === old);
	assert.equal(JSON.parse(gone.certificate.body).cause, 'passage');
	assert.ok(!existsSync(join(instance.home, 'recordings', old)));
	assert.equal((await asParty('coach', 'GET', `/recordings/${old}/tracks/coach`)).status, 410);
	made.recording = rest.id;
});

test('R20 a hold by two admins stops a person’s erasure; lifted by two, it goes through', async () => {
	const wish = { recording: made.recording, ground: 'GDPR art. 17(3)(e)', reason: 'claim 7', ends: soon(day) };
	const { proposal } = (await adminCall(instance, 'POST', '/v1/holds', wish)).body;
	assert.equal(errorName(await adminCall(instance, 'POST', '/v1/holds', { proposal })), 'role');
	const hold = (await adminCall(instance, 'POST', '/v1/holds', { proposal }, 'admin2')).body;
	assert.equal(errorName(await adminCall(instance, 'POST', '/v1/erasures', { recording: made.recording })), 'held');
	const asked = await asParty('coachee', 'POST', '/requests', { type: 'erasure', detail: 'please' });
	assert.equal(asked.status, 201);
	assert.equal(asked.body.state, 'open');
	assert.equal(asked.body.waits_for[0].reason, 'claim 7', 'the person reads why');
	assert.equal((await asParty('coach', 'GET', '/recordings')).body.recordings.find(({ id }) => id === made.recording).holds[0].until, wish.ends);
	assert.ok(Math.abs(Date.parse(asked.body.due) - Date.now() - 30 * day) < 60000, 'one month');
	assert.ok(existsSync(join(instance.home, 'recordings', made.recording)));
	assert.equal((await adminCall(instance, 'DELETE', `/v1/holds/${hold.id}`)).status, 202);
	assert.equal((await adminCall(instance, 'DELETE', `/v1/holds/${hold.id}`, null, 'admin2')).status, 204);
	await until('the request is done', async () =>
		(await asParty('coachee', 'GET', `/requests/${asked.body.id}`)).body.state === 'done', 10000);
	assert.deepEqual(readdirSync(join(instance.home, 'recordings')), []);
});

test('R19 erased for everybody, with a certificate for the person', async () => {
	assert.equal((await supervisor.call('GET', track)).status, 410);
	const own = await asParty('coach', 'GET', `/recordings/${made.recording}/tracks/coach`);
	assert.equal(own.status, 410);
	const one = (await asParty('coach', 'GET', '/recordings')).body.recordings.find(({ id }) => id === made.recording);
	assert.equal(one.state, 'erased');
	assert.equal(JSON.parse(one.certificate.body).cause, 'request');
	const gone = await instance.cliFails('export', '--recording', made.recording, '--identity', join(scratch, 'other'),
		'--admin', 'admin', '--reason', 'late');
	assert.match(gone.stderr, /erased/i);
	assert.match(await instance.cli('ledger', 'verify'), /leaves, root/);
});

test('the socket knows its callers, and doctor says what to do', async () => {
	assert.equal(errorName(await adminCall(instance, 'GET', '/v1/requests', null, 'nobody')), 'role');
	const report = await instance.cli('doctor', '--json');
	assert.equal(report.ok, true, JSON.stringify(report.checks));
	const metrics = await (await fetch(`${instance.vault}/metrics`)).text();
	assert.match(metrics, /aparte_recordings\{state="erased"\} 2/);
	const secrets = [instance.demo.supervisor.password, instance.demo.supervisor.totp_secret, supervisor.token];
	for (const secret of secrets)
		assert.ok(!instance.log().includes(secret), 'no secret in the log');
});
