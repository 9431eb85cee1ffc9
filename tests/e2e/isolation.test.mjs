/* What the running processes can reach, asked of the running system: /proc, their users, their binaries. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { readFileSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bin, built, Instance, isRoot, until } from './lib/instance.mjs';
import { openGate } from './lib/record.mjs';

let instance, open, processes;
before(async () => {
	instance = await Instance.start();
	open = await openGate(instance);
	await until('a segment', () => instance.files().some(({ path }) => path.endsWith('.age')));
	processes = instance.processes();
});
after(async () => {
	await open?.close();
	await instance?.stop();
});

const status = (pid) => Object.fromEntries(readFileSync(`/proc/${pid}/status`, 'utf8').split('\n')
	.map((line) => line.split(/:\s+/)).filter((pair) => pair.length === 2));
const descriptors = (pid) => readdirSync(`/proc/${pid}/fd`).map((fd) => {
	try {
		return { fd, target: readlinkSync(`/proc/${pid}/fd/${fd}`),
			flags: parseInt(/flags:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8'))[1], 8) };
	} catch {
		return null;
	}
}).filter(Boolean);

/* libsoup brings libsqlite3 for a cookie store that nobody makes; the gateway's own program asks for none of it. */
test('the gateway has no SQLite and no key code', () => {
	const program = join(bin(), 'aparte-gateway');
	assert.doesNotMatch(execFileSync('readelf', ['-dW', program], { encoding: 'utf8' }), /NEEDED.*sqlite/);
	const symbols = execFileSync('nm', [program], { encoding: 'utf8' });
	assert.doesNotMatch(symbols, /sqlite3_/);
	assert.doesNotMatch(symbols, / [Tt] ap_(keys|kek|db|age|hpke)_/);
});

test('capture has no SQLite and no code that could open a segment', () => {
	const program = join(bin(), 'aparte-capture');
	assert.doesNotMatch(execFileSync('ldd', [program], { encoding: 'utf8' }), /sqlite|soup/);
	assert.doesNotMatch(execFileSync('nm', [program], { encoding: 'utf8' }), / [Tt] ap_(keys|kek|db|hpke|age_decrypt)_/);
});

test('the gateway holds no descriptor into the instance', () => {
	for (const { target } of descriptors(processes['aparte-gateway']))
		assert.ok(!target.startsWith(instance.home) || target.endsWith('run/aparte.log'), target);
});

/* A running process itself is made to call open(): -errno, or a descriptor, for each path. */
const openWithin = (pid, paths) => execFileSync(join(built, '../tests/ask_open'), [String(pid), ...paths], { encoding: 'utf8' })
	.trim().split('\n').map(Number);
const EPERM = -1, EACCES = -13;

/* What both the confined processes must not open, and the vault may: so the question itself is right. */
function cannotOpen(name, pid, at = instance) {
	const segment = at.files().find(({ path }) => path.endsWith('.age')).path;
	const paths = [segment, join(at.home, 'recordings'), join(at.home, 'vault/vault.db'), join(at.home, 'vault/kek'), '/etc/passwd'];
	openWithin(pid, paths).forEach((answer, i) => assert.ok([EPERM, EACCES].includes(answer), `${name}: ${paths[i]}: ${answer}`));
	assert.ok(openWithin(at.processes()['aparte-recorder'], [segment])[0] >= 0, 'the vault can open it');
}

test('the gateway cannot open the recordings, nor any file', { skip: isRoot ? false : 'needs root to ask' }, () => {
	const state = status(processes['aparte-gateway']);
	assert.equal(state.NoNewPrivs, '1');
	assert.equal(state.Seccomp, '2');
	assert.match(state.CapEff, /^0+$/);
	cannotOpen('gateway', processes['aparte-gateway']);
});

test('a capture cannot open the recordings, nor any file', { skip: isRoot ? false : 'needs root to ask' }, () => {
	cannotOpen('capture', processes.captures[0]);
});

test('nor when all run as one plain user', { skip: isRoot ? false : 'needs root to ask' }, async () => {
	const plain = await Instance.start({ user: 65534 });
	let inside;
	try {
		inside = await openGate(plain);
		await until('a segment', () => plain.files().some(({ path }) => path.endsWith('.age')));
		const { captures, ...other } = plain.processes();
		assert.deepEqual(new Set([other['aparte-gateway'], other['aparte-recorder'], captures[0]]
			.map((pid) => status(pid).Uid.split('\t')[0])), new Set(['65534']));
		cannotOpen('gateway', other['aparte-gateway'], plain);
		cannotOpen('capture', captures[0], plain);
	} finally {
		await inside?.close();
		await plain.stop();
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
	const trace = join(tmpdir(), `aparte-trace-${process.pid}`);
	try {
		execFileSync('timeout', ['-s', 'INT', '4', 'strace', '-f', '-qq', '-e', 'trace=%file,%network', '-o', trace, '-p', String(pid)], { stdio: 'ignore' });
	} catch {
		/* timeout ends strace, which is how it should end */
	}
	const traced = readFileSync(trace, 'utf8');
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
