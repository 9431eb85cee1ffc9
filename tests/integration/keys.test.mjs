/* The key-encryption key of a running instance: turnover on demand, lockdown through a restart, incidents. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Instance, bin, until } from '../e2e/lib/instance.mjs';
import { Party } from '../e2e/lib/party.mjs';
import { openGate, record } from '../e2e/lib/record.mjs';
import { Staff, adminCall, errorName, freshCode } from '../e2e/lib/staff.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const words = { admin: 'a long passphrase of the first', admin2: 'and another one of the second' };
let instance, first, second, running, oldKek;
const kek = () => join(instance.home, 'vault/kek');
const onDisk = (bytes) => instance.files().filter((file) => file.bytes.includes(bytes)).map(({ path }) => path);

before(async () => {
	instance = await Instance.start();
	first = await record(instance, 2);
	second = await record(instance, 2);
});
after(async () => {
	await running?.close();
	await instance?.stop();
});

/* `aparte …` with its standard input. */
function cli(input, ...args) {
	const done = spawnSync(join(bin(), 'aparte'), args, { env: instance.env, input, encoding: 'utf8' });
	return { code: done.status, out: done.stdout, err: done.stderr };
}

async function watches(made, role = 'coachee') {
	const answer = await fetch(`${instance.gateway}/v1/party/recordings/${made.recording}/tracks/${role}`,
		{ headers: { authorization: `Bearer ${made.session.parties[role].token}`, range: 'bytes=0-3' } });
	return { status: answer.status, body: answer.status === 206 ? null : await answer.json() };
}

const held = async (made) => (await new Party(instance, made.session, 'coach').call('GET', '/v1/party/recordings')).body.recordings[0];

test('R19 R22 an erasure, then rotate: the certificate is dated, the old key lies nowhere, the living one plays', async () => {
	oldKek = readFileSync(kek());
	await instance.cli('erase', '--recording', first.recording, '--admin', 'admin', '--reason', 'asked for');
	assert.ok(!('unrecoverable_at' in (await held(first)).certificate), 'pending until a turnover');
	const waiting = await instance.cli('rotate', '--status', '--json');
	assert.equal(waiting.waiting.erasures, 1);
	assert.equal((await instance.cliFails('rotate', '--admin', 'admin')).code, 2, 'a reason is needed');
	const turned = await instance.cli('rotate', '--admin', 'admin', '--reason', 'after an erasure', '--json');
	assert.equal(turned.state, 'done');
	assert.ok(turned.wrapped >= 3);
	assert.deepEqual(onDisk(oldKek), [], 'the old key in no file of the instance');
	assert.ok(!readFileSync(kek()).equals(oldKek));
	const { certificate } = await held(first);
	assert.equal(certificate.unrecoverable_at, turned.unrecoverable_at);
	const [erased, turnover] = [certificate, certificate.turnover].map(({ body }) => JSON.parse(body));
	assert.equal(erased.kek_id, turnover.kek_id);
	assert.equal(turnover.unrecoverable_at, certificate.unrecoverable_at);
	for (const receipt of [certificate, certificate.turnover]) {
		const file = join(instance.home, 'run/receipt.json');
		writeFileSync(file, JSON.stringify(receipt));
		execFileSync('/usr/bin/python3', [join(here, 'independent_verify.py'), file, receipt.log_key]);
	}
	const file = join(instance.home, 'run/certificate.json'), vkey = certificate.log_key;
	writeFileSync(file, JSON.stringify(certificate));
	const verified = await instance.cli('ledger', 'verify', '--receipt', file, '--vkey', vkey, '--json');
	assert.equal(verified.unrecoverable_at, certificate.unrecoverable_at);
	writeFileSync(file, JSON.stringify({ ...certificate, unrecoverable_at: '2020-01-01T00:00:00.000Z' }));
	assert.equal((await instance.cliFails('ledger', 'verify', '--receipt', file, '--vkey', vkey)).code, 1, 'a date of one’s own');
	assert.equal((await watches(second)).status, 206);
});

const doctor = async (name) => (await adminCall(instance, 'GET', '/v1/doctor')).body.checks.find(({ check }) => check === name);

test('R28 two admins enrol; one call shuts everything', async () => {
	assert.equal((await doctor('lockdown')).state, 'warn', 'nobody could lift one');
	assert.equal((await doctor('turnover')).state, 'good');
	for (const [admin, passphrase] of Object.entries(words)) {
		assert.equal(cli('short\n', 'lockdown', 'enrol', '--admin', admin, '--passphrase-fd', '0').code, 1);
		const enrolled = cli(`${passphrase}\n`, 'lockdown', 'enrol', '--admin', admin, '--passphrase-fd', '0');
		assert.equal(enrolled.code, 0, enrolled.err);
	}
	running = await openGate(instance);
	const staff = await Staff.login(instance, instance.demo.auditor);
	const key = readFileSync(kek());
	const state = await instance.cli('lockdown', '--admin', 'admin', '--reason', 'a laptop was stolen', '--json');
	assert.deepEqual([state.locked, state.sealed, state.enrolled], [true, true, ['admin', 'admin2']]);
	const gate = await until('the gate is closed', async () => {
		const now = await running.coach.gate();
		return now.state === 'closed' && now;
	}, 1000);
	assert.ok(gate.reasons.includes('lockdown'), JSON.stringify(gate));
	assert.equal(errorName(await staff.call('GET', '/v1/accesses')), 'lockdown');
	const { user, password } = instance.demo.admin2;
	const login = await fetch(`${instance.vault}/v1/login`, { method: 'POST', headers: { 'content-type': 'application/json' },
		body: JSON.stringify({ user, password, totp: await freshCode(instance.demo.admin2) }) });
	assert.equal(login.status, 423);
	assert.equal((await watches(second)).body.type, 'urn:aparte:error:lockdown');
	assert.ok(!existsSync(kek()));
	assert.deepEqual(onDisk(key), []);
	assert.equal((await doctor('lockdown')).state, 'bad');
	assert.equal((await doctor('incidents')).state, 'warn');
});

test('R7 R18 R28 in a lockdown, withdrawals and erasures go on', async () => {
	const withdrawn = await running.coachee.post(await running.coachee.decide('ConsentWithdrawn'));
	assert.equal(withdrawn.status, 201, withdrawn.text);
	await until('the withdrawn recording is erased', async () =>
		(await running.coach.call('GET', '/v1/party/recordings')).body.recordings.every(({ state }) => state === 'erased'));
	const again = await running.coach.post(await running.coach.give(['recording']).catch(() => ({})));
	assert.notEqual(again.status, 201, 'nobody gives `recording` without a key');
	assert.equal((await running.coach.gate()).state, 'closed');
});

test('R28 it outlives a restart; a wrong passphrase and one admin alone do not lift it, two do', async () => {
	await running.close();
	running = null;
	await instance.cli('serve', '--stop');
	await instance.serve();
	assert.equal((await instance.cli('lockdown', 'status', '--json')).locked, true);
	assert.equal((await watches(second)).body.type, 'urn:aparte:error:lockdown');
	const wrong = cli('not the passphrase at all\n', 'lockdown', 'lift', '--admin', 'admin', '--passphrase-fd', '0');
	assert.equal(wrong.code, 1);
	assert.match(wrong.err, /not the passphrase/);
	for (let i = 0; i < 2; i++) {
		const alone = JSON.parse(cli(`${words.admin}\n`, 'lockdown', 'lift', '--admin', 'admin', '--passphrase-fd', '0', '--json').out);
		assert.deepEqual([alone.locked, alone.given], [true, ['admin']]);
	}
	const lifted = JSON.parse(cli(`${words.admin2}\n`, 'lockdown', 'lift', '--admin', 'admin2', '--passphrase-fd', '0', '--json').out);
	assert.equal(lifted.locked, false);
	assert.equal((await watches(second)).status, 206);
	const { turnovers } = await until('the key that was typed in is turned over', async () => {
		const answer = await instance.cli('rotate', '--status', '--json');
		return answer.turnovers[0].state === 'done' && answer;
	});
	assert.equal(turnovers[0].cause, 'lockdown');
	assert.equal((await watches(second)).status, 206);
	running = await openGate(instance);
	assert.equal((await running.coach.gate()).state, 'open');
});

test('R28 the incident that it opened has its 72 hours, and the report names who was affected', async () => {
	const { incidents: [incident] } = await instance.cli('incident', 'list', '--json');
	assert.equal(incident.lockdown, true);
	assert.equal(Date.parse(incident.due) - Date.parse(incident.aware), 72 * 3600000);
	await instance.cli('incident', 'note', incident.id, 'the disk was encrypted', '--admin', 'admin');
	const report = await instance.cli('incident', 'report', incident.id, '--json');
	assert.ok(report.recordings.some(({ recording }) => recording === second.recording));
	assert.deepEqual(report.persons.map(({ person }) => person), ['c-1', 'p-1']);
	assert.match(await instance.cli('incident', 'report', incident.id, '--lang', 'fr'), /## Personnes concernées/);
	const closed = await instance.cli('incident', 'close', incident.id, '--outcome', 'no-risk', '--reason', 'nothing readable left', '--json');
	assert.equal(closed.state, 'closed');
	for (const name of ['lockdown', 'turnover', 'incidents'])
		assert.equal((await doctor(name)).state, 'good', name);
});

test('R28 no passphrase and no half of a key stands in the log', () => {
	for (const text of [...Object.values(words), oldKek.toString('hex'), oldKek.toString('base64url')])
		assert.ok(!instance.log().includes(text));
});
