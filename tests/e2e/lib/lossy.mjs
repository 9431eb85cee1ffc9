/* A bad network between one client and the gateway: the relay of tests/testlib/lossy.h as a process. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { built } from './instance.mjs';

export const seed = BigInt(process.env.APARTE_TEST_SEED ?? Date.now());

export class Lossy {
	/* address: where clients and gateway meet; up, down: what ap_lossy_parse() reads, '-' for nothing */
	static async start(instance, address, up = '-', down = up) {
		const lossy = new Lossy();
		lossy.address = address;
		lossy.child = spawn(join(built, '../tests/lossy'),
			[address, address, String(instance.port + 2), String(seed), up, down], { stdio: ['pipe', 'pipe', 'inherit'] });
		lossy.lines = createInterface({ input: lossy.child.stdout });
		lossy.port = Number((await once(lossy.lines, 'line'))[0]);
		return lossy;
	}

	say(line) {
		this.child.stdin.write(`${line}\n`);
	}

	/* The gateway sees the client from another port from now on. */
	rebind() {
		this.say('rebind');
	}

	/* Datagrams so far: { up: { packets, lost }, down: … }. */
	async counts() {
		this.say('counts');
		const [a, b, c, d] = (await once(this.lines, 'line'))[0].split(' ').map(Number);
		return { up: { packets: a, lost: b }, down: { packets: c, lost: d } };
	}

	async stop() {
		this.child.stdin.end();
		await once(this.child, 'exit');
	}
}

/* An answer whose UDP candidates lead through the relay, and without others. Used in pages too: keep it closed. */
export function leadThrough(sdp, address, port) {
	return sdp.replace(/^a=candidate:\S+ \d+ tcp .*\r?\n/gim, '')
		.replace(/^(a=candidate:\S+ \d+ udp \d+ )\S+ \d+/gim, `$1${address} ${port}`);
}
