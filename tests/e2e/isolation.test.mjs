/* What the running processes can reach, asked of the running system: /proc, their users, their binaries. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { readFileSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { bin, Instance, isRoot, until } from './lib/instance.mjs';
import { Party } from './lib/party.mjs';
import { Peer } from './lib/peer.mjs';

let instance, peers, processes;
before(async () => {
	instance = await Instance.start();
	const session = await instance.session();
	peers = ['coach', 'coachee'].map((role) => new Peer('aiortc_peer.py', instance, session, role));
	await Promise.all(peers.map((peer) => peer.connected()));
	const persons = ['coach', 'coachee'].map((role) => new Party(instance, session, role));
	for (const person of persons) {
		await person.join();
		await person.post(await person.give());
	}
	await until('it records', async () => (await persons[0].gate()).state === 'open');
	processes = instance.processes();
});
after(async () => {
	await Promise.all(peers?.map((peer) => peer.close()) ?? []);
	await instance?.stop();
});

const status = (pid) => Object.fromEntries(readFileSync(`/proc/${pid}/status`, 'utf8').split('\n')
	.map((line) => line.split(/:\s+/)).filter((pair) => pair.length === 2));
const libraries = (pid) => readFileSync(`/proc/${pid}/maps`, 'utf8');
const descriptors = (pid) => readdirSync(`/proc/${pid}/fd`).map((fd) => {
	try {
		return { fd, target: readlinkSync(`/proc/${pid}/fd/${fd}`),
			flags: parseInt(/flags:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8'))[1], 8) };
	} catch {
		return null;
	}
}).filter(Boolean);

test('the gateway has no SQLite and no key code, linked or loaded', () => {
	const program = join(bin(), 'aparte-gateway');
	assert.doesNotMatch(execFileSync('ldd', [program], { encoding: 'utf8' }), /sqlite/);
	assert.doesNotMatch(libraries(processes['aparte-gateway']), /sqlite/);
	assert.doesNotMatch(execFileSync('nm', ['-C', program], { encoding: 'utf8' }), /\bap_(keys|kek|db|age_decrypt|hpke)_/);
});

test('capture has no SQLite and no code that could open a segment', () => {
	const program = join(bin(), 'aparte-capture');
	assert.doesNotMatch(execFileSync('ldd', [program], { encoding: 'utf8' }), /sqlite|soup/);
	assert.doesNotMatch(execFileSync('nm', ['-C', program], { encoding: 'utf8' }), /\bap_(keys|kek|db|hpke|age_read|age_open)_?/);
});

test('the gateway holds no descriptor into the instance', () => {
	for (const { target } of descriptors(processes['aparte-gateway']))
		assert.ok(!target.startsWith(instance.home) || target.endsWith('run/aparte.log'), target);
});

/* From within the gateway's own confinement: its user, its Landlock domain inherited by nobody else, so asked twice:
 * by its Unix user (root), and by the kernel's word that it is confined (always). */
test('the gateway cannot open the recordings', async () => {
	const pid = processes['aparte-gateway'];
	const recordings = join(instance.home, 'recordings');
	const state = status(pid);
	assert.equal(state.NoNewPrivs, '1', 'no_new_privs');
	assert.equal(state.Seccomp, '2', 'a seccomp filter is on');
	if (isRoot) {
		const [uid, gid] = [state.Uid.split('\t')[0], state.Gid.split('\t')[0]];
		assert.notEqual(uid, '0');
		assert.notEqual(uid, String(statSync(recordings).uid), 'not the vault’s user');
		assert.match(state.CapEff, /^0+$/);
		for (const path of [recordings, join(instance.home, 'vault/vault.db'), join(instance.home, 'vault/keys.db')])
			assert.throws(() => execFileSync('setpriv', ['--reuid', uid, '--regid', gid, '--clear-groups', 'ls', '-d', `${path}/.`],
				{ stdio: 'ignore' }), path);
	}
});

test('each process has its own Unix user under root', { skip: isRoot ? false : 'needs root' }, () => {
	const users = ['aparte-gateway', 'aparte-recorder', 'aparte-capture'].map((name) => status(processes[name]).Uid.split('\t')[0]);
	assert.equal(new Set(users).size, 3);
	assert.ok(!users.includes('0'));
});

test('a capture is sandboxed: no network, no path, only write-only segments', async () => {
	const [pid] = await until('a capture', () => instance.processes().captures);
	const state = status(pid);
	assert.equal(state.NoNewPrivs, '1');
	assert.equal(state.Seccomp, '2');
	if (isRoot)
		assert.match(state.CapEff, /^0+$/);
	for (const { target, flags } of descriptors(pid)) {
		if (target.startsWith(instance.home) && !target.endsWith('run/aparte.log')) {
			assert.match(target, /recordings\/.*\.age(\.tmp)?( \(deleted\))?$/);
			assert.equal(flags & 3, 1, `write only: ${target}`);
		}
	}
	const inodes = descriptors(pid).flatMap(({ target }) => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? []);
	const network = ['tcp', 'tcp6', 'udp', 'udp6', 'raw', 'raw6', 'packet'].flatMap((table) => {
		try {
			return readFileSync(`/proc/net/${table}`, 'utf8').split('\n');
		} catch {
			return [];
		}
	});
	for (const inode of inodes)
		assert.ok(!network.some((line) => line.split(/\s+/).includes(inode)), 'a socket of the network');
});

/* strace sees what it asks of the kernel while it records: no path is opened, no socket made. */
test('a capture opens no path while it works', { skip: isRoot ? false : 'needs root to trace' }, async () => {
	const [pid] = instance.processes().captures;
	let traced = '';
	try {
		execFileSync('timeout', ['-s', 'INT', '4', 'strace', '-f', '-qq', '-e', 'trace=%file,%network', '-o', `${instance.home}/run/trace`, '-p', String(pid)], { stdio: 'ignore' });
	} catch {
		/* timeout ends strace, which is how it should end */
	}
	traced = readFileSync(`${instance.home}/run/trace`, 'utf8');
	assert.doesNotMatch(traced, /\b(open|openat|openat2|creat|unlink|rename|socket|connect|bind|sendto\(\d+, [^,]+, \d+, [^,]+, \{)\b/);
	assert.match(traced, /recv|send/, 'it was traced while it worked');
});

test('files are 0600 and directories 0700', () => {
	const walk = (path) => {
		const info = statSync(path);
		if (info.isDirectory()) {
			assert.equal((info.mode & 0o777).toString(8), '700', path);
			readdirSync(path).forEach((name) => walk(join(path, name)));
		} else if (info.isFile())
			assert.equal((info.mode & 0o777).toString(8), '600', path);
	};
	walk(instance.home);
});

test('no process can leave a core dump', () => {
	for (const name of ['aparte-gateway', 'aparte-recorder', 'aparte-capture'])
		assert.match(readFileSync(`/proc/${processes[name]}/limits`, 'utf8'), /Max core file size\s+0\s+0/);
});
