/* The launcher: what dies comes back, what cannot start says why, and what it started it ends. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createServer } from 'node:net';
import { readFileSync } from 'node:fs';
import { Instance, until } from './lib/instance.mjs';
import { openGate } from './lib/record.mjs';

let instance;
before(async () => { instance = await Instance.start(); });
after(async () => instance?.stop());

const ready = async (base) => (await fetch(`${base}/readyz`).catch(() => ({}))).status === 200;
const alive = (pid) => {
	try {
		return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
	} catch {
		return false;
	}
};

for (const name of ['aparte-gateway', 'aparte-recorder', 'aparte-capture'])
	test(`${name} comes back within a second after a kill, and is linked again`, async () => {
		const before = instance.processes()[name];
		process.kill(before, 'SIGKILL');
		const killed = Date.now();
		const pid = await until('another process', () => {
			const now = instance.processes()[name];
			return now !== before && now;
		}, 2000, 20);
		assert.ok(alive(pid) && Date.now() - killed < 1000, `${Date.now() - killed} ms`);
		await until('both listeners are ready', async () => await ready(instance.gateway) && await ready(instance.vault));
		const session = await until('the gateway asks the vault again', () => instance.session());
		assert.ok(session.id);
	});

test('after all that a session is still recorded', async () => {
	const open = await openGate(instance);
	await instance.platform('DELETE', `/v1/sessions/${open.session.id}`);
	await open.close();
	const { recordings } = (await instance.platform('GET', `/v1/sessions/${open.session.id}`)).body;
	assert.deepEqual(recordings.map(({ state }) => state), ['sealed']);
});

test('a second start says that it already runs', async () => {
	const { serve } = instance.processes();
	assert.match(await instance.cli('serve', '--detach'), /already runs/);
	assert.equal(instance.processes().serve, serve);
});

test('init changes nothing of an instance, and makes none among foreign files', async () => {
	const conf = readFileSync(`${instance.home}/aparte.conf`, 'utf8');
	assert.match(await instance.cli('init'), /Already an instance/);
	assert.equal(readFileSync(`${instance.home}/aparte.conf`, 'utf8'), conf);
	const { code, stderr } = await instance.cliFails('init', '--home', '/usr');
	assert.equal(code, 1);
	assert.match(stderr, /not empty/);
});

test('a wrong configuration refuses the start in words', async () => {
	await instance.cli('serve', '--stop');
	const wrong = [[{ 'gateway.listen': '0.0.0.0:8080' }, { APARTE_GATEWAY_PORT: '' }, /TLS|tls_certificate/],
		[{ 'gateway.workers': 'many' }, {}, /gateway\.workers/], [{}, { APARTE_GATEWAY_PORT: 'x' }, /listen|numeric/]];
	const conf = Object.fromEntries([['gateway.listen', '127.0.0.1:8080'], ['gateway.workers', '0']]);
	const env = instance.env;
	for (const [values, variables, words] of wrong) {
		instance.configure({ ...conf, ...values });
		instance.env = { ...env, ...variables };
		const { code, stderr } = await instance.cliFails('serve', '--detach');
		assert.equal(code, 1);
		assert.match(stderr, words);
	}
	instance.configure(conf);
	instance.env = env;
});

test('a port that is taken is said, within the time of a start', async () => {
	const taken = createServer().listen(instance.port, '127.0.0.1');
	await new Promise((done) => taken.once('listening', done));
	const { code, stderr } = await instance.cliFails('serve', '--detach');
	await new Promise((done) => taken.close(done));
	assert.equal(code, 1);
	assert.match(stderr, /taken/);
	assert.match(stderr, /last lines of/);
});

test('stopping ends every process, and the next start finds everything', async () => {
	await instance.serve();
	const { captures, ...processes } = instance.processes();
	assert.deepEqual(captures, []);
	await instance.cli('serve', '--stop');
	for (const [name, pid] of Object.entries(processes))
		assert.ok(!alive(pid), `${name} still runs`);
	await instance.serve();
	await instance.cli('demo');
	assert.equal(instance.readDemo().admin.password, instance.demo.admin.password, 'the logins are kept');
});

test('a launcher that is killed takes its processes along', async () => {
	const { captures, serve, ...processes } = instance.processes();
	process.kill(serve, 'SIGKILL');
	await until('all have ended', () => Object.values(processes).every((pid) => !alive(pid)), 10000);
	await instance.serve();
	assert.ok(await ready(instance.gateway) && await ready(instance.vault));
});
