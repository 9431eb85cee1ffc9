/* A person on a non-browser client (clients/*.py), as a process that tells what it sees in lines of JSON. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from './instance.mjs';

const clients = join(dirname(fileURLToPath(import.meta.url)), '../clients');

export class Peer {
	/* script: 'aiortc_peer.py', 'webrtcbin_peer.py' or 'wrtc_peer.mjs'; lossy: the relay its media go through */
	constructor(script, instance, session, role, lossy = null) {
		this.told = [];
		this.child = spawn(script.endsWith('.py') ? '/usr/bin/python3' : process.execPath, [join(clients, script), instance.gateway, role],
			{ stdio: ['pipe', 'pipe', 'pipe'],
				env: { ...process.env, ...(lossy ? { APARTE_THROUGH: `${lossy.address}:${lossy.port}` } : {}) } });
		this.child.stdin.write(`${session.parties[role].token}\n`);
		createInterface({ input: this.child.stdout }).on('line', (line) => line.startsWith('{') && this.told.push(JSON.parse(line)));
		this.trouble = '';
		this.child.stderr.on('data', (part) => { this.trouble += part; });
		this.ended = new Promise((done) => this.child.once('exit', done));
	}

	last(event) {
		return this.told.findLast((one) => one.event === event);
	}

	/* Waits for the first of these events that satisfies the check. */
	async wait(event, check = () => true, ms = 60000) {
		try {
			return await until(`${event} of a client`, () => this.told.find((one) => one.event === event && check(one)), ms);
		} catch (error) {
			error.message += `\n${JSON.stringify(this.told.slice(-5))}\n${this.trouble.slice(-2000)}`;
			throw error;
		}
	}

	async connected() {
		return this.wait('state', ({ state }) => state === 'connected');
	}

	async close() {
		this.child.stdin.end();
		const timer = setTimeout(() => this.child.kill('SIGKILL'), 5000);
		await this.ended;
		clearTimeout(timer);
	}
}
