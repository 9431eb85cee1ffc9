/*
 * Who governs access, on a running instance: code of conduct, a second person's word, a sponsor's disclosure, notes, logins
 * and the review, by API and command line.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Instance } from '../e2e/lib/instance.mjs';
import { record } from '../e2e/lib/record.mjs';
import { Staff, adminCall, errorName } from '../e2e/lib/staff.mjs';

let instance, made, path, nora, access;
const soon = (ms) => new Date(Date.now() + ms).toISOString();
const why = { purpose: 'supervision', reason: 'case review' };

before(async () => {
	instance = await Instance.start();
	made = await record(instance, 3, { purposes: ['recording', 'supervision', 'disclosure'], session: { sensitivity: 'protected' } });
	path = `/v1/recordings/${made.recording}`;
});
after(() => instance?.stop());

async function user(name, role, more = {}) {
	const answer = await adminCall(instance, 'POST', '/v1/users', { user: name, role, ...more });
	assert.equal(answer.status, 201, JSON.stringify(answer.body));
	return Staff.login(instance, answer.body);
}

const grant = (name, purpose) => adminCall(instance, 'POST', '/v1/grants',
	{ recording: made.recording, supervisor: name, purpose, expires: soon(3600000) });

async function acknowledge(staff) {
	const { version, sha256 } = (await staff.call('GET', '/v1/conduct?lang=fr')).body;
	return staff.call('POST', '/v1/conduct/acknowledgements', { version, sha256 });
}

test('R11 a password that everybody tries is refused', async () => {
	for (const password of ['short', 'Password2024!', 'nora-nora-nora']) {
		const answer = await adminCall(instance, 'POST', '/v1/users', { user: 'nora', role: 'supervisor', password });
		assert.equal(errorName(answer), 'invalid', password);
	}
});

test('R13 nothing opens before the code of conduct in force was acknowledged', async () => {
	nora = await user('nora', 'supervisor');
	assert.equal((await grant('nora', 'supervision')).status, 201);
	assert.equal((await nora.call('GET', '/v1/me')).body.conduct_due, true);
	const refused = await nora.call('POST', `${path}/accesses`, why);
	assert.equal(errorName(refused), 'role');
	assert.match(refused.body.detail, /code of conduct/);
	assert.equal((await acknowledge(nora)).status, 201);
	assert.equal((await nora.call('GET', '/v1/me')).body.conduct_due, false);
	const status = await instance.cli('conduct', 'status', '--json');
	assert.ok(status.users.some(({ user: name, version }) => name === 'nora' && version === status.version));
});

test('R14 a protected recording waits for a second person, who is told', async () => {
	const asked = await nora.call('POST', `${path}/accesses`, why);
	assert.equal(asked.status, 202);
	assert.equal(asked.body.state, 'pending');
	assert.equal(errorName(await nora.call('GET', `${path}/tracks/coach?access=${asked.body.approval}`)), 'access-reason-required');
	const { approvals } = await instance.cli('grant', 'approvals', '--json', '--admin', 'admin2');
	assert.deepEqual([approvals[0].id, approvals[0].who, approvals[0].state], [asked.body.approval, 'nora', 'pending']);
	await instance.cli('grant', 'approve', asked.body.approval, '--admin', 'admin2', '--until', soon(600000));
	const begun = await nora.call('POST', `${path}/accesses`, why);
	assert.equal(begun.status, 201);
	access = begun.body.id;
	assert.ok(Date.parse(begun.body.expires) <= Date.now() + 601000, 'no longer than the approval');
	assert.equal((await nora.call('GET', `${path}/tracks/coach?access=${access}`, null, { range: 'bytes=0-3' })).status, 206);
	const failed = await instance.cliFails('export', '--recording', made.recording, '--identity', join(instance.home, 'identity'),
		'--admin', 'admin', '--reason', 'court order');
	assert.match(failed.stderr, /another admin/);
});

test('notes are sealed with the recording: their author reads them, the disk does not', async () => {
	const words = 'she paused before the word father';
	const note = await nora.call('POST', `${path}/notes?access=${access}`, { at_ms: 1000, text: words });
	assert.equal(note.status, 201);
	const { notes } = (await nora.call('GET', `${path}/notes?access=${access}`)).body;
	assert.deepEqual(notes.map(({ text, at_ms: at }) => [text, at]), [[words, 1000]]);
	for (const name of ['vault/vault.db', 'vault/vault.db-wal'])
		assert.equal(readFileSync(join(instance.home, name)).includes(words), false, name);
	assert.equal(errorName(await nora.call('POST', `${path}/notes?access=${access}`, { at_ms: 3600000, text: 'late' })), 'invalid');
	const admin = await Staff.login(instance, instance.demo.admin);
	assert.equal(errorName(await admin.call('GET', `${path}/notes?access=${access}`)), 'role');
});

test('R8 a sponsor sees what the coachee disclosed, and no longer than that', async () => {
	const hr = await user('hr', 'sponsor', { tenant: 'demo' });
	assert.deepEqual((await hr.call('GET', '/v1/recordings')).body.recordings, []);
	assert.equal(errorName(await grant('hr', 'supervision')), 'not-found');
	assert.equal((await grant('hr', 'disclosure')).status, 201);
	assert.equal((await acknowledge(hr)).status, 201);
	const wish = { purpose: 'disclosure', reason: 'report of the programme' };
	const asked = await hr.call('POST', `${path}/accesses`, wish);
	assert.equal(asked.status, 202, 'protected: R14');
	await instance.cli('grant', 'approve', asked.body.approval, '--admin', 'admin');
	const { id } = (await hr.call('POST', `${path}/accesses`, wish)).body;
	const track = `${path}/tracks/coachee?access=${id}`;
	assert.equal((await hr.call('GET', track, null, { range: 'bytes=0-3' })).status, 206);
	assert.equal(errorName(await hr.call('GET', `${path}/notes?access=${id}`)), 'role');
	const withdrawn = await made.coachee.post(await made.coachee.decide('ConsentWithdrawn', ['disclosure']));
	assert.equal(withdrawn.status, 201, withdrawn.text);
	assert.equal(errorName(await hr.call('GET', track, null, { range: 'bytes=0-3' })), 'role');
	assert.deepEqual((await hr.call('GET', '/v1/recordings')).body.recordings, []);
});

test('R12 both persons read who saw it, in which role, why', async () => {
	for (const role of ['coach', 'coachee']) {
		const { accesses } = (await made[role].call('GET', '/v1/party/accesses')).body;
		const [sponsor, supervisor] = accesses;
		assert.deepEqual([sponsor.role, sponsor.purpose, sponsor.reason], ['sponsor', 'disclosure', 'report of the programme']);
		assert.deepEqual([supervisor.role, supervisor.who, supervisor.reason], ['supervisor', 'nora', 'case review']);
	}
});

test('R11 logged out everywhere by an admin; the review and doctor', async () => {
	const { logins } = await instance.cli('user', 'logins', '--json');
	assert.ok(logins.some(({ user: name }) => name === 'nora'));
	await instance.cli('user', 'logout', 'nora');
	assert.equal((await nora.call('GET', '/v1/me')).status, 401);
	const { accesses } = (await adminCall(instance, 'GET', '/v1/accesses')).body;
	assert.ok(accesses.filter(({ who }) => who === 'nora').every(({ ended }) => ended));
	assert.deepEqual((await instance.cli('review', 'list', '--json')).items, []);
	await instance.cli('review', 'confirm', 'user:nora', '--admin', 'admin');
	assert.equal((await instance.cliFails('review', 'confirm', 'user:admin', '--admin', 'admin')).code, 1, 'one’s own');
	await instance.cli('review', 'expire', 'user:nora', '--admin', 'admin');
	assert.ok((await adminCall(instance, 'GET', '/v1/users')).body.users.find(({ user: name }) => name === 'nora').disabled);
	const { checks } = await instance.cli('doctor', '--json');
	assert.equal(checks.find(({ check }) => check === 'review').state, 'good');
});

test('R13 a new version is asked for anew', async () => {
	const top = new URL('../../config/conduct/', import.meta.url).pathname;
	await instance.cli('conduct', 'set', join(top, 'fr.json'), join(top, 'en.json'), '--admin', 'admin');
	const admin2 = await Staff.login(instance, instance.demo.admin2);
	assert.equal((await admin2.call('GET', '/v1/me')).body.conduct_due, true);
	await instance.cli('conduct', 'acknowledge', '2', '--admin', 'admin2');
	assert.equal((await admin2.call('GET', '/v1/me')).body.conduct_due, false);
	await instance.cli('conduct', 'record', 'supervisor', '--admin', 'admin');
});
