/* One instance of Aparté for a test: a home and ports of its own, the real processes under the real launcher. */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
export const top = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
/* Where the programs under test were built. */
export const built = process.env.APARTE_BIN ?? join(top, 'build/dev/bin');
export const isRoot = process.getuid() === 0;

/* Whether any user may run the programs there: under root each process has a Unix user of its own. */
function anyoneReaches(directory) {
	try {
		execFileSync('setpriv', ['--reuid', '65534', '--regid', '65534', '--clear-groups', 'test', '-x',
			join(directory, 'aparte')], { stdio: 'ignore' });
		return true;
	} catch {
		return false;
	}
}

let programs;
/* The directory of the programs; a checkout closed to other users is installed to a temporary place first. */
export function bin() {
	if (programs)
		return programs;
	programs = built;
	if (isRoot && !anyoneReaches(built)) {
		const prefix = mkdtempSync(join(tmpdir(), 'aparte-bin-'));
		execFileSync('chmod', ['755', prefix]);
		execFileSync('cmake', ['--install', dirname(built), '--prefix', prefix], { stdio: 'ignore' });
		process.on('exit', () => rmSync(prefix, { recursive: true, force: true }));
		programs = join(prefix, 'bin');
	}
	return programs;
}

async function isFree(port) {
	return new Promise((done) => {
		const server = createServer();
		server.once('error', () => done(false));
		server.listen(port, '127.0.0.1', () => server.close(() => done(true)));
	});
}

/* Ten ports in a row; each test process starts to look somewhere else. */
async function freePorts() {
	for (let base = 27000 + (process.pid % 250) * 10; base < 32000; base += 10) {
		const free = await Promise.all([0, 1, 2, 3, 4, 5].map((n) => isFree(base + n)));
		if (free.every(Boolean))
			return base;
	}
	throw new Error('no free ports');
}

export class Instance {
	/* options: config ({ 'section.key': value }), advertise, env, user (uid: start it as that plain user) */
	static async start(options = {}) {
		const instance = new Instance();
		instance.home = mkdtempSync(join(tmpdir(), 'aparte-e2e-'));
		instance.port = options.port ?? await freePorts();
		instance.wrap = [];
		if (options.user) {
			const id = String(options.user);
			chownSync(instance.home, options.user, options.user);
			instance.wrap = ['setpriv', '--reuid', id, '--regid', id, '--clear-groups'];
		}
		instance.env = { ...process.env, APARTE_HOME: instance.home,
			APARTE_GATEWAY_PORT: String(instance.port), APARTE_VAULT_PORT: String(instance.port + 1),
			APARTE_MEDIA_PORT: String(instance.port + 2), APARTE_ADVERTISE: options.advertise ?? '127.0.0.1',
			...options.env };
		instance.gateway = `http://127.0.0.1:${instance.port}`;
		instance.vault = `http://127.0.0.1:${instance.port + 1}`;
		try {
			await instance.cli('init');
			if (options.config)
				instance.configure(options.config);
			await instance.serve();
			await instance.cli('demo');
		} catch (error) {
			error.message += `\n${instance.log().slice(-4000)}`;
			await instance.stop();
			throw error;
		}
		instance.demo = instance.readDemo();
		return instance;
	}

	/* Replaces values in aparte.conf: { 'retention.scan_seconds': 1 }. */
	configure(values) {
		const path = join(this.home, 'aparte.conf');
		let section = '';
		const lines = readFileSync(path, 'utf8').split('\n').map((line) => {
			section = /^\[(.*)\]$/.exec(line)?.[1] ?? section;
			const key = `${section}.${line.split('=')[0]}`;
			return key in values && line.includes('=') ? `${line.split('=')[0]}=${values[key]}` : line;
		});
		writeFileSync(path, lines.join('\n'), { mode: 0o600 });
	}

	async serve() {
		await this.cli('serve', '--detach');
	}

	/* Runs `aparte …` against this instance; the answer is its output, JSON already parsed with --json. */
	async cli(...args) {
		const argv = [...this.wrap, join(bin(), 'aparte'), ...args];
		const { stdout } = await run(argv[0], argv.slice(1), { env: this.env, maxBuffer: 1 << 26 });
		return args.includes('--json') ? JSON.parse(stdout) : stdout;
	}

	/* The same, expected to fail: { code, stderr }. */
	async cliFails(...args) {
		try {
			await this.cli(...args);
		} catch (error) {
			return { code: error.code, stderr: error.stderr };
		}
		return assert.fail(`aparte ${args.join(' ')} should have failed`);
	}

	readDemo() {
		return JSON.parse(readFileSync(join(this.home, 'demo.json'), 'utf8'));
	}

	/* A fresh session in the demo tenant. */
	async session(overrides = {}) {
		const response = await fetch(`${this.gateway}/v1/sessions`, {
			method: 'POST',
			headers: { authorization: `Bearer ${this.demo.api_key}`, 'content-type': 'application/json' },
			body: JSON.stringify({ reference: 'e2e', coach: { id: 'c-1', name: 'Claire', locale: 'fr' },
				coachee: { id: 'p-1', name: 'Sam', locale: 'en' }, policy: 'default', sensitivity: 'standard',
				e2ee: 'off', ...overrides }),
		});
		const body = await response.json();
		assert.equal(response.status, 201, JSON.stringify(body));
		return body;
	}

	async platform(method, path, body, headers = {}) {
		const response = await fetch(`${this.gateway}${path}`, { method,
			headers: { authorization: `Bearer ${this.demo.api_key}`,
				...(body ? { 'content-type': 'application/json' } : {}), ...headers },
			body: body ? JSON.stringify(body) : undefined });
		const text = await response.text();
		return { status: response.status, body: text ? JSON.parse(text) : null };
	}

	log() {
		const path = join(this.home, 'run/aparte.log');
		return existsSync(path) ? readFileSync(path, 'utf8') : '';
	}

	/* The process ids of this instance's programs: { 'aparte-gateway': 12, …, captures: [ … ] }. */
	processes() {
		const launcher = Number(readFileSync(join(this.home, 'run/serve.pid'), 'utf8').split(' ')[0]);
		const found = { serve: launcher, captures: [] };
		for (const { pid, name } of children(launcher))
			found[name] = pid;
		for (const { pid } of children(found['aparte-capture']))
			found.captures.push(pid);
		return found;
	}

	/* Test clock (builds with test hooks): the vault's wall clock runs `ms` ahead. */
	setClock(ms) {
		const path = join(this.home, 'vault/test-clock');
		writeFileSync(path, String(ms), { mode: 0o644 });
		execFileSync('chown', ['--reference', dirname(path), path]);
	}

	/* Every file below home, with its bytes. */
	files() {
		return walk(this.home);
	}

	async stop() {
		try {
			await this.cli('serve', '--stop');
		} finally {
			if (!process.env.APARTE_KEEP)
				rmSync(this.home, { recursive: true, force: true });
			else
				console.error(`kept ${this.home}`);
		}
	}
}

function walk(directory) {
	return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
		const path = join(directory, entry.name);
		if (entry.isDirectory())
			return walk(path);
		return entry.isFile() && existsSync(path) ? [{ path, bytes: readFileSync(path), mode: statSync(path).mode & 0o777 }] : [];
	});
}

/* Direct children of a process; /proc cuts a name at 15 characters. */
export function children(parent) {
	return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((name) => {
		try {
			const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
			const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
			const program = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0')[0];
			return Number(fields[1]) === parent ? [{ pid: Number(name), name: program.split('/').pop() }] : [];
		} catch {
			return [];
		}
	});
}

/* Waits until `check` gives something true; fails with `what` after `ms`. */
export async function until(what, check, ms = 15000, every = 100) {
	const deadline = Date.now() + ms;
	let last;
	while (Date.now() < deadline) {
		try {
			const value = await check();
			if (value)
				return value;
			last = value;
		} catch (error) {
			last = error;
		}
		await new Promise((done) => setTimeout(done, every));
	}
	throw new Error(`not within ${ms} ms: ${what}${last instanceof Error ? ` (${last.message})` : ''}`);
}

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
